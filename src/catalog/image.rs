//! The result of a catalog lookup: one image, with everything that the other modules need to build
//! it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::architecture::Architecture;
use super::finishing::Step;
use super::naming::Naming;
use super::signatures::SignaturePolicy;

/// One combination of distribution, release, variant and architecture, with the data that defines
/// its image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The distribution: `almalinux`.
    pub distro: String,
    /// The release as requested, possibly a minor release: `9`, `9.4`.
    pub release: String,
    /// The release in the catalog's list that this one belongs to: `9` for `9.4`.
    pub series: String,
    /// The variant: `micro`.
    pub variant: String,
    /// The architecture.
    pub arch: Architecture,
    /// The package ecosystem.
    pub packaging: Packaging,
    /// Every repository that a step needs, in listing order.
    pub repositories: Vec<Repository>,
    /// The keys that sign its packages and metadata.
    pub keys: Vec<Key>,
    /// The weakest accepted signatures by these keys.
    pub signatures: SignaturePolicy,
    /// The installation steps. Each step starts from the result of the previous one.
    pub install: Vec<InstallStep>,
    /// The options that apply if a step has none of its own.
    pub options: Options,
    /// The changes of the tree after the packages, in order.
    pub finishing: Vec<Step>,
    /// The configuration of the container image.
    pub config: ImageConfig,
    /// The tags and labels.
    pub naming: Naming,
    /// The package database and the path where the release's own tools expect it.
    pub database: Database,
    /// The value of dnf's `module_platform_id`: `platform:el9`.
    pub module_platform: Option<String>,
}

impl Image {
    /// Returns the repository with this id.
    pub fn repository(&self, id: &str) -> Option<&Repository> {
        self.repositories.iter().find(|repository| repository.id == id)
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.distro, self.release, self.variant, self.arch)
    }
}

/// The kind of a distribution's packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Packaging {
    /// RPM packages in rpm-md repositories.
    Rpm,
    /// Alpine's packages and indexes.
    Apk,
}

impl Packaging {
    /// Returns the name, which package URLs use too: `rpm`, `apk`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rpm => "rpm",
            Self::Apk => "apk",
        }
    }
}

/// A repository of the distribution, for one release and architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// The id: `baseos`.
    pub id: String,
    /// The display name: `BaseOS`.
    pub title: String,
    /// The distribution's own mirror, without a `/` at the end.
    pub base: String,
    /// The path of the repository below any mirror: `9/BaseOS/aarch64/os/`.
    pub layout: String,
    /// The URL of a list of mirrors. Its lines are URLs of the repository itself, not of a mirror's
    /// top directory. `$basearch` in a line stands for the architecture.
    pub mirrorlist: Option<String>,
    /// True if a mirror may lack it. A missing repository counts as empty and causes a warning.
    pub optional: bool,
    /// True if the distribution signs its metadata (`repomd.xml.asc`; dnf's `repo_gpgcheck`).
    /// Metadata without a signature is then rejected.
    pub signed: bool,
    /// Maximum age of its metadata in days while the release is maintained.
    pub fresh_days: Option<u32>,
}

impl Repository {
    /// Returns its URL on the distribution's own mirror.
    pub fn url(&self) -> String {
        self.below(&self.base)
    }

    /// Returns its URL, or its directory, on another mirror: `--mirror`.
    pub fn below(&self, mirror: &str) -> String {
        format!("{}/{}", mirror.trim_end_matches('/'), self.layout)
    }
}

/// A public key of the distribution that verifies its signatures.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// The name of the key file. For apk it is part of the signature's name.
    pub name: String,
    /// The key file: `OpenPGP` (armored or not) for RPM, PEM for apk.
    pub data: Arc<[u8]>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}, {} bytes)", self.name, self.data.len())
    }
}

/// One run of the package manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallStep {
    /// The action on the packages.
    pub action: InstallAction,
    /// The requested packages, in order: names, or any other spec (`dnf-command(config-manager)`).
    pub packages: Vec<String>,
    /// The options of this step: the image's options, overridden by those of the step.
    pub options: Options,
    /// The ids of the repositories enabled in this step.
    pub repositories: Vec<String>,
}

