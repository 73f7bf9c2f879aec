//! `rootstrap resolve`: only resolves, and prints the set.

use std::time::{Duration, Instant};

use rayon::prelude::*;
use serde_json::{Value, json};

use super::arguments::{Format, ResolveArguments};
use super::failure::{Code, Failure, code_of, problems, repository_failure};
use super::locked::lock_failure;
use super::minimize;
use super::packaging::{Job, run_with};
use super::progress;
use super::request::{Prepared, prepare, prepare_asked};
use super::run::{Run, milliseconds};
use super::subject::EXPECTED_ROOT;
use crate::bootstrap::{self, Gathered, Keyrings, ResolveError, Source};
use crate::ecosystem::{Choice, Ecosystem, Refusal};
use crate::pool::Pool;
use crate::reporter::{Phase, Reporter};
use crate::transaction::plan::Plan;

/// Returns the set as text.
pub(super) fn run(arguments: &ResolveArguments) -> Result<String, Failure> {
    let run = Run::new(&arguments.output)?;
    let specs: &[String] = if arguments.each { &[] } else { &arguments.specs };
    let prepared = if arguments.each {
        if arguments.specs.is_empty() && !arguments.all {
            return Err(Failure::usage("--each solves every SPEC on its own, and none is named")
                .hint("rootstrap resolve --each SPEC…, or --each --all for every name in the repositories"));
        }
        prepare(&arguments.request, specs)?
    } else {
        prepare_asked(&arguments.request, specs)?
    };
    run_with(prepared.packaging, Resolve { arguments, prepared: &prepared, run: &run })
}

struct Resolve<'a> {
    arguments: &'a ResolveArguments,
    prepared: &'a Prepared,
    run: &'a Run,
}

impl Job for Resolve<'_> {
    type Output = Result<String, Failure>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Result<String, Failure> {
        let Self { arguments, prepared, run } = self;
        let request = &prepared.request;
        let keyring = Keyrings::new(ecosystem, request, &run.fetcher, &*run.progress)
            .map_err(|error| Failure::from_error(Code::Failed, &error))?;
        let failed = |error| run.or_stopped(resolve_failure(error, prepared));
        if arguments.each {
            let source = Source::open(ecosystem, request, &keyring, &run.fetcher, &*run.progress).map_err(failed)?;
            return each(ecosystem, prepared, arguments, run, source);
        }
        if let Some(by) = arguments.minimize {
            return minimize::smallest(ecosystem, prepared, arguments, by, run, &keyring);
        }
        let resolved = bootstrap::resolve(ecosystem, request, &keyring, &run.fetcher, &*run.progress).map_err(failed)?;
        run.stats(&json!({"packages": resolved.pool.len(), "pool": pool_stats(&resolved.pool, resolved.kept, resolved.took)}))?;
        let text = match arguments.output.format {
            Format::Json => run.report(&resolved.plan),
            Format::Human => {
                resolved.plan.warnings.iter().for_each(|warning| run.progress.warn(warning));
                human(&resolved.plan)
            }
        };
        // The process exits now; freeing the memory of a whole distribution piece by piece would
        // only take time.
        std::mem::forget(resolved);
        Ok(text)
    }
}

/// Converts an error of the resolution to a failure in the user's names.
pub(super) fn resolve_failure(error: ResolveError, prepared: &Prepared) -> Failure {
    match error {
        ResolveError::Key(error) => Failure::from_error(Code::Failed, &error),
        ResolveError::Repository(error) => repository_failure(&error, &prepared.alternatives(error.repository())),
        ResolveError::Installed(error) => Failure::from_error(Code::Failed, &error),
        ResolveError::NoDatabase { .. } => Failure::not_looked_at(error.to_string())
            .detail(EXPECTED_ROOT)
            .hint("--type rpm|apk says of which kind the packages are"),
        ResolveError::NoRepository { missing } => no_repository(&missing),
        ResolveError::Lock(error) => lock_failure(&error),
        ResolveError::Gone { .. } => {
            let alternatives = prepared.alternatives_at(None);
            let hint = format!("another {} may have it: {}", alternatives.noun, alternatives.url());
            Failure::from_error(Code::NoSolution, &error).hint(hint)
        }
        ResolveError::Kept { ref problem, .. } => Failure::from_error(code_of(problem), &error),
        ResolveError::Pool(error) => Failure::from_error(Code::Failed, &error),
        ResolveError::Unsolvable(unresolved) => Failure::from(unresolved.tell(&|spec| prepared.asked_by(spec))),
    }
}

/// Returns the failure if no repository was read: none is named, or no mirror has the named ones.
fn no_repository(missing: &[String]) -> Failure {
    let failure = Failure::not_looked_at("no repository was looked in, so nothing can be said of what repositories have");
    let failure = match missing {
        [] => failure.detail("none is named, and none is configured in the root"),
        missing => missing.iter().fold(failure, |failure, name| failure.detail(format!("no mirror has {name}"))),
    };
    failure.hint("--distro NAME --release RELEASE (`rootstrap variants` lists them), or --repo NAME=URL|DIR")
}

