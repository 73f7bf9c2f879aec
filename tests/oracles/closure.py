#!/usr/bin/python3
"""What libsolv finds that nothing provides: a line a requirement, `NAME-EPOCH:VERSION-RELEASE.ARCH<tab>REQUIREMENT`, sorted.

usage: closure.py ARCH REPODIR…    needs: python3-solv

What rpm itself provides is left out.
"""
import os, sys
import xml.etree.ElementTree as ET
import solv

REPO = "{http://linux.duke.edu/metadata/repo}"


def metadata(directory, kind):
    """The file of a kind, inflated."""
    for data in ET.parse(os.path.join(directory, "repodata/repomd.xml")).getroot().iter(REPO + "data"):
        if data.get("type") == kind:
            return os.path.join(directory, data.find(REPO + "location").get("href"))
    return None


def main():
    arch, directories = sys.argv[1], sys.argv[2:]
    pool = solv.Pool()
    pool.setdisttype(solv.Pool.DISTTYPE_RPM)
    pool.setarch(arch)
    for directory in directories:
        repo = pool.add_repo(os.path.basename(directory))
        repo.add_rpmmd(solv.xfopen(metadata(directory, "primary")), None, 0)
        files = metadata(directory, "filelists")
        if files:
            repo.add_rpmmd(solv.xfopen(files), None, solv.Repo.REPO_EXTEND_SOLVABLES)
    pool.addfileprovides()
    pool.createwhatprovides()
    found = set()
    for package in pool.solvables:
        if not package.installable():
            continue
        evr = package.evr if ":" in package.evr else "0:" + package.evr
        before = package.lookup_deparray(solv.SOLVABLE_REQUIRES, solv.SOLVABLE_PREREQMARKER)
        for requirement in package.lookup_deparray(solv.SOLVABLE_REQUIRES) + before:
            text = str(requirement)
            if text.startswith("rpmlib("):
                continue
            if not pool.whatprovides(requirement):
                found.add(f"{package.name}-{evr}.{package.arch}\t{text}")
    print("\n".join(sorted(found)))


main()
