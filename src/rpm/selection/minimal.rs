//! The smallest set that satisfies all steps of a request together.

use super::{Refused, Scope, Selection, Unresolved};
use crate::catalog::InstallStep;
use crate::ecosystem::{Ask, Choice, Goal, Measure, Minimal};
use crate::pool::{Pool, Solvable, SolvableId};
use crate::solver::{Job, Minimum, Request, Unsolvable};

impl Selection<'_> {
    /// Searches for the smallest set, then adds its weak dependencies if they are enabled.
    pub(super) fn smallest(
        &mut self,
        ask: &Ask,
        steps: &[InstallStep],
        goal: Goal,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Minimal, Refused> {
        let mut solved = self.solve(ask, steps)?;
        if solved.solutions.is_empty() {
            return Ok(Minimal { choice: Choice::default(), measure: 0, at_least: 0 });
        }
        let pool = self.pool;
        if goal.newest {
            let excluded = &mut solved.last.excluded;
            let outdated =
                pool.solvables().filter(|&package| is_outdated(pool, package, excluded)).map(Solvable::id).collect::<Vec<_>>();
            excluded.extend(outdated);
        }
        let measure = |id: SolvableId| match goal.by {
            Measure::Size => pool.solvable(id).installed_size(),
            Measure::Count => 1,
        };
        let refused = |unsolvable: Unsolvable| -> Result<Unresolved, Refused> {
            let scope = Scope::new(pool, self.state, ask)?;
            Ok(Unresolved::new(solved.last.jobs.clone(), unsolvable, |id| scope.hider(id), self.state))
        };
        let Minimum { mut solution, weight, at_least } = match self.solver.minimize(&solved.last, &measure, is_over) {
            Ok(minimum) => minimum,
            Err(unsolvable) => return Err(refused(unsolvable)?.into()),
        };
        if solved.last.weak_dependencies {
            let mut request: Request = solved.last.clone();
            let packages = solution.packages.iter();
            request.jobs.extend(packages.map(|&id| Job::install(pool.solvable(id).name(), vec![id])));
            solution = match self.solver.solve(&request) {
                Ok(with_weak) => with_weak,
                Err(unsolvable) => return Err(refused(unsolvable)?.into()),
            };
        }
        Ok(Minimal { choice: self.choice(steps, &solved, &solution), measure: weight, at_least })
    }
}

/// Reports whether a newer package of the same name and architecture may be installed; `excluded`
/// is sorted by id.
fn is_outdated(pool: &Pool, package: Solvable<'_>, excluded: &[SolvableId]) -> bool {
    pool.named(package.name_id()).iter().any(|&id| {
        let other = pool.solvable(id);
        let is_newer = other.arch_id() == package.arch_id() && other.version_rank() > package.version_rank();
        is_newer && excluded.binary_search(&id).is_err()
    })
}
