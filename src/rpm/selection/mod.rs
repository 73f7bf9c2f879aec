//! Which packages: the steps of a request, each solved as dnf would, and the order of their installation.

mod change;

use super::explanation::Unresolved;
use super::installed::State;
use super::request::Unmatched;
use super::spec;
use crate::catalog::{InstallAction, InstallStep};
use crate::ecosystem::{Action, Ask, Change, Choice, Chooser, FileOptions, Operation, Reason, Refusal};
use crate::pool::{Pool, Solvable, SolvableId};
use crate::solver::{self, Job, Problem, Request, Solution, Solver, Unsolvable};
use crate::transaction;

/// Chooses packages with one solver, whose memory is used again.
pub struct Selection<'p> {
    pool: &'p Pool,
    state: &'p State,
    solver: Solver<'p>,
}

impl<'p> Selection<'p> {
    /// A choice among the packages of a pool.
    pub fn new(pool: &'p Pool, state: &'p State) -> Self {
        Self { pool, state, solver: Solver::new(pool) }
    }

    /// Solves step after step: each asks for what the steps before it asked for too, and a package's files are chosen by the options
    /// of the step that first brings it, or that installs it again.
    fn solve(&mut self, ask: &Ask, steps: &[InstallStep]) -> Result<Vec<(Solution, FileOptions)>, Unresolved> {
        let excluded = self.excluded(ask);
        let mut jobs: Vec<Job> = Vec::new();
        let mut solutions: Vec<(Solution, FileOptions)> = Vec::new();
        for step in steps.iter().filter(|step| step.action == InstallAction::Install) {
            let earlier = jobs.len();
            jobs.extend(step.packages.iter().flat_map(|spec| install_jobs(self.pool, spec, step.options.best)));
            let mut request = Request::new(jobs.iter().cloned());
            request.excluded.clone_from(&excluded);
            request.weak_dependencies = step.options.weak_deps;
            let mut solved = self.solver.solve(&request);
            if solved.is_err() && step.options.allow_erasing {
                solved = self.without_what_is_in_the_way(request, earlier);
            }
            let solution = solved.map_err(|unsolvable| Unresolved { jobs: jobs.clone(), unsolvable })?;
            solutions.push((solution, file_options(step)));
        }
        Ok(solutions)
    }

    fn excluded(&self, ask: &Ask) -> Vec<SolvableId> {
        ask.exclude.iter().flat_map(|pattern| spec::select_by_name(self.pool, pattern)).collect()
    }

    /// Where a step may erase what earlier ones installed: leaves out as few of the earlier jobs as it must, one after the other.
    fn without_what_is_in_the_way(&mut self, mut request: Request, mut earlier: usize) -> Result<Solution, Unsolvable> {
        loop {
            let problem = match self.solver.solve(&request) {
                Ok(solution) => return Ok(solution),
                Err(problem) => problem,
            };
            let in_the_way = problem.problems.iter().flat_map(Problem::jobs).find(|&job| job < earlier);
            let Some(job) = in_the_way else { return Err(problem) };
            request.jobs.remove(job);
            earlier -= 1;
        }
    }
}

impl Selection<'_> {
    /// An empty root gets packages.
    fn fill(&mut self, ask: &Ask, steps: &[InstallStep]) -> Result<Choice, Unresolved> {
        let solutions = self.solve(ask, steps)?;
        let Some((solution, _)) = solutions.last() else { return Ok(Choice::default()) };
        let reasons = solution.reasons(self.pool);
        let again = |id| steps.iter().rfind(|step| installs_again(step, self.pool.solvable(id))).map(file_options);
        let first = |id| solutions.iter().find(|(solution, _)| solution.contains(id)).map(|(_, options)| options.clone());
        let change = |id| {
            let place = solution.packages.binary_search(&id).ok()?;
            let files = again(id).or_else(|| first(id))?;
            Some(Change { action: Action::Install, old: None, new: Some(id), tag: None, reason: reason(reasons[place]), files })
        };
        let changes = transaction::order(self.pool, &solution.packages).into_iter().filter_map(change).collect();
        Ok(Choice { changes, ..Choice::default() })
    }
}

/// Why nothing is chosen.
enum Refused {
    /// The solver finds no way.
    Unresolved(Unresolved),
    /// What is asked for is not there.
    Unmatched(Unmatched),
}

impl From<Unresolved> for Refused {
    fn from(unresolved: Unresolved) -> Self {
        Self::Unresolved(unresolved)
    }
}

impl From<Unmatched> for Refused {
    fn from(unmatched: Unmatched) -> Self {
        Self::Unmatched(unmatched)
    }
}

impl Chooser for Selection<'_> {
    fn choose(&mut self, ask: &Ask) -> Result<Choice, Box<dyn Refusal>> {
        let chosen = match &ask.operation {
            Operation::Fill(steps) => self.fill(ask, steps).map_err(Refused::from),
            Operation::Change(changing) => self.change(ask, changing),
        };
        chosen.map_err(|refused| -> Box<dyn Refusal> {
            match refused {
                Refused::Unresolved(unresolved) => Box::new(unresolved),
                Refused::Unmatched(unmatched) => Box::new(unmatched),
            }
        })
    }
}

fn reason(reason: solver::Reason) -> Reason {
    match reason {
        solver::Reason::Requested { .. } => Reason::Requested,
        solver::Reason::Dependency { .. } => Reason::Dependency,
        solver::Reason::Weak { .. } => Reason::Weak,
    }
}

/// The jobs of a spec: one for each package that it asks for; one without candidates when nothing is meant.
pub fn install_jobs(pool: &Pool, spec: &str, best: bool) -> Vec<Job> {
    let mut groups = spec::select_each(pool, spec, false);
    if groups.is_empty() {
        groups.push(Vec::new());
    }
    groups.into_iter().map(|candidates| Job::install(spec, candidates).best(best)).collect()
}

fn installs_again(step: &InstallStep, package: Solvable<'_>) -> bool {
    step.action == InstallAction::Reinstall && step.packages.iter().any(|name| name == package.name())
}

fn file_options(step: &InstallStep) -> FileOptions {
    FileOptions { docs: step.options.docs, langs: step.options.langs.clone() }
}
