//! `rootstrap resolve`: solve only, and print the set.

use rayon::prelude::*;
use serde_json::{Value, json};

use super::arguments::{Format, ResolveArguments};
use super::explanation::Teller;
use super::failure::{Code, Failure};
use super::progress;
use super::request::{Prepared, prepare};
use super::run::Run;
use crate::bootstrap::{self, ResolveError};
use crate::ecosystem::Ecosystem;
use crate::pool::Pool;
use crate::rpm::Rpm;
use crate::solver::{Request, Solver};
use crate::transaction::plan::{Plan, Reason};

/// The set as text.
pub(super) fn run(arguments: &ResolveArguments) -> Result<String, Failure> {
    let run = Run::new(&arguments.output)?;
    let specs: &[String] = if arguments.each { &[] } else { &arguments.specs };
    let prepared = prepare(&arguments.request, specs)?;
    let result = if arguments.each {
        each(&Rpm, &prepared, arguments, &run)
    } else {
        let resolved = bootstrap::resolve(&Rpm, &prepared.request, &run.fetcher, &*run.progress)
            .map_err(|error| run.or_stopped(resolve_failure(&Rpm, error, &prepared)))?;
        run.stats(&json!({"packages": resolved.pool.len()}))?;
        Ok(match arguments.output.format {
            Format::Json => format!("{:#}\n", json!(resolved.plan)),
            Format::Human => human(&resolved.plan),
        })
    };
    // The process ends now; giving back a whole distribution's memory piece by piece would only take time.
    result
}

/// The failure of a resolution, told with the names that the user used.
pub(super) fn resolve_failure<E: Ecosystem>(ecosystem: &E, error: ResolveError, prepared: &Prepared) -> Failure {
    match error {
        ResolveError::Repository(error) => Failure::from(&error),
        ResolveError::Pool(error) => Failure::from_error(Code::Failed, &error),
        ResolveError::Unsolvable(unresolved) => {
            let id_of = |id| ecosystem.identity(unresolved.pool.solvable(id)).id;
            Teller { pool: &unresolved.pool, jobs: &unresolved.jobs, unsolvable: &unresolved.unsolvable, id_of: &id_of }
                .failure(&|spec| prepared.asked_by(spec))
        }
    }
}

fn human(plan: &Plan) -> String {
    let width = plan.install.iter().map(|package| package.id.len()).max().unwrap_or(0);
    let repos = plan.install.iter().map(|package| package.repo.len()).max().unwrap_or(0);
    let mut text = String::new();
    for package in &plan.install {
        let reason = match package.reason {
            Reason::Requested => "requested",
            Reason::Dependency => "dependency",
            Reason::Weak => "weak",
        };
        text += &format!("{:<width$}  {:<repos$}  {:>10}  {reason}\n", package.id, package.repo, progress::bytes(package.size));
    }
    text + &format!(
        "{} packages, {} to download, {} installed\n",
        progress::count(plan.install.len() as u64),
        progress::bytes(plan.download_size),
        progress::bytes(plan.installed_size)
    )
}

/// Every spec on its own, against one pool, on all threads.
fn each<E: Ecosystem>(ecosystem: &E, prepared: &Prepared, arguments: &ResolveArguments, run: &Run) -> Result<String, Failure> {
    let pool = bootstrap::load(ecosystem, &prepared.request, &run.fetcher, &*run.progress)
        .map_err(|error| run.or_stopped(resolve_failure(ecosystem, error, prepared)))?;
    let options = &prepared.options;
    let specs = if arguments.all { names(&pool) } else { arguments.specs.clone() };
    let begin = std::time::Instant::now();
    let answers: Vec<Value> = specs
        .par_iter()
        .map_init(
            || Solver::new(&pool),
            |solver, spec| {
                let mut request = Request::new(bootstrap::install_jobs(ecosystem, &pool, spec, options.best));
                request.weak_dependencies = options.weak_deps;
                match solver.solve(&request) {
                    Ok(solution) => {
                        let mut ids: Vec<String> =
                            solution.packages.iter().map(|&id| ecosystem.identity(pool.solvable(id)).id).collect();
                        ids.sort_unstable();
                        json!({"spec": spec, "ok": true, "install": ids})
                    }
                    Err(unsolvable) => {
                        let id_of = |id| ecosystem.identity(pool.solvable(id)).id;
                        let problems =
                            Teller { pool: &pool, jobs: &request.jobs, unsolvable: &unsolvable, id_of: &id_of }.problems();
                        json!({"spec": spec, "ok": false, "problems": problems})
                    }
                }
            },
        )
        .collect();
    run.stats(&json!({
        "packages": pool.len(),
        "solve": {"ms": begin.elapsed().as_secs_f64() * 1000.0, "jobs": specs.len()},
    }))?;
    let mut text = String::new();
    for answer in &answers {
        match arguments.output.format {
            Format::Json => text += &format!("{answer}\n"),
            Format::Human => {
                let count = answer["install"].as_array().map_or(0, Vec::len);
                let spec = answer["spec"].as_str().unwrap_or_default();
                text += &if answer["ok"] == json!(true) {
                    format!("{spec}: {count} packages\n")
                } else {
                    format!("{spec}: no solution\n")
                };
            }
        }
    }
    Ok(text)
}

/// All names in the repositories, sorted.
fn names(pool: &Pool) -> Vec<String> {
    let mut names: Vec<String> = pool.solvables().map(|package| package.name().to_owned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}
