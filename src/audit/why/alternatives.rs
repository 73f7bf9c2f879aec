//! The alternatives to a package, and the size of the set with each of them.

use super::{Graph, Link};
use crate::pool::{DependencyId, Pool, SolvableId};
use crate::solver::{Job, Request, Solver};

/// The alternatives to a package for one dependency of the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternatives {
    /// The dependency.
    pub dependency: DependencyId,
    /// The packages that have the dependency, by place.
    pub by: Vec<usize>,
    /// The newest package of each other name that provides the dependency.
    pub candidates: Vec<Alternative>,
}

/// An alternative to a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alternative {
    /// The alternative.
    pub package: SolvableId,
    /// The number of packages and the size in bytes of the set with the alternative. `None` if the
    /// set cannot exist with it and without the package.
    pub set: Option<(usize, u64)>,
}

impl Graph<'_> {
    /// Returns the alternatives for each dependency of the set on a package. Only packages of the
    /// pool can be found.
    pub fn alternatives(&self, target: usize) -> Vec<Alternatives> {
        let Some(id) = self.member(target) else { return Vec::new() };
        let mut found: Vec<Alternatives> = Vec::new();
        for (place, edges) in self.edges.iter().enumerate() {
            let leading = edges.iter().filter(|edge| edge.to == target && edge.link == Link::Requires);
            for &dependency in leading.flat_map(|edge| &edge.by) {
                match found.iter_mut().find(|known| known.dependency == dependency) {
                    Some(known) => known.by.push(place),
                    None => found.push(Alternatives { dependency, by: vec![place], candidates: Vec::new() }),
                }
            }
        }
        let mut solver = Solver::new(self.pool);
        for alternatives in &mut found {
            let others = newest_of_others(self.pool, alternatives.dependency, id);
            let solve = |package| Alternative { package, set: self.set_with(&mut solver, package, id) };
            alternatives.candidates = others.into_iter().map(solve).collect();
        }
        found
    }

    /// Returns the number of packages and the size in bytes of the set with one package and without
    /// another.
    fn set_with(&self, solver: &mut Solver<'_>, with: SolvableId, without: SolvableId) -> Option<(usize, u64)> {
        let pool = self.pool;
        let name = |id| pool.solvable(id).name_id();
        let install = Job::install(pool.solvable(with).name(), vec![with]);
        let mut request = if pool.installed().is_some() {
            let erase = Job::erase(pool.solvable(without).name(), vec![without]).clean(true);
            Request { allow_erasing: true, ..Request::new([install, erase]) }
        } else {
            let roots = self.roots().iter().filter_map(|&root| self.member(root));
            let jobs = roots.map(|root| Job::install(pool.solvable(root).name(), pool.named(name(root)).to_vec()));
            Request { favored: self.members.iter().copied().flatten().collect(), ..Request::new(jobs.chain([install])) }
        };
        request.user_installed = self.roots().iter().filter_map(|&root| self.member(root)).collect();
        request.excluded = pool.named(name(without)).to_vec();
        let packages = solver.solve(&request).ok()?.packages;
        Some((packages.len(), packages.iter().fold(0, |sum, &id| sum + self.size(id))))
    }
}

/// Returns the newest package of each name that provides a dependency, except for one package's own
/// name.
fn newest_of_others(pool: &Pool, dependency: DependencyId, than: SolvableId) -> Vec<SolvableId> {
    let own = pool.solvable(than).name_id();
    let mut others: Vec<SolvableId> = pool.candidates(dependency).to_vec();
    others.retain(|&id| pool.solvable(id).name_id() != own);
    others.sort_by_key(|&id| {
        let package = pool.solvable(id);
        (package.name(), package.arch_rank(), std::cmp::Reverse(package.version_rank()), id)
    });
    others.dedup_by_key(|id| pool.solvable(*id).name_id());
    others
}
