//! Who needs whom within a set: the requirements of each package, met by the packages of the set.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::pool::{Pool, SolvableId};

/// That a package needs another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The other, by its place in the set.
    pub package: usize,
    /// What of it is required, as it is written: `libc.so.6()(64bit)`.
    pub capabilities: Vec<String>,
}

/// What each package of a set needs of the others, by their places. `members` says what each is in the pool; one that is not there needs
/// nothing. Where several packages of the set meet a requirement, all of them are needed: who of them goes is another question.
pub fn needs(pool: &Pool, members: &[Option<SolvableId>]) -> Vec<Vec<Need>> {
    let places: FxHashMap<SolvableId, usize> =
        members.iter().enumerate().filter_map(|(place, id)| Some(((*id)?, place))).collect();
    let of = |id: SolvableId| {
        let mut needed: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for &requirement in pool.solvable(id).requires() {
            let candidates = pool.candidates(requirement);
            // What a package has itself it needs of nobody.
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

    /// Packages by name, what they provide and what they require.
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
        // musl is no member, and the second place holds what the pool does not have.
        let members = [Some(ids[1]), None, Some(ids[0])];
        let needs = needs(&pool, &members);
        assert_eq!(needs[0], [Need { package: 2, capabilities: vec!["bash".into()] }]);
        assert!(needs[1].is_empty());
        assert_eq!(needs[2], [Need { package: 0, capabilities: vec!["libc".into(), "libtinfo".into()] }]);
    }
}
