//! Paths that belong to several packages which can be installed together.
//!
//! File lists contain neither contents nor modes. rpm allows packages to share a file that is
//! identical in each, so the results are only possible conflicts.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_64;

use crate::pool::{Pool, SolvableId};
use crate::solver::{Job, Request, Solver};

/// Two packages that can be installed together and have common paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileConflict {
    /// The packages, by id.
    pub packages: (SolvableId, SolvableId),
    /// The paths, sorted.
    pub paths: Vec<String>,
}

/// A collector of paths and the packages that own them.
#[derive(Debug, Default)]
pub struct SharedPaths {
    /// The first package of each path, by the hash of the path. Most paths belong to one package
    /// only.
    first: FxHashMap<u64, SolvableId>,
    /// The other packages of paths that belong to several.
    others: FxHashMap<u64, (String, Vec<SolvableId>)>,
}

impl SharedPaths {
    /// Records that a package has a path. The path must not be a directory.
    pub fn note(&mut self, package: SolvableId, path: &str) {
        let hash = xxh3_64(path.as_bytes());
        match self.first.get(&hash) {
            None => drop(self.first.insert(hash, package)),
            Some(&first) if first == package => {}
            Some(_) => {
                let (_, packages) = self.others.entry(hash).or_insert_with(|| (path.to_owned(), Vec::new()));
                packages.push(package);
            }
        }
    }

    /// Returns the conflicts among the recorded paths.
    pub fn conflicts(self, pool: &Pool) -> Vec<FileConflict> {
        let mut shared: BTreeMap<(SolvableId, SolvableId), Vec<String>> = BTreeMap::new();
        for (hash, (path, mut packages)) in self.others {
            packages.extend(self.first.get(&hash));
            packages.sort_unstable();
            packages.dedup();
            for (place, &one) in packages.iter().enumerate() {
                for &other in &packages[place + 1..] {
                    // Only one version of a name is installed, and rpm's file colors decide between
                    // two architectures.
                    if pool.solvable(one).name_id() != pool.solvable(other).name_id() {
                        shared.entry((one, other)).or_default().push(path.clone());
                    }
                }
            }
        }
        let mut solver = Solver::new(pool);
        let mut together = |(one, other): (SolvableId, SolvableId)| {
            let job = |id: SolvableId| Job::install(pool.solvable(id).name(), vec![id]);
            solver.solve(&Request::new([job(one), job(other)])).is_ok()
        };
        let found = shared.into_iter().filter(|&(packages, _)| together(packages));
        let conflict = |(packages, mut paths): (_, Vec<String>)| {
            paths.sort_unstable();
            FileConflict { packages, paths }
        };
        found.map(conflict).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpm::{architecture, universe};

    #[test]
    fn only_what_can_be_installed_together_conflicts() {
        let pool =
            universe::parse("a 1\nb 1\nc 1 conflicts a\nd 1 requires gone\na 2", &architecture::compatible("x86_64")).unwrap();
        let ids: Vec<SolvableId> = pool.solvables().map(crate::pool::Solvable::id).collect();
        let mut shared = SharedPaths::default();
        for (package, path) in
            [(0, "/x"), (1, "/x"), (2, "/x"), (3, "/x"), (0, "/own"), (0, "/own"), (4, "/own"), (1, "/a"), (0, "/a")]
        {
            shared.note(ids[package], path);
        }
        let found: Vec<(usize, usize, Vec<String>)> = shared
            .conflicts(&pool)
            .into_iter()
            .map(|found| (found.packages.0.index(), found.packages.1.index(), found.paths))
            .collect();
        assert_eq!(found, [(0, 1, vec!["/a".to_owned(), "/x".to_owned()]), (1, 2, vec!["/x".to_owned()])]);
    }
}
