//! From a request to the packages, in the order of their installation.

use crate::catalog::{InstallAction, InstallStep};
use crate::digest::{Algorithm, Digest};
use crate::ecosystem::{Ecosystem, FileOptions};
use crate::fetch::Fetcher;
use crate::pool::{Pool, PoolError, Solvable, SolvableId};
use crate::repo::{self, Repository};
use crate::reporter::{Phase, Reporter};
use crate::solver::{Job, Problem, Reason, Request as SolverRequest, Solution, Solver, Unsolvable};
use crate::transaction;
use crate::transaction::plan::{self, Plan, PlannedPackage};

/// What is to be installed, and from where.
#[derive(Clone, Debug)]
pub struct Request {
    /// The architecture, in the ecosystem's own words.
    pub arch: String,
    /// The repositories, in the order in which they were named.
    pub repositories: Vec<Repository>,
    /// What is asked for, step by step.
    pub steps: Vec<InstallStep>,
    /// Names of packages that must not be installed; shell patterns.
    pub exclude: Vec<String>,
}

/// The packages of a request.
#[derive(Debug)]
pub struct Resolved {
    /// All that exists.
    pub pool: Pool,
    /// What is to be installed, in the order of the transaction.
    pub order: Vec<SolvableId>,
    /// Which files of each, in the same order.
    pub files: Vec<FileOptions>,
    /// The same as data.
    pub plan: Plan,
}

/// Why there is nothing to install.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The repositories cannot be read.
    #[error(transparent)]
    Repository(#[from] repo::RepoError),
    /// The repositories hold more than a pool can.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// No set of packages satisfies the request.
    #[error("no set of packages satisfies this request")]
    Unsolvable(Box<Unresolved>),
}

/// A request without a solution, with what is needed to tell why.
#[derive(Debug)]
pub struct Unresolved {
    /// All that exists.
    pub pool: Pool,
    /// What was asked, in the order that the facts count it.
    pub jobs: Vec<Job>,
    /// Why it cannot be had.
    pub unsolvable: Unsolvable,
}

/// Reads the repositories and chooses the packages.
pub fn resolve<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    fetcher: &Fetcher,
    reporter: &dyn Reporter,
) -> Result<Resolved, ResolveError> {
    let pool = load(ecosystem, request, fetcher, reporter)?;
    reporter.begin(Phase::Resolve, None, None);
    let chosen = match choose(ecosystem, request, &pool) {
        Ok(chosen) => chosen,
        Err((jobs, unsolvable)) => {
            reporter.finish(Phase::Resolve, "");
            return Err(ResolveError::Unsolvable(Box::new(Unresolved { pool, jobs, unsolvable })));
        }
    };
    let order = transaction::order(&pool, &chosen.solution.packages);
    let place = |id: SolvableId| chosen.solution.packages.binary_search(&id).unwrap_or_default();
    let files = order.iter().map(|&id| chosen.files[place(id)].clone()).collect();
    let reasons = chosen.solution.reasons(&pool);
    let planned = order.iter().map(|&id| planned(ecosystem, pool.solvable(id), reasons[place(id)])).collect();
    let plan = Plan::new(&request.arch, planned, Vec::new());
    reporter.advance(Phase::Resolve, order.len() as u64, 0);
    reporter.finish(Phase::Resolve, "");
    Ok(Resolved { pool, order, files, plan })
}

/// Reads the repositories into a pool. The lists of all files are read only for paths that something requires and that the lists of
/// packages do not have.
pub fn load<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    fetcher: &Fetcher,
    reporter: &dyn Reporter,
) -> Result<Pool, ResolveError> {
    reporter.begin(Phase::Metadata, None, None);
    let mut loaded = repo::load(&request.repositories, ecosystem.metadata(), fetcher)?;
    let unmet = loaded.builder.unmet_paths();
    if !unmet.is_empty() {
        let paths: Vec<String> = unmet.iter().map(|&id| loaded.builder.text(id).to_owned()).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        loaded.read_file_lists(&paths, ecosystem.metadata(), fetcher)?;
    }
    let pool = loaded.builder.build(ecosystem.version_scheme(), &ecosystem.architectures(&request.arch))?;
    reporter.advance(Phase::Metadata, pool.len() as u64, 0);
    reporter.finish(Phase::Metadata, "");
    Ok(pool)
}

struct Chosen {
    solution: Solution,
    /// By package of the solution.
    files: Vec<FileOptions>,
}

