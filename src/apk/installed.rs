//! What a root has installed and was asked to have: its database and its world, as the choice of packages wants them.
//!
//! In: the bytes of the files. Out: [`Installed`], which goes into a pool. The database itself is read by `apk::database`; nothing is
//! checked against the root, and nothing written.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use super::database::{DatabaseError, Record, read_installed};
use super::dependency::{Constraint, ConstraintError, read_world};
use super::index::Fields;
use crate::ecosystem::{Reach, RootDirectory, RootFiles};
use crate::metadata::IndexError;
use crate::pool::{PoolBuilder, RepoId, SolvableId};

/// Where the database and the world are, within a root.
pub const DATABASE: &str = "lib/apk/db/installed";
/// Where the database is in roots whose `/lib` is a link (apk 3).
pub const MERGED_DATABASE: &str = "usr/lib/apk/db/installed";
/// What was asked for.
pub const WORLD: &str = "etc/apk/world";
/// The architectures of the root.
pub const ARCH: &str = "etc/apk/arch";

/// Why the database of a root cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InstalledError {
    /// It is not what it should be.
    #[error("{path}: {error}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: DatabaseError,
    },
    /// Its world is not what it should be.
    #[error("{path}: {error}")]
    World {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: ConstraintError,
    },
    /// It cannot be read.
    #[error("cannot read {path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// What is installed.
#[derive(Clone, Debug, Default)]
pub struct Installed {
    /// The packages, in the order of the database; without their scripts.
    pub packages: Vec<Record>,
    /// What was asked for.
    pub world: Vec<Constraint>,
    /// The architectures that the root takes, the first its own; none where it does not say.
    pub arches: Vec<String>,
    /// What can be had where the network may not be used.
    pub reach: Reach,
}

impl Installed {
    /// Reads a database.
    pub fn read(bytes: &[u8]) -> Result<Self, DatabaseError> {
        Ok(Self { packages: read_installed(bytes)?, ..Self::default() })
    }

    /// Reads what a root (a directory) or a database (a file) says. A root without a database has nothing installed.
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

    /// Reads what a root says, wherever its files are; `place` is what errors call it.
    pub fn of(root: &dyn RootFiles, place: &Path) -> Result<Self, InstalledError> {
        let text = |path: &str| root.read_text(path).map_err(|error| InstalledError::Io { path: place.join(path), error });
        let mut installed = Self::database_of(root, place)?.unwrap_or_default();
        let malformed = |error| InstalledError::World { path: place.join(WORLD), error };
        installed.world = read_world(&text(WORLD)?).map_err(malformed)?;
        installed.arches = text(ARCH)?.split_ascii_whitespace().map(str::to_owned).collect();
        Ok(installed)
    }

    /// Reads the packages alone; `None` where the root has no database.
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

    /// Whether a root has a database.
    pub fn is_in(root: &Path) -> bool {
        [DATABASE, MERGED_DATABASE].iter().any(|path| root.join(path).is_file())
    }

    /// Puts the packages into the pool that is being built, in a repository of what is installed.
    pub fn intern(&self, builder: &mut PoolBuilder, repo: RepoId) -> Result<(), IndexError> {
        self.packages.iter().try_for_each(|package| intern(package, None, builder, repo).map(drop))
    }

    /// Of each package that was installed by a tag its name and the tag, as a request wants them.
    pub fn tags(&self) -> std::collections::BTreeMap<String, String> {
        let tagged = self.packages.iter().filter_map(|package| Some((package.info.name.clone(), package.tag.clone()?)));
        tagged.collect()
    }

    /// The packages that the database calls broken.
    pub fn broken(&self) -> Vec<String> {
        self.packages.iter().filter(|package| package.is_broken()).map(|package| package.info.name.clone()).collect()
    }

    /// The package that the package manager belongs to: whose `/proc/self/exe` it would be, or else `/sbin/apk`.
    pub fn package_manager(&self) -> Option<&str> {
        let paths = ["proc/self/exe", "sbin/apk", "usr/sbin/apk", "usr/bin/apk"];
        let owner = |path: &&str| self.packages.iter().find(|package| package.has_file(path.as_bytes()));
        let found = paths.iter().find_map(owner);
        let found = found.or_else(|| self.packages.iter().find(|package| package.info.name == "apk-tools"));
        found.map(|package| package.info.name.as_str())
    }
}

/// Puts a package into a repository of the pool that is being built, by what its record says. It is at `location`, or where an index
/// would have it.
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
