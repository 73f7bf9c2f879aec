//! `install`, `remove`, `upgrade` and the other commands that change a root: what would be done.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::arguments::{ChangeArguments, Format};
use super::bootstrap::source_date_epoch;
use super::failure::{Code, Failure};
use super::packaging::{Job, root_document, run_with};
use super::progress;
use super::request::{Prepared, base};
use super::resolve::resolve_failure;
use super::run::Run;
use crate::bootstrap::{self, InstalledPackages, Resolved};
use crate::catalog::Packaging;
use crate::ecosystem::{Action, ChangeFlags, Ecosystem, Verb};
use crate::fetch::Location;
use crate::repo::Repository;

/// What `--installed` calls the repository that it reads.
const INSTALLED: &str = "installed";

/// What a command does to what is installed.
pub(super) fn run(verb: Verb, arguments: &ChangeArguments) -> Result<String, Failure> {
    if arguments.root.is_some() && !arguments.simulate {
        return Err(Failure::usage("roots are not changed by this version yet; --simulate tells what would be done"));
    }
    let run = Run::new(&arguments.output)?;
    let (mut prepared, _) = base(&arguments.request)?;
    let installed = match (&arguments.root, &arguments.installed) {
        (Some(root), _) => InstalledPackages::Root(root.clone()),
        (None, Some(place)) => installed_packages(place, prepared.packaging)?,
        (None, None) => return Err(Failure::usage("say what is installed: --root DIR, or --installed DIR|FILE")),
    };
    prepared.options.allow_erasing |= arguments.allow_erasing;
    let mut specs = arguments.specs.clone();
    specs.extend(arguments.request.with.iter().cloned());
    let now =
        || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_secs().cast_signed());
    let time = source_date_epoch()?.unwrap_or_else(now);
    prepared.change(verb, specs, flags(arguments), time, installed);
    run_with(prepared.packaging, Simulation { arguments, prepared: &prepared, run: &run })
}

/// What is installed as `--installed` tells it: a repository where there is one, else a root or a list of packages.
pub(super) fn installed_packages(place: &Path, packaging: Packaging) -> Result<InstalledPackages, Failure> {
    if place.join(root_document(packaging)).exists() {
        let base = Location::parse(&place.to_string_lossy()).map_err(|error| Failure::usage(error.to_string()))?;
        return Ok(InstalledPackages::Repository(Repository::new(INSTALLED, base)));
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
        let keyring = ecosystem.keyring(&request.keys).map_err(|error| Failure::from_error(Code::Failed, &error))?;
        let resolved = bootstrap::resolve(ecosystem, request, &keyring, &run.fetcher, &*run.progress)
            .map_err(|error| run.or_stopped(resolve_failure(error, prepared)))?;
        run.stats(&json!({"packages": resolved.pool.len()}))?;
        let text = match arguments.output.format {
            Format::Json => format!("{:#}\n", json!(resolved.plan)),
            Format::Human => human(&resolved),
        };
        std::mem::forget(resolved);
        Ok(text)
    }
}

/// The changes in their order, a line each, in the manner of apk.
fn human(resolved: &Resolved) -> String {
    let Resolved { pool, choice, plan } = resolved;
    let count = choice.changes.len();
    let width = count.to_string().len();
    let mut text = String::new();
    for (number, change) in choice.changes.iter().enumerate() {
        let Some(subject) = change.new.or(change.old).map(|id| pool.solvable(id)) else { continue };
        let (name, version) = (subject.name(), subject.version());
        let from = change.old.map_or("", |old| pool.solvable(old).version());
        let line = match change.action {
            Action::Install => format!("Installing {name} ({version})"),
            Action::Erase => format!("Removing {name} ({version})"),
            Action::Upgrade => format!("Upgrading {name} ({from} -> {version})"),
            Action::Downgrade => format!("Downgrading {name} ({from} -> {version})"),
            Action::Reinstall => format!("Reinstalling {name} ({version})"),
            Action::Replace => format!("Replacing {name} ({from} -> {version})"),
        };
        text += &format!("({:>width$}/{count}) {line}\n", number + 1);
    }
    for warning in &plan.warnings {
        text += &format!("note: {warning}\n");
    }
    text + &match count {
        0 => "nothing to do\n".to_owned(),
        _ => format!("{}, {} to download\n", progress::packages(count as u64), progress::bytes(plan.download_size)),
    }
}
