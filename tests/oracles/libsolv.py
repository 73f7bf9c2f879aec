#!/usr/bin/python3
"""Random requests against random universes, with libsolv's answers: a case a line, as JSON.

usage: libsolv.py COUNT SEED [rich] [weak]    needs: python3-solv

Beside installing and updating there are what a system with a history asks for: removing with what only served it, going back to an older
version, locks, excludes, favoured packages, repositories of several priorities, packages that stand side by side. A universe is
text, a package a line, as `rpm::universe` reads it; packages are named by their number in it. Left out is what is known
to differ (docs/architecture.md): only the best together with erasing what stands in its way, and favour beside it.
"""
import json, random, sys
import solv

KINDS = ("provides", "requires", "conflicts", "obsoletes", "recommends", "suggests", "supplements", "enhances")
FLAGS = ("ALLOW_VENDORCHANGE", "KEEP_ORPHANS", "BEST_OBEY_POLICY", "YUM_OBSOLETES")  # as dnf sets them
SIGNS = {"=": solv.REL_EQ, ">=": solv.REL_EQ | solv.REL_GT, "<=": solv.REL_EQ | solv.REL_LT, ">": solv.REL_GT, "<": solv.REL_LT}


class Universe:
    """Packages as lists of text, made at random."""

    def __init__(self, rng, rich, weak):
        self.rng, self.rich = rng, rich
        self.names = [f"n{i}" for i in range(rng.randint(4, 16))]
        self.shared = [f"s{i}" for i in range(rng.randint(1, 6))]
        self.packages = []
        repositories = rng.choice([1, 2, 3])
        for name in self.names:
            for version in sorted(rng.sample("12345", rng.choice([1, 2, 2, 3]))):
                for arch in rng.choice([["x86_64"]] * 3 + [["noarch"], ["x86_64", "i686"]]):
                    self.packages.append(self.package(name, version, arch, rng.randrange(repositories), weak))
        self.priorities = [rng.choice([99, 99, 50, 10]) for _ in range(repositories)]

    def dependency(self, deep=True):
        rng = self.rng
        if deep and self.rich and rng.random() < 0.2:
            word = rng.choice(["and", "or", "or", "if", "unless"])
            rest = f" else {self.dependency(False)}" if word in ("if", "unless") and rng.random() < 0.3 else ""
            return f"({self.dependency(False)} {word} {self.dependency(False)}{rest})"
        what = rng.choice(self.names + self.shared)
        return f"{what} {rng.choice(list(SIGNS))} {rng.choice('12345')}" if rng.random() < 0.3 else what

    def package(self, name, version, arch, repository, weak):
        rng = self.rng
        lists = {kind: [] for kind in KINDS}
        lists["provides"] = [f"{name} = {version}-1"] + rng.sample(self.shared, min(len(self.shared), rng.choice([0, 0, 1, 2])))
        lists["requires"] = [self.dependency() for _ in range(rng.choice([0, 0, 1, 1, 2]))]
        lists["conflicts"] = [self.dependency() for _ in range(rng.random() < 0.1)]
        lists["obsoletes"] = [self.dependency(False) for _ in range(rng.random() < 0.06)]
        for kind in KINDS[4:]:
            lists[kind] = [self.dependency() for _ in range(weak and rng.random() < 0.1)]
        return {"name": name, "version": f"{version}-1", "arch": arch, "repository": repository, "lists": lists}

    def ordered(self, installed):
        """All packages in the order of their numbers, each with its repository (None: it is installed)."""
        every = [(None, package) for package in installed]
        for repository in range(len(self.priorities)):
            every += [(repository, package) for package in self.packages if package["repository"] == repository]
        return every

    def text(self, installed):
        lines, last = [], "none yet"
        for repository, package in self.ordered(installed):
            if repository != last:
                lines.append("repo system installed" if repository is None else f"repo r{repository} priority={self.priorities[repository]}")
                last = repository
            lists = [f" {kind} {', '.join(package['lists'][kind])}" for kind in KINDS if package["lists"][kind]]
            lines.append(f"{package['name']} {package['version']} {package['arch']}{''.join(lists)}")
        return "\n".join(lines)

    def pool(self, installed):
        pool = solv.Pool()
        pool.setdisttype(solv.Pool.DISTTYPE_RPM)
        pool.setarch("x86_64")
        pool.set_flag(12, 1)  # POOL_FLAG_WHATPROVIDESWITHDISABLED, as dnf: what is excluded is known, and cannot be had
        system = pool.add_repo("system")
        pool.installed = system
        repositories = [pool.add_repo(f"r{number}") for number in range(len(self.priorities))]
        for repository, priority in zip(repositories, self.priorities):
            repository.priority = -priority
        for number, package in self.ordered(installed):
            made = (system if number is None else repositories[number]).add_solvable()
            made.name, made.evr, made.arch = package["name"], package["version"], package["arch"]
            for kind in KINDS:
                for text in package["lists"][kind]:
                    made.add_deparray(getattr(solv, "SOLVABLE_" + kind.upper()), self.parsed(pool, text))
        pool.addfileprovides()
        pool.createwhatprovides()
        return pool

    @staticmethod
    def parsed(pool, text):
        if text.startswith("("):
            return pool.parserpmrichdep(text)
        words = text.split()
        return pool.Dep(words[0]) if len(words) == 1 else pool.Dep(words[0]).Rel(SIGNS[words[1]], pool.Dep(words[2]))


