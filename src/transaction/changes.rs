//! The difference between the installed packages and a solution: which package replaces which
//! (libsolv's `transaction.c`).

use std::cmp::Ordering;

use crate::pool::{Kind, Pool, SolvableId};

/// The kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// A package is installed and replaces nothing.
    Install,
    /// A package replaces an older one of its name.
    Upgrade,
    /// A package replaces a newer one of its name.
    Downgrade,
    /// A package replaces an identical build.
    Reinstall,
    /// A package replaces another build of the same name and version.
    Rebuild,
    /// A package replaces packages of other names, which it obsoletes.
    Obsolete,
    /// A package is removed, and nothing replaces it.
    Erase,
}

/// A package that is installed or removed, and the packages that it replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Kind of change.
    pub change: Change,
    /// The package that is installed or, for [`Change::Erase`], removed.
    pub package: SolvableId,
    /// The installed packages that this one replaces: those of its own name first (the newest
    /// first), then others by name. Two new packages may replace the same one.
    pub replaces: Vec<SolvableId>,
}

/// Returns the steps from the installed packages to the given ones: first removals, by id, then
/// installations, by id.
///
/// - `is_same` reports whether two packages of equal name, version and architecture are the same
///   build.
/// - `install_only` reports whether several versions of a package may be installed together.
/// - `is_beside` reports whether two packages of one name may be installed together; the new one is
///   its first argument.
pub fn changes(
    pool: &Pool,
    packages: &[SolvableId],
    install_only: impl Fn(SolvableId) -> bool,
    is_beside: impl Fn(SolvableId, SolvableId) -> bool,
    is_same: impl Fn(SolvableId, SolvableId) -> bool,
) -> Vec<Step> {
    let stays = |id: SolvableId| packages.contains(&id);
    let going: Vec<SolvableId> = pool.installed_solvables().map(crate::pool::Solvable::id).filter(|&id| !stays(id)).collect();
    let mut coming: Vec<SolvableId> = packages.iter().copied().filter(|&id| !pool.solvable(id).is_installed()).collect();
    coming.sort_unstable();
    let mut steps: Vec<Step> = Vec::new();
    for package in coming {
        let replaces = replaced_by(pool, package, install_only(package), &is_beside, &going);
        let change = match replaces.first() {
            None => Change::Install,
            Some(&old) => change_of(pool, old, package, &is_same),
        };
        steps.push(Step { change, package, replaces });
    }
    let is_replaced = |id: &SolvableId| steps.iter().any(|step| step.replaces.contains(id));
    let erased: Vec<SolvableId> = going.into_iter().filter(|id| !is_replaced(id)).collect();
    let erase = |package| Step { change: Change::Erase, package, replaces: Vec::new() };
    erased.into_iter().map(erase).chain(steps).collect()
}

/// Returns the packages of `going` that a package replaces.
fn replaced_by(
    pool: &Pool,
    id: SolvableId,
    install_only: bool,
    is_beside: &impl Fn(SolvableId, SolvableId) -> bool,
    going: &[SolvableId],
) -> Vec<SolvableId> {
    let new = pool.solvable(id);
    let mut replaced: Vec<SolvableId> = Vec::new();
    for &old in going {
        let package = pool.solvable(old);
        let same = package.version_id() == new.version_id() && package.arch_id() == new.arch_id();
        let by_name = package.name_id() == new.name_id() && (!install_only || same) && !is_beside(id, old);
        let mut obsoletes = new.dependencies(Kind::Obsoletes).iter();
        if by_name || !install_only && obsoletes.any(|&obsoletes| pool.obsoleted(obsoletes).binary_search(&old).is_ok()) {
            replaced.push(old);
        }
    }
    replaced.sort_by(|&a, &b| {
        let (a, b) = (pool.solvable(a), pool.solvable(b));
        let other_name = |package: crate::pool::Solvable<'_>| package.name_id() != new.name_id();
        let other_arch = |package: crate::pool::Solvable<'_>| package.arch_id() != new.arch_id();
        (other_name(a).cmp(&other_name(b)))
            .then_with(|| a.name().cmp(b.name()))
            .then_with(|| b.version_rank().cmp(&a.version_rank()))
            .then_with(|| other_arch(a).cmp(&other_arch(b)))
    });
    replaced
}

