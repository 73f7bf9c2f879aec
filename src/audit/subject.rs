//! The subject of an audit: a set of packages, read from any kind of source.
//!
//! The command line opens a subject with `cli::subject::open(place, wanted, …)`. The source is one
//! of these:
//!
//! - a root directory,
//! - a tar archive,
//! - an image layout (a directory or a tar),
//! - an archive of `docker save`,
//! - a lock file,
//! - a report or plan in JSON.
//!
//! Without a source, the command line resolves a request. A program opens a root, a tree or an
//! image with the functions below. A subject has these parts:
//!
//! - [`Subject::packages`] are the packages, sorted by id. Those of roots and images have all
//!   facts, including their files. Those of locks, reports and requests have the facts stated there
//!   (no files, no signatures).
//! - [`Subject::requested`] are the ids of the packages that the user requested, if known: from
//!   apk's world, a lock, a report or a request. rpm's database does not record them.
//! - [`Subject::tree`] are the files. Archives and images always have them. A directory has them if
//!   they were wanted, and contents stay on disk until they are read. Other sources never have
//!   them.
//! - [`Subject::set`] is a pool with all dependencies of the packages, if it was wanted;
//!   `set.members[i]` is the id of `packages[i]`. For a root, the pool contains the installed
//!   packages only, unless repositories were named too. For locks, reports and requests, it
//!   contains all packages of the repositories.
//! - [`Subject::release`], [`Subject::arch`] and [`Subject::packaging`] identify the platform.

use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::release::Release;
use crate::catalog::Packaging;
use crate::digest::Digest;
use crate::ecosystem::{Ecosystem, Identity, InstalledError, InventoryError, RootFiles};
use crate::output::oci::{Found, FoundKind};
use crate::package::{PackageFacts, main_arch};
use crate::pool::{Architectures, Pool, PoolBuilder, PoolError, Solvable, SolvableId};
use crate::transaction::plan::{self, Plan, PlannedPackage};
use crate::tree::Tree;

/// The source of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectKind {
    /// A root file system in a directory.
    Root,
    /// An archive of a root file system.
    Archive,
    /// An OCI image, in a directory or an archive.
    Image,
    /// An archive in the format of `docker save`.
    Docker,
    /// A lock file.
    Lock,
    /// A report, or a plan of `resolve`, in JSON.
    Report,
    /// A request that was resolved.
    Request,
}

impl SubjectKind {
    /// Reports whether subjects of this kind contain the files of their packages.
    pub fn lists_files(self) -> bool {
        matches!(self, Self::Root | Self::Archive | Self::Image | Self::Docker)
    }

    /// Returns the name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Archive => "archive",
            Self::Image => "image",
            Self::Docker => "docker-archive",
            Self::Lock => "lock",
            Self::Report => "report",
            Self::Request => "request",
        }
    }
}

/// A set of packages.
#[derive(Debug)]
pub struct Subject {
    /// Name: the source as the user named it, or the request.
    pub name: String,
    /// Kind of source.
    pub kind: SubjectKind,
    /// Kind of packages.
    pub packaging: Packaging,
    /// Architecture in the spelling of the distribution, if known.
    pub arch: Option<String>,
    /// Distribution and release.
    pub release: Option<Release>,
    /// The packages, sorted by id.
    pub packages: Vec<PackageFacts>,
    /// Ids of the requested packages, sorted; `None` if unknown.
    pub requested: Option<Vec<String>>,
    /// Files.
    pub tree: Option<Arc<Tree>>,
    /// Packages with their dependencies.
    pub set: Option<Set>,
    /// Sources of the package files, by package id; known for locks, reports and requests.
    pub origins: FxHashMap<String, Origin>,
}

/// The source of a package file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The repository.
    pub repository: String,
    /// Path of the file, relative to the repository.
    pub location: String,
    /// Digest of the whole file, if known.
    pub checksum: Option<Digest>,
    /// Size of the file in bytes.
    pub size: u64,
}

