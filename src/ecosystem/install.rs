//! The input and the result of installing packages into a root.

use serde::Serialize;

use super::Action;
use crate::catalog::{Architecture, Database, Langs};

/// The changes of the packages of a root.
#[derive(Debug)]
pub struct RootChanges<'a, P> {
    /// Changes, in transaction order.
    pub packages: Vec<PackageChange<'a, P>>,
    /// The new world: the packages that the root is requested to have.
    pub world: &'a [String],
}

/// The change of one package of a root.
#[derive(Debug)]
pub struct PackageChange<'a, P> {
    /// The action.
    pub action: Action,
    /// Name of the package that is removed, replaced or kept, if it was installed.
    pub old: Option<&'a str>,
    /// The package that is installed, if any.
    pub new: Option<&'a P>,
    /// The repository tag that the package is pinned to from now on.
    pub tag: Option<&'a str>,
}

/// Options of an installation.
#[derive(Clone, Debug)]
pub struct InstallOptions {
    /// Architecture of the root.
    pub arch: Architecture,
    /// Location and format of the package database; if `None`, none is written.
    pub database: Option<Database>,
    /// Modification time of everything that the installation creates, in seconds since 1970.
    pub epoch: i64,
    /// Handling of scriptlets; if `None`, the default of the ecosystem.
    pub scriptlets: Option<Scriptlets>,
}

/// The handling of scriptlets. They never run on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scriptlets {
    /// Scriptlets run on the model if possible, known commands are done natively, and the rest is
    /// listed.
    Native,
    /// No scriptlets run; all of them are listed.
    Off,
}

/// The files of a package that are unpacked and installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOptions {
    /// True if documentation is installed.
    pub docs: bool,
    /// The languages whose files are installed.
    pub langs: Langs,
}

/// The result of an installation, besides the files in the tree.
#[derive(Clone, Debug, Default)]
pub struct Installed {
    /// Every scriptlet of every package with its outcome, in the order of execution.
    pub scriptlets: Vec<ScriptletRecord>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

/// A scriptlet and its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScriptletRecord {
    /// Id of the package.
    pub package: String,
    /// Name of the scriptlet: `%post`, `%transfiletriggerin`, `post-install`.
    pub scriptlet: String,
    /// Outcome.
    #[serde(flatten)]
    pub outcome: ScriptletOutcome,
}

/// The outcome of a scriptlet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum ScriptletOutcome {
    /// The scriptlet ran on the model.
    Ran {
        /// Output of the scriptlet.
        #[serde(skip_serializing_if = "String::is_empty")]
        output: String,
        /// Commands that the scriptlet called and that have no native implementation; they failed
        /// with "not found".
        #[serde(skip_serializing_if = "Vec::is_empty")]
        not_run: Vec<String>,
    },
    /// Native jobs replaced the scriptlet.
    Replaced {
        /// Names of the jobs.
        by: Vec<String>,
    },
    /// The scriptlet did not run, and nothing replaced it.
    NotRun {
        /// Reason.
        reason: String,
    },
    /// The scriptlet failed, and the ecosystem treats this as a warning.
    Failed {
        /// Description of the error.
        error: String,
    },
}
