//! What the house asks of an ecosystem: the one trait that `rpm/` and `apk/` are behind.
//!
//! Everything that differs between them goes through here; a room outside them that asks "is it rpm?" is in the wrong place.

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

/// What of the repositories can be had without the network.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// The repositories that are on the network.
    pub remote: Vec<RepoId>,
    /// Their packages whose files are kept, by id.
    pub kept: Vec<SolvableId>,
}

/// A kind of packages and repositories.
pub trait Ecosystem: Sync {
    /// A package file that was opened: verified as a whole, and inflated.
    type Package: Send + Sync;
    /// Keys that packages are checked against.
    type Keyring: Send + Sync;
    /// What a root remembers beside its packages: what it was asked to have, and why each package is there.
    type State: std::fmt::Debug + Default + Send + Sync;

    /// How repositories are read.
    fn metadata(&self) -> &dyn MetadataFormat;

    /// How versions compare.
    fn version_scheme(&self) -> &dyn VersionScheme;

    /// The architectures whose packages a machine of `arch` runs, best first.
    fn architectures(&self, arch: &str) -> Architectures;

    /// What tells this package from all others, and the parts of its version.
    fn identity(&self, solvable: Solvable<'_>) -> Identity;

    /// What the packages of a root say of themselves, in the order of its database; `None` where the root has no such database.
    fn inventory(&self, root: &dyn RootFiles) -> Result<Option<Vec<PackageFacts>>, InventoryError>;

    /// What a package file says of itself; `None` for a file of another kind. Who signed it is told, not believed.
    fn facts(&self, content: &Content) -> Result<Option<PackageFacts>, InventoryError>;

    /// Reads the packages that are installed, from a root or from a file that lists them, into the repository of what is installed.
    fn read_installed(&self, place: &Path, builder: &mut PoolBuilder) -> Result<Self::State, InstalledError>;

    /// The same of a root wherever its files are; `place` is what errors call it.
    fn read_installed_of(
        &self,
        root: &dyn RootFiles,
        place: &str,
        builder: &mut PoolBuilder,
    ) -> Result<Self::State, InstalledError>;

    /// Which of the installed packages of a pool were asked for, by what a root remembers; `None` where it does not.
    fn requested(&self, _state: &Self::State, _pool: &Pool) -> Option<Vec<SolvableId>> {
        None
    }

    /// Where a root itself says that its packages come from; `None` for one that is not of this kind, or does not say.
    fn sources(&self, _root: &Path) -> Result<Option<RootSources>, InventoryError> {
        Ok(None)
    }

    /// The architecture of a root, as its package manager knows it, or else as most of its packages have it; `None` where nothing tells it.
    fn root_arch(&self, root: &dyn RootFiles) -> Result<Option<String>, InventoryError> {
        Ok(self.inventory(root)?.and_then(|packages| main_arch(&packages)))
    }

    /// Whether a file of this name is one that names repositories of this kind.
    fn configures(&self, file_name: &str) -> bool;

    /// Adds the variables that follow from others: of `arch`, dnf's `basearch`.
    fn complete_variables(&self, _variables: &mut Variables) {}

    /// The repositories of a configuration file of this kind that are enabled, with the values of variables in place of their names.
    fn configured(&self, text: &str, variables: &Variables) -> Result<Vec<ConfiguredRepository>, ConfigurationError>;

    /// Adds the packages that a request itself makes, which no repository has.
    fn add_packages(&self, _ask: &Ask, _builder: &mut PoolBuilder) -> Result<(), Box<dyn Refusal>> {
        Ok(())
    }

    /// Whether a spec names a package file.
    fn is_file(&self, spec: &str) -> bool;

    /// Adds what a package file says of itself to a pool in the making, as a repository's index would. It is not verified here.
    fn add_file(&self, content: &Content, place: FilePlace<'_>, builder: &mut PoolBuilder) -> Result<(), PackageError>;

    /// The metadata files that say what the packages of repositories are to each other, whatever of them is asked for. What is read of them
    /// is kept with the pool.
    fn standing_metadata(&self, _ask: &Ask) -> Vec<MetadataKind> {
        Vec::new()
    }

    /// What was read of the standing metadata, in a form that [`Ecosystem::restore`] reads.
    fn keep(&self, _state: &Self::State) -> Vec<u8> {
        Vec::new()
    }

    /// Takes what was kept in place of the standing metadata; whether it could be read.
    fn restore(&self, kept: &[u8], _state: &mut Self::State) -> bool {
        kept.is_empty()
    }

    /// The further metadata files that a request needs.
    fn further_metadata(&self, _ask: &Ask) -> Vec<MetadataKind> {
        Vec::new()
    }

    /// Reads one of them (inflated already), of the repository named.
    fn read_further(
        &self,
        _kind: MetadataKind,
        _repository: &str,
        _input: &mut dyn Read,
        _state: &mut Self::State,
    ) -> Result<(), IndexError> {
        Ok(())
    }

    /// All that exists is known: settles what of it the choices of this request are among.
    fn settle(&self, _ask: &Ask, _arch: &str, _pool: &Pool, _state: &mut Self::State) -> Result<(), Box<dyn Refusal>> {
        Ok(())
    }

    /// The name of the source package that a package was built from; empty where none is known.
    fn source_name<'p>(&self, package: Solvable<'p>) -> &'p str {
        package.source()
    }

