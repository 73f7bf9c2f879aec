//! What an ecosystem fails with.

use std::error::Error;
use std::fmt;

use crate::digest::Digest;

/// A key that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{name} is not a usable key: {problem}")]
pub struct KeyError {
    /// The key's file, and its place there where the file has other keys.
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Why a package file is not used.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// It is not what its digests or signatures say.
    #[error(transparent)]
    Unverified(Box<dyn Error + Send + Sync>),
    /// Nobody signed it.
    #[error(transparent)]
    Unsigned(Box<dyn Error + Send + Sync>),
    /// Nobody trusted signed it.
    #[error(transparent)]
    Untrusted(Box<dyn Error + Send + Sync>),
    /// It is whole and trusted, but is not to be installed by this program, or from this repository.
    #[error("{problem}")]
    NotInstallable {
        /// Why not.
        problem: Box<dyn Error + Send + Sync>,
        /// What the user can do.
        hint: &'static str,
    },
    /// Its bytes could not be read, or its payload not be kept.
    #[error(transparent)]
    Io(std::io::Error),
}

impl PackageError {
    /// Whether it is not what was promised, or not from whom, rather than unreadable.
    pub fn is_verification(&self) -> bool {
        !matches!(self, Self::Io(_) | Self::NotInstallable { .. })
    }
}

/// Why the facts of packages cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(std::io::Error),
    /// A part of the package is not what its digest promises.
    #[error("the {covered} is not what the package promises: expected {expected}, found {found}")]
    Changed {
        /// The part.
        covered: String,
        /// As the package says.
        expected: Digest,
        /// As it is.
        found: Digest,
    },
    /// The package is damaged.
    #[error(transparent)]
    Damaged(Box<dyn Error + Send + Sync>),
    /// What it says contradicts itself, or the database is broken.
    #[error(transparent)]
    Broken(Box<dyn Error + Send + Sync>),
}

/// Why what is installed cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read what is installed in {place}: {problem}")]
pub struct InstalledError {
    /// The root, or the file that lists packages.
    pub place: String,
    /// What is wrong.
    pub problem: Box<dyn Error + Send + Sync>,
}

/// Two files that differ and belong to one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileConflict {
    /// The path of the second file.
    pub path: String,
    /// The path of the first file, where that is another one: a link to a directory makes them one place.
    pub other_path: Option<String>,
    /// The package that came first.
    pub first: String,
    /// The package that came second; the same one where a package disagrees with itself.
    pub second: String,
    /// The difference: type, mode, owner, content, target.
    pub difference: &'static str,
}

impl FileConflict {
    /// Whether both files belong to one package.
    pub fn is_within_one_package(&self) -> bool {
        self.first == self.second
    }
}

impl fmt::Display for FileConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, other_path, first, second, difference } = self;
        match other_path {
            None if first == second => write!(f, "{first} brings {path} twice")?,
            None => write!(f, "{first} and {second} both bring {path}")?,
            Some(other) if first == second => {
                write!(f, "{first} brings {other} and {path}, which are one path through a link to a directory")?;
            }
            Some(other) => {
                write!(f, "{first} brings {other} and {second} brings {path}, which are one path through a link to a directory")?;
            }
        }
        write!(f, ", and not the same ({difference})")
    }
}

impl Error for FileConflict {}

/// Why packages could not be installed into a tree.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Two files that differ belong to one place.
    #[error(transparent)]
    FileConflict(#[from] FileConflict),
    /// A path cannot be made in the tree.
    #[error("{package}: cannot install {path}: {problem}")]
    Path {
        /// The package.
        package: String,
        /// The path.
        path: String,
        /// Why not.
        problem: String,
    },
    /// A scriptlet failed whose failure the ecosystem takes for the package's.
    #[error("{scriptlet} of {package} failed: {problem}")]
    Scriptlet {
        /// The package.
        package: String,
        /// Which of its scriptlets.
        scriptlet: String,
        /// What it said.
        problem: String,
    },
    /// The database could not be made.
    #[error("cannot make the package database: {0}")]
    Database(Box<dyn Error + Send + Sync>),
    /// Roots of this kind cannot be changed.
    #[error("{0}")]
    Unsupported(&'static str),
    /// A native job failed.
    #[error("{job}: {problem}")]
    Finish {
        /// The job: `ldconfig`.
        job: String,
        /// What went wrong.
        problem: String,
    },
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
}
