//! Lock files: which packages an image is made of, to the byte, for each architecture.
//!
//! In: what was asked for and what was chosen, or the text of a lock file. Out: the same as a [`Lock`], as text that a person can review
//! ([`Lock::to_toml`]), and the [`difference`](Difference) of two. It reads no repository, no package and no file, and believes no text:
//! what is read is whole, names nothing twice, and leads nowhere but into its repositories.

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

/// The version of the form that is written and read.
///
/// Version 1, which is read too, has paths relative to the directory in which it was written, and does not tell what the catalog decided.
pub const VERSION: u32 = 2;

/// A lock file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The version of the form in which it was read, or is to be written.
    pub version: u32,
    /// What was asked for.
    pub request: LockedRequest,
    /// By name.
    pub architectures: Vec<LockedArchitecture>,
}

impl Lock {
    /// What is locked for an architecture.
    pub fn architecture(&self, name: &str) -> Option<&LockedArchitecture> {
        self.architectures.iter().find(|architecture| architecture.name == name)
    }
}

/// What was asked for, in the words of the command line: what is not there was not said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LockedRequest {
    /// The distribution.
    pub distro: Option<String>,
    /// The release.
    pub release: Option<String>,
    /// The variant.
    pub variant: Option<String>,
    /// The kind of packages, where no distribution tells it.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Mirrors in place of the distribution's own.
    pub mirrors: Vec<String>,
    /// More repositories: `NAME=URL|DIR[,priority=N]…`.
    pub repositories: Vec<String>,
    /// Files of the user's own catalog.
    pub catalogs: Vec<String>,
    /// Packages that are asked for beside the variant's.
    pub with: Vec<String>,
    /// Packages of the variant that are not asked for.
    pub without: Vec<String>,
    /// Packages that must not be installed.
    pub exclude: Vec<String>,
    /// Whether only the best candidate will do.
    pub best: Option<bool>,
    /// Whether weak dependencies are followed.
    pub weak_deps: Option<bool>,
    /// Whether documentation is installed.
    pub docs: Option<bool>,
    /// Languages whose files are installed.
    pub langs: Option<String>,
    /// Whether modules are heeded.
    pub modules: Option<bool>,
    /// Streams that are enabled.
    pub enable_modules: Vec<String>,
    /// The platform that modules are built for.
    pub module_platform: Option<String>,
    /// Whether what nobody signed is accepted.
    pub allow_unsigned: bool,
    /// Whether metadata is accepted whose checksums prove nothing.
    pub allow_weak_checksums: bool,
    /// Keys that are trusted beside the distribution's.
    pub key: Vec<LockedKey>,
}

/// A public key that was given: it stands in the lock, so that nothing but the lock is needed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "reading::KeyForm")]
pub struct LockedKey {
    /// The repository that it vouches for, where it is for one alone.
    pub repository: Option<String>,
    /// The name of its file.
    pub name: String,
    /// What the file holds.
    pub data: Vec<u8>,
}

/// What is installed on one architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedArchitecture {
    /// The architecture, in the distribution's own words.
    pub name: String,
    /// Whether documentation is installed, but for packages that say otherwise.
    pub docs: bool,
    /// The languages whose files are installed, but for packages that say otherwise.
    pub langs: Langs,
    /// What the root is asked to have from now on, in the ecosystem's own words; empty where nothing keeps it.
    pub world: Vec<String>,
    /// The packages in the order of their installation: their names, or their ids where a name has several.
    pub order: Vec<String>,
    /// What the catalog decided beside the packages; `None` in a lock of version 1.
    pub image: Option<LockedImage>,
    /// The repositories, in the order in which they were named.
    pub repositories: Vec<LockedRepository>,
    /// The packages, by name and architecture.
    pub packages: Vec<LockedPackage>,
}

/// What the catalog decided of an image beside its packages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockedImage {
    /// How the image is run.
    pub config: ImageConfig,
    /// Its tags and labels.
    pub naming: Naming,
    /// What is done to the tree after the packages.
    pub finishing: Vec<Step>,
    /// Where the package database goes.
    pub database: Option<Database>,
}

impl LockedImage {
    /// Returns the parts in which two differ, in the words of people.
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
    /// Its name.
    pub name: String,
    /// The lower, the more it is preferred.
    pub priority: i32,
    /// apk's tag.
    pub tag: Option<String>,
    /// What it says of its own state: a number, a time, a commit.
    pub revision: Option<String>,
    /// The digest of the document that it begins with, which promises all others.
    #[serde(with = "reading::digest_text")]
    pub metadata: Digest,
}

/// A package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedPackage {
    /// What tells it from all others, in the ecosystem's form.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its whole version.
    pub version: String,
    /// Its architecture, as the repository says.
    pub arch: String,
    /// The source package that it was built from, as the repository says; empty where it does not. Layers of images are grouped by it.
    pub source: String,
    /// The repository.
    pub repository: String,
    /// Its file, relative to the repository.
    pub location: String,
    /// Bytes of its file.
    pub size: u64,
    /// Bytes that it takes once installed, as the repository says.
    pub installed_size: u64,
    /// The digest of its file; absent only where nobody has looked at the file yet.
    pub checksum: Option<Digest>,
    /// What the index promises, where that is not the digest of the whole file.
    pub index_checksum: Option<Digest>,
    /// The key that signed it; absent where nobody looked, or nobody signed.
    pub key: Option<String>,
    /// Why it is here.
    pub reason: LockedReason,
    /// Whether its documentation is installed, where that is another than the architecture's.
    pub docs: Option<bool>,
    /// The languages whose files are installed, where they are others than the architecture's.
    pub langs: Option<Langs>,
}

impl LockedPackage {
    /// The digest that the index promises, if it promises one.
    pub fn promised(&self) -> Option<&Digest> {
        self.index_checksum.as_ref().or(self.checksum.as_ref())
    }
}

/// Why a package is in a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LockedReason {
    /// It was asked for.
    Requested,
    /// Another package requires it.
    Dependency,
    /// Another package recommends it, or it is there for what is installed.
    Weak,
    /// It is not installed: files are taken from it.
    Files,
}

impl LockedReason {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Dependency => "dependency",
            Self::Weak => "weak",
            Self::Files => "files",
        }
    }
}