    /// The same of a package whose facts are known.
    fn source_of<'f>(&self, facts: &'f PackageFacts) -> &'f str {
        facts.source.as_deref().unwrap_or_default()
    }

    /// The release of a distribution that a version says it was built for: `el9` of rpm's `5.1.8-6.el9_1`.
    fn built_for<'v>(&self, _version: &'v str) -> Option<&'v str> {
        None
    }

    /// Whether a version is one of packages that are built for a module.
    fn is_modular(&self, _version: &str) -> bool {
        false
    }

    /// The files of a root that are not what its packages brought; `None` where the root has no database of this kind.
    fn verify_files(&self, _root: &Tree) -> Result<Option<Vec<ChangedFile>>, InventoryError> {
        Ok(None)
    }

    /// Whether the database of a root keeps the signatures of packages.
    fn keeps_signatures(&self) -> bool {
        false
    }

    /// What the keys of a keyring are called in signatures, in capitals: fingerprints of OpenPGP.
    fn key_names(&self, _keyring: &Self::Keyring) -> Vec<String> {
        Vec::new()
    }

    /// What cannot be had is known: the network may not be used. By default that matters only once packages are fetched, as to dnf.
    fn heed_reach(&self, _reach: Reach, _state: &mut Self::State) {}

    /// Chooses packages of a pool.
    fn chooser<'p>(&'p self, pool: &'p Pool, state: &'p Self::State) -> Box<dyn Chooser + 'p>;

    /// Keys from the files that the catalog or the user names, of whose signatures those count that the policy lets count. Fails if a file has no
    /// usable key.
    fn keyring(&self, keys: &[Key], policy: &SignaturePolicy) -> Result<Self::Keyring, KeyError>;

    /// Returns the keys that are not usable, but stand in a file beside usable ones.
    fn unusable_keys<'k>(&self, _keyring: &'k Self::Keyring) -> &'k [KeyError] {
        &[]
    }

    /// Holds the document that a repository begins with against the keys: by the signature in it, or by one that lies `beside` it, without which it
    /// is not used where it `must` be signed.
    fn verify_root(
        &self,
        root: &[u8],
        beside: Option<&[u8]>,
        must: bool,
        trust: Trust<'_, Self::Keyring>,
    ) -> Result<(), PackageError>;

    /// The digest that a repository promises of a package's file, if it promises one of the whole file.
    fn file_digest(&self, solvable: Solvable<'_>) -> Option<Digest>;

    /// Opens a package file: nothing of it is given before all of it is verified, also against what the repository `promised` of it.
    /// Files that the options leave out are not unpacked.
    fn open(
        &self,
        content: &Content,
        promised: Option<Solvable<'_>>,
        trust: Trust<'_, Self::Keyring>,
        options: &FileOptions,
        spool: &Spool,
    ) -> Result<Self::Package, PackageError>;

    /// Fails if a package that was opened, and that is whole and trusted, is not to be installed. `unlisted` is whether no active module lists
    /// it; see [`Choice::unlisted`].
    fn admit(&self, _package: &Self::Package, _unlisted: bool) -> Result<(), PackageError> {
        Ok(())
    }

    /// The unpacked files of an opened package, in its own order, with their contents.
    fn entries(&self, package: &Self::Package) -> Vec<Entry>;

    /// The package's id, as [`Ecosystem::identity`] has it.
    fn id(&self, package: &Self::Package) -> String;

    /// The trusted key that signed the package, as the ecosystem names keys.
    fn signer(&self, package: &Self::Package) -> Option<String>;

    /// Whether a trusted key signed the package.
    fn is_signed(&self, package: &Self::Package) -> bool {
        self.signer(package).is_some()
    }

    /// When the package was built, in seconds since 1970.
    fn build_time(&self, package: &Self::Package) -> i64;

    /// The package that a request itself makes, which no repository has a file of; see [`Ecosystem::add_packages`].
    fn made_up(&self, _ask: &Ask, _solvable: Solvable<'_>) -> Option<Self::Package> {
        None
    }

    /// Files of a root, the first of which that can be there is locked while the root is changed.
    fn lock_files(&self) -> &'static [&'static str] {
        &[]
    }

    /// Why roots of this kind cannot be changed yet, where they cannot: known before anything is read or fetched.
    fn leaves_roots_alone(&self) -> Option<&'static str> {
        None
    }

    /// Changes the tree of a root that is there already, package by package in the order of the transaction, and then its database.
    fn change(
        &self,
        tree: &mut Tree,
        changes: &RootChanges<'_, Self::Package>,
        options: &InstallOptions,
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<Installed, InstallError>;

    /// Installs packages, given in the order of the transaction, into a tree: their scriptlets, their files, the database. `world` is
    /// what the root was asked to have.
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

/// What the repository of the package files is called that a request itself names (dnf's word for it). Their
/// locations are their paths.
pub const COMMAND_LINE: &str = "@commandline";

/// Where a package file belongs in a pool.
#[derive(Clone, Copy, Debug)]
pub struct FilePlace<'a> {
    /// The repository.
    pub repo: RepoId,
    /// The file, relative to the repository.
    pub location: &'a str,
    /// The architecture that the repository's index gives it.
    pub arch: &'a str,
}

/// What tells a package from all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// All of it in the ecosystem's own form.
    pub id: String,
    /// The epoch, where the ecosystem has such a thing.
    pub epoch: Option<u32>,
    /// The version; the whole of it where there is no release apart.
    pub version: String,
    /// The release.
    pub release: Option<String>,
}

/// Whose packages are accepted.
#[derive(Debug)]
pub enum Trust<'a, K> {
    /// Those that one of these keys signed.
    Keys(&'a K),
    /// Those without a signature too; a wrong signature of a known key is refused all the same.
    Unsigned(&'a K),
}

impl<K> Clone for Trust<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Trust<'_, K> {}

/// A file of a package that is not what the package brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    /// The id of the package.
    pub package: String,
    /// The path, as the package says it.
    pub path: Box<[u8]>,
    /// Whether users are meant to change it.
    pub config: bool,
    /// What became of it.
    pub change: FileChange,
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileChange {
    /// It is not there.
    Missing,
    /// These things about it are different.
    Changed(Vec<FileAspect>),
}
