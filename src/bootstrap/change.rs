//! Changes an existing root.
//!
//! Input: a [`Request`] that changes the installed packages of a root, an ecosystem, and the root.
//! Output: the changed root and a [`ChangeReport`]. Nothing is written until the whole plan is
//! known; then the change is applied completely or not at all.

use std::path::Path;

use serde::Serialize;

use super::fetching::{self, Sources};
use super::keyrings::Keyrings;
use super::report::{NotAppliedRecord, records};
use super::resolve::{InstalledPackages, Request, Resolved, resolve};
use super::{BootstrapError, Tools};
use crate::catalog::{Architecture, Database};
use crate::ecosystem::{
    Action, Change, Choice, Ecosystem, InstallError, InstallOptions, PackageChange, RootChanges, ScriptletRecord, Scriptlets,
};
use crate::finish;
use crate::output::{ExistingRoot, OutputError, Ownership, Recovered};
use crate::pool::Pool;
use crate::reporter::Phase;
use crate::transaction::plan::Plan;
use crate::tree::Tree;

/// Options for changing a root.
#[derive(Clone, Debug)]
pub struct ChangeOptions {
    /// The architecture of the root.
    pub arch: Architecture,
    /// Default location of the release's package database. A location found in the root takes
    /// precedence.
    pub database: Option<Database>,
    /// Timestamp of everything that this run creates, in seconds since 1970. The default is the
    /// newest time of the new packages and of the existing content.
    pub epoch: Option<i64>,
    /// Handling of file owners.
    pub ownership: Ownership,
    /// Handling of scriptlets. The default imitates the package manager itself, as far as its
    /// effects are known.
    pub scriptlets: Option<Scriptlets>,
}

/// A performed change, for display: the action and its package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageStep {
    /// The action that was performed.
    pub action: Action,
    /// The package's name.
    pub name: String,
    /// The previous version, if any.
    pub from: Option<String>,
    /// The new or unchanged version, if any.
    pub to: Option<String>,
    /// The tag of the repositories that supply the package from now on.
    pub tag: Option<String>,
}

/// The result of changing a root.
#[derive(Debug, Serialize)]
pub struct ChangeReport {
    /// The packages.
    #[serde(flatten)]
    pub plan: Plan,
    /// The changes in their order.
    #[serde(skip)]
    pub steps: Vec<PackageStep>,
    /// Number of packages in the root after the change.
    pub packages: usize,
    /// Number of names that were added to existing directories or replaced existing names.
    pub paths_written: usize,
    /// Number of names that were removed from directories that stay.
    pub paths_removed: usize,
    /// Timestamp of everything that this run creates, in seconds since 1970.
    pub epoch: i64,
    /// Every scriptlet of the packages and its outcome.
    pub scriptlets: Vec<ScriptletRecord>,
    /// Properties of the tree that were not applied on the disk, sorted by path.
    pub not_applied: Vec<NotAppliedRecord>,
    /// Packages without a trusted signature that were accepted because the request allows it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsigned: Vec<String>,
}

/// Changes the root file system in the directory `root` according to a request.
pub fn change<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    options: &ChangeOptions,
    root: &Path,
    tools: &Tools<'_>,
) -> Result<ChangeReport, BootstrapError> {
    if let Some(reason) = ecosystem.leaves_roots_alone() {
        return Err(InstallError::Unsupported(reason).into());
    }
    let existing = ExistingRoot::open(root, options.ownership, ecosystem.lock_files())?;
    if let Some(recovered) = existing.recovered() {
        tools.reporter.warn(match recovered {
            Recovered::Finished => "an earlier change of this root had been broken off; it was finished first",
            Recovered::TakenBack => "an earlier change of this root had been broken off; it was taken back first",
        });
    }
    let request = Request { installed: Some(InstalledPackages::Root(root.to_owned())), ..request.clone() };
    let mut base = None;
    let read = || {
        let read = existing.read()?;
        let tree = read.tree.clone();
        base = Some(read);
        Ok(tree)
    };
    let changed = changed(ecosystem, &request, options, read, tools)?;
    let Changed { tree, pool, choice, plan, scriptlets, unsigned, epoch, .. } = changed;
    let base = base.map_or_else(|| existing.read(), Ok)?;
    let applied = existing.apply(&base, &tree, epoch, tools.reporter, tools.cancel)?;

    let before = pool.installed_solvables().count();
    let came = choice.changes.iter().filter(|change| change.old.is_none()).count();
    let went = choice.changes.iter().filter(|change| change.new.is_none()).count();
    Ok(ChangeReport {
        steps: steps(&pool, &choice),
        plan,
        packages: before + came - went.min(before),
        paths_written: applied.came,
        paths_removed: applied.went,
        epoch,
        scriptlets,
        not_applied: records(&applied.missing),
        unsigned,
    })
}

