//! The selection of packages: solves the steps of a request as dnf would, and orders the
//! installation.

mod asked;
mod change;
mod hints;
mod minimal;
#[cfg(test)]
mod paths_tests;
mod settled;

pub use settled::Settled;

use asked::{Asked, Scope};

use std::collections::BTreeSet;

use super::explanation::Unresolved;
use super::installed::State;
use super::modules::ModuleError;
use super::request::Unmatched;
use super::spec::{self, Among};
use crate::catalog::{InstallAction, InstallStep};
use crate::ecosystem::{Action, Ask, Change, Choice, Chooser, FileOptions, Goal, Minimal, Operation, Reason, Refusal};
use crate::pool::{Pool, Solvable, SolvableId, StringId};
use crate::solver::{self, Job, Pinned, Problem, Request, Solution, Solver, Unsolvable};
use crate::transaction;

/// A selection of packages with one solver, whose memory is reused.
pub struct Selection<'p> {
    pool: &'p Pool,
    state: &'p State,
    solver: Solver<'p>,
    /// Requested paths whose owners the pool may not all know.
    lacked_specs: BTreeSet<String>,
    /// Paths that no package has, although the lists of all files were read for them.
    lacked: BTreeSet<StringId>,
}

impl<'p> Selection<'p> {
    /// Creates a selection from the packages of a pool.
    pub fn new(pool: &'p Pool, state: &'p State) -> Self {
        Self { pool, state, solver: Solver::new(pool), lacked_specs: BTreeSet::new(), lacked: BTreeSet::new() }
    }

    /// Solves the steps in order. Each step includes the specs of all earlier steps. The options
    /// for a package's files are those of the first step that installs it, or of a step that
    /// reinstalls it.
    fn solve(&mut self, ask: &Ask, steps: &[InstallStep]) -> Result<Solved, Refused> {
        let scope = Scope::new(self.pool, self.state, ask)?;
        let mut asked = Asked::default();
        let mut solutions: Vec<(Solution, FileOptions)> = Vec::new();
        let mut last = Request::default();
        for step in steps.iter().filter(|step| step.action == InstallAction::Install) {
            let earlier = asked.jobs.len();
            for spec in &step.packages {
                asked.add(scope.asked(spec, step.options.best));
            }
            let mut request = Request::new(asked.jobs.iter().cloned());
            request.excluded.clone_from(&scope.excluded);
            request.second_colour.clone_from(&scope.settled.second_colour);
            request.weak_dependencies = step.options.weak_deps;
            let mut solved = self.solve_with(&scope, &mut request, asked.conditional.clone());
            if solved.is_err() && step.options.allow_erasing {
                solved = self.without_what_is_in_the_way(&mut request, earlier);
            }
            let solution = solved
                .map_err(|unsolvable| Unresolved::new(request.jobs.clone(), unsolvable, |id| scope.hider(id), self.state))?;
            solutions.push((solution, file_options(step)));
            last = request;
        }
        let installed = solutions.last().into_iter().flat_map(|(solution, _)| solution.packages.iter().copied());
        let unlisted = scope.settled.unlisted(installed, self.pool);
        let warnings =
            [&self.state.modules.warnings, &scope.settled.active.warnings, &asked.warnings].into_iter().flatten().cloned();
        Ok(Solved { solutions, warnings: warnings.collect(), unlisted, last })
    }

    /// Solves a request, and again with the conditional jobs whose conditions are met, until there
    /// are no more.
    fn solve_with(
        &mut self,
        scope: &Scope<'_>,
        request: &mut Request,
        mut conditional: Vec<(String, Job)>,
    ) -> Result<Solution, Unsolvable> {
        loop {
            let solution = self.solver.solve(request)?;
            let (due, rest): (Vec<_>, Vec<_>) =
                conditional.into_iter().partition(|(requires, _)| scope.has(&solution.packages, requires));
            if due.is_empty() {
                return Ok(solution);
            }
            request.jobs.extend(due.into_iter().map(|(_, job)| job));
            conditional = rest;
        }
    }

