//! The trait that `rpm/` and `apk/` implement.
//!
//! Every difference between them belongs behind this trait. Code in other modules must not test for
//! an ecosystem.

mod choice;
mod configuration;
mod error;
mod install;
mod root;
mod variables;

pub use choice::{
    Action, Ask, Cause, Change, ChangeFlags, Changing, Choice, Chooser, Explanation, Fact, Goal, Measure, Minimal, ModuleOptions,
    Operation, Problem, Reason, Refusal, RepositoryFilter, Verb,
};
pub use configuration::{ConfigurationError, ConfiguredRepository, RootRepository, RootSources};
pub use error::{FileConflict, InstallError, InstalledError, InventoryError, KeyError, PackageError};
pub use install::{
    FileOptions, InstallOptions, Installed, PackageChange, RootChanges, ScriptletOutcome, ScriptletRecord, Scriptlets,
};
pub use root::{RootDirectory, RootFiles};
pub use variables::{Expanded, Variables};

use std::io::Read;
use std::path::Path;

use crate::cancel::Cancel;
use crate::catalog::{Key, SignaturePolicy};
use crate::digest::Digest;
use crate::metadata::{IndexError, MetadataFormat, MetadataKind};
use crate::package::{Content, Entry, FileAspect, PackageFacts, Spool, main_arch};
use crate::pool::{Architectures, Pool, PoolBuilder, RepoId, Solvable, SolvableId, VersionScheme};
use crate::reporter::Reporter;
use crate::tree::Tree;

/// The packages that are available without the network.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Remote repositories.
    pub remote: Vec<RepoId>,
    /// Packages of remote repositories whose files are cached, by id.
    pub kept: Vec<SolvableId>,
}

/// An ecosystem: a kind of packages and repositories.
pub trait Ecosystem: Sync {
    /// A package file that is completely verified and unpacked.
    type Package: Send + Sync;
    /// The keys that verify packages.
    type Keyring: Send + Sync;
    /// Data about a root besides its packages: the requested packages and the reason for each
    /// package.
    type State: std::fmt::Debug + Default + Send + Sync;

    /// Returns the format of repository metadata.
    fn metadata(&self) -> &dyn MetadataFormat;

    /// Returns the comparison of versions.
    fn version_scheme(&self) -> &dyn VersionScheme;

    /// Returns the architectures whose packages a machine of `arch` can run, the best first.
    fn architectures(&self, arch: &str) -> Architectures;

