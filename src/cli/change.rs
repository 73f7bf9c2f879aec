//! `install`, `remove`, `upgrade` and the other commands that change a root or print the planned
//! changes.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::arguments::{ChangeArguments, Format, ScriptletMode};
use super::bootstrap::{failure, source_date_epoch};
use super::failure::{Code, Failure};
use super::packaging::{Job, root_document, run_with};
use super::progress;
use super::request::{Prepared, base, in_arch_of};
use super::resolve::resolve_failure;
use super::run::Run;
use crate::bootstrap::{self, ChangeOptions, InstalledPackages, Keyrings, PackageStep, Resolved, Tools};
use crate::catalog::Packaging;
use crate::ecosystem::{Action, ChangeFlags, Ecosystem, ScriptletOutcome, ScriptletRecord, Verb};
use crate::fetch::Location;
use crate::output::Ownership;
use crate::repo::Repository;
use crate::reporter::Reporter;

/// Name of the repository that `--installed` reads.
const INSTALLED: &str = "installed";

/// Runs a command that changes the installed packages.
pub(super) fn run(verb: Verb, arguments: &ChangeArguments) -> Result<String, Failure> {
    let run = Run::new(&arguments.output)?;
    let place = arguments.root.as_deref().or(arguments.installed.as_deref());
    let (mut prepared, _) = base(&in_arch_of(&arguments.request, place), arguments.root.as_deref())?;
    let installed = match (&arguments.root, &arguments.installed) {
        (Some(root), _) => InstalledPackages::Root(root.clone()),
        (None, Some(place)) => installed_packages(place, prepared.packaging)?,
        (None, None) => return Err(Failure::usage("say what is installed: --root DIR, or --installed DIR|FILE")),
    };
    prepared.options.allow_erasing |= arguments.allow_erasing;
    let mut specs = arguments.specs.clone();
    specs.extend(arguments.request.with.iter().cloned());
    let time = source_date_epoch()?.unwrap_or_else(super::run::now);
    prepared.change(verb, specs, flags(arguments), time, installed);
    let is_offline = arguments.output.network.offline;
    if matches!(verb, Verb::Remove | Verb::Autoremove) && !is_offline {
        // Removing packages needs no network. If the removed packages need a replacement, the
        // network is used after all.
        run.fetcher.set_offline(true);
        match attempt(arguments, &prepared, &run, time) {
            Err(failure) if failure.code == Code::NoSolution => run.fetcher.set_offline(false),
            done => return done,
        }
    }
    attempt(arguments, &prepared, &run, time)
}

/// Performs the operation, or prints the planned changes.
fn attempt(arguments: &ChangeArguments, prepared: &Prepared, run: &Run, time: i64) -> Result<String, Failure> {
    let Some(root) = arguments.root.as_deref().filter(|_| !arguments.simulate) else {
        return run_with(prepared.packaging, Simulation { arguments, prepared, run });
    };
    if prepared.request.allow_unsigned {
        run.progress.warn("packages without a signature are accepted (--allow-unsigned)");
    }
    let options = ChangeOptions {
        arch: prepared.arch.clone(),
        database: prepared.database.clone(),
        epoch: Some(time),
        ownership: Ownership::detect(),
        scriptlets: arguments.scriptlets.map(ScriptletMode::of),
    };
    // Data that do not fit into memory go to the file system of the root, which needs the space
    // anyway.
    let spool = run.keeping_spool(root);
    let tools = Tools { fetcher: &run.fetcher, spool: &spool, reporter: &*run.progress, cancel: &run.cancel };
    run_with(prepared.packaging, Changing { arguments, prepared, options: &options, root, run, tools: &tools })
}

/// Returns the place of the installed packages that `--installed` names: a repository if it is one,
/// otherwise a root or a list of packages.
pub(super) fn installed_packages(place: &Path, packaging: Packaging) -> Result<InstalledPackages, Failure> {
    if place.join(root_document(packaging)).exists() {
        let base = Location::parse(&place.to_string_lossy()).map_err(|error| Failure::usage(error.to_string()))?;
        return Ok(InstalledPackages::Repository(Box::new(Repository::new(INSTALLED, base))));
    }
    Ok(InstalledPackages::Root(PathBuf::from(place)))
}

fn flags(arguments: &ChangeArguments) -> ChangeFlags {
    ChangeFlags {
        autoremove: !arguments.no_autoremove,
        upgrade: arguments.upgrade,
        latest: arguments.latest,
        available: arguments.available,
        prune: arguments.prune,
        self_upgrade_only: arguments.self_upgrade_only,
        no_self_upgrade: arguments.no_self_upgrade,
        preupgrade_only: arguments.preupgrade_only,
        preupgrade_depends: arguments.preupgrade_depends.clone(),
        ignore: arguments.ignore,
        force_broken_world: arguments.force_broken_world,
        virtual_package: arguments.virtual_package.clone(),
        rdepends: arguments.rdepends,
        reinstall: arguments.reinstall,
        depends: arguments.depends,
    }
}

