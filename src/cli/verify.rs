//! `rootstrap verify`: whether a root is what its lock file makes, path by path.

use std::path::Path;

use serde_json::json;

use super::arguments::{Format, ScriptletMode, VerifyArguments};
use super::bootstrap::{SPOOL_LIMIT, failure, source_date_epoch};
use super::failure::{Code, Failure};
use super::locked::Locked;
use super::packaging::{Job, run_with};
use super::progress::count;
use super::request::{Prepared, prepare};
use super::run::Run;
use crate::bootstrap::{self, BuildOptions, Tools, Verification};
use crate::ecosystem::Ecosystem;
use crate::output::{Aspect, Ownership, PathDifference};
use crate::package::Spool;

/// Compares; the text is what is different.
pub(super) fn run(arguments: &VerifyArguments) -> Result<String, Failure> {
    let root = arguments.root.as_path();
    if !root.is_dir() {
        return Err(Failure::usage(format!("{} is not a directory: verify takes a root file system", root.display())));
    }
    let locked = Locked::open(&arguments.lock, &arguments.request)?;
    let mut prepared = prepare(&locked.arguments, &[])?;
    locked.lend(&mut prepared)?;
    let run = Run::new(&arguments.how)?;
    let build = BuildOptions {
        arch: prepared.arch.clone(),
        finishing: prepared.finishing.clone(),
        database: prepared.database.clone().filter(|_| !arguments.drop_database),
        epoch: source_date_epoch()?,
        ownership: Ownership::detect(),
        scriptlets: arguments.scriptlets.map(ScriptletMode::of),
    };
    let spool = Spool::new(SPOOL_LIMIT, &std::env::temp_dir());
    let tools = Tools { fetcher: &run.fetcher, spool: &spool, reporter: &*run.progress, cancel: &run.cancel };
    let job = VerifyRoot { prepared: &prepared, build: &build, root, tools: &tools };
    let verification = run_with(prepared.packaging, job).map_err(|failure| run.or_stopped(failure))?;
    run.stats(&json!({"paths": verification.paths, "different": verification.differences.len()}))?;
    answer(arguments, &verification)
}

struct VerifyRoot<'a> {
    prepared: &'a Prepared,
    build: &'a BuildOptions,
    root: &'a Path,
    tools: &'a Tools<'a>,
}

impl Job for VerifyRoot<'_> {
    type Output = Result<Verification, Failure>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output {
        let Self { prepared, build, root, tools } = self;
        bootstrap::verify(ecosystem, &prepared.request, build, root, tools).map_err(|error| failure(error, prepared))
    }
}

fn answer(arguments: &VerifyArguments, verification: &Verification) -> Result<String, Failure> {
    let Verification { paths, differences, not_applied } = verification;
    let (root, lock) = (arguments.root.display(), arguments.lock.display());
    let is_same = differences.is_empty();
    let text = match arguments.how.format {
        Format::Json => {
            let value = json!({
                "schema": 1, "root": arguments.root.to_string_lossy(), "lock": arguments.lock.to_string_lossy(), "same": is_same,
                "paths": paths, "not_applied": not_applied, "differences": differences,
            });
            format!("{value:#}\n")
        }
        Format::Human if is_same => {
            let notes = match not_applied {
                0 => String::new(),
                n => format!(" ({} of them without what only root may apply)", count(*n as u64)),
            };
            format!("{root} is what {lock} makes: {} paths{notes}\n", count(*paths))
        }
        Format::Human => differences.iter().map(line).collect(),
    };
    if is_same {
        return Ok(text);
    }
    let some =
        if differences.len() == 1 { "1 path is".to_owned() } else { format!("{} paths are", count(differences.len() as u64)) };
    let mut failure = Failure::new(Code::Verification, format!("{root} is not what {lock} makes: {some} different"));
    failure.problems = Some(text.into());
    Err(failure)
}

/// A path that is different, a line.
fn line(difference: &PathDifference) -> String {
    let aspect = |aspect: &Aspect| match aspect.name.as_str() {
        // Digests say nothing to a person.
        "content" => "content".to_owned(),
        name => format!("{name} {} -> {}", aspect.expected, aspect.found),
    };
    let aspects: Vec<String> = difference.aspects.iter().map(aspect).collect();
    format!("{:<7}  {}  {}", difference.what, difference.path, aspects.join(", ")).trim_end().to_owned() + "\n"
}