fn change_of(pool: &Pool, old: SolvableId, new: SolvableId, is_same: &impl Fn(SolvableId, SolvableId) -> bool) -> Change {
    let (before, after) = (pool.solvable(old), pool.solvable(new));
    if before.name_id() != after.name_id() {
        return Change::Obsolete;
    }
    match after.version_rank().cmp(&before.version_rank()) {
        Ordering::Greater => Change::Upgrade,
        Ordering::Less => Change::Downgrade,
        Ordering::Equal if is_same(old, new) => Change::Reinstall,
        Ordering::Equal => Change::Rebuild,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::solver::is_identical;

    /// Parses lines of marks, name and version: `@` marks installed packages, `>` marks packages of
    /// the solution. Further words are names that the package obsoletes.
    fn told(lines: &[&str]) -> Vec<String> {
        use crate::pool::{Architectures, Constraint, Op, Package, PoolBuilder, VersionScheme};

        struct Plain;
        impl VersionScheme for Plain {
            fn compare(&self, a: &str, b: &str) -> Ordering {
                a.cmp(b)
            }

            fn overlap(&self, a: Constraint<'_>, b: Constraint<'_>) -> bool {
                a.version == b.version
            }
        }

        let mut builder = PoolBuilder::new();
        let (system, repo) = (builder.add_installed_repo("@system"), builder.add_repo("base", 99, None));
        let mut after = Vec::new();
        for line in lines {
            let mut words = line.split_whitespace();
            let marks = words.next().unwrap_or_default();
            let (name, version) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            for obsoleted in words {
                let obsoletes = builder.dependency(obsoleted, Op::ANY, "");
                builder.add_dependency(Kind::Obsoletes, obsoletes);
            }
            let package = Package { name: builder.intern(name), version: builder.intern(version), ..Package::default() };
            let id = builder.finish_package(if marks.contains('@') { system } else { repo }, package);
            after.extend(marks.contains('>').then_some(id));
        }
        let pool = builder.build(&Plain, &Architectures::any()).unwrap();
        let name = |id: SolvableId| format!("{} {}", pool.solvable(id).name(), pool.solvable(id).version());
        changes(&pool, &after, |id| pool.solvable(id).name() == "kernel", |_, _| false, |a, b| is_identical(&pool, a, b))
            .into_iter()
            .map(|step| {
                let replaces: Vec<String> = step.replaces.into_iter().map(name).collect();
                format!("{:?} {} for {}", step.change, name(step.package), replaces.join(", "))
            })
            .collect()
    }

    #[test]
    fn what_comes_for_what() {
        assert_eq!(told(&["@ a 1", "> a 2"]), ["Upgrade a 2 for a 1"]);
        assert_eq!(told(&["@ a 2", "> a 1"]), ["Downgrade a 1 for a 2"]);
        assert_eq!(told(&["@ a 1", "> a 1"]), ["Reinstall a 1 for a 1"]);
        assert_eq!(told(&["@> a 1", "> b 1"]), ["Install b 1 for "]);
        assert_eq!(told(&["@> a 1", "@ b 1"]), ["Erase b 1 for "]);
    }

    #[test]
    fn what_is_obsoleted() {
        assert_eq!(told(&["@ a 1", "> b 1 a"]), ["Obsolete b 1 for a 1"]);
        assert_eq!(told(&["@ a 1", "@ c 1", "> c 2 a"]), ["Upgrade c 2 for c 1, a 1"]);
        assert_eq!(told(&["@ a 1", "> b 1 a", "> c 1 a"]), ["Obsolete b 1 for a 1", "Obsolete c 1 for a 1"]);
    }

    #[test]
    fn several_versions_side_by_side() {
        assert_eq!(told(&["@> kernel 1", "> kernel 2"]), ["Install kernel 2 for "]);
        assert_eq!(told(&["@ kernel 1", "> kernel 2"]), ["Erase kernel 1 for ", "Install kernel 2 for "]);
    }
}
