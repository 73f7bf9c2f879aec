//! Where packages come from, as a root or a configuration file says it.

use crate::catalog::Key;
use crate::fetch::{Login, RouteSettings};

/// Where a root says that its packages come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootSources {
    /// Its architecture.
    pub arch: Option<String>,
    /// Its repositories, in its order.
    pub repositories: Vec<RootRepository>,
    /// The keys that it trusts.
    pub keys: Vec<Key>,
}

/// A repository as a root names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootRepository {
    /// What it is called there.
    pub name: String,
    /// The URL or directory of its metadata.
    pub location: String,
    /// The tag that its packages are asked for by.
    pub tag: Option<String>,
}

/// A repository as a configuration file names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfiguredRepository {
    /// What it is called there.
    pub name: String,
    /// Where it is.
    pub bases: Vec<String>,
    /// Where lists of its mirrors are.
    pub mirrors: Vec<String>,
    /// The tag that its packages are asked for by.
    pub tag: Option<String>,
    /// The lower, the more it is preferred.
    pub priority: Option<i32>,
    /// Whether modules hide none of its packages.
    pub module_hotfixes: bool,
    /// Whether a mirror may lack it.
    pub optional: bool,
    /// Whether its metadata must be signed.
    pub signed: bool,
    /// Where its keys are.
    pub keys: Vec<String>,
    /// Packages that are not to be seen in it.
    pub exclude: Vec<String>,
    /// The only packages that are to be seen in it; with none all.
    pub only: Vec<String>,
    /// Of repositories of one priority, the lower the more it is preferred.
    pub cost: Option<i32>,
    /// Whether its groups are not to be seen.
    pub no_groups: bool,
    /// Who we are to its servers.
    pub login: Option<Login>,
    /// How its servers are reached.
    pub route: RouteSettings,
    /// Variables in its places that have no value.
    pub unknown: Vec<String>,
    /// What the user should know of options that change nothing here.
    pub warnings: Vec<String>,
}

/// What is wrong with a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ConfigurationError {
    /// The line.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}
