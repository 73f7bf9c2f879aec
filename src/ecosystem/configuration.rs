//! Package sources in a root or a configuration file.

use crate::catalog::Key;
use crate::fetch::{Login, RouteSettings};

/// The package sources that a root states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootSources {
    /// Architecture.
    pub arch: Option<String>,
    /// Repositories, in the order of the root.
    pub repositories: Vec<RootRepository>,
    /// Trusted keys.
    pub keys: Vec<Key>,
}

/// A repository that a root names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootRepository {
    /// Name.
    pub name: String,
    /// The URL or directory of its metadata.
    pub location: String,
    /// Tag that requests use to select its packages.
    pub tag: Option<String>,
}

/// A repository that a configuration file names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfiguredRepository {
    /// Name.
    pub name: String,
    /// Base URLs.
    pub bases: Vec<String>,
    /// URLs of mirror lists.
    pub mirrors: Vec<String>,
    /// Tag that requests use to select its packages.
    pub tag: Option<String>,
    /// Priority; lower is preferred.
    pub priority: Option<i32>,
    /// True if modules never hide its packages.
    pub module_hotfixes: bool,
    /// True if a mirror may lack the repository.
    pub optional: bool,
    /// True if its metadata must be signed.
    pub signed: bool,
    /// URLs of its keys.
    pub keys: Vec<String>,
    /// Packages to hide.
    pub exclude: Vec<String>,
    /// The only visible packages; if empty, all are visible.
    pub only: Vec<String>,
    /// Cost; among repositories of equal priority, the lowest is preferred.
    pub cost: Option<i32>,
    /// True if its package groups are ignored.
    pub no_groups: bool,
    /// Credentials for its servers.
    pub login: Option<Login>,
    /// Network settings for its servers.
    pub route: RouteSettings,
    /// Names of variables in its URLs that have no value.
    pub unknown: Vec<String>,
    /// Warnings about options that have no effect.
    pub warnings: Vec<String>,
}

/// An error in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ConfigurationError {
    /// Number of the line.
    pub line: usize,
    /// Description of the error.
    pub what: String,
}
