//! Reader of installed packages and package files into the pool.
//!
//! Input: headers, which may be damaged or hostile. Output: packages in a [`PoolBuilder`], with the
//! same dependencies as in rpm-md.

use std::path::Path;

use super::database::{self, DatabaseError};
use super::dependency;
use super::files::{self, FilesError};
use super::groups::Groups;
use super::header::Header;
use super::modules::Modules;
use super::selection::Settled;
use super::tag::Tag;
use crate::ecosystem::{InstalledError, RootDirectory, RootFiles};
use crate::pool::{Architectures, Kind, Op, Package, PoolBuilder, RepoId};

/// Name of the repository of installed packages, as in dnf.
pub const REPOSITORY: &str = "@System";

/// The three tags for a kind of dependency.
struct Tags {
    kind: Kind,
    name: Tag,
    flags: Tag,
    version: Tag,
}

const LISTS: [Tags; 8] = [
    Tags { kind: Kind::Provides, name: Tag::PROVIDE_NAME, flags: Tag::PROVIDE_FLAGS, version: Tag::PROVIDE_VERSION },
    Tags { kind: Kind::Requires, name: Tag::REQUIRE_NAME, flags: Tag::REQUIRE_FLAGS, version: Tag::REQUIRE_VERSION },
    Tags { kind: Kind::Conflicts, name: Tag::CONFLICT_NAME, flags: Tag::CONFLICT_FLAGS, version: Tag::CONFLICT_VERSION },
    Tags { kind: Kind::Obsoletes, name: Tag::OBSOLETE_NAME, flags: Tag::OBSOLETE_FLAGS, version: Tag::OBSOLETE_VERSION },
    Tags { kind: Kind::Recommends, name: Tag::RECOMMEND_NAME, flags: Tag::RECOMMEND_FLAGS, version: Tag::RECOMMEND_VERSION },
    Tags { kind: Kind::Suggests, name: Tag::SUGGEST_NAME, flags: Tag::SUGGEST_FLAGS, version: Tag::SUGGEST_VERSION },
    Tags { kind: Kind::Supplements, name: Tag::SUPPLEMENT_NAME, flags: Tag::SUPPLEMENT_FLAGS, version: Tag::SUPPLEMENT_VERSION },
    Tags { kind: Kind::Enhances, name: Tag::ENHANCE_NAME, flags: Tag::ENHANCE_FLAGS, version: Tag::ENHANCE_VERSION },
];

/// Flags of requirements that must be met before the installation: `RPMSENSE_PREREQ`,
/// `_SCRIPT_PRE`, `_SCRIPT_POST` (rpmds.h).
const BEFORE: u32 = 1 << 6 | 1 << 9 | 1 << 10;

/// An error in a header.
#[derive(Debug, thiserror::Error)]
pub enum HeaderProblem {
    /// A mandatory tag is missing.
    #[error("a package without a {0}")]
    Without(&'static str),
    /// Lists that belong together have different lengths.
    #[error("{package}: its lists of {kind:?} are not of one length")]
    Lengths {
        /// The package.
        package: String,
        /// The kind of dependencies.
        kind: Kind,
    },
    /// The data of its files contradict each other.
    #[error("{package}: {problem}")]
    Files {
        /// The package.
        package: String,
        /// The error.
        problem: FilesError,
    },
}

/// The data that affect a selection besides the packages: from a root's records and from
/// repositories.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The architecture of the machine.
    pub arch: String,
    /// The architectures that the machine can run.
    pub architectures: Architectures,
    /// The modules of the repositories.
    pub modules: Modules,
    /// The groups of the repositories.
    pub groups: Groups,
    /// The active modules, and the packages that they hide.
    pub settled: Settled,
    /// Names of the packages that the user requested; `None` if unknown, in which case every
    /// package counts as requested.
    pub user_installed: Option<Vec<String>>,
}

/// Reads the database of a root into the repository of installed packages.
pub fn read(root: &Path, builder: &mut PoolBuilder) -> Result<State, InstalledError> {
    let place = root.display().to_string();
    let handle = RootDirectory::open(root).map_err(|error| InstalledError { place: place.clone(), problem: error.into() })?;
    read_of(&handle, &place, builder)
}

