//! `rootstrap verify`: compares a root or an image with a build from its lock file, path by path.

use std::path::Path;

use serde_json::{Value, json};

use super::arguments::{Format, RequestArguments, VerifyArguments};
use super::bootstrap::{build_options, failure, output_failure};
use super::failure::{Code, Failure};
use super::locked::{Locked, read};
use super::packaging::{Job, run_with};
use super::progress::count;
use super::request::{Prepared, prepare};
use super::run::Run;
use crate::bootstrap::{self, BuildOptions, Subject, Tools, Verification};
use crate::ecosystem::Ecosystem;
use crate::output::oci::{FoundKind, Reference, read_found};
use crate::output::{Aspect, PathDifference};
use crate::reporter::Reporter;

/// Runs the comparison and returns the differences as text.
pub(super) fn run(arguments: &VerifyArguments) -> Result<String, Failure> {
    let place = arguments.subject.as_path();
    let reference: Reference = place.to_string_lossy().parse().map_err(Failure::usage)?;
    let subject = if reference.directory.join("oci-layout").is_file() {
        Subject::Image(&reference)
    } else if place.is_dir() {
        Subject::Root(place)
    } else if place.is_file() {
        Subject::Archive(place, None)
    } else if reference.directory.is_file() {
        // `FILE:TAG` names one of the images in an archive.
        Subject::Archive(&reference.directory, reference.tag.as_deref())
    } else {
        return Err(Failure::usage(format!("there is no {}", place.display()))
            .hint("verify takes a root file system, a tar archive of one, an OCI image layout, or an archive of `docker save`"));
    };
    let lock = read(&arguments.lock)?;
    let run = Run::new(&arguments.how)?;
    let spool = run.spool(&std::env::temp_dir());
    let all = || lock.architectures.iter().map(|architecture| Some(architecture.name.clone())).collect();
    let archs: Vec<Option<String>> = match (&arguments.request.arch, subject) {
        (Some(list), _) => list.split(',').map(|name| Some(name.trim().to_owned())).collect(),
        // An image contains all architectures.
        (None, Subject::Image(_)) => all(),
        (None, Subject::Archive(path, tag)) if lock.architectures.len() > 1 => {
            let found = read_found(path, tag, None, &spool).map_err(output_failure)?;
            match (found.kind, found.platform) {
                (FoundKind::Image, _) => all(),
                (_, Some(platform)) => vec![Some(platform.to_string())],
                (_, None) => vec![None],
            }
        }
        (None, _) => vec![None],
    };
    let tools = Tools { fetcher: &run.fetcher, spool: &spool, reporter: &*run.progress, cancel: &run.cancel };
    let mut found = Vec::new();
    for arch in archs {
        let given = RequestArguments { arch, ..arguments.request.clone() };
        let locked = Locked::of(&arguments.lock, lock.clone(), &given)?;
        let mut prepared = prepare(&locked.arguments, &[])?;
        locked.lend(&mut prepared)?;
        prepared.notes.iter().for_each(|note| run.progress.warn(note));
        let build = build_options(&prepared, arguments.drop_database, arguments.scriptlets)?;
        let job = VerifyOne { prepared: &prepared, build: &build, subject, clamp: arguments.clamp_mtime, tools: &tools };
        let verification = run_with(prepared.packaging, job).map_err(|failure| run.or_stopped(failure))?;
        found.push((prepared.request.arch.clone(), verification));
    }
    let sum = |of: &dyn Fn(&Verification) -> u64| found.iter().map(|(_, one)| of(one)).sum::<u64>();
    run.stats(&json!({"paths": sum(&|one| one.paths), "different": sum(&|one| one.differences.len() as u64)}))?;
    answer(arguments, place, &found)
}

struct VerifyOne<'a> {
    prepared: &'a Prepared,
    build: &'a BuildOptions,
    subject: Subject<'a>,
    clamp: bool,
    tools: &'a Tools<'a>,
}

impl Job for VerifyOne<'_> {
    type Output = Result<Verification, Failure>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output {
        let Self { prepared, build, subject, clamp, tools } = self;
        bootstrap::verify(ecosystem, &prepared.request, build, (subject, clamp), tools).map_err(|error| failure(error, prepared))
    }
}

fn answer(arguments: &VerifyArguments, place: &Path, found: &[(String, Verification)]) -> Result<String, Failure> {
    let (place, lock) = (place.display(), arguments.lock.display());
    let different: usize = found.iter().map(|(_, one)| one.differences.len()).sum();
    let text = match arguments.how.format {
        Format::Json => {
            let one = |(arch, one): &(String, Verification)| {
                let (paths, not_applied, differences) = (one.paths, one.not_applied, &one.differences);
                json!({"arch": arch, "paths": paths, "not_applied": not_applied, "differences": differences})
            };
            let architectures: Vec<Value> = found.iter().map(one).collect();
            let (place, lock) = (place.to_string(), lock.to_string());
            let value =
                json!({"schema": 1, "subject": place, "lock": lock, "same": different == 0, "architectures": architectures});
            format!("{value:#}\n")
        }
        Format::Human => {
            let one = |(arch, one): &(String, Verification)| match different {
                0 => format!("{place} is what {lock} makes for {arch}: {}\n", paths(one)),
                _ => listed(arch, one, found.len() > 1),
            };
            found.iter().map(one).collect()
        }
    };
    if different == 0 {
        return Ok(text);
    }
    let some = if different == 1 { "1 path is".to_owned() } else { format!("{} paths are", count(different as u64)) };
    let mut failure = Failure::new(Code::Verification, format!("{place} is not what {lock} makes: {some} different"));
    failure.problems = Some(text.into());
    Err(failure)
}

fn paths(one: &Verification) -> String {
    let notes = match one.not_applied {
        0 => String::new(),
        n => format!(" ({} of them without what only root may apply or read)", count(n as u64)),
    };
    format!("{} paths{notes}", count(one.paths))
}

fn listed(arch: &str, one: &Verification, several: bool) -> String {
    let head = if several { format!("{arch}: {} different\n", count(one.differences.len() as u64)) } else { String::new() };
    one.differences.iter().fold(head, |text, difference| text + &line(difference))
}

/// Formats a differing path as a line.
fn line(difference: &PathDifference) -> String {
    let aspect = |aspect: &Aspect| match aspect.name.as_str() {
        // Digests do not help a person.
        "content" => "content".to_owned(),
        name => format!("{name} {} -> {}", aspect.expected, aspect.found),
    };
    let aspects: Vec<String> = difference.aspects.iter().map(aspect).collect();
    format!("{:<7}  {}  {}", difference.what, difference.path, aspects.join(", ")).trim_end().to_owned() + "\n"
}
