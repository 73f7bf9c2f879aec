//! The plan as data: the JSON output of `resolve`, `--simulate` and the bootstrap report, schema 1.

use serde::{Deserialize, Serialize};

/// Version of the schema. It increases when the meaning of a field changes, not when a field is
/// added.
pub const SCHEMA: u32 = 1;

/// The reason why a package is in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// The user requested the package.
    Requested,
    /// Another package requires the package.
    Dependency,
    /// Another package recommends the package, or the package supplements another one.
    Weak,
}

impl Reason {
    /// Returns the name of the reason.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Dependency => "dependency",
            Self::Weak => "weak",
        }
    }
}

/// A package of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPackage {
    /// Unique identifier, in the form of the ecosystem (`bash-0:5.1.8-6.el9_1.aarch64`,
    /// `musl-1.2.5-r0`).
    pub id: String,
    /// Name.
    pub name: String,
    /// Epoch, if the ecosystem has epochs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub epoch: Option<u32>,
    /// Version; the full version if the ecosystem has no separate release.
    pub version: String,
    /// Release.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub release: Option<String>,
    /// Architecture.
    pub arch: String,
    /// Name of the repository that has the package.
    pub repo: String,
    /// Path of the package file, relative to the repository.
    pub location: String,
    /// Expected checksum from the repository's index, `sha256:…`; absent if the index has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub checksum: Option<String>,
    /// Size of the package file in bytes.
    pub size: u64,
    /// Size of the installed files in bytes, as stated by the repository.
    pub installed_size: u64,
    /// The reason why the package is in the plan.
    pub reason: Reason,
}

/// A package that replaces another version of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Name.
    pub name: String,
    /// Version that is removed.
    pub from: String,
    /// Version that is installed.
    pub to: String,
    /// Id of the package that is removed.
    pub from_id: String,
    /// Id of the package that is installed.
    pub to_id: String,
}

/// The change of one package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlannedChange {
    /// The package is installed; no package of its name was installed.
    Install(PlannedPackage),
    /// The package with this id is removed.
    Erase(String),
    /// A newer version replaces the package.
    Upgrade(Move, PlannedPackage),
    /// An older version replaces the package.
    Downgrade(Move, PlannedPackage),
    /// The package is installed again.
    Reinstall(PlannedPackage),
    /// Another package of the same version replaces the package.
    Replace(PlannedPackage),
}

impl PlannedChange {
    /// Returns the id of the package that is installed or, for a removal, removed.
    pub fn id(&self) -> &str {
        self.incoming().map_or_else(|| if let Self::Erase(id) = self { id } else { "" }, |package| &package.id)
    }

    /// Returns the package that is installed.
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

/// The changes of a transaction, package by package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Schema version, see [`SCHEMA`].
    pub schema: u32,
    /// Architecture, in the spelling of the distribution.
    pub arch: String,
    /// The packages to install, sorted by id.
    pub install: Vec<PlannedPackage>,
    /// The ids of all packages that are installed or only removed, in transaction order.
    pub order: Vec<String>,
    /// The ids of the packages to erase.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub erase: Vec<String>,
    /// Packages that are upgraded.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub upgrade: Vec<Move>,
    /// Packages that are downgraded.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub downgrade: Vec<Move>,
    /// The ids of packages that are installed again.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub reinstall: Vec<String>,
    /// The ids of packages that replace others of the same version.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub replace: Vec<String>,
    /// Bytes to download.
    pub download_size: u64,
    /// Size of the packages once installed, in bytes, as stated by the repositories.
    pub installed_size: u64,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

impl Plan {
    /// Creates a plan from changes in transaction order.
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
