//! The plan as data: what `resolve`, `--simulate` and the bootstrap report say in JSON, schema 1.

use serde::{Deserialize, Serialize};

/// The version of the schema; it grows when a field changes its meaning, not when one is added.
pub const SCHEMA: u32 = 1;

/// Why a package is in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// It was asked for.
    Requested,
    /// Another package requires it.
    Dependency,
    /// Another package recommends it, or it supplements one.
    Weak,
}

/// A package of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPackage {
    /// What tells it from every other package, in the ecosystem's form (`bash-0:5.1.8-6.el9_1.aarch64`, `musl-1.2.5-r0`).
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its epoch, where the ecosystem has such a thing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub epoch: Option<u32>,
    /// Its version; the whole of it where there is no release apart.
    pub version: String,
    /// Its release.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub release: Option<String>,
    /// Its architecture.
    pub arch: String,
    /// The repository it comes from.
    pub repo: String,
    /// Its file, relative to the repository.
    pub location: String,
    /// The checksum that the repository promises, `sha256:…`; absent where the index has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub checksum: Option<String>,
    /// The size of its file in bytes.
    pub size: u64,
    /// The size of its files once installed, in bytes, as the repository says.
    pub installed_size: u64,
    /// Why it is here.
    pub reason: Reason,
}

/// A package that takes the place of another version of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Its name.
    pub name: String,
    /// The version that goes.
    pub from: String,
    /// The version that comes.
    pub to: String,
    /// The id of the package that goes.
    pub from_id: String,
    /// The id of the package that comes.
    pub to_id: String,
}

/// What is done with one package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlannedChange {
    /// It comes where no package of its name was.
    Install(PlannedPackage),
    /// It goes.
    Erase(String),
    /// A newer version takes its place.
    Upgrade(Move, PlannedPackage),
    /// An older version takes its place.
    Downgrade(Move, PlannedPackage),
    /// It is installed again.
    Reinstall(PlannedPackage),
    /// Another package of the same version takes its place.
    Replace(PlannedPackage),
}

impl PlannedChange {
    /// The id of the package that comes, or else of the one that goes.
    pub fn id(&self) -> &str {
        self.incoming().map_or_else(|| if let Self::Erase(id) = self { id } else { "" }, |package| &package.id)
    }

    /// The package that comes.
    pub fn incoming(&self) -> Option<&PlannedPackage> {
        match self {
            Self::Erase(_) => None,
            Self::Install(package)
            | Self::Upgrade(_, package)
            | Self::Downgrade(_, package)
            | Self::Reinstall(package)
            | Self::Replace(package) => Some(package),
        }
    }
}

/// What is to be done, package by package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// See [`SCHEMA`].
    pub schema: u32,
    /// The architecture, in the distribution's own words.
    pub arch: String,
    /// The packages to install, sorted by id.
    pub install: Vec<PlannedPackage>,
    /// The ids of all packages that come, or only go, in the order of the transaction.
    pub order: Vec<String>,
    /// The ids of the packages to erase.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub erase: Vec<String>,
    /// Packages of which a newer version comes.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub upgrade: Vec<Move>,
    /// Packages of which an older version comes.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub downgrade: Vec<Move>,
    /// The ids of packages that are installed again.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub reinstall: Vec<String>,
    /// The ids of packages that take the place of others of the same version.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub replace: Vec<String>,
    /// Bytes to fetch.
    pub download_size: u64,
    /// Bytes that the repositories say the packages that come take once installed.
    pub installed_size: u64,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Plan {
    /// A plan of changes given in the order of the transaction.
    pub fn new(arch: &str, changes: Vec<PlannedChange>, warnings: Vec<String>) -> Self {
        let mut plan = Self {
            schema: SCHEMA,
            arch: arch.to_owned(),
            install: Vec::new(),
            order: changes.iter().map(|change| change.id().to_owned()).collect(),
            erase: Vec::new(),
            upgrade: Vec::new(),
            downgrade: Vec::new(),
            reinstall: Vec::new(),
            replace: Vec::new(),
            download_size: changes.iter().filter_map(PlannedChange::incoming).map(|package| package.size).sum(),
            installed_size: changes.iter().filter_map(PlannedChange::incoming).map(|package| package.installed_size).sum(),
            warnings,
        };
        for change in changes {
            match change {
                PlannedChange::Install(package) => plan.install.push(package),
                PlannedChange::Erase(id) => plan.erase.push(id),
                PlannedChange::Upgrade(step, _) => plan.upgrade.push(step),
                PlannedChange::Downgrade(step, _) => plan.downgrade.push(step),
                PlannedChange::Reinstall(package) => plan.reinstall.push(package.id),
                PlannedChange::Replace(package) => plan.replace.push(package.id),
            }
        }
        plan.install.sort_by(|a, b| a.id.cmp(&b.id));
        plan
    }
}