/// Packages in a pool, with their dependencies.
#[derive(Debug)]
pub struct Set {
    /// The pool, which may contain further packages.
    pub pool: Pool,
    /// The id of each of [`Subject::packages`] in the pool, in the same order. `None` for a package
    /// that the pool lacks: rpm's database lists imported keys, which are not packages.
    pub members: Vec<Option<SolvableId>>,
}

/// The reason why a subject cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    /// The package database cannot be read.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// The packages cannot be added to a pool.
    #[error(transparent)]
    Installed(#[from] InstalledError),
    /// There are more packages than a pool can contain.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A file of the root cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// Path of the file within the root.
        path: String,
        /// The error of the system.
        error: std::io::Error,
    },
}

impl Subject {
    /// Returns the id of a package in the pool of the set, by the package's index.
    pub fn member(&self, index: usize) -> Option<SolvableId> {
        self.set.as_ref().and_then(|set| set.members.get(index).copied().flatten())
    }

    /// Returns the packages that are in the pool, with their ids.
    pub fn members(&self) -> impl Iterator<Item = (&PackageFacts, SolvableId)> {
        let ids = self.set.iter().flat_map(|set| set.members.iter());
        self.packages.iter().zip(ids).filter_map(|(package, id)| Some((package, (*id)?)))
    }

    /// Sets a pool that contains the packages; `chosen` are their ids.
    pub fn set_of<E: Ecosystem>(&mut self, ecosystem: &E, pool: Pool, chosen: impl IntoIterator<Item = SolvableId>) {
        let by_id: FxHashMap<String, SolvableId> =
            chosen.into_iter().map(|id| (ecosystem.identity(pool.solvable(id)).id, id)).collect();
        let members: Vec<Option<SolvableId>> = self.packages.iter().map(|package| by_id.get(&package.id).copied()).collect();
        for (package, id) in self.packages.iter_mut().zip(&members) {
            let Some(known) = id.map(|id| pool.solvable(id)) else { continue };
            let told = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            package.license = package.license.take().or_else(|| told(known.license()));
            package.source = package.source.take().or_else(|| told(known.source()));
            package.vendor = package.vendor.take().or_else(|| told(known.vendor()));
            package.build_time = package.build_time.or(Some(known.build_time()).filter(|&time| time > 0));
        }
        self.set = Some(Set { pool, members });
    }
}

/// Returns the subject of the packages that a plan installs.
pub fn of_plan(packaging: Packaging, kind: SubjectKind, name: &str, plan: &Plan) -> Subject {
    let mut packages: Vec<PackageFacts> = plan.install.iter().map(planned).collect();
    packages.sort_by(|a, b| a.id.cmp(&b.id));
    let asked = plan.install.iter().filter(|package| package.reason == plan::Reason::Requested);
    let mut requested: Vec<String> = asked.map(|package| package.id.clone()).collect();
    requested.sort_unstable();
    let origin = |package: &PlannedPackage| {
        let origin = Origin {
            repository: package.repo.clone(),
            location: package.location.clone(),
            checksum: package.checksum.as_deref().and_then(Digest::parse),
            size: package.size,
        };
        (package.id.clone(), origin)
    };
    Subject {
        name: name.to_owned(),
        kind,
        packaging,
        arch: Some(plan.arch.clone()),
        release: None,
        packages,
        requested: Some(requested),
        tree: None,
        set: None,
        origins: plan.install.iter().map(origin).collect(),
    }
}

/// Returns the facts of a package that a pool contains.
pub fn facts_of<E: Ecosystem>(ecosystem: &E, package: Solvable<'_>) -> PackageFacts {
    let told = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let Identity { id, epoch, version, release } = ecosystem.identity(package);
    PackageFacts {
        id,
        name: package.name().to_owned(),
        epoch,
        version,
        release,
        arch: told(package.arch()),
        summary: None,
        description: None,
        license: told(package.license()),
        vendor: told(package.vendor()),
        url: None,
        source: told(package.source()),
        module: None,
        build_time: Some(package.build_time()).filter(|&time| time > 0),
        install_time: None,
        installed_size: package.installed_size(),
        signatures: Vec::new(),
        files: Vec::new(),
    }
}

