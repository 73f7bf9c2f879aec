//! The state of a root that the resolver needs: installed packages, world and architectures.
//!
//! In: the bytes of the files. Out: [`Installed`], which goes into a pool. `apk::database` parses
//! the database itself. This module neither compares the records with the files of the root nor
//! writes anything.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use super::database::{DatabaseError, Record, read_installed};
use super::dependency::{Constraint, ConstraintError, read_world};
use super::index::Fields;
use crate::ecosystem::{Reach, RootDirectory, RootFiles};
use crate::metadata::IndexError;
use crate::pool::{PoolBuilder, RepoId, SolvableId};

/// Path of the installed database within a root. The world and the architectures have paths of
/// their own.
pub const DATABASE: &str = "lib/apk/db/installed";
/// Path of the installed database in roots whose `/lib` is a symbolic link (apk 3).
pub const MERGED_DATABASE: &str = "usr/lib/apk/db/installed";
/// Path of the world file: the constraints that the user asked for.
pub const WORLD: &str = "etc/apk/world";
/// Path of the file with the root's architectures.
pub const ARCH: &str = "etc/apk/arch";

/// An error that prevents reading the installed database of a root.
#[derive(Debug, thiserror::Error)]
pub enum InstalledError {
    /// The database is malformed.
    #[error("{path}: {error}")]
    Malformed {
        /// The path of the database.
        path: PathBuf,
        /// The parse error.
        error: DatabaseError,
    },
    /// The world file is malformed.
    #[error("{path}: {error}")]
    World {
        /// The path of the world file.
        path: PathBuf,
        /// The parse error.
        error: ConstraintError,
    },
    /// A file cannot be read.
    #[error("cannot read {path}: {error}")]
    Io {
        /// The path of the file.
        path: PathBuf,
        /// The I/O error.
        error: std::io::Error,
    },
}

/// The installed packages of a root, its world and its architectures.
#[derive(Clone, Debug, Default)]
pub struct Installed {
    /// The installed packages in the order of the database, without their scripts.
    pub packages: Vec<Record>,
    /// The constraints of the world file.
    pub world: Vec<Constraint>,
    /// The architectures that the root accepts, its own first. Empty if the root names none.
    pub arches: Vec<String>,
    /// The packages that are available without the network.
    pub reach: Reach,
}

impl Installed {
    /// Parses the bytes of an installed database.
    pub fn read(bytes: &[u8]) -> Result<Self, DatabaseError> {
        Ok(Self { packages: read_installed(bytes)?, ..Self::default() })
    }

    /// Reads a root (if `path` is a directory) or a database (if it is a file). A root without a
    /// database has no installed packages.
    pub fn open(path: &Path) -> Result<Self, InstalledError> {
        let failed = |error| InstalledError::Io { path: path.to_owned(), error };
        if path.is_dir() {
            return Self::of(&RootDirectory::open(path).map_err(failed)?, path);
        }
        match std::fs::read(path) {
            Ok(bytes) => Self::read(&bytes).map_err(|error| InstalledError::Malformed { path: path.to_owned(), error }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(failed(error)),
        }
    }

    /// Reads the database, the world and the architectures of a root. Error messages call the root
    /// `place`.
    pub fn of(root: &dyn RootFiles, place: &Path) -> Result<Self, InstalledError> {
        let text = |path: &str| root.read_text(path).map_err(|error| InstalledError::Io { path: place.join(path), error });
        let mut installed = Self::database_of(root, place)?.unwrap_or_default();
        let malformed = |error| InstalledError::World { path: place.join(WORLD), error };
        installed.world = read_world(&text(WORLD)?).map_err(malformed)?;
        installed.arches = text(ARCH)?.split_ascii_whitespace().map(str::to_owned).collect();
        Ok(installed)
    }

    /// Reads only the database. Returns `None` if the root has no database.
    pub fn database_of(root: &dyn RootFiles, place: &Path) -> Result<Option<Self>, InstalledError> {
        for path in [DATABASE, MERGED_DATABASE] {
            let read = root.read(path).map_err(|error| InstalledError::Io { path: place.join(path), error })?;
            if let Some(bytes) = read {
                let malformed = |error| InstalledError::Malformed { path: place.join(path), error };
                return Self::read(&bytes).map(Some).map_err(malformed);
            }
        }
        Ok(None)
    }

    /// Reports whether a root has an installed database.
    pub fn is_in(root: &Path) -> bool {
        [DATABASE, MERGED_DATABASE].iter().any(|path| root.join(path).is_file())
    }

    /// Adds the installed packages to the repository `repo` of the pool under construction.
    pub fn intern(&self, builder: &mut PoolBuilder, repo: RepoId) -> Result<(), IndexError> {
        self.packages.iter().try_for_each(|package| intern(package, None, builder, repo).map(drop))
    }

    /// Returns name and repository tag of each package that was installed from a tagged repository.
    pub fn tags(&self) -> std::collections::BTreeMap<String, String> {
        let tagged = self.packages.iter().filter_map(|package| Some((package.info.name.clone(), package.tag.clone()?)));
        tagged.collect()
    }

    /// Returns the names of the packages that the database marks as broken.
    pub fn broken(&self) -> Vec<String> {
        self.packages.iter().filter(|package| package.is_broken()).map(|package| package.info.name.clone()).collect()
    }

    /// Returns the package that owns the package manager: the owner of `/proc/self/exe`, else of
    /// `/sbin/apk` or another usual path, else `apk-tools`.
    pub fn package_manager(&self) -> Option<&str> {
        let paths = ["proc/self/exe", "sbin/apk", "usr/sbin/apk", "usr/bin/apk"];
        let owner = |path: &&str| self.packages.iter().find(|package| package.has_file(path.as_bytes()));
        let found = paths.iter().find_map(owner);
        let found = found.or_else(|| self.packages.iter().find(|package| package.info.name == "apk-tools"));
        found.map(|package| package.info.name.as_str())
    }
}

/// Adds a package to a repository of the pool under construction, from the fields of its record.
/// `location` is the location of its file; `None` stands for the location that an index implies.
pub(super) fn intern(
    package: &Record,
    location: Option<&str>,
    builder: &mut PoolBuilder,
    repo: RepoId,
) -> Result<SolvableId, IndexError> {
    let malformed = |what| IndexError::Malformed { offset: 0, what: format!("{}: {what}", package.info.name) };
    let mut fields = Fields::default();
    for (letter, value) in package.fields() {
        fields.take(letter, value.as_bytes(), builder).map_err(malformed)?;
    }
    if let Some(location) = location {
        fields.set_location(location, builder);
    }
    fields.finish(builder, repo).map_err(malformed)
}
