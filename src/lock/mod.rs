//! Lock files: the exact packages of an image, with digests, for each architecture.
//!
//! In: a request and the packages that the resolver chose, or the text of a lock file. Out: a
//! [`Lock`], its text for review ([`Lock::to_toml`]), and the [`difference`](Difference) between
//! two locks. The module reads no repository, no package and no other file. It validates the text:
//! the lock must be complete, every name must be unique, and no path may lead out of its
//! repository.

mod difference;
mod reading;
#[cfg(test)]
mod tests;
mod writing;

use serde::{Deserialize, Serialize};

pub use difference::{Difference, PackageDifference, RepositoryDifference, differences};
pub use reading::{LockError, name_in_order};

use crate::catalog::{Database, ImageConfig, Langs, Naming, Step};
use crate::digest::Digest;

/// The version of the lock format. It is written and read.
///
/// Version 1 is only read. Its paths are relative to the directory in which it was written, and it
/// does not contain the decisions of the catalog.
pub const VERSION: u32 = 2;

/// A lock file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The version of the format in which the lock was read, or is to be written.
    pub version: u32,
    /// The request that the lock answers.
    pub request: LockedRequest,
    /// The architectures, sorted by name.
    pub architectures: Vec<LockedArchitecture>,
}

impl Lock {
    /// Returns the lock of an architecture.
    pub fn architecture(&self, name: &str) -> Option<&LockedArchitecture> {
        self.architectures.iter().find(|architecture| architecture.name == name)
    }
}

/// The request, in the terms of the command line. Options that the user did not give are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LockedRequest {
    /// The distribution.
    pub distro: Option<String>,
    /// The release.
    pub release: Option<String>,
    /// The variant.
    pub variant: Option<String>,
    /// The kind of packages, if no distribution determines it.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Mirrors that replace those of the distribution.
    pub mirrors: Vec<String>,
    /// Additional repositories: `NAME=URL|DIR[,priority=N]…`.
    pub repositories: Vec<String>,
    /// The user's own catalog files.
    pub catalogs: Vec<String>,
    /// Requested packages in addition to those of the variant.
    pub with: Vec<String>,
    /// Packages of the variant that are not requested.
    pub without: Vec<String>,
    /// Packages that must not be installed.
    pub exclude: Vec<String>,
    /// True if only the best candidate is accepted.
    pub best: Option<bool>,
    /// True if weak dependencies are followed.
    pub weak_deps: Option<bool>,
    /// True if documentation is installed.
    pub docs: Option<bool>,
    /// Languages whose files are installed.
    pub langs: Option<String>,
    /// True if modules are respected.
    pub modules: Option<bool>,
    /// The enabled module streams.
    pub enable_modules: Vec<String>,
    /// The platform that modules are built for.
    pub module_platform: Option<String>,
    /// True if unsigned metadata and packages are accepted.
    pub allow_unsigned: bool,
    /// True if metadata with weak checksums is accepted.
    pub allow_weak_checksums: bool,
    /// Trusted keys in addition to those of the distribution.
    pub key: Vec<LockedKey>,
}

/// A public key that the user gave. The lock contains it, so that the lock alone is sufficient.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "reading::KeyForm")]
pub struct LockedKey {
    /// The only repository that the key may sign for; `None` if it is valid for all.
    pub repository: Option<String>,
    /// The name of the key's file.
    pub name: String,
    /// The content of the file.
    pub data: Vec<u8>,
}

/// The packages and decisions for one architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedArchitecture {
    /// The architecture, as the distribution names it.
    pub name: String,
    /// True if documentation is installed. Packages may override this.
    pub docs: bool,
    /// The languages whose files are installed. Packages may override them.
    pub langs: Langs,
    /// The world of the new root, in the ecosystem's own syntax. Empty if the ecosystem records
    /// none.
    pub world: Vec<String>,
    /// The packages in installation order: by name, or by id if several packages have that name.
    pub order: Vec<String>,
    /// The decisions of the catalog beside the packages. `None` in a lock of version 1.
    pub image: Option<LockedImage>,
    /// The repositories, in the order in which they were named.
    pub repositories: Vec<LockedRepository>,
    /// The packages, by name and architecture.
    pub packages: Vec<LockedPackage>,
}

/// The decisions of the catalog about an image, beside its packages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockedImage {
    /// The configuration with which the image runs.
    pub config: ImageConfig,
    /// The tags and labels of the image.
    pub naming: Naming,
    /// The steps that change the tree after the packages are installed.
    pub finishing: Vec<Step>,
    /// The place of the package database.
    pub database: Option<Database>,
}

impl LockedImage {
    /// Returns the names of the parts in which two images differ.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let of = |database: &Option<Database>| database.as_ref().map(|database| (database.backend, database.path.clone()));
        let parts = [
            ("the configuration of the image", self.config != other.config),
            ("its tags and labels", self.naming != other.naming),
            ("the finishing steps", self.finishing != other.finishing),
            ("the package database", of(&self.database) != of(&other.database)),
        ];
        parts.into_iter().filter_map(|(part, differs)| differs.then_some(part)).collect()
    }
}

/// The state of a repository when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedRepository {
    /// The name of the repository.
    pub name: String,
    /// The priority; a lower number is preferred.
    pub priority: i32,
    /// apk's tag.
    pub tag: Option<String>,
    /// The revision that the repository states: a number, a time or a commit.
    pub revision: Option<String>,
    /// The digest of the repository's top-level document, which states the digests of all others.
    #[serde(with = "reading::digest_text")]
    pub metadata: Digest,
}

/// A locked package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedPackage {
    /// The unique id of the package, in the ecosystem's form.
    pub id: String,
    /// The name of the package.
    pub name: String,
    /// The full version.
    pub version: String,
    /// The architecture that the repository states.
    pub arch: String,
    /// The source package that the repository states; empty if it states none. Image layers are
    /// grouped by source package.
    pub source: String,
    /// The repository.
    pub repository: String,
    /// The path of the package file, relative to the repository.
    pub location: String,
    /// The size of the package file, in bytes.
    pub size: u64,
    /// The installed size that the repository states, in bytes.
    pub installed_size: u64,
    /// The digest of the package file; absent only if the file has not been read yet.
    pub checksum: Option<Digest>,
    /// The checksum in the index, if it is not the digest of the whole file.
    pub index_checksum: Option<Digest>,
    /// The key that signed the package; absent if the signature was not checked, or there is none.
    pub key: Option<String>,
    /// The reason why the package is in the lock.
    pub reason: LockedReason,
    /// True if the documentation of the package is installed; `None` if it follows the
    /// architecture.
    pub docs: Option<bool>,
    /// The languages whose files are installed; `None` if they follow the architecture.
    pub langs: Option<Langs>,
}

impl LockedPackage {
    /// Returns the digest in the index, if there is one.
    pub fn promised(&self) -> Option<&Digest> {
        self.index_checksum.as_ref().or(self.checksum.as_ref())
    }
}

/// The reason why a package is in a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LockedReason {
    /// It was requested.
    Requested,
    /// Another package requires it.
    Dependency,
    /// Another package recommends it, or it supplements installed packages.
    Weak,
    /// It is not installed; only files are taken from it.
    Files,
}

impl LockedReason {
    /// Returns the name in a lock file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Dependency => "dependency",
            Self::Weak => "weak",
            Self::Files => "files",
        }
    }
}
