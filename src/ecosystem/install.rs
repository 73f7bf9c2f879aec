//! How packages come into a root, and what came of it.

use serde::Serialize;

use super::Action;
use crate::catalog::{Architecture, Database, Langs};

/// What becomes of the packages of a root.
#[derive(Debug)]
pub struct RootChanges<'a, P> {
    /// In the order of the transaction.
    pub packages: Vec<PackageChange<'a, P>>,
    /// What the root is asked to have from now on.
    pub world: &'a [String],
}

/// What becomes of one package of a root.
#[derive(Debug)]
pub struct PackageChange<'a, P> {
    /// What is done.
    pub action: Action,
    /// The name of the package that goes or stays, if one was there.
    pub old: Option<&'a str>,
    /// The package that comes, if one does.
    pub new: Option<&'a P>,
    /// The tag of the repositories that it is held by from now on.
    pub tag: Option<&'a str>,
}

/// Which files are installed, and how.
#[derive(Clone, Debug)]
pub struct InstallOptions {
    /// The architecture of the root.
    pub arch: Architecture,
    /// Where the database goes; without it none is written.
    pub database: Option<Database>,
    /// Seconds since 1970 that everything made now bears.
    pub epoch: i64,
    /// What scriptlets do; where nothing is said, what is usual.
    pub scriptlets: Option<Scriptlets>,
}

/// What scriptlets do. On the host none ever runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scriptlets {
    /// What can run on the model does, what is known is done natively, and the rest is listed.
    Native,
    /// Nothing; all of them are listed.
    Off,
}

/// Which files of a package are unpacked and installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOptions {
    /// Whether documentation is.
    pub docs: bool,
    /// The languages whose files are.
    pub langs: Langs,
}

/// What installing did beside putting files into the tree.
#[derive(Clone, Debug, Default)]
pub struct Installed {
    /// Every scriptlet of every package and what became of it, in the order in which they were due.
    pub scriptlets: Vec<ScriptletRecord>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// A scriptlet and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScriptletRecord {
    /// The package.
    pub package: String,
    /// Which of its scriptlets: `%post`, `%transfiletriggerin`, `post-install`.
    pub scriptlet: String,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: ScriptletOutcome,
}

/// What became of a scriptlet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum ScriptletOutcome {
    /// It ran, on the model.
    Ran {
        /// What it printed.
        #[serde(skip_serializing_if = "String::is_empty")]
        output: String,
        /// Commands that it called and that are not done natively: they answered "not found".
        #[serde(skip_serializing_if = "Vec::is_empty")]
        not_run: Vec<String>,
    },
    /// What it does was done natively.
    Replaced {
        /// The jobs that do what it would.
        by: Vec<String>,
    },
    /// Nothing did what it would; why.
    NotRun {
        /// Why.
        reason: String,
    },
    /// It ran and failed, which the ecosystem takes for a warning.
    Failed {
        /// What it said.
        error: String,
    },
}
