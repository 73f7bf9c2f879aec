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

/// What is to be done, package by package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// See [`SCHEMA`].
    pub schema: u32,
    /// The architecture, in the distribution's own words.
    pub arch: String,
    /// The packages to install, sorted by id.
    pub install: Vec<PlannedPackage>,
    /// Their ids in the order of the transaction.
    pub order: Vec<String>,
    /// Bytes to fetch.
    pub download_size: u64,
    /// Bytes that the repositories say the packages take once installed.
    pub installed_size: u64,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Plan {
    /// A plan of packages given in the order of the transaction.
    pub fn new(arch: &str, ordered: Vec<PlannedPackage>, warnings: Vec<String>) -> Self {
        let order = ordered.iter().map(|package| package.id.clone()).collect();
        let download_size = ordered.iter().map(|package| package.size).sum();
        let installed_size = ordered.iter().map(|package| package.installed_size).sum();
        let mut install = ordered;
        install.sort_by(|a, b| a.id.cmp(&b.id));
        Self { schema: SCHEMA, arch: arch.to_owned(), install, order, download_size, installed_size, warnings }
    }
}
