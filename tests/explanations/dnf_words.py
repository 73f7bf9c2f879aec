#!/usr/bin/python3
"""What dnf says of requests that it refuses.

usage: dnf_words.py DIRECTORY < CASES > WORDS
DIRECTORY holds the repositories by name. CASES is a JSON list of {"name", "repos", "arch", "specs", "enable", "exclude", "best"}; WORDS an object: of
each name, what dnf says, or nothing where it finds a solution. needs: python3-dnf.
"""
import json, logging, os, sys, tempfile

import dnf
import dnf.module.module_base


def words(case, directory, scratch):
    base = dnf.Base()
    conf = base.conf
    conf.installroot, conf.cachedir = f"{scratch}/root", f"{scratch}/cache"
    conf.reposdir, conf.varsdir = [f"{scratch}/none"], [f"{scratch}/none"]
    conf.gpgcheck, conf.install_weak_deps, conf.best, conf.ignorearch = False, False, case["best"], True
    conf.module_platform_id, conf.excludepkgs = "platform:el9", case["exclude"]
    for name, value in (("releasever", "9"), ("arch", case["arch"]), ("basearch", case["arch"])):
        conf.substitutions[name] = value
    for name in case["repos"]:
        base.repos.add_new_repo(name, conf, baseurl=["file://" + os.path.join(os.path.abspath(directory), name)])
    try:
        base.fill_sack(load_system_repo=False)
        if case["enable"]:
            dnf.module.module_base.ModuleBase(base).enable(case["enable"])
        base.install_specs(case["specs"])
        base.resolve()
    except dnf.exceptions.Error as error:
        # What several goals say is joined; the order of equal lines is of no meaning.
        return str(error).strip()
    finally:
        base.close()
    return ""


logging.disable(logging.CRITICAL)
with tempfile.TemporaryDirectory() as scratch:
    print(json.dumps({case["name"]: words(case, sys.argv[1], scratch) for case in json.load(sys.stdin)}))
