//! What an audit is about: one set of packages, whatever it was read from.
//!
//! The command line opens one with `cli::subject::open(place, wanted, …)`: of a root directory, a tar archive, an image layout (a directory or a tar),
//! an archive of `docker save`, a lock file, a report or plan in JSON, or of no place at all, which is a request that is solved now. A
//! program opens a root, a tree or an image by the functions below. Then
//!
//! * [`Subject::packages`] are the packages, sorted by id. Of roots and images they have all facts, their files among them; of locks, reports and
//!   requests what those tell (no files, no signatures).
//! * [`Subject::requested`] are the ids of the packages that were asked for, where anything says so: apk's world, a lock, a report, a request. rpm's
//!   database does not say.
//! * [`Subject::tree`] are the files themselves: of archives and images always, of a directory when they were wanted (contents stay on the
//!   disk until they are read), of the others never.
//! * [`Subject::set`] is a pool in which the packages have all their dependencies, when they were wanted; `set.members[i]` is
//!   `packages[i]` there. Of a root it holds the installed packages alone, unless repositories were named too; of locks, reports and requests all that
//!   the repositories have.
//! * [`Subject::release`], [`Subject::arch`] and [`Subject::packaging`] say what it is for.

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

/// What a subject was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectKind {
    /// A root file system in a directory.
    Root,
    /// An archive of one.
    Archive,
    /// An OCI image, in a directory or an archive.
    Image,
    /// An archive as `docker save` writes it.
    Docker,
    /// A lock file.
    Lock,
    /// A report, or a plan of `resolve`, in JSON.
    Report,
    /// A request that was solved.
    Request,
}

impl SubjectKind {
    /// Whether such a set tells the files of its packages.
    pub fn lists_files(self) -> bool {
        matches!(self, Self::Root | Self::Archive | Self::Image | Self::Docker)
    }

    /// As it is written in tables.
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
    /// What it is called: the place as it was named, or the request.
    pub name: String,
    /// What it was read from.
    pub kind: SubjectKind,
    /// Whose packages they are.
    pub packaging: Packaging,
    /// The architecture in the distribution's own words, as far as anything tells it.
    pub arch: Option<String>,
    /// The distribution and its release.
    pub release: Option<Release>,
    /// The packages, sorted by id.
    pub packages: Vec<PackageFacts>,
    /// The ids of those that were asked for, sorted; `None` where nothing tells.
    pub requested: Option<Vec<String>>,
    /// The files.
    pub tree: Option<Arc<Tree>>,
    /// The packages with their dependencies.
    pub set: Option<Set>,
    /// Where the packages' files are, by id: locks, reports and requests know.
    pub origins: FxHashMap<String, Origin>,
}

/// Where the file of a package is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The repository.
    pub repository: String,
    /// The file, relative to the repository.
    pub location: String,
    /// The digest of the whole file, where one is known.
    pub checksum: Option<Digest>,
    /// Bytes of the file.
    pub size: u64,
}

/// Packages of a pool, with their dependencies.
#[derive(Debug)]
pub struct Set {
    /// They, and what there is beside them.
    pub pool: Pool,
    /// For each of [`Subject::packages`], in their order, what it is in the pool; `None` for one that the pool does not have (keys that rpm
    /// imported are among the packages of its database, but are none).
    pub members: Vec<Option<SolvableId>>,
}

/// Why there is no subject.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    /// The database cannot be read.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
    /// The packages cannot be put into a pool.
    #[error(transparent)]
    Installed(#[from] InstalledError),
    /// There are more than a pool can hold.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A file of the root cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// The file within the root.
        path: String,
        /// The system's answer.
        error: std::io::Error,
    },
}

impl Subject {
    /// A package by its place among them, in the pool of the set.
    pub fn member(&self, index: usize) -> Option<SolvableId> {
        self.set.as_ref().and_then(|set| set.members.get(index).copied().flatten())
    }

    /// The packages of which a pool tells dependencies, and what they are there.
    pub fn members(&self) -> impl Iterator<Item = (&PackageFacts, SolvableId)> {
        let ids = self.set.iter().flat_map(|set| set.members.iter());
        self.packages.iter().zip(ids).filter_map(|(package, id)| Some((package, (*id)?)))
    }

    /// Takes a pool in which the packages are, `chosen` among others.
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

/// The packages that a plan installs.
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

/// What a pool tells of a package.
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

/// The packages of a root wherever its files are; `None` for one without a database of this ecosystem. With `dependencies` there is a
/// [`Set`] of what is installed.
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
    // Whatever is installed there fits there.
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

/// The same of a tree, which the subject keeps.
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

/// The same of what an archive or an image holds.
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