/// Reads the database from any kind of [`RootFiles`]. Errors name the root by `place`.
pub fn read_of(root: &dyn RootFiles, place: &str, builder: &mut PoolBuilder) -> Result<State, InstalledError> {
    let failed = |problem| InstalledError { place: place.to_owned(), problem };
    let installed = match database::read_of(root, place) {
        Ok(installed) => installed.headers,
        // A root without a database has no packages.
        Err(DatabaseError::Absent(_)) => Vec::new(),
        Err(error) => return Err(failed(error.into())),
    };
    let repo = builder.add_installed_repo(REPOSITORY);
    for (_, header) in &installed {
        // Imported keys are headers too, but without an architecture.
        if header.has(Tag::ARCH) {
            add(header, repo, builder).map_err(|problem| failed(problem.into()))?;
        }
    }
    Ok(State::default())
}

/// Adds the package of a header.
pub fn add(header: &Header, repo: RepoId, builder: &mut PoolBuilder) -> Result<(), HeaderProblem> {
    add_file(header, repo, builder, Package::default())
}

/// Adds the package of a header, with the location and the other data in `file`.
pub fn add_file(header: &Header, repo: RepoId, builder: &mut PoolBuilder, file: Package<'_>) -> Result<(), HeaderProblem> {
    let name = header.text(Tag::NAME).ok_or(HeaderProblem::Without("name"))?;
    let version = header.text(Tag::VERSION).ok_or(HeaderProblem::Without("version"))?;
    let release = header.text(Tag::RELEASE).ok_or(HeaderProblem::Without("release"))?;
    let epoch = header.u32(Tag::EPOCH).filter(|&epoch| epoch != 0).map(|epoch| format!("{epoch}:")).unwrap_or_default();
    for tags in &LISTS {
        add_list(header, tags, name, builder)?;
    }
    let files = files::files(header).map_err(|problem| HeaderProblem::Files { package: name.to_owned(), problem })?;
    for file in files {
        let path = builder.intern(&String::from_utf8_lossy(&file.path));
        builder.add_file(path);
    }
    let mut text = |tag| header.text(tag).map(|text| builder.intern(text)).unwrap_or_default();
    let package = Package {
        arch: text(Tag::ARCH),
        vendor: text(Tag::VENDOR),
        source: text(Tag::SOURCE_RPM),
        license: text(Tag::LICENSE),
        installed_size: header.size(Tag::SIZE, Tag::LONG_SIZE).unwrap_or(0),
        build_time: header.u32(Tag::BUILD_TIME).map_or(0, i64::from),
        name: builder.intern(name),
        version: builder.intern(&format!("{epoch}{version}-{release}")),
        ..file
    };
    builder.finish_package(repo, package);
    Ok(())
}

fn add_list(header: &Header, tags: &Tags, package: &str, builder: &mut PoolBuilder) -> Result<(), HeaderProblem> {
    let lengths = || HeaderProblem::Lengths { package: package.to_owned(), kind: tags.kind };
    let (mut flags, mut versions) = (header.u32s(tags.flags), header.strings(tags.version));
    for name in header.strings(tags.name) {
        let (flags, version) = (flags.next().ok_or_else(lengths)?, versions.next().ok_or_else(lengths)?);
        let (name, version) = (String::from_utf8_lossy(name), String::from_utf8_lossy(version));
        let op = dependency::op_of_sense(flags);
        let dependency = match name.starts_with('(').then(|| dependency::intern(builder, &name)) {
            Some(Ok(rich)) => rich,
            _ if op.is_any() || version.is_empty() => builder.dependency(&name, Op::ANY, ""),
            _ => builder.dependency(&name, op, version.strip_prefix("0:").unwrap_or(&version)),
        };
        let kind = if tags.kind == Kind::Requires && flags & BEFORE != 0 { Kind::PreRequires } else { tags.kind };
        builder.add_dependency(kind, dependency);
    }
    Ok(())
}
