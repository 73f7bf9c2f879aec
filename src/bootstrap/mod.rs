//! Builds a root file system from a request: the main operation.
//!
//! Input: a [`Request`], an ecosystem, and the output directory. Output: the tree on disk and a
//! [`Report`]. Nothing is written before the last step, so a run that fails or is stopped leaves
//! OUT unchanged.

mod advisories;
mod change;
mod fetching;
mod files;
mod held;
mod keeping;
mod keyrings;
mod locking;
mod minimizing;
mod product;
mod report;
mod resolve;
mod source;
mod verify;
mod whole;

use std::path::Path;

pub use advisories::advisories;
pub use change::{ChangeOptions, ChangeReport, PackageStep, change, steps};
use fetching::Sources;
pub use files::{FetchedFiles, fetch_files};
pub use held::{HeldError, HeldMove};
pub use keeping::{Kept, KeptFile};
pub use keyrings::Keyrings;
pub use locking::{Locking, lock};
pub use minimizing::{Minimized, Minimizing, minimize};
pub use product::{
    ImageOptions, ImageReport, LayerReport, add_changed_image, add_image, archive, copy_for_reading, docker_archive,
};
pub use report::{NotAppliedRecord, Report};
pub(crate) use resolve::report_idle_filters;
pub use resolve::{InstalledPackages, Loaded, Request, ResolveError, Resolved, Unresolved, load, resolve};
pub use source::{Gathered, Source};
pub use verify::{Subject, Verification, verify};
pub use whole::whole;

use crate::cancel::Cancel;
use crate::catalog::{Architecture, Database, Langs, Step};
use crate::ecosystem::{
    Ecosystem, FileOptions, InstallError, InstallOptions, KeyError, PackageError, ScriptletRecord, Scriptlets,
};
use crate::fetch::{FetchError, Fetcher, LocationError};
use crate::finish;
use crate::output::{self, Origin, Ownership, WriteOptions, Written};
use crate::package::{Entry, Spool};
use crate::reporter::{Phase, Reporter};
use crate::transaction::plan::Plan;
use crate::tree::Tree;

/// Resources that a run uses.
pub struct Tools<'a> {
    /// Fetcher for packages and metadata.
    pub fetcher: &'a Fetcher,
    /// Storage for decompressed payloads.
    pub spool: &'a Spool,
    /// Receiver of progress and warnings.
    pub reporter: &'a dyn Reporter,
    /// Cancellation signal.
    pub cancel: &'a Cancel,
}

/// Options for building the tree from the packages.
#[derive(Clone, Debug)]
pub struct BuildOptions {
    /// The architecture of the root.
    pub arch: Architecture,
    /// Steps that are applied to the tree after the packages.
    pub finishing: Vec<Step>,
    /// Location of the package database; `None` writes no database.
    pub database: Option<Database>,
    /// Timestamp of everything that this run creates, in seconds since 1970. The default is the
    /// newest build time of the packages.
    pub epoch: Option<i64>,
    /// Handling of file owners.
    pub ownership: Ownership,
    /// Handling of scriptlets. The default imitates the distribution's own images.
    pub scriptlets: Option<Scriptlets>,
}

/// Reasons why the tree cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The packages could not be chosen.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// Packages of a lock that are to move cannot move.
    #[error(transparent)]
    Held(Box<HeldError>),
    /// A trusted key cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A package could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The index states an invalid location for a package.
    #[error("`{location}` is not a place in a repository")]
    Location {
        /// Location of the package in the index.
        location: String,
        /// The reason why the location is invalid.
        #[source]
        problem: LocationError,
    },
    /// A fetched package was rejected.
    #[error("{file} is not used")]
    Package {
        /// The package file.
        file: String,
        /// The source of the file.
        from: String,
        /// The repository.
        repo: String,
        /// The reason for the rejection.
        source: PackageError,
    },
    /// A file could not be written.
    #[error("cannot write {}: {error}", path.display())]
    Write {
        /// The file.
        path: std::path::PathBuf,
        /// The error of the system.
        error: std::io::Error,
    },
    /// The bytes of a file could not be read.
    #[error("cannot read a file: {0}")]
    Read(std::io::Error),
    /// The packages could not be installed into the tree.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// A finishing step failed.
    #[error(transparent)]
    Finish(#[from] finish::StepError),
    /// The tree could not be written.
    #[error(transparent)]
    Output(#[from] output::OutputError),
    /// The run was canceled.
    #[error("interrupted")]
    Interrupted,
}

/// Builds the root file system of a request in the directory `out`, which must be empty or not
/// exist.
pub fn bootstrap<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    build: &BuildOptions,
    out: &Path,
    tools: &Tools<'_>,
) -> Result<Report, BootstrapError> {
    let destination = output::Directory::prepare(out)?;
    let root = make(ecosystem, request, build, tools)?;
    let options = WriteOptions { ownership: build.ownership, epoch: root.epoch, jobs: None, sync: false };
    let written = destination.write(&root.tree, &options, tools.reporter, tools.cancel)?;
    Ok(root.report(&written))
}

