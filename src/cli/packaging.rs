//! Selection of the ecosystem. No other file of the command line names the ecosystems.

use std::ffi::OsStr;
use std::path::Path;

use super::arguments::{Kind, RequestArguments};
use super::configured::is_of;
use crate::apk::Apk;
use crate::catalog::Packaging;
use crate::ecosystem::{
    ConfigurationError, ConfiguredRepository, Ecosystem, InventoryError, RootDirectory, RootSources, Variables,
};
use crate::repo::Repository;
use crate::rpm::Rpm;
use crate::transaction::plan::Plan;

/// All packagings, in the order in which they are tried.
pub(super) const ALL: [Packaging; 2] = [Packaging::Rpm, Packaging::Apk];

/// An operation that works with any ecosystem.
pub(super) trait Job {
    /// The result of the operation.
    type Output;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output;
}

/// Runs a job with the ecosystem of a packaging.
pub(super) fn run_with<J: Job>(packaging: Packaging, job: J) -> J::Output {
    match packaging {
        Packaging::Rpm => job.run(&Rpm),
        Packaging::Apk => job.run(&Apk),
    }
}

/// The operation that returns the name of a repository's root document.
struct RootDocument;

impl Job for RootDocument {
    type Output = &'static str;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> &'static str {
        ecosystem.metadata().root_document()
    }
}

/// Returns the name of the root document of a packaging's repositories.
pub(super) fn root_document(packaging: Packaging) -> &'static str {
    run_with(packaging, RootDocument)
}

/// The operation that checks whether a file of this name configures repositories.
struct Configures<'a>(&'a str);

impl Job for Configures<'_> {
    type Output = bool;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> bool {
        ecosystem.configures(self.0)
    }
}

/// Reports whether a file configures repositories of a packaging, judging by its name.
pub(super) fn configures(packaging: Packaging, path: &Path) -> bool {
    path.file_name().and_then(OsStr::to_str).is_some_and(|name| run_with(packaging, Configures(name)))
}

/// The operation that reads the repositories of a configuration file.
pub(super) struct Configured<'a> {
    pub text: &'a str,
    pub variables: &'a Variables,
}

impl Job for Configured<'_> {
    type Output = Result<Vec<ConfiguredRepository>, ConfigurationError>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output {
        ecosystem.configured(self.text, self.variables)
    }
}

/// The operation that adds the variables that follow from others.
pub(super) struct Completed(pub Variables);

impl Job for Completed {
    type Output = Variables;

    fn run<E: Ecosystem>(mut self, ecosystem: &E) -> Variables {
        ecosystem.complete_variables(&mut self.0);
        self.0
    }
}

/// The operation that reads a root's package sources.
struct Sources<'a>(&'a Path);

impl Job for Sources<'_> {
    type Output = Result<Option<RootSources>, InventoryError>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output {
        ecosystem.sources(self.0)
    }
}

/// Returns the package sources that a root configures, and their packaging. Returns `None` if the
/// root configures none.
pub(super) fn sources(root: &Path, kind: Option<Kind>) -> Result<Option<(Packaging, RootSources)>, InventoryError> {
    for packaging in ALL.into_iter().filter(|&packaging| kind.is_none_or(|kind| of(kind) == packaging)) {
        if let Some(sources) = run_with(packaging, Sources(root))? {
            return Ok(Some((packaging, sources)));
        }
    }
    Ok(None)
}

/// The operation that checks whether a spec names a package file.
struct NamesAFile<'a>(&'a str);

impl Job for NamesAFile<'_> {
    type Output = bool;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> bool {
        ecosystem.is_file(self.0)
    }
}

/// Reports whether a spec names a package file of any kind.
pub(super) fn names_a_file(spec: &str) -> bool {
    ALL.into_iter().any(|packaging| run_with(packaging, NamesAFile(spec)))
}

/// The operation that reads the architecture of a root.
struct RootArch<'a>(&'a RootDirectory);

impl Job for RootArch<'_> {
    type Output = Result<Option<String>, InventoryError>;

    fn run<E: Ecosystem>(self, ecosystem: &E) -> Self::Output {
        ecosystem.root_arch(self.0)
    }
}

/// Returns the architecture of a root, or `None` if nothing states it. Errors in the root are left
/// to the code that reads its packages.
pub(super) fn root_arch(root: &Path, kind: Option<Kind>) -> Option<String> {
    let directory = RootDirectory::open(root).ok()?;
    let kinds = ALL.into_iter().filter(|&packaging| kind.is_none_or(|kind| of(kind) == packaging));
    kinds.into_iter().find_map(|packaging| run_with(packaging, RootArch(&directory)).ok().flatten())
}

/// Returns the packaging of a plan: packages of rpm have releases.
pub(super) fn of_plan(plan: &Plan) -> Packaging {
    if plan.install.iter().any(|package| package.release.is_none()) { Packaging::Apk } else { Packaging::Rpm }
}

fn of(kind: Kind) -> Packaging {
    match kind {
        Kind::Rpm => Packaging::Rpm,
        Kind::Apk => Packaging::Apk,
    }
}

/// Returns the name of a packaging on the command line.
pub(super) fn kind_of(packaging: Packaging) -> Kind {
    match packaging {
        Packaging::Rpm => Kind::Rpm,
        Packaging::Apk => Kind::Apk,
    }
}

/// Returns the packaging if no distribution defines it: the option of the user, or else the
/// packaging found in the directories of the repositories.
pub(super) fn packaging(arguments: &RequestArguments) -> Packaging {
    let directories: Vec<_> = arguments
        .repo
        .iter()
        .filter_map(|text| Some(Repository::parse(text).ok()?.bases.first()?.path()?.to_path_buf()))
        .collect();
    let seen = |packaging: &Packaging| directories.iter().any(|directory| directory.join(root_document(*packaging)).exists());
    let told = |packaging: &Packaging| arguments.repo.iter().any(|text| is_of(*packaging, text));
    match arguments.kind {
        Some(kind) => of(kind),
        None => ALL.into_iter().find(told).or_else(|| ALL.into_iter().find(seen)).unwrap_or(Packaging::Rpm),
    }
}