/// Solves step after step: each asks for what the steps before it asked for too, and a package's files are chosen by the options of the
/// step that first brings it, or that installs it again.
fn choose<E: Ecosystem>(ecosystem: &E, request: &Request, pool: &Pool) -> Result<Chosen, (Vec<Job>, Unsolvable)> {
    let excluded = excluded(ecosystem, pool, &request.exclude);
    let mut solver = Solver::new(pool);
    let mut jobs: Vec<Job> = Vec::new();
    let mut solutions: Vec<(Solution, FileOptions)> = Vec::new();
    for step in request.steps.iter().filter(|step| step.action == InstallAction::Install) {
        let earlier = jobs.len();
        jobs.extend(step.packages.iter().flat_map(|spec| install_jobs(ecosystem, pool, spec, step.options.best)));
        let mut ask = SolverRequest::new(jobs.iter().cloned());
        ask.excluded.clone_from(&excluded);
        ask.weak_dependencies = step.options.weak_deps;
        let solution = match solver.solve(&ask) {
            Err(_) if step.options.allow_erasing => {
                without_what_is_in_the_way(&mut solver, ask, earlier).map_err(|problem| (jobs.clone(), problem))?
            }
            other => other.map_err(|problem| (jobs.clone(), problem))?,
        };
        solutions.push((solution, file_options(step)));
    }
    let Some((solution, _)) = solutions.last().cloned() else {
        return Ok(Chosen { solution: Solution::default(), files: Vec::new() });
    };
    let again = |id| request.steps.iter().rfind(|step| installs_again(step, pool.solvable(id)));
    let first = |id| solutions.iter().find(|(solution, _)| solution.contains(id));
    let files = solution
        .packages
        .iter()
        .filter_map(|&id| again(id).map(file_options).or_else(|| first(id).map(|(_, options)| options.clone())))
        .collect();
    Ok(Chosen { solution, files })
}

/// The jobs of a spec: one for each package that it asks for; one without candidates when nothing is meant.
pub fn install_jobs<E: Ecosystem>(ecosystem: &E, pool: &Pool, spec: &str, best: bool) -> Vec<Job> {
    let mut groups = ecosystem.select(pool, spec);
    if groups.is_empty() {
        groups.push(Vec::new());
    }
    groups.into_iter().map(|candidates| Job::install(spec, candidates).best(best)).collect()
}

/// Where a step may erase what earlier ones installed: leaves out as few of the earlier jobs as it must, one after the other.
fn without_what_is_in_the_way(solver: &mut Solver<'_>, mut ask: SolverRequest, earlier: usize) -> Result<Solution, Unsolvable> {
    let mut earlier = earlier;
    loop {
        let problem = match solver.solve(&ask) {
            Ok(solution) => return Ok(solution),
            Err(problem) => problem,
        };
        let in_the_way = problem.problems.iter().flat_map(Problem::jobs).find(|&job| job < earlier);
        let Some(job) = in_the_way else { return Err(problem) };
        ask.jobs.remove(job);
        earlier -= 1;
    }
}

fn installs_again(step: &InstallStep, package: Solvable<'_>) -> bool {
    step.action == InstallAction::Reinstall && step.packages.iter().any(|name| name == package.name())
}

fn file_options(step: &InstallStep) -> FileOptions {
    FileOptions { docs: step.options.docs, langs: step.options.langs.clone() }
}

/// The packages that one of the patterns names.
fn excluded<E: Ecosystem>(ecosystem: &E, pool: &Pool, patterns: &[String]) -> Vec<SolvableId> {
    patterns.iter().flat_map(|pattern| ecosystem.select_by_name(pool, pattern)).collect()
}

/// The digest that the index promises of a package's file.
pub(super) fn digest_of(package: Solvable<'_>) -> Option<Digest> {
    let checksum = package.checksum()?;
    Digest::new(Algorithm::from_name(checksum.kind.name())?, checksum.bytes)
}

fn planned<E: Ecosystem>(ecosystem: &E, package: Solvable<'_>, reason: Reason) -> PlannedPackage {
    let identity = ecosystem.identity(package);
    PlannedPackage {
        id: identity.id,
        name: package.name().to_owned(),
        epoch: identity.epoch,
        version: identity.version,
        release: identity.release,
        arch: package.arch().to_owned(),
        repo: package.repo_name().to_owned(),
        location: package.location().to_owned(),
        checksum: digest_of(package).map(|digest| digest.to_string()),
        size: package.size(),
        installed_size: package.installed_size(),
        reason: match reason {
            Reason::Requested { .. } => plan::Reason::Requested,
            Reason::Dependency { .. } => plan::Reason::Dependency,
            Reason::Weak { .. } => plan::Reason::Weak,
        },
    }
}