def solver_of(pool, flags):
    solver = pool.Solver()
    for flag in FLAGS + tuple(flags):
        solver.set_flag(getattr(solv.Solver, "SOLVER_FLAG_" + flag), 1)
    return solver


def installed_by(universe, rng):
    """What a part of the universe installs for a few names, and now and then a package that nothing asked for."""
    pool = universe.pool([])
    every = [package for _, package in universe.ordered([])]
    some = [number for number in range(len(every)) if rng.random() < 0.7]
    pool.set_considered_list([number + 2 for number in some])
    wanted = rng.sample(universe.names, rng.randint(1, 4))
    jobs = [pool.Job(solv.Job.SOLVER_INSTALL | solv.Job.SOLVER_SOLVABLE_NAME, pool.str2id(name)) for name in wanted]
    solver = solver_of(pool, ["IGNORE_RECOMMENDED"])
    if solver.solve(jobs):
        return None, None
    there = [every[made.id - 2] for made in solver.transaction().newsolvables()]
    return there, wanted


def case(rng, rich, weak):
    universe = Universe(rng, rich, weak)
    there, wanted = installed_by(universe, rng)
    if not there:
        return None
    everything = rng.random() < 0.15
    if everything:
        # What requires all that is installed and goes takes with it what nobody else needs: what autoremove removes.
        lists = {kind: [] for kind in KINDS}
        lists["requires"] = [f"{package['name']} = {package['version']}" for package in there]
        there = there + [{"name": "everything", "version": "1-1", "arch": "noarch", "lists": lists}]
    pool = universe.pool(there)
    every = universe.ordered(there)
    new = [number for number, (repository, _) in enumerate(every) if repository is not None]
    old = [number for number, (repository, _) in enumerate(every) if repository is None]
    named = lambda name: [number for number, (_, package) in enumerate(every) if package["name"] == name]
    job, jobs, flags = solv.Job, [], []
    told = {"universe": universe.text(there), "jobs": [], "excluded": [], "locked": [], "favored": [], "disfavored": [], "install_only": []}

    def add(action, numbers, how, what, **more):
        jobs.append(pool.Job(how, what))
        told["jobs"].append({"action": action, "packages": numbers, "exact": False, "all": False, "best": False, "clean": False, **more})

    def some(numbers, chance, most=2):
        return rng.sample(numbers, min(len(numbers), rng.randint(1, most))) if numbers and rng.random() < chance else []

    operation = "autoremove" if everything else rng.choice(["install", "older", "update", "update all", "sync", "sync all", "erase", "erase", "swap"])
    best = rng.random() < 0.3
    best_flag = job.SOLVER_FORCEBEST if best else 0
    if operation in ("install", "swap"):
        for name in rng.sample(universe.names, rng.choice([1, 1, 2])):
            add("install", named(name), job.SOLVER_INSTALL | job.SOLVER_SOLVABLE_NAME | best_flag, pool.str2id(name), best=best)
    if operation == "older":
        newest = {every[number][1]["name"]: every[number][1]["version"] for number in old}
        older = [number for number in new if every[number][1]["version"] < newest.get(every[number][1]["name"], "")]
        for number in some(older or new, 1):
            add("install", [number], job.SOLVER_INSTALL | job.SOLVER_SOLVABLE, number + 2, exact=True)
    for verb, code in (("update", job.SOLVER_UPDATE), ("sync", job.SOLVER_DISTUPGRADE)):
        if operation == verb:
            for name in sorted({every[number][1]["name"] for number in some(old, 1)}):
                add(verb, named(name), code | job.SOLVER_SOLVABLE_NAME | job.SOLVER_TARGETED | best_flag, pool.str2id(name), best=best)
        if operation == verb + " all":
            add(verb, [], code | job.SOLVER_SOLVABLE_ALL | best_flag, 0, all=True, best=best)
    if operation in ("erase", "swap"):
        clean = rng.random() < 0.6
        for number in some(old, 1):
            add("erase", [number], job.SOLVER_ERASE | job.SOLVER_SOLVABLE | (job.SOLVER_CLEANDEPS if clean else 0), number + 2, exact=True, clean=clean)
    if operation == "autoremove":
        add("erase", [old[-1]], job.SOLVER_ERASE | job.SOLVER_SOLVABLE | job.SOLVER_CLEANDEPS, old[-1] + 2, exact=True, clean=True)
    asked = [number for number in old if every[number][1]["name"] in wanted and rng.random() < 0.8]
    told["user_installed"] = asked
    jobs += [pool.Job(job.SOLVER_USERINSTALLED | job.SOLVER_SOLVABLE, number + 2) for number in asked]
    for what, numbers in (
        ("LOCK", some(list(range(len(every))), 0.25)),
        ("FAVOR", some(new, 0 if best else 0.15)),
        ("DISFAVOR", some(new, 0 if best else 0.15)),
    ):
        told[{"LOCK": "locked", "FAVOR": "favored", "DISFAVOR": "disfavored"}[what]] = numbers
        jobs += [pool.Job(getattr(job, "SOLVER_" + what) | job.SOLVER_SOLVABLE, number + 2) for number in numbers]
    for name in some(universe.names, 0.15):
        told["install_only"] += named(name)
        jobs.append(pool.Job(job.SOLVER_MULTIVERSION | job.SOLVER_SOLVABLE_NAME, pool.str2id(name)))
    told["excluded"] = some(new, 0.3, 4)
    if told["excluded"]:
        pool.set_considered_list([number + 2 for number in range(len(every)) if number not in told["excluded"]])
    for flag, chance in (("ALLOW_UNINSTALL", 0 if best else 0.5 if operation in ("install", "older") else 1), ("ALLOW_DOWNGRADE", 0.2), ("ALLOW_ARCHCHANGE", 0.2)):
        told[flag.lower()] = rng.random() < chance
        flags += [flag] * told[flag.lower()]
    told["weak"] = weak
    solver = solver_of(pool, flags if weak else [*flags, "IGNORE_RECOMMENDED"])
    if solver.solve(jobs):
        told["expected"] = None
    else:
        transaction = solver.transaction()
        told["expected"] = sorted(made.id - 2 for made in transaction.newsolvables() + transaction.keptsolvables())
    told["operation"] = operation
    return told


def main():
    count, seed = int(sys.argv[1]), sys.argv[2]
    number = 0
    while count:
        number += 1
        found = case(random.Random(f"{seed}/{number}"), "rich" in sys.argv, "weak" in sys.argv)
        if found:
            print(json.dumps({"seed": f"{seed}/{number}", **found}))
            count -= 1


main()