/// The action of an [`InstallStep`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstallAction {
    /// Install the requested packages and their dependencies.
    #[default]
    Install,
    /// Reinstall installed packages with the options of this step, so that files that the first
    /// installation left out appear. Packages that are not installed are skipped.
    Reinstall,
}

/// Options that decide which packages are chosen and which of their files are installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// True if recommended packages are installed too.
    pub weak_deps: bool,
    /// True if documentation is installed.
    pub docs: bool,
    /// The languages whose files are installed (`%_install_langs`).
    pub langs: Langs,
    /// True if only the best candidate of a requested package is acceptable (dnf's `best`).
    pub best: bool,
    /// True if the resolver may erase installed packages that conflict with requested ones (dnf's
    /// `--allowerasing`).
    pub allow_erasing: bool,
    /// The architectures that a name without architecture selects.
    pub multilib: Multilib,
}

/// The languages whose files are installed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "LangsForm")]
pub enum Langs {
    /// All languages.
    All,
    /// Only these languages, and files without a language.
    Only(Vec<String>),
}

/// The TOML form of [`Langs`]: `"all"` or a list.
#[derive(Deserialize)]
#[serde(untagged, expecting = "\"all\" or a list of languages")]
enum LangsForm {
    Word(String),
    List(Vec<String>),
}

impl TryFrom<LangsForm> for Langs {
    type Error = &'static str;

    fn try_from(form: LangsForm) -> Result<Self, Self::Error> {
        match form {
            LangsForm::Word(word) if word == "all" => Ok(Self::All),
            LangsForm::Word(_) => Err("expected \"all\" or a list of languages"),
            LangsForm::List(list) => Ok(Self::Only(list)),
        }
    }
}

/// The architectures that a name without architecture selects if a repository has several (`x86_64`
/// with `i686`); dnf's `multilib_policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Multilib {
    /// The native one; another one only if a requirement needs it.
    #[default]
    Best,
    /// Every compatible one.
    All,
}

/// The package database that the release's own tools read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The format. If numbers in the format have a byte order, it is that of the architecture.
    pub backend: DatabaseBackend,
    /// The directory in the tree, relative to the root.
    pub path: String,
    /// True if the distribution's own build of this variant empties the database. rootstrap keeps
    /// it by default, because scanners find the packages of an image only through it.
    #[serde(skip)]
    pub dropped_by_distro: bool,
    /// The settings that the root's own configuration may override, because neither the catalog nor
    /// the user sets them.
    #[serde(default, skip_serializing_if = "Assumed::is_nothing")]
    pub assumed: Assumed,
}

impl Database {
    /// Returns the database directory without leading and trailing slashes, or `None` for a path
    /// that is not absolute or leads out of the root.
    pub fn directory_of(path: &str) -> Option<String> {
        let parts: Vec<&str> = path.strip_prefix('/')?.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        let is_bad = parts.iter().any(|part| *part == ".." || part.contains('\0'));
        (!parts.is_empty() && !is_bad).then(|| parts.join("/"))
    }
}

/// The settings of a [`Database`] that neither the catalog nor the user decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Assumed {
    /// True if the directory is undecided.
    pub path: bool,
    /// True if the format is undecided.
    pub backend: bool,
}

impl Assumed {
    /// Reports whether every setting is decided.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// The format of a package database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseBackend {
    /// `rpmdb.sqlite` (rpm 4.16 and later).
    Sqlite,
    /// Berkeley DB, `Packages` (rpm before 4.16).
    Bdb,
    /// apk's text files, packages in installation order (apk before 2.14).
    #[serde(rename = "apk-2.12")]
    Apk212,
    /// apk's text files, packages sorted by name (apk 2.14).
    #[serde(rename = "apk-2.14")]
    Apk214,
    /// Like [`Self::Apk214`], with compressed scripts (apk 3).
    #[serde(rename = "apk-3")]
    Apk3,
}

/// The configuration of the container image, in OCI's terms.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageConfig {
    /// The command, in exec form.
    pub cmd: Vec<String>,
    /// The entry point, in exec form.
    pub entrypoint: Vec<String>,
    /// The environment variables, in order: `NAME=value`.
    pub env: Vec<String>,
    /// The signal that stops the container.
    pub stop_signal: Option<String>,
    /// The labels.
    pub labels: BTreeMap<String, String>,
}