pub(super) fn human(plan: &Plan) -> String {
    let width = plan.install.iter().map(|package| package.id.len()).max().unwrap_or(0);
    let repos = plan.install.iter().map(|package| package.repo.len()).max().unwrap_or(0);
    let mut text = String::new();
    for package in &plan.install {
        let reason = package.reason.name();
        text += &format!("{:<width$}  {:<repos$}  {:>10}  {reason}\n", package.id, package.repo, progress::bytes(package.size));
    }
    text + &format!(
        "{}, {} to download, {} installed\n",
        progress::packages(plan.install.len() as u64),
        progress::bytes(plan.download_size),
        progress::bytes(plan.installed_size)
    )
}

/// Returns the statistics of the pool for `--stats`.
fn pool_stats(pool: &Pool, kept: bool, took: Duration) -> Value {
    json!({"packages": pool.len(), "cached": kept, "bytes": pool.image().bytes().len(), "ms": milliseconds(took)})
}

/// Resolves every spec separately with one pool, on all threads.
fn each<E: Ecosystem>(
    ecosystem: &E,
    prepared: &Prepared,
    arguments: &ResolveArguments,
    run: &Run,
    mut source: Source<'_, E>,
) -> Result<String, Failure> {
    let failed = |error| run.or_stopped(resolve_failure(error, prepared));
    let mut answers: Vec<Value> = Vec::new();
    // The specs without an answer yet: first all of them, then those that needed more file lists.
    let mut open: Vec<usize> = Vec::new();
    let mut specs = Vec::new();
    let mut spent = Duration::ZERO;
    let mut slowest = (Duration::ZERO, 0);
    // Number of specs with dependencies on paths for which the complete file lists may contain more
    // owners.
    let mut listed = None;
    let gathered = loop {
        let gathered = source.gather().map_err(failed)?;
        let pool = &gathered.pool;
        if answers.is_empty() {
            specs = if arguments.all { names(pool) } else { arguments.specs.clone() };
            answers.resize(specs.len(), Value::Null);
            open.extend(0..specs.len());
            if specs.is_empty() {
                return Err(Failure::not_looked_at("the repositories have no packages, so none was solved for"));
            }
        }
        let begin = Instant::now();
        let state = &source.state;
        let found: Vec<(Value, Vec<String>, Duration)> = open
            .par_iter()
            .map_init(
                || ecosystem.chooser(pool, state),
                |chooser, &place| {
                    let begin = Instant::now();
                    let chosen = chooser.choose(&prepared.ask_for(&specs[place]));
                    let took = begin.elapsed();
                    (answer(ecosystem, pool, &specs[place], chosen), chooser.take_lacked_paths(), took)
                },
            )
            .collect();
        spent += begin.elapsed();
        let mut lacked = Vec::new();
        let mut again = Vec::new();
        for (&place, (answer, paths, took)) in open.iter().zip(found) {
            answers[place] = answer;
            slowest = slowest.max((took, place));
            if !paths.is_empty() {
                again.push(place);
                lacked.extend(paths);
            }
        }
        listed.get_or_insert(again.len());
        open = again;
        if !source.ask_for_paths(lacked, pool) {
            break gathered;
        }
    };
    run.progress.finish(Phase::Metadata, "");
    let Gathered { pool, kept, took } = gathered;
    bootstrap::report_idle_filters(ecosystem, &pool, &source.state, &prepared.request.ask, &*run.progress);
    run.stats(&json!({
        "packages": pool.len(),
        "pool": pool_stats(&pool, kept, took),
        "solve": {
            "ms": milliseconds(spent),
            "jobs": specs.len(),
            "need_file_lists": listed,
            "slowest": {"spec": specs.get(slowest.1), "ms": milliseconds(slowest.0)},
        },
    }))?;
    std::mem::forget(pool);
    let mut text = String::new();
    for answer in &answers {
        match arguments.output.format {
            Format::Json => text += &format!("{answer}\n"),
            Format::Human => {
                let count = answer["install"].as_array().map_or(0, Vec::len) as u64;
                let spec = answer["spec"].as_str().unwrap_or_default();
                text += &if answer["ok"] == json!(true) {
                    format!("{spec}: {}\n", progress::packages(count))
                } else {
                    format!("{spec}: no solution\n")
                };
            }
        }
    }
    Ok(text)
}

/// Returns the result for one spec as data.
fn answer<E: Ecosystem>(ecosystem: &E, pool: &Pool, spec: &str, chosen: Result<Choice, Box<dyn Refusal>>) -> Value {
    match chosen {
        Ok(choice) => {
            let id_of = |(id, _)| ecosystem.identity(pool.solvable(id)).id;
            let mut ids: Vec<String> = choice.incoming().map(id_of).collect();
            ids.sort_unstable();
            json!({"spec": spec, "ok": true, "install": ids})
        }
        Err(refusal) => {
            let explanation = refusal.tell(pool, &|spec| format!("{spec} is asked for"));
            json!({"spec": spec, "ok": false, "problems": problems(&explanation)})
        }
    }
}

/// Returns all names in the repositories, sorted.
fn names(pool: &Pool) -> Vec<String> {
    let mut names: Vec<String> = pool.solvables().map(|package| package.name().to_owned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}
