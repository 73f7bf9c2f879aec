//! What the catalog answers: one image, with everything the other rooms need to make it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::architecture::Architecture;
use super::finishing::Step;
use super::naming::Naming;
use super::signatures::SignaturePolicy;

/// One distribution, release, variant and architecture, and all that makes an image of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The distribution: `almalinux`.
    pub distro: String,
    /// The release as asked for, a minor one too: `9`, `9.4`.
    pub release: String,
    /// The release that the catalog lists and this one belongs to: `9` for `9.4`.
    pub series: String,
    /// The variant: `micro`.
    pub variant: String,
    /// The architecture.
    pub arch: Architecture,
    /// The ecosystem its packages belong to.
    pub packaging: Packaging,
    /// Every repository that some step needs, in the order listed.
    pub repositories: Vec<Repository>,
    /// The keys that sign its packages and metadata.
    pub keys: Vec<Key>,
    /// The weakest signatures by them that count.
    pub signatures: SignaturePolicy,
    /// What is installed, step by step; each step starts from what the steps before it left.
    pub install: Vec<InstallStep>,
    /// The options in force where a step has none of its own.
    pub options: Options,
    /// What is done to the tree after the packages, in order.
    pub finishing: Vec<Step>,
    /// The configuration of the container image.
    pub config: ImageConfig,
    /// Its tags and labels.
    pub naming: Naming,
    /// The package database and where the release's own tools look for it.
    pub database: Database,
    /// What dnf calls `module_platform_id`: `platform:el9`.
    pub module_platform: Option<String>,
}

impl Image {
    /// The repository of this id.
    pub fn repository(&self, id: &str) -> Option<&Repository> {
        self.repositories.iter().find(|repository| repository.id == id)
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.distro, self.release, self.variant, self.arch)
    }
}

/// The kind of packages a distribution is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Packaging {
    /// RPM packages in rpm-md repositories.
    Rpm,
    /// Alpine's packages and indexes.
    Apk,
}

impl Packaging {
    /// What it is called, in package URLs too: `rpm`, `apk`.
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
    /// Its id: `baseos`.
    pub id: String,
    /// Its name for people: `BaseOS`.
    pub title: String,
    /// The mirror that the distribution itself keeps, without a `/` at the end.
    pub base: String,
    /// Where the repository is below any mirror: `9/BaseOS/aarch64/os/`.
    pub layout: String,
    /// Where to ask for a list of mirrors. Its lines are URLs of the repository itself, not of a mirror's top, in which
    /// `$basearch` may stand for the architecture.
    pub mirrorlist: Option<String>,
    /// Whether a mirror may lack it: then there is nothing in it, and a warning.
    pub optional: bool,
    /// Whether the distribution signs its metadata (`repomd.xml.asc`; dnf's `repo_gpgcheck`): then they are not used without.
    pub signed: bool,
    /// How many days old its metadata can be while the release is mended.
    pub fresh_days: Option<u32>,
}

impl Repository {
    /// Its URL on the distribution's own mirror.
    pub fn url(&self) -> String {
        self.below(&self.base)
    }

    /// Its URL, or its directory, on another mirror: `--mirror`.
    pub fn below(&self, mirror: &str) -> String {
        format!("{}/{}", mirror.trim_end_matches('/'), self.layout)
    }
}

/// A public key that the distribution signs with.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// The name of its file, which for apk is part of the signature's name.
    pub name: String,
    /// The file: `OpenPGP` (armoured or not) for RPM, PEM for apk.
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
    /// What is done with the packages.
    pub action: InstallAction,
    /// What is asked for, in order: names, or anything else a spec may be (`dnf-command(config-manager)`).
    pub packages: Vec<String>,
    /// The options of this step: the image's, but for what the step says.
    pub options: Options,
    /// The ids of the repositories enabled in this step.
    pub repositories: Vec<String>,
}

/// What an [`InstallStep`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstallAction {
    /// Install what is asked for and what it needs.
    #[default]
    Install,
    /// Install again what is installed already, by the options of this step (so that files left out by its first
    /// installation appear). A package that is not installed is passed over.
    Reinstall,
}

/// How packages are chosen and which of their files are installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Whether recommended packages are installed too.
    pub weak_deps: bool,
    /// Whether documentation is installed.
    pub docs: bool,
    /// The languages whose files are installed (`%_install_langs`).
    pub langs: Langs,
    /// Whether only the best candidate of what is asked for will do (dnf's `best`).
    pub best: bool,
    /// Whether installed packages may be erased to make room for what is asked for (dnf's `--allowerasing`).
    pub allow_erasing: bool,
    /// Which architectures a bare name means.
    pub multilib: Multilib,
}

/// The languages whose files are installed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "LangsForm")]
pub enum Langs {
    /// All of them.
    All,
    /// Only these, and files of no language.
    Only(Vec<String>),
}

/// [`Langs`] as it stands in TOML: `"all"` or a list.
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

/// Which architectures a bare name means where a repository holds several (`x86_64` with `i686`); dnf's
/// `multilib_policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Multilib {
    /// The native one; another only where a requirement asks for it.
    #[default]
    Best,
    /// Every compatible one.
    All,
}

/// The package database that the release's own tools read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Its format. Where numbers have a byte order in it, that is the architecture's.
    pub backend: DatabaseBackend,
    /// Its directory in the tree, relative to the root.
    pub path: String,
    /// Whether the distribution's own build of this variant empties it. It is kept all the same, unless asked: without
    /// it no scanner sees what is in the image.
    #[serde(skip)]
    pub dropped_by_distro: bool,
    /// What the root's own configuration may decide otherwise, because neither the catalog nor the user does.
    #[serde(default, skip_serializing_if = "Assumed::is_nothing")]
    pub assumed: Assumed,
}

impl Database {
    /// A directory for it without slashes around it; `None` for a path that is not absolute or leads out of the root.
    pub fn directory_of(path: &str) -> Option<String> {
        let parts: Vec<&str> = path.strip_prefix('/')?.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        let is_bad = parts.iter().any(|part| *part == ".." || part.contains('\0'));
        (!parts.is_empty() && !is_bad).then(|| parts.join("/"))
    }
}

/// What of a [`Database`] nobody decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Assumed {
    /// Its directory.
    pub path: bool,
    /// Its format.
    pub backend: bool,
}

impl Assumed {
    /// Whether all is decided.
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
    /// apk's text files, packages in the order of their installation (apk before 2.14).
    #[serde(rename = "apk-2.12")]
    Apk212,
    /// apk's text files, packages by name (apk 2.14).
    #[serde(rename = "apk-2.14")]
    Apk214,
    /// The same with compressed scripts (apk 3).
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
    /// The environment: `NAME=value`, in order.
    pub env: Vec<String>,
    /// The signal that stops the container.
    pub stop_signal: Option<String>,
    /// The labels.
    pub labels: BTreeMap<String, String>,
}
