//! `rootstrap fetch`: downloads all packages of a lock file into the cache, or into a directory
//! that serves as a mirror.

use std::path::Path;

use serde_json::json;

use super::arguments::{FetchArguments, Format, RequestArguments};
use super::bootstrap::failure;
use super::failure::Failure;
use super::locked::{Locked, read};
use super::packaging::{Job, run_with};
use super::progress::{bytes, packages};
use super::request::{Prepared, prepare};
use super::run::Run;
use crate::bootstrap::{self, FetchedFiles, Tools};
use crate::ecosystem::Ecosystem;
use crate::repo::Repository;

/// Downloads the packages. Returns their counts with `--format json`, and an empty text otherwise.
pub(super) fn run(arguments: &FetchArguments) -> Result<String, Failure> {
    let run = Run::new(&arguments.how)?;
    let lock = read(&arguments.lock)?;
    let archs: Vec<String> = match &arguments.request.arch {
        Some(list) => list.split(',').map(str::to_owned).collect(),
        None => lock.architectures.iter().map(|architecture| architecture.name.clone()).collect(),
    };
    let spool = run.spool(&std::env::temp_dir());
    let tools = Tools { fetcher: &run.fetcher, spool: &spool, reporter: &*run.progress, cancel: &run.cancel };
    let mut all = FetchedFiles::default();
    for arch in archs {
        let given = RequestArguments { arch: Some(arch), ..arguments.request.clone() };
        let locked = Locked::of(&arguments.lock, lock.clone(), &given)?;
        let mut prepared = prepare(&locked.arguments, &[])?;
        locked.lend(&mut prepared)?;
        let mirror = arguments.output.as_ref().map(|directory| mirror(directory, &locked)).transpose()?;
        let job = FetchOne { prepared: &prepared, mirror: mirror.as_deref(), tools: &tools };
        let fetched = run_with(prepared.packaging, job).map_err(|failure| run.or_stopped(failure))?;
        run.progress.line("Fetched", &format!("{} for {}", packages(fetched.packages), prepared.title), None);
        all.packages += fetched.packages;
        all.bytes += fetched.bytes;
        all.written += fetched.written;
    }
    let place = arguments.output.clone().unwrap_or_else(|| run.fetcher.store().root().to_owned());
    let seconds = run.begin.elapsed().as_secs_f64();
    let text = format!(
        "{}: {}, {}, {} of them new, in {seconds:.2} s",
        place.display(),
        packages(all.packages),
        bytes(all.bytes),
        all.written
    );
    let facts = json!({"packages": all.packages, "bytes": all.bytes, "written": all.written});
    run.stats(&facts)?;
    let answer = match arguments.how.format {
        Format::Human => String::new(),
        Format::Json => format!("{:#}\n", json!({"schema": 1, "directory": place.to_string_lossy(), "fetched": facts})),
    };
    run.finished(&answer, &text)
}

/// Returns the repositories of the lock with their locations below a directory: repositories of a
/// distribution as on its mirrors, others below their names.
fn mirror(directory: &Path, locked: &Locked) -> Result<Vec<Repository>, Failure> {
    let mut arguments = locked.arguments.clone();
    let path = directory.to_str().ok_or_else(|| Failure::usage(format!("{} is not text", directory.display())))?;
    if arguments.distro.is_some() {
        arguments.mirror = vec![path.to_owned()];
    }
    arguments.repo = Vec::new();
    for text in &locked.arguments.repo {
        let repository = Repository::parse(text).map_err(|error| Failure::usage(error.to_string()))?;
        arguments.repo.push(format!("{}={path}/{}", repository.name, repository.name));
    }
    Ok(prepare(&arguments, &[])?.request.repositories)
}

struct FetchOne<'a> {
    prepared: &'a Prepared,
    mirror: Option<&'a [Repository]>,
    tools: &'a Tools<'a>,
}

impl Job for FetchOne<'_> {
    type Output = Result<FetchedFiles, Failure>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output {
        let Self { prepared, mirror, tools } = self;
        bootstrap::fetch_files(ecosystem, &prepared.request, mirror, tools).map_err(|error| failure(error, prepared))
    }
}
