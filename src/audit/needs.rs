//! The requirements within a set: for each package, the packages of the set that meet its
//! requirements.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::pool::{Pool, SolvableId};

/// A package that another one needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The needed package, by its place in the set.
    pub package: usize,
    /// The required capabilities, as written: `libc.so.6()(64bit)`.
    pub capabilities: Vec<String>,
}

/// Returns the packages of the set that each package needs, by their places. `members` are the ids
/// in the pool; a package without an id needs nothing. If several packages of the set meet a
/// requirement, all of them are listed. [`super::why`] answers which of them can be removed.
pub fn needs(pool: &Pool, members: &[Option<SolvableId>]) -> Vec<Vec<Need>> {
    let places: FxHashMap<SolvableId, usize> =
        members.iter().enumerate().filter_map(|(place, id)| Some(((*id)?, place))).collect();
    let of = |id: SolvableId| {
        let mut needed: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for &requirement in pool.solvable(id).requires() {
            let candidates = pool.candidates(requirement);
            // A requirement that the package itself meets needs no other package.
            if candidates.contains(&id) {
                continue;
            }
            for place in candidates.iter().filter_map(|candidate| places.get(candidate)) {
                let capabilities = needed.entry(*place).or_default();
                let capability = pool.display(requirement);
                if !capabilities.contains(&capability) {
                    capabilities.push(capability);
                }
            }
        }
        needed.into_iter().map(|(package, capabilities)| Need { package, capabilities }).collect()
    };
    members.iter().map(|member| member.map(of).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::{Kind, Op, Package, PoolBuilder, Solvable};
    use crate::rpm::architecture;
    use crate::rpm::version::RpmVersions;

    /// Packages as name, provided and required capabilities.
    fn pool(packages: &[(&str, &[&str], &[&str])]) -> Pool {
        let mut builder = PoolBuilder::new();
        let repo = builder.add_repo("base", 99, None);
        for (name, provides, requires) in packages {
            for (kind, names) in [(Kind::Provides, provides), (Kind::Requires, requires)] {
                for of in *names {
                    let dependency = builder.dependency(of, Op::ANY, "");
                    builder.add_dependency(kind, dependency);
                }
            }
            let (name, version, arch) = (builder.intern(name), builder.intern("1"), builder.intern("noarch"));
            builder.finish_package(repo, Package { name, version, arch, ..Package::default() });
        }
        builder.build(&RpmVersions, &architecture::compatible("x86_64")).unwrap()
    }

    #[test]
    fn a_need_is_met_within_the_set_and_named_once() {
        let pool = pool(&[
            ("bash", &["/bin/sh", "own"], &["libc", "libc", "libtinfo", "own"]),
            ("glibc", &["libc", "libtinfo"], &["bash", "nobody"]),
            ("musl", &["libc"], &[]),
        ]);
        let ids: Vec<SolvableId> = pool.solvables().map(Solvable::id).collect();
        // musl is not a member, and the second place has a package that is not in the pool.
        let members = [Some(ids[1]), None, Some(ids[0])];
        let needs = needs(&pool, &members);
        assert_eq!(needs[0], [Need { package: 2, capabilities: vec!["bash".into()] }]);
        assert!(needs[1].is_empty());
        assert_eq!(needs[2], [Need { package: 0, capabilities: vec!["libc".into(), "libtinfo".into()] }]);
    }
}
