//! `rootstrap lock`: writes the composition of an image to a lock file, or checks whether it is up
//! to date.

use std::path::Path;

use rayon::prelude::*;
use serde_json::json;

use super::arguments::{Format, LockArguments, RequestArguments};
use super::bootstrap::failure;
use super::failure::{Code, Failure};
use super::kept;
use super::lock_place::LockPlace;
use super::locked::{Locked, lock_command, read, request_of};
use super::outputs;
use super::packaging::{Job, run_with};
use super::progress::packages;
use super::request::{Prepared, machine, prepare, prepare_asked};
use super::run::Run;
use crate::bootstrap::{self, Kept, Locking, Tools};
use crate::ecosystem::Ecosystem;
use crate::lock::{Difference, Lock, LockedArchitecture, LockedRequest, VERSION, differences};
use crate::output::names_standard_output;
use crate::reporter::Reporter;

/// Writes or checks a lock file. Returns the differences from the previous lock as text.
pub(super) fn run(arguments: &LockArguments) -> Result<String, Failure> {
    let path = arguments.output.as_path();
    let file = if arguments.check {
        None
    } else {
        let outputs = [("--stats", arguments.how.stats.as_deref()), ("--output", Some(path))];
        outputs::distinct(&outputs, &[("--from", arguments.from.as_deref())])?;
        outputs::result(Some(path))?
    };
    let run = Run::new(&arguments.how)?;
    let (asked, old) = asked(arguments)?;
    if let (Some(words), Some(old)) = (&arguments.upgrade, &old) {
        kept::known(words, old)?;
    }
    let mut prepared = asked.prepared;
    for prepared in &mut prepared {
        let locked = old.as_ref().and_then(|old| old.architecture(&prepared.request.arch));
        prepared.request.keep = match (&arguments.upgrade, &asked.from) {
            (_, Some(from)) => from.clone(),
            (Some(words), None) => kept::all_but(words, locked),
            (None, None) => Vec::new(),
        };
    }
    if prepared.iter().any(|prepared| prepared.request.allow_unsigned) {
        run.progress.warn("packages without a signature are accepted (--allow-unsigned)");
    }
    let fetch = !arguments.no_fetch && !arguments.check;
    let place = LockPlace::of(path);
    let version = old.as_ref().map_or(VERSION, |old| old.version);
    let spool = run.spool(&std::env::temp_dir());
    let tools = Tools { fetcher: &run.fetcher, spool: &spool, reporter: &*run.progress, cancel: &run.cancel };
    let solved: Vec<Result<LockedArchitecture, Failure>> = prepared
        .par_iter()
        .map(|prepared| {
            let previous = old.as_ref().and_then(|old| old.architecture(&prepared.request.arch));
            let moving = arguments.upgrade.as_deref().map(|words| kept::moving(words, previous)).unwrap_or_default();
            let previous = previous.map(|previous| place.read_architecture(version, previous.clone()));
            let locking = Locking { image: prepared.decided(), fetch, previous, moving };
            run_with(prepared.packaging, LockOne { prepared, locking: &locking, tools: &tools })
                .map_err(|failure| run.or_stopped(failure))
        })
        .collect();
    let specs = place.read_request(VERSION, &asked.request).with;
    let mut lock = Lock { version: VERSION, request: asked.request, architectures: Vec::with_capacity(solved.len()) };
    for (prepared, solved) in prepared.iter().zip(solved) {
        let solved = solved?;
        if let Some(from) = &asked.from {
            kept::same_packages(&solved, from, prepared)?;
        }
        if solved.order.is_empty() {
            return Err(Failure::new(Code::NoSolution, format!("there is nothing to install for {}", prepared.title))
                .detail(format!("no package that is asked for is for {}", solved.name)));
        }
        let order = packages(solved.order.len() as u64);
        run.progress.line(if arguments.check { "Resolved" } else { "Locked" }, &format!("{order} for {}", prepared.title), None);
        lock.architectures.push(place.written_architecture(solved, &specs));
    }
    if let Some(old) = &old {
        keep_others(&mut lock, old, &place, arguments, &run);
    }
    lock.architectures.sort_by(|a, b| a.name.cmp(&b.name));
    run.stats(&json!({"architectures": lock.architectures.len()}))?;
    if let (true, Some(old)) = (arguments.check, &old)
        && let Some(new) = lock.architectures.iter().find(|new| old.architecture(&new.name).is_none())
    {
        return Err(Failure::usage(format!("{} has nothing for {}", path.display(), new.name)));
    }
    let differences: Vec<Difference> =
        lock.architectures.iter().filter_map(|new| Some(differences(old.as_ref()?.architecture(&new.name)?, new))).collect();
    if arguments.check {
        return checked(path, &differences, arguments.how.format);
    }
    let text = lock.to_toml();
    let Some(file) = file else { return Ok(text) };
    let same = file.holds(text.as_bytes());
    if !same {
        run.write(file, text.as_bytes())?;
    }
    let seconds = run.begin.elapsed().as_secs_f64();
    let what = if same { "is as it was" } else { "written" };
    let answer = match arguments.how.format {
        Format::Json => format!("{:#}\n", json!({"schema": 1, "file": path.to_string_lossy(), "architectures": differences})),
        Format::Human => human(&differences),
    };
    run.finished(&answer, &format!("{} {what} in {seconds:.2} s", path.display()))
}

