//! The result of the solver: the packages to install, with reasons.

use std::collections::VecDeque;

use super::engine::Solver;
use super::literal::Lit;
use super::request::Request;
use super::rich;
use crate::pool::{DependencyId, Kind, Pool, SolvableId};

/// The reason why a package is in a solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A job requests it.
    Requested {
        /// Index of the job in the request.
        job: usize,
    },
    /// Another package requires it.
    Dependency {
        /// The package that requires it.
        by: SolvableId,
        /// The requirement that it meets.
        dependency: DependencyId,
    },
    /// Another package recommends it, or it supplements an installed package.
    Weak {
        /// The package that has the weak dependency.
        by: SolvableId,
        /// The weak dependency.
        dependency: DependencyId,
    },
}

/// A set of packages that fulfills a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Solution {
    /// The packages, sorted by id.
    pub packages: Vec<SolvableId>,
    /// Pairs of a package that jobs request and the index of the job, ordered by job.
    requested: Vec<(SolvableId, u32)>,
}

impl Solution {
    /// Creates the solution of a request from packages that are sorted by id.
    pub(super) fn of(packages: Vec<SolvableId>, request: &Request) -> Self {
        let mut solution = Self { packages, requested: Vec::new() };
        for (job, asked) in request.jobs.iter().enumerate() {
            let installed = asked.candidates.iter().filter(|&&id| solution.contains(id));
            solution.requested.extend(installed.map(|&id| (id, job as u32)).collect::<Vec<_>>());
        }
        solution
    }

    /// Reports whether a package is in the set.
    pub fn contains(&self, id: SolvableId) -> bool {
        self.packages.binary_search(&id).is_ok()
    }

    /// Returns the reason of each package, in the order of `packages`: the shortest chain from a
    /// job to the package.
    pub fn reasons(&self, pool: &Pool) -> Vec<Reason> {
        let place = |id| self.packages.binary_search(&id).ok();
        let mut reasons: Vec<Option<Reason>> = vec![None; self.packages.len()];
        let mut queue = VecDeque::new();
        for &(id, job) in &self.requested {
            if let Some(reason) = place(id).map(|place| &mut reasons[place]).filter(|reason| reason.is_none()) {
                *reason = Some(Reason::Requested { job: job as usize });
                queue.push_back(id);
            }
        }
        loop {
            while let Some(by) = queue.pop_front() {
                for &dependency in pool.solvable(by).requires() {
                    rich::positive_candidates(pool, dependency, false, &mut |found| {
                        if let Some(at) = place(found.id()).filter(|&at| reasons[at].is_none()) {
                            reasons[at] = Some(Reason::Dependency { by, dependency });
                            queue.push_back(found.id());
                        }
                    });
                }
            }
            match self.weak_reason(pool, &reasons) {
                Some((at, reason)) => {
                    reasons[at] = Some(reason);
                    queue.push_back(self.packages[at]);
                }
                None => break,
            }
        }
        // Every package has one of these reasons. If not, it counts as requested by the first job.
        reasons.into_iter().map(|reason| reason.unwrap_or(Reason::Requested { job: 0 })).collect()
    }

    /// Returns a package that has no reason yet but has a weak one.
    fn weak_reason(&self, pool: &Pool, reasons: &[Option<Reason>]) -> Option<(usize, Reason)> {
        let open = |id: SolvableId| self.packages.binary_search(&id).ok().filter(|&at| reasons[at].is_none());
        for &by in self.packages.iter().filter(|&&by| open(by).is_none()) {
            for &dependency in pool.solvable(by).dependencies(Kind::Recommends) {
                let mut found = None;
                rich::positive_candidates(pool, dependency, false, &mut |literal| found = found.or(open(literal.id())));
                if let Some(at) = found {
                    return Some((at, Reason::Weak { by, dependency }));
                }
            }
        }
        let installed = |literal: Lit| self.contains(literal.id());
        self.packages.iter().filter_map(|&id| open(id)).find_map(|at| {
            let by = self.packages[at];
            let mut supplements = pool.solvable(by).dependencies(Kind::Supplements).iter();
            let &dependency = supplements.find(|&&dependency| rich::is_fulfilled(pool, dependency, &installed))?;
            Some((at, Reason::Weak { by, dependency }))
        })
    }
}

impl Solver<'_> {
    /// Returns the solution that the decisions represent.
    pub(super) fn solution(&self, request: &Request) -> Solution {
        let mut packages: Vec<SolvableId> = (self.decisions.queue.iter().filter(|literal| literal.is_positive()))
            .filter_map(|literal| literal.package())
            .collect();
        packages.sort_unstable();
        Solution::of(packages, request)
    }
}