fn planned(package: &PlannedPackage) -> PackageFacts {
    PackageFacts {
        id: package.id.clone(),
        name: package.name.clone(),
        epoch: package.epoch,
        version: package.version.clone(),
        release: package.release.clone(),
        arch: Some(package.arch.clone()),
        installed_size: package.installed_size,
        ..PackageFacts::default()
    }
}

/// Returns the subject of a root, or `None` if the root has no database of this ecosystem. With
/// `dependencies`, the subject has a [`Set`] of the installed packages.
pub fn of_root<E: Ecosystem>(
    ecosystem: &E,
    packaging: Packaging,
    name: &str,
    root: &dyn RootFiles,
    dependencies: bool,
) -> Result<Option<Subject>, SubjectError> {
    let Some(mut packages) = ecosystem.inventory(root)? else { return Ok(None) };
    packages.sort_by(|a, b| a.id.cmp(&b.id));
    let mut release = None;
    for path in Release::FILES {
        let text = root.read_text(path).map_err(|error| SubjectError::Read { path: path.to_owned(), error })?;
        release = release.or_else(|| Release::parse(&text));
    }
    let arch = main_arch(&packages);
    let mut subject = Subject {
        name: name.to_owned(),
        kind: SubjectKind::Root,
        packaging,
        arch,
        release,
        packages,
        requested: None,
        tree: None,
        set: None,
        origins: FxHashMap::default(),
    };
    let mut builder = PoolBuilder::new();
    let state = ecosystem.read_installed_of(root, name, &mut builder)?;
    // Installed packages are accepted, whatever their architecture.
    let pool = builder.build(ecosystem.version_scheme(), &Architectures::any())?;
    subject.requested = ecosystem.requested(&state, &pool).map(|ids| {
        let mut ids: Vec<String> = ids.into_iter().map(|id| ecosystem.identity(pool.solvable(id)).id).collect();
        ids.sort_unstable();
        ids
    });
    if dependencies {
        let installed: Vec<SolvableId> = pool.installed_solvables().map(Solvable::id).collect();
        subject.set_of(ecosystem, pool, installed);
    }
    Ok(Some(subject))
}

/// Returns the subject of a tree, like [`of_root`]. The subject keeps a reference to the tree.
pub fn of_tree<E: Ecosystem>(
    ecosystem: &E,
    packaging: Packaging,
    name: &str,
    tree: &Arc<Tree>,
    dependencies: bool,
) -> Result<Option<Subject>, SubjectError> {
    let mut subject = of_root(ecosystem, packaging, name, &**tree, dependencies)?;
    if let Some(subject) = &mut subject {
        subject.tree = Some(Arc::clone(tree));
    }
    Ok(subject)
}

/// Returns the subject of an archive or an image, like [`of_tree`].
pub fn of_image<E: Ecosystem>(
    ecosystem: &E,
    packaging: Packaging,
    name: &Path,
    found: &(FoundKind, Arc<Tree>),
    dependencies: bool,
) -> Result<Option<Subject>, SubjectError> {
    let mut subject = of_tree(ecosystem, packaging, &name.to_string_lossy(), &found.1, dependencies)?;
    if let Some(subject) = &mut subject {
        subject.kind = match found.0 {
            FoundKind::Archive => SubjectKind::Archive,
            FoundKind::Image => SubjectKind::Image,
            FoundKind::Docker => SubjectKind::Docker,
        };
    }
    Ok(subject)
}

impl From<Found> for (FoundKind, Arc<Tree>) {
    fn from(found: Found) -> Self {
        (found.kind, Arc::new(found.tree))
    }
}