/// Keeps the architectures of the old lock that were not requested, if the request is otherwise the
/// same. Informs the user in both cases.
fn keep_others(lock: &mut Lock, old: &Lock, place: &LockPlace, arguments: &LockArguments, run: &Run) {
    let others: Vec<&LockedArchitecture> =
        old.architectures.iter().filter(|other| lock.architecture(&other.name).is_none()).collect();
    if others.is_empty() || arguments.check {
        return;
    }
    let names = others.iter().map(|other| other.name.as_str()).collect::<Vec<_>>().join(", ");
    if place.kept_request(old.version, &old.request) == lock.request {
        run.progress.line("Kept", &format!("{names}: as it was"), None);
        lock.architectures.extend(others.into_iter().map(|other| place.kept_architecture(old.version, other.clone())));
    } else {
        let all: Vec<&str> = old.architectures.iter().map(|architecture| architecture.name.as_str()).collect();
        run.progress.warn(&format!(
            "{names} is left out of {}: it was locked for another request (--arch {} locks all that were there)",
            arguments.output.display(),
            all.join(",")
        ));
    }
}

/// The request to lock.
struct Asked {
    request: LockedRequest,
    /// The requests, one for each architecture.
    prepared: Vec<Prepared>,
    /// The packages that the lock must contain.
    from: Option<Vec<Kept>>,
}

/// Returns the request of the command line, or else of the existing lock; and that lock.
fn asked(arguments: &LockArguments) -> Result<(Asked, Option<Lock>), Failure> {
    let (path, given) = (arguments.output.as_path(), &arguments.request);
    let is_asked = given.distro.is_some() || !given.repo.is_empty();
    // A device or a FIFO contains no lock file, and reading it may never end.
    let is_there = path.is_file() && !names_standard_output(path);
    let old = if arguments.check || arguments.upgrade.is_some() && (is_there || !path.exists()) || !is_asked && is_there {
        Some(read(path)?)
    } else if arguments.upgrade.is_some() {
        return Err(Failure::usage(format!("{} is not a regular file, and so no lock file to upgrade", path.display())));
    } else {
        is_there.then(|| read(path).ok()).flatten()
    };
    let archs = architectures(given, old.as_ref().filter(|_| !is_asked || arguments.check || arguments.upgrade.is_some()));
    let of = |arch: &String| RequestArguments { arch: Some(arch.clone()), ..given.clone() };
    if let Some(old) = old.as_ref().filter(|_| !is_asked) {
        let one = |arch: &String| -> Result<Prepared, Failure> {
            let locked = Locked::of(path, old.clone(), &of(arch))?;
            let mut prepared = prepare(&locked.arguments, &[])?;
            locked.furnish(&mut prepared)?;
            Ok(prepared)
        };
        let prepared = archs.iter().map(one).collect::<Result<_, _>>()?;
        let from = arguments.from.as_deref().map(|from| kept::from(from, given)).transpose()?.map(|from| from.packages);
        let request = LockPlace::of(path).kept_request(old.version, &old.request);
        return Ok((Asked { request, prepared, from }, Some(old.clone())));
    }
    let from = arguments.from.as_deref().map(|from| kept::from(from, given)).transpose()?;
    let mut given = given.clone();
    if let Some(from) = &from {
        from.complete(&mut given);
    }
    let given = &given;
    if given.distro.is_some() && given.variant.is_none() && from.is_none() {
        return Err(Failure::usage("say which variant with --variant").hint("`rootstrap variants` lists them"));
    }
    let prepare = if from.is_some() { prepare } else { prepare_asked };
    let prepared = archs.iter().map(|arch| prepare(&of(arch), &[])).collect::<Result<Vec<_>, _>>()?;
    let from = from.map(|from| from.packages);
    let request = LockPlace::of(path).written_request(&request_of(given)?);
    Ok((Asked { request, prepared, from }, old))
}