struct Simulation<'a> {
    arguments: &'a ChangeArguments,
    prepared: &'a Prepared,
    run: &'a Run,
}

impl Job for Simulation<'_> {
    type Output = Result<String, Failure>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Result<String, Failure> {
        let Self { arguments, prepared, run } = self;
        let request = &prepared.request;
        let keyring = Keyrings::new(ecosystem, request, &run.fetcher, &*run.progress)
            .map_err(|error| Failure::from_error(Code::Failed, &error))?;
        let resolved = bootstrap::resolve(ecosystem, request, &keyring, &run.fetcher, &*run.progress)
            .map_err(|error| run.or_stopped(resolve_failure(error, prepared)))?;
        run.stats(&json!({"packages": resolved.pool.len()}))?;
        let text = match arguments.output.format {
            Format::Json => run.report(&resolved.plan),
            Format::Human => human(&resolved),
        };
        std::mem::forget(resolved);
        Ok(text)
    }
}

struct Changing<'a> {
    arguments: &'a ChangeArguments,
    prepared: &'a Prepared,
    options: &'a ChangeOptions,
    root: &'a Path,
    run: &'a Run,
    tools: &'a Tools<'a>,
}

impl Job for Changing<'_> {
    type Output = Result<String, Failure>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Result<String, Failure> {
        let Self { arguments, prepared, options, root, run, tools } = self;
        let report = bootstrap::change(ecosystem, &prepared.request, options, root, tools)
            .map_err(|error| run.or_stopped(failure(error, prepared)))?;
        let changed = json!({"packages": report.packages, "changes": report.steps.len()});
        run.stats(&changed)?;
        let mut notes = Vec::new();
        let is_not_run = |scriptlet: &&ScriptletRecord| matches!(scriptlet.outcome, ScriptletOutcome::NotRun { .. });
        let not_run = report.scriptlets.iter().filter(is_not_run).count();
        if not_run > 0 {
            notes.push(format!("{not_run} scriptlets not run"));
        }
        if !report.not_applied.is_empty() {
            notes.push(format!("{} attributes not applied", progress::count(report.not_applied.len() as u64)));
        }
        let notes = if notes.is_empty() { String::new() } else { format!(" ({}: see --format json)", notes.join(", ")) };
        let done = format!(
            "{}: {}, {} paths written, {} removed in {:.2} s{notes}",
            root.display(),
            progress::packages(report.packages as u64),
            progress::count(report.paths_written as u64),
            progress::count(report.paths_removed as u64),
            run.begin.elapsed().as_secs_f64()
        );
        let answer = match arguments.output.format {
            Format::Json => run.report(&report),
            Format::Human => lines(&report.steps, &report.plan.warnings),
        };
        if arguments.output.format == Format::Human {
            run.list_not_run(&report.scriptlets);
        }
        run.finished(&answer, &done)
    }
}

/// Formats the changes in order, a line for each, in the style of apk.
fn lines(steps: &[PackageStep], warnings: &[String]) -> String {
    let count = steps.len();
    let width = count.to_string().len();
    let mut text = String::new();
    for (number, step) in steps.iter().enumerate() {
        let tag = step.tag.as_ref().map_or_else(String::new, |tag| format!("@{tag}"));
        let (name, from) = (format!("{}{tag}", step.name), step.from.as_deref().unwrap_or_default());
        let to = step.to.as_deref().unwrap_or(from);
        let line = match step.action {
            Action::Install => format!("Installing {name} ({to})"),
            Action::Erase => format!("Removing {name} ({from})"),
            Action::Upgrade => format!("Upgrading {name} ({from} -> {to})"),
            Action::Downgrade => format!("Downgrading {name} ({from} -> {to})"),
            Action::Reinstall => format!("Reinstalling {name} ({to})"),
            Action::Replace => format!("Replacing {name} ({from} -> {to})"),
            Action::Repin => format!("Updating pinning {name} ({to})"),
        };
        text += &format!("({:>width$}/{count}) {line}\n", number + 1);
    }
    for warning in warnings {
        text += &format!("note: {warning}\n");
    }
    text
}

/// Formats the planned changes for display.
fn human(resolved: &Resolved) -> String {
    let Resolved { pool, choice, plan, .. } = resolved;
    let text = lines(&bootstrap::steps(pool, choice), &plan.warnings);
    text + &match choice.changes.len() {
        0 => "nothing to do\n".to_owned(),
        count => format!("{}, {} to download\n", progress::packages(count as u64), progress::bytes(plan.download_size)),
    }
}