    /// Solves a step that may erase packages of earlier steps. Drops one earlier job after the
    /// other, as few as necessary.
    fn without_what_is_in_the_way(&mut self, request: &mut Request, mut earlier: usize) -> Result<Solution, Unsolvable> {
        loop {
            let problem = match self.solver.solve(request) {
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
    /// Fills an empty root with packages.
    fn fill(&mut self, ask: &Ask, steps: &[InstallStep]) -> Result<Choice, Refused> {
        let solved = self.solve(ask, steps)?;
        Ok(solved.solutions.last().map_or_else(Choice::default, |(solution, _)| self.choice(steps, &solved, solution)))
    }

    /// Returns the packages of a solution in order. The files of each package follow the options of
    /// the first step that installs it.
    fn choice(&self, steps: &[InstallStep], solved: &Solved, solution: &Solution) -> Choice {
        let reasons = solution.reasons(self.pool);
        let again = |id| steps.iter().rfind(|step| installs_again(step, self.pool.solvable(id))).map(file_options);
        let first = |id| solved.solutions.iter().find(|(solution, _)| solution.contains(id)).or(solved.solutions.last());
        let change = |id| {
            let place = solution.packages.binary_search(&id).ok()?;
            let files = again(id).or_else(|| first(id).map(|(_, options)| options.clone()))?;
            Some(Change { action: Action::Install, old: None, new: Some(id), tag: None, reason: reason(reasons[place]), files })
        };
        let changes = transaction::order(self.pool, &solution.packages).into_iter().filter_map(change).collect();
        Choice { changes, warnings: solved.warnings.clone(), unlisted: solved.unlisted.clone(), ..Choice::default() }
    }
}

impl Selection<'_> {
    fn attempt(&mut self, ask: &Ask) -> Result<Choice, Refused> {
        let lacking = ask.specs().filter(|spec| spec::needs_file_lists(self.pool, spec));
        self.lacked_specs.extend(lacking.map(str::to_owned));
        match &ask.operation {
            Operation::Fill(steps) => self.fill(ask, steps),
            Operation::Change(changing) => self.change(ask, changing),
        }
    }
}

/// The solutions of all steps, each with its file options.
struct Solved {
    solutions: Vec<(Solution, FileOptions)>,
    warnings: Vec<String>,
    /// The packages of the last step that must not belong to a module.
    unlisted: BTreeSet<SolvableId>,
    /// The request of the last step, which includes all earlier steps.
    last: Request,
}

/// The reason why nothing is chosen.
enum Refused {
    /// The request has no solution.
    Unresolved(Unresolved),
    /// A spec has no match.
    Unmatched(Unmatched),
    /// The requested modules cannot be enabled.
    Modules(ModuleError),
}

impl From<ModuleError> for Refused {
    fn from(error: ModuleError) -> Self {
        Self::Modules(error)
    }
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

impl From<Refused> for Box<dyn Refusal> {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unresolved(unresolved) => Box::new(unresolved),
            Refused::Unmatched(unmatched) => Box::new(unmatched),
            Refused::Modules(error) => Box::new(error),
        }
    }
}

impl Chooser for Selection<'_> {
    fn choose(&mut self, ask: &Ask) -> Result<Choice, Box<dyn Refusal>> {
        self.attempt(ask).map_err(Refused::into)
    }

    fn minimize(&mut self, ask: &Ask, goal: Goal, is_over: &dyn Fn() -> bool) -> Option<Result<Minimal, Box<dyn Refusal>>> {
        let Operation::Fill(steps) = &ask.operation else { return None };
        Some(self.smallest(ask, steps, goal, is_over).map_err(Refused::into))
    }

    fn take_lacked_paths(&mut self) -> Vec<String> {
        let mut paths = std::mem::take(&mut self.lacked_specs);
        paths.extend(self.solver.take_lacked_paths().into_iter().map(|path| self.pool.text(path).to_owned()));
        paths.into_iter().collect()
    }

    fn hints(&mut self, ask: &Ask) -> Vec<String> {
        self.find_hints(ask)
    }

    fn excludes_any(&self, pattern: &str, repository: Option<&str>) -> bool {
        let is_in = |id: SolvableId| repository.is_none_or(|name| self.pool.solvable(id).repo_name() == name);
        spec::select_by_name(self.pool, pattern).into_iter().any(is_in)
    }
}

fn reason(reason: solver::Reason) -> Reason {
    match reason {
        solver::Reason::Requested { .. } => Reason::Requested,
        solver::Reason::Dependency { .. } => Reason::Dependency,
        solver::Reason::Weak { .. } => Reason::Weak,
    }
}

/// Returns the jobs of a spec: one for each package that it requests, or one without candidates if
/// it matches nothing.
///
/// Hidden packages are ignored. If only hidden packages match, they are the candidates, so that the
/// error can name the reason.
pub fn install_jobs(pool: &Pool, spec: &str, among: Among<'_>, best: bool) -> Vec<Job> {
    let mut groups = spec::select_each(pool, spec, among);
    if groups.is_empty() && !among.hidden.is_empty() {
        groups = spec::select_each(pool, spec, Among::default());
    }
    if groups.is_empty() {
        return vec![Job::install(spec, Vec::new())];
    }
    let as_dnf = among.obsoleters.is_some();
    groups.into_iter().map(|candidates| install_job(spec, candidates, best, as_dnf)).collect()
}

/// Returns the job that installs one of the candidates. dnf pins their architectures and versions
/// (libdnf's `filterPkg2job`): a requested worse architecture needs no better one beside it, and
/// may replace a newer version.
pub(super) fn install_job(text: impl Into<String>, candidates: Vec<SolvableId>, best: bool, as_dnf: bool) -> Job {
    let job = Job::install(text, candidates).best(best);
    if as_dnf { job.pinned(Pinned::NAME | Pinned::ARCH | Pinned::VERSION) } else { job }
}

fn installs_again(step: &InstallStep, package: Solvable<'_>) -> bool {
    step.action == InstallAction::Reinstall && step.packages.iter().any(|name| name == package.name())
}

fn file_options(step: &InstallStep) -> FileOptions {
    FileOptions { docs: step.options.docs, langs: step.options.langs.clone() }
}