/// Returns the requested architectures, or else those of a lock, or else this machine's.
fn architectures(given: &RequestArguments, lock: Option<&Lock>) -> Vec<String> {
    let mut names: Vec<String> = match (&given.arch, lock) {
        (Some(list), _) => list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        (None, Some(lock)) => lock.architectures.iter().map(|architecture| architecture.name.clone()).collect(),
        (None, None) => vec![machine()],
    };
    names.sort_unstable();
    names.dedup();
    names
}

struct LockOne<'a> {
    prepared: &'a Prepared,
    locking: &'a Locking,
    tools: &'a Tools<'a>,
}

impl Job for LockOne<'_> {
    type Output = Result<LockedArchitecture, Failure>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output {
        let Self { prepared, locking, tools } = self;
        bootstrap::lock(ecosystem, &prepared.request, locking, tools)
            .map_err(|error| failure(error, prepared).detail(format!("for {}", prepared.title)))
    }
}

/// Returns the result of `--check`.
fn checked(path: &Path, differences: &[Difference], format: Format) -> Result<String, Failure> {
    let is_current = !differences.iter().any(Difference::is_of_the_image);
    let answer = match format {
        Format::Json => {
            let (file, schema) = (path.to_string_lossy(), 1);
            format!("{:#}\n", json!({"schema": schema, "file": file, "up_to_date": is_current, "architectures": differences}))
        }
        Format::Human if is_current => format!("{} is up to date\n{}", path.display(), human(differences)),
        Format::Human => human(differences),
    };
    if is_current {
        return Ok(answer);
    }
    let mut failure = Failure::new(Code::OutOfDate, format!("{} is out of date", path.display()))
        .hint(format!("`{} --upgrade` takes what the repositories and the catalog have now", lock_command(path)));
    failure.problems = Some(answer.into());
    Err(failure)
}

/// Formats the differences with a line for each package.
fn human(differences: &[Difference]) -> String {
    let mut text = String::new();
    for difference in differences.iter().filter(|difference| !difference.is_empty()) {
        text += &format!("{}:\n", difference.arch);
        for package in &difference.packages {
            text += &match (&package.from, &package.to) {
                (Some(from), Some(to)) if from.version != to.version => {
                    format!("  ~ {} {} -> {} ({})\n", package.name, from.version, to.version, to.repository)
                }
                (Some(from), Some(to)) if from.checksum != to.checksum => {
                    format!("  ~ {} {}: the same version, but another file ({})\n", package.name, from.version, to.repository)
                }
                (Some(from), Some(to)) => {
                    format!("  ~ {} {} ({} -> {})\n", package.name, to.version, from.repository, to.repository)
                }
                (None, Some(to)) => format!("  + {} {} ({})\n", package.name, to.version, to.repository),
                (Some(from), None) => format!("  - {} {}\n", package.name, from.version),
                (None, None) => String::new(),
            };
        }
        if difference.packages.is_empty() && difference.order {
            text += "  the order of the packages, or what is asked for\n";
        }
        for part in &difference.image {
            text += &format!("  {part}: the catalog has another now\n");
        }
        for repository in &difference.repositories {
            let said = |state: &Option<String>| state.clone().unwrap_or_else(|| "nothing".to_owned());
            let (from, to) = (said(&repository.from), said(&repository.to));
            let moved = if from == to { "other metadata of the same revision".to_owned() } else { format!("{from} -> {to}") };
            text += &format!("  repository {}: {moved}\n", repository.name);
        }
    }
    text
}