    /// Returns the unique identifier of a package and the parts of its version.
    fn identity(&self, solvable: Solvable<'_>) -> Identity;

    /// Returns the facts of the packages of a root, in the order of its database, or `None` if the
    /// root has no such database.
    fn inventory(&self, root: &dyn RootFiles) -> Result<Option<Vec<PackageFacts>>, InventoryError>;

    /// Returns the facts of a package file, or `None` for a file of another kind. Signatures are
    /// reported, but not verified.
    fn facts(&self, content: &Content) -> Result<Option<PackageFacts>, InventoryError>;

    /// Reads the installed packages, from a root or from a file that lists them, into the
    /// repository of installed packages.
    fn read_installed(&self, place: &Path, builder: &mut PoolBuilder) -> Result<Self::State, InstalledError>;

    /// Reads the installed packages of a root, like [`read_installed`](Self::read_installed).
    /// `place` is the name of the root in errors.
    fn read_installed_of(
        &self,
        root: &dyn RootFiles,
        place: &str,
        builder: &mut PoolBuilder,
    ) -> Result<Self::State, InstalledError>;

    /// Returns the installed packages that were requested, or `None` if the root does not record
    /// them.
    fn requested(&self, _state: &Self::State, _pool: &Pool) -> Option<Vec<SolvableId>> {
        None
    }

    /// Returns the package sources of a root, or `None` if the root is of another kind or states
    /// none.
    fn sources(&self, _root: &Path) -> Result<Option<RootSources>, InventoryError> {
        Ok(None)
    }

    /// Returns the architecture of a root: the one that its package manager states, or else the one
    /// of most packages. Returns `None` if it is unknown.
    fn root_arch(&self, root: &dyn RootFiles) -> Result<Option<String>, InventoryError> {
        Ok(self.inventory(root)?.and_then(|packages| main_arch(&packages)))
    }

    /// Reports whether a file with this name configures repositories of this kind.
    fn configures(&self, file_name: &str) -> bool;

    /// Adds variables that are derived from others: dnf's `basearch` from `arch`.
    fn complete_variables(&self, _variables: &mut Variables) {}

    /// Returns the enabled repositories of a configuration file of this kind, with all variables
    /// replaced.
    fn configured(&self, text: &str, variables: &Variables) -> Result<Vec<ConfiguredRepository>, ConfigurationError>;

    /// Adds the virtual packages that the request itself defines.
    fn add_packages(&self, _ask: &Ask, _builder: &mut PoolBuilder) -> Result<(), Box<dyn Refusal>> {
        Ok(())
    }

    /// Reports whether a spec names a package file.
    fn is_file(&self, spec: &str) -> bool;

    /// Adds a package file to a pool, with the same facts as in a repository's index. The file is
    /// not verified here.
    fn add_file(&self, content: &Content, place: FilePlace<'_>, builder: &mut PoolBuilder) -> Result<(), PackageError>;

    /// Returns the kinds of metadata that describe relations between packages, whatever the
    /// request. The result of reading them is cached with the pool.
    fn standing_metadata(&self, _ask: &Ask) -> Vec<MetadataKind> {
        Vec::new()
    }

    /// Serializes the result of reading the standing metadata for [`Ecosystem::restore`].
    fn keep(&self, _state: &Self::State) -> Vec<u8> {
        Vec::new()
    }

    /// Restores the result of [`Ecosystem::keep`], instead of reading the standing metadata.
    /// Returns false if it is unusable.
    fn restore(&self, kept: &[u8], _state: &mut Self::State) -> bool {
        kept.is_empty()
    }

    /// Returns the kinds of further metadata that a request needs.
    fn further_metadata(&self, _ask: &Ask) -> Vec<MetadataKind> {
        Vec::new()
    }

    /// Reads a further metadata file (already decompressed) of the named repository.
    fn read_further(
        &self,
        _kind: MetadataKind,
        _repository: &str,
        _input: &mut dyn Read,
        _state: &mut Self::State,
    ) -> Result<(), IndexError> {
        Ok(())
    }

    /// Determines the packages that a request may choose from, after all metadata are read.
    fn settle(&self, _ask: &Ask, _arch: &str, _pool: &Pool, _state: &mut Self::State) -> Result<(), Box<dyn Refusal>> {
        Ok(())
    }

    /// Returns the name of the source package that a package was built from, or an empty string if
    /// unknown.
    fn source_name<'p>(&self, package: Solvable<'p>) -> &'p str {
        package.source()
    }