/// A changed root in memory.
pub(super) struct Changed {
    pub(super) tree: Tree,
    pub(super) pool: Pool,
    pub(super) choice: Choice,
    pub(super) plan: Plan,
    /// Warnings of the installation, in addition to those of the plan.
    pub(super) warnings: Vec<String>,
    pub(super) scriptlets: Vec<ScriptletRecord>,
    pub(super) unsigned: Vec<String>,
    pub(super) epoch: i64,
}

/// Changes the tree of a root. The tree is read only after all new packages are available.
pub(super) fn changed<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    options: &ChangeOptions,
    read: impl FnOnce() -> Result<Tree, OutputError>,
    tools: &Tools<'_>,
) -> Result<Changed, BootstrapError> {
    let keyring = Keyrings::new(ecosystem, request, tools.fetcher, tools.reporter)?;
    let Resolved { pool, choice, plan, locked, .. } = resolve(ecosystem, request, &keyring, tools.fetcher, tools.reporter)?;

    // For each new package: either the request itself made it, or the index of its file among the
    // fetched files.
    let mut wanted = Vec::new();
    let mut coming = Vec::new();
    for (id, files) in choice.incoming() {
        let made = ecosystem.made_up(&request.ask, pool.solvable(id));
        coming.push(made.ok_or(wanted.len()));
        if coming.last().is_some_and(Result::is_err) {
            wanted.push((id, files));
        }
    }
    let from = Sources { repositories: &request.repositories, locked: &locked };
    let opened = fetching::fetch_and_open(ecosystem, (&pool, &choice), &wanted, &from, &keyring, tools)?;
    let unsigned = opened.iter().filter(|package| !ecosystem.is_signed(package)).map(|package| ecosystem.id(package)).collect();

    tools.reporter.begin(Phase::Install, Some(choice.changes.len() as u64), None);
    let mut tree = read()?;
    let newest = || opened.iter().map(|package| ecosystem.build_time(package)).chain([newest_in(&tree)]).max().unwrap_or(0);
    let epoch = options.epoch.unwrap_or_else(newest);
    let mut packages = coming.iter().map(|package| package.as_ref().unwrap_or_else(|&place| &opened[place]));
    let changes = choice.changes.iter().map(|change| PackageChange {
        action: change.action,
        old: change.old.map(|id| pool.solvable(id).name()),
        new: change.new.filter(|_| change.action != Action::Repin).and_then(|_| packages.next()),
        tag: change.tag.as_deref(),
    });
    let changes = RootChanges { packages: changes.collect(), world: &choice.world };
    let ChangeOptions { arch, database, scriptlets, .. } = options.clone();
    let install = InstallOptions { arch, database, epoch, scriptlets };
    let installed = ecosystem.change(&mut tree, &changes, &install, tools.reporter, tools.cancel)?;
    let unknown_owners = finish::owners::resolve(&mut tree);
    let warnings: Vec<String> = installed.warnings.into_iter().chain(unknown_owners.warnings()).collect();
    for warning in &warnings {
        tools.reporter.warn(warning);
    }
    tools.reporter.finish(Phase::Install, "");
    if tools.cancel.is_raised() {
        return Err(BootstrapError::Interrupted);
    }
    let scriptlets = installed.scriptlets;
    Ok(Changed { tree, pool, choice, plan, warnings, scriptlets, unsigned, epoch })
}

/// Returns the newest time in a tree.
fn newest_in(tree: &Tree) -> i64 {
    let mut newest = tree.node(Tree::ROOT).metadata.mtime;
    tree.walk(|_, id| newest = newest.max(tree.node(id).metadata.mtime));
    newest
}

/// Returns the steps of a choice for display, in the order of the transaction.
pub fn steps(pool: &Pool, choice: &Choice) -> Vec<PackageStep> {
    let version = |id| pool.solvable(id).version().to_owned();
    let step = |change: &Change| {
        Some(PackageStep {
            action: change.action,
            name: pool.solvable(change.new.or(change.old)?).name().to_owned(),
            from: change.old.map(version),
            to: change.new.map(version),
            tag: change.tag.clone(),
        })
    };
    choice.changes.iter().filter_map(step).collect()
}