/// A root file system in memory.
#[derive(Debug)]
pub struct Root {
    /// The complete tree.
    pub tree: Tree,
    /// The packages, at the positions that [`PackageIndex`](crate::tree::PackageIndex) refers to.
    pub packages: Vec<Origin>,
    /// Timestamp of everything that this run creates, in seconds since 1970.
    pub epoch: i64,
    plan: Plan,
    scriptlets: Vec<ScriptletRecord>,
    unsigned: Vec<String>,
}

impl Root {
    /// Returns the report of the run, after the tree was written.
    pub fn report(self, written: &Written) -> Report {
        Report::new(self.plan, written, self.scriptlets, self.epoch, self.unsigned)
    }
}

/// Builds the root file system of a request in memory.
pub fn make<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    build: &BuildOptions,
    tools: &Tools<'_>,
) -> Result<Root, BootstrapError> {
    let keyring = Keyrings::new(ecosystem, request, tools.fetcher, tools.reporter)?;
    let Resolved { pool, choice, mut plan, locked, .. } = resolve(ecosystem, request, &keyring, tools.fetcher, tools.reporter)?;
    plan.warnings.iter().for_each(|warning| tools.reporter.warn(warning));

    let mut wanted: Vec<_> = choice.incoming().collect();
    let count = wanted.len();
    let extra = fetching::not_installed(&pool, &wanted, &build.finishing);
    let all_files = FileOptions { docs: true, langs: Langs::All };
    wanted.extend(extra.iter().map(|&(_, id)| (id, &all_files)));
    let from = Sources { repositories: &request.repositories, locked: &locked };
    let mut opened = fetching::fetch_and_open(ecosystem, (&pool, &choice), &wanted, &from, &keyring, tools)?;
    let extra_packages = opened.split_off(count);
    let packages = opened;
    let epoch = build.epoch.unwrap_or_else(|| packages.iter().map(|package| ecosystem.build_time(package)).max().unwrap_or(0));

    tools.reporter.begin(Phase::Install, Some(packages.len() as u64), None);
    let mut tree = Tree::new();
    let (arch, database) = (build.arch.clone(), build.database.clone());
    let options = InstallOptions { arch, database, epoch, scriptlets: build.scriptlets };
    let installed = ecosystem.install(&mut tree, &packages, &choice.world, &options, tools.reporter, tools.cancel)?;
    let files_of = |name: &str| -> Option<Vec<Entry>> {
        let installed = wanted[..count].iter().position(|&(id, _)| pool.solvable(id).name() == name);
        let package = match extra.iter().position(|&(of, _)| of == name) {
            Some(place) => extra_packages.get(place),
            None => packages.get(installed?),
        };
        package.map(|package| ecosystem.entries(package))
    };
    let notes = finish::steps::apply(&mut tree, &build.finishing, epoch, &files_of)?;
    let unknown_owners = finish::owners::resolve(&mut tree);
    let notes = notes.iter().map(ToString::to_string);
    for warning in installed.warnings.into_iter().chain(notes).chain(unknown_owners.warnings()) {
        tools.reporter.warn(&warning);
        plan.warnings.push(warning);
    }
    tools.reporter.finish(Phase::Install, "");
    if tools.cancel.is_raised() {
        return Err(BootstrapError::Interrupted);
    }
    Ok(Root {
        tree,
        packages: wanted[..count]
            .iter()
            .map(|&(id, _)| Origin::of(pool.solvable(id), ecosystem.source_name(pool.solvable(id))))
            .collect(),
        epoch,
        plan,
        scriptlets: installed.scriptlets,
        unsigned: packages.iter().filter(|package| !ecosystem.is_signed(package)).map(|package| ecosystem.id(package)).collect(),
    })
}
