//! Who could take the place of a package, and what the set would weigh then.

use super::{Graph, Link};
use crate::pool::{DependencyId, Pool, SolvableId};
use crate::solver::{Job, Request, Solver};

/// For one thing that the set needs of a package: who else could give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alternatives {
    /// What is needed.
    pub dependency: DependencyId,
    /// Who needs it, by place.
    pub by: Vec<usize>,
    /// Who could give it: the newest of each name, but for the package's own.
    pub candidates: Vec<Alternative>,
}

/// Another package that gives what is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alternative {
    /// The other.
    pub package: SolvableId,
    /// How many packages the set would have with it, and how many bytes they would take; `None` where the set cannot be had with it and without
    /// the package.
    pub set: Option<(usize, u64)>,
}

impl Graph<'_> {
    /// Who could give what the set needs of a package. Only what the pool knows beside the set can be found.
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

    /// How many packages, and how many bytes, the set has with one package and without another of the same use.
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

/// The newest of each name among those that give something, but for one package's name and what is installed.
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