    /// Returns the name of the source package from the facts of a package.
    fn source_of<'f>(&self, facts: &'f PackageFacts) -> &'f str {
        facts.source.as_deref().unwrap_or_default()
    }

    /// Returns the distribution release that a version states: `el9` for rpm's `5.1.8-6.el9_1`.
    fn built_for<'v>(&self, _version: &'v str) -> Option<&'v str> {
        None
    }

    /// Reports whether a version belongs to a package that is built for a module.
    fn is_modular(&self, _version: &str) -> bool {
        false
    }

    /// Returns the files of a root that differ from their packages, or `None` if the root has no
    /// database of this kind.
    fn verify_files(&self, _root: &Tree) -> Result<Option<Vec<ChangedFile>>, InventoryError> {
        Ok(None)
    }

    /// Reports whether the database of a root records the signatures of packages.
    fn keeps_signatures(&self) -> bool {
        false
    }

    /// Returns the names of keys in signatures, in capitals: OpenPGP fingerprints.
    fn key_names(&self, _keyring: &Self::Keyring) -> Vec<String> {
        Vec::new()
    }

    /// Sets the packages that are available without the network, which may not be used. The default
    /// implementation ignores them, as dnf does: missing packages fail when they are fetched.
    fn heed_reach(&self, _reach: Reach, _state: &mut Self::State) {}

    /// Returns a resolver for the packages of a pool.
    fn chooser<'p>(&'p self, pool: &'p Pool, state: &'p Self::State) -> Box<dyn Chooser + 'p>;

    /// Creates a keyring from the key files that the catalog or the user names. The policy
    /// determines the accepted signatures. Fails if a file has no usable key.
    fn keyring(&self, keys: &[Key], policy: &SignaturePolicy) -> Result<Self::Keyring, KeyError>;

    /// Returns the unusable keys in files that also contain usable ones.
    fn unusable_keys<'k>(&self, _keyring: &'k Self::Keyring) -> &'k [KeyError] {
        &[]
    }

    /// Verifies the root document of a repository, by its embedded signature or by the detached one
    /// in `beside`. Without a signature, the document is refused if it `must` be signed.
    fn verify_root(
        &self,
        root: &[u8],
        beside: Option<&[u8]>,
        must: bool,
        trust: Trust<'_, Self::Keyring>,
    ) -> Result<(), PackageError>;

    /// Returns the digest of a package file in the repository's index, if the index has one of the
    /// whole file.
    fn file_digest(&self, solvable: Solvable<'_>) -> Option<Digest>;

    /// Opens and verifies a package file, also against the repository's entry in `promised`.
    /// Returns nothing before everything is verified. Files that the options leave out are not
    /// unpacked.
    fn open(
        &self,
        content: &Content,
        promised: Option<Solvable<'_>>,
        trust: Trust<'_, Self::Keyring>,
        options: &FileOptions,
        spool: &Spool,
    ) -> Result<Self::Package, PackageError>;

    /// Fails if an opened package that is valid and trusted must not be installed. `unlisted` is
    /// true if no active module lists it; see [`Choice::unlisted`].
    fn admit(&self, _package: &Self::Package, _unlisted: bool) -> Result<(), PackageError> {
        Ok(())
    }

    /// Returns the unpacked files of an opened package, in the order of the package, with their
    /// contents.
    fn entries(&self, package: &Self::Package) -> Vec<Entry>;

    /// Returns the id of the package, as in [`Ecosystem::identity`].
    fn id(&self, package: &Self::Package) -> String;

    /// Returns the trusted key that signed the package, in the form of the ecosystem.
    fn signer(&self, package: &Self::Package) -> Option<String>;

    /// Reports whether a trusted key signed the package.
    fn is_signed(&self, package: &Self::Package) -> bool {
        self.signer(package).is_some()
    }

    /// Returns the build time of the package, in seconds since 1970.
    fn build_time(&self, package: &Self::Package) -> i64;

    /// Creates the virtual package that a request itself defines; see [`Ecosystem::add_packages`].
    fn made_up(&self, _ask: &Ask, _solvable: Solvable<'_>) -> Option<Self::Package> {
        None
    }

    /// Returns candidates for the lock file of a root. While the root is changed, the first one
    /// that can exist is locked.
    fn lock_files(&self) -> &'static [&'static str] {
        &[]
    }

    /// Reports whether the package manager answers an upgrade of this root without a repository.
    /// Otherwise the resolver fails, because nothing was looked at.
    fn upgrades_without_repositories(&self, _root: &Path) -> bool {
        false
    }

    /// Returns the reason why roots of this kind cannot be changed, if so. The check happens before
    /// anything is read or fetched.
    fn leaves_roots_alone(&self) -> Option<&'static str> {
        None
    }

    /// Changes the tree of an existing root, package by package in transaction order, and then its
    /// database.
    fn change(
        &self,
        tree: &mut Tree,
        changes: &RootChanges<'_, Self::Package>,
        options: &InstallOptions,
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<Installed, InstallError>;

    /// Installs packages, given in transaction order, into a tree: scriptlets, files and the
    /// database. `world` lists the requested packages.
    fn install(
        &self,
        tree: &mut Tree,
        packages: &[Self::Package],
        world: &[String],
        options: &InstallOptions,
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<Installed, InstallError>;
}

/// The name of the repository for package files that a request names (dnf's term). The locations of
/// its packages are their paths.
pub const COMMAND_LINE: &str = "@commandline";

/// The place of a package file in a pool.
#[derive(Clone, Copy, Debug)]
pub struct FilePlace<'a> {
    /// Repository.
    pub repo: RepoId,
    /// Path of the file, relative to the repository.
    pub location: &'a str,
    /// Architecture in the repository's index.
    pub arch: &'a str,
}

/// The unique identifier of a package, and the parts of its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Full identifier, in the form of the ecosystem.
    pub id: String,
    /// Epoch, if the ecosystem has epochs.
    pub epoch: Option<u32>,
    /// Version; the full version if the ecosystem has no separate release.
    pub version: String,
    /// Release.
    pub release: Option<String>,
}

/// The packages that are accepted.
#[derive(Debug)]
pub enum Trust<'a, K> {
    /// Packages that one of these keys signed.
    Keys(&'a K),
    /// Also packages without a signature. A wrong signature of a known key is still refused.
    Unsigned(&'a K),
}

impl<K> Clone for Trust<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Trust<'_, K> {}

/// A file that differs from its package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    /// Id of the package.
    pub package: String,
    /// The path, as written in the package.
    pub path: Box<[u8]>,
    /// True if users are meant to change the file.
    pub config: bool,
    /// The difference.
    pub change: FileChange,
}

/// The difference between a file and its package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileChange {
    /// The file does not exist.
    Missing,
    /// These aspects differ.
    Changed(Vec<FileAspect>),
}
