//! The errors of ecosystems.

use std::error::Error;
use std::fmt;

use crate::digest::Digest;

/// A key that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{name} is not a usable key: {problem}")]
pub struct KeyError {
    /// The file of the key, and the position of the key in it if the file has several.
    pub name: String,
    /// Description of the error.
    pub problem: String,
}

/// The reason why a package file is refused.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The package does not match its digests or signatures.
    #[error(transparent)]
    Unverified(Box<dyn Error + Send + Sync>),
    /// The package has no signature.
    #[error(transparent)]
    Unsigned(Box<dyn Error + Send + Sync>),
    /// No trusted key signed the package.
    #[error(transparent)]
    Untrusted(Box<dyn Error + Send + Sync>),
    /// The package is valid and trusted, but this program cannot install it, or its repository does
    /// not permit it.
    #[error("{problem}")]
    NotInstallable {
        /// Description of the error.
        problem: Box<dyn Error + Send + Sync>,
        /// Suggestion for the user.
        hint: &'static str,
    },
    /// The package cannot be read, or its payload cannot be stored.
    #[error(transparent)]
    Io(std::io::Error),
}

impl PackageError {
    /// Reports whether the verification of the package failed.
    pub fn is_verification(&self) -> bool {
        !matches!(self, Self::Io(_) | Self::NotInstallable { .. })
    }
}

/// The reason why the facts of packages cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(std::io::Error),
    /// A part of the package does not match its digest in the package.
    #[error("the {covered} is not what the package promises: expected {expected}, found {found}")]
    Changed {
        /// Name of the part.
        covered: String,
        /// Digest in the package.
        expected: Digest,
        /// Digest of the part.
        found: Digest,
    },
    /// The package is damaged.
    #[error(transparent)]
    Damaged(Box<dyn Error + Send + Sync>),
    /// The package contradicts itself, or the database is damaged.
    #[error(transparent)]
    Broken(Box<dyn Error + Send + Sync>),
}

/// The error of reading installed packages.
#[derive(Debug, thiserror::Error)]
#[error("cannot read what is installed in {place}: {problem}")]
pub struct InstalledError {
    /// The root, or the file that lists packages.
    pub place: String,
    /// Description of the error.
    pub problem: Box<dyn Error + Send + Sync>,
}

/// Two different files with the same path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileConflict {
    /// The path of the second file.
    pub path: String,
    /// The path of the first file, if it differs: through a link to a directory, both paths are the
    /// same.
    pub other_path: Option<String>,
    /// The package that was installed first.
    pub first: String,
    /// The package that was installed second; the same as `first` if one package contains both
    /// files.
    pub second: String,
    /// The aspect that differs: type, mode, owner, content, target.
    pub difference: &'static str,
}

impl FileConflict {
    /// Reports whether both files belong to one package.
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

/// The reason why packages cannot be installed into a tree.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Two different files have the same path.
    #[error(transparent)]
    FileConflict(#[from] FileConflict),
    /// A path cannot be created in the tree.
    #[error("{package}: cannot install {path}: {problem}")]
    Path {
        /// Id of the package.
        package: String,
        /// Path.
        path: String,
        /// Description of the error.
        problem: String,
    },
    /// A scriptlet failed, and the ecosystem treats this as a failure of the package.
    #[error("{scriptlet} of {package} failed: {problem}")]
    Scriptlet {
        /// Id of the package.
        package: String,
        /// Name of the scriptlet.
        scriptlet: String,
        /// Description of the error.
        problem: String,
    },
    /// The package database cannot be created.
    #[error("cannot make the package database: {0}")]
    Database(Box<dyn Error + Send + Sync>),
    /// The ecosystem cannot change existing roots.
    #[error("{0}")]
    Unsupported(&'static str),
    /// A native finishing job failed.
    #[error("{job}: {problem}")]
    Finish {
        /// Name of the job: `ldconfig`.
        job: String,
        /// Description of the error.
        problem: String,
    },
    /// The run was cancelled.
    #[error("interrupted")]
    Interrupted,
}
