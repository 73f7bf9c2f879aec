//! The request to choose packages, and its result.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::FileOptions;
use crate::catalog::{InstallStep, Options};
use crate::pool::{Pool, SolvableId};

/// A request to choose packages.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The operation.
    pub operation: Operation,
    /// Patterns for names of packages that must not be installed.
    pub exclude: Vec<String>,
    /// Filters that hide packages of single repositories.
    pub filters: Vec<RepositoryFilter>,
    /// Pinned packages: the ids that may be chosen, by name. Names without an entry are free.
    pub pins: BTreeMap<String, BTreeSet<String>>,
    /// Options for modules, if the ecosystem has modules.
    pub modules: ModuleOptions,
}

impl Ask {
    /// Reports whether the name is pinned to packages other than this one.
    pub fn is_pinned_away(&self, name: &str, id: impl FnOnce() -> String) -> bool {
        self.pins.get(name).is_some_and(|ids| !ids.contains(&id()))
    }

    /// Returns all package specs of the request, as the user wrote them.
    pub fn specs(&self) -> impl Iterator<Item = &str> {
        let (steps, specs) = match &self.operation {
            Operation::Fill(steps) => (steps.as_slice(), &[][..]),
            Operation::Change(changing) => (&[][..], changing.specs.as_slice()),
        };
        steps.iter().flat_map(|step| &step.packages).chain(specs).map(String::as_str)
    }
}

/// A filter that hides packages of one repository only. Its patterns are those of [`Ask::exclude`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepositoryFilter {
    /// Name of the repository.
    pub repository: String,
    /// Packages to hide (dnf's `excludepkgs`).
    pub exclude: Vec<String>,
    /// The only visible packages (dnf's `includepkgs`); if empty, all are visible.
    pub only: Vec<String>,
}

/// The modules whose packages may be chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleOptions {
    /// True if modules are ignored: every package may be chosen.
    pub ignore: bool,
    /// Streams that are enabled in addition to the default ones: `nodejs:20`.
    pub enable: Vec<String>,
    /// The platform that modules are built for: `platform:el9`. If `None`, it may be read from the
    /// packages.
    pub platform: Option<String>,
    /// Repositories whose packages are never hidden by modules.
    pub hotfixes: Vec<String>,
}

/// The operation of a request.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Packages are installed into an empty root, step by step. Each step starts from the result of
    /// the previous ones.
    Fill(Vec<InstallStep>),
    /// An existing root with packages is changed.
    Change(Changing),
}

/// A change of an existing root.
#[derive(Clone, Debug)]
pub struct Changing {
    /// Kind of change.
    pub verb: Verb,
    /// Package specs. For some verbs, no specs means all installed packages.
    pub specs: Vec<String>,
    /// Options of the choice.
    pub options: Options,
    /// Flags of the change.
    pub flags: ChangeFlags,
    /// Current time, in seconds since 1970. Virtual packages get it as their build time.
    pub time: i64,
}

/// The kinds of changes of a root. Not every ecosystem supports each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Installs the specs.
    Install,
    /// Removes the specs and the packages that require them.
    Remove,
    /// Installs newer versions.
    Upgrade,
    /// Installs older versions.
    Downgrade,
    /// Installs the same versions again.
    Reinstall,
    /// Changes all packages to the versions in the repositories, even if those are older.
    DistroSync,
    /// Removes packages that are no longer needed.
    Autoremove,
    /// Repairs broken packages.
    Fix,
    /// Removes the first spec and installs the second.
    Swap,
}

/// Flags of a change. Those named after apk's options have the same meaning as in apk; rpm supports
/// `autoremove` only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub struct ChangeFlags {
    /// Also removes packages that only the removed packages needed.
    pub autoremove: bool,
    /// Prefers the newest version of the specs to the installed one (`add --upgrade`).
    pub upgrade: bool,
    /// Prefers the newest version, whatever the tag of its repository (`add --latest`).
    pub latest: bool,
    /// Prefers the versions in the repositories to the installed ones, even if they are older
    /// (`upgrade --available`).
    pub available: bool,
    /// Removes packages that no repository contains any more (`upgrade --prune`).
    pub prune: bool,
    /// Upgrades only apk-tools.
    pub self_upgrade_only: bool,
    /// Does not upgrade apk-tools before the other packages.
    pub no_self_upgrade: bool,
    /// Upgrades only the packages that must be upgraded before the others.
    pub preupgrade_only: bool,
    /// Packages that must be upgraded before the others.
    pub preupgrade_depends: Vec<String>,
    /// Keeps the specs and upgrades the rest (`upgrade --ignore`).
    pub ignore: bool,
    /// Leaves out the parts of the world that are not available.
    pub force_broken_world: bool,
    /// Name (and version) of a virtual package. It requires the specs, which are then not added to
    /// the world.
    pub virtual_package: Option<String>,
    /// Also removes the packages that require the removed ones (`del --rdepends`).
    pub rdepends: bool,
    /// Reinstalls the specs (`fix --reinstall`).
    pub reinstall: bool,
    /// Also repairs the dependencies of the specs (`fix --depends`).
    pub depends: bool,
}

/// A resolver for the packages of one pool. It serves any number of requests and may reuse memory
/// between them.
pub trait Chooser {
    /// Returns the packages for a request, or the reason why there are none.
    fn choose(&mut self, ask: &Ask) -> Result<Choice, Box<dyn Refusal>>;

    /// Returns and clears the paths that mattered in the choices since the last call, and that may
    /// have more owners than the pool contains. If repositories have separate file lists, a choice
    /// is valid only after those lists are read for these paths.
    fn take_lacked_paths(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the smallest set for a request that fills an empty root, or the reason why there is
    /// none. When the time is over, it returns the smallest set so far. Returns `None` if the
    /// ecosystem does not support this search.
    fn minimize(&mut self, _ask: &Ask, _goal: Goal, _is_over: &dyn Fn() -> bool) -> Option<Result<Minimal, Box<dyn Refusal>>> {
        None
    }

    /// Reports whether a pattern of [`Ask::exclude`] or of a [`RepositoryFilter`] matches any
    /// package, of the named repository only if there is one.
    fn excludes_any(&self, pattern: &str, repository: Option<&str>) -> bool;

    /// Returns suggestions for a refused request, one sentence each, in addition to those of the
    /// refusal. Each was tried and leads to a choice.
    fn hints(&mut self, _ask: &Ask) -> Vec<String> {
        Vec::new()
    }
}

/// The measure that a smallest set minimizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Installed size, in bytes.
    Size,
    /// Number of packages.
    Count,
}

/// The goal of a search for a smallest set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Goal {
    /// The measure to minimize.
    pub by: Measure,
    /// True if only the newest package of each name and architecture is allowed. Otherwise older
    /// ones are allowed, and they are often smaller.
    pub newest: bool,
}

/// A smallest set for a request.
#[derive(Clone, Debug)]
pub struct Minimal {
    /// The packages, including those of weak dependencies if the request follows them.
    pub choice: Choice,
    /// The measure of the required packages.
    pub measure: u64,
    /// Proved lower bound of the measure, over all sets.
    pub at_least: u64,
}

impl Minimal {
    /// Reports whether the set is proved to be the smallest.
    pub fn is_proved(&self) -> bool {
        self.measure == self.at_least
    }
}

/// The packages that a request selects.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Changes, in transaction order.
    pub changes: Vec<Change>,
    /// The new world: the packages that the root is requested to have, in the form of the ecosystem
    /// (apk). Empty if the ecosystem does not record it.
    pub world: Vec<String>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
    /// Packages to install that must not belong to a module: no active module lists them, and their
    /// repository is not exempt. Only the package file states whether it belongs to one.
    pub unlisted: BTreeSet<SolvableId>,
}

impl Choice {
    /// Returns the packages to install, in transaction order, with the options for their files.
    pub fn incoming(&self) -> impl Iterator<Item = (SolvableId, &FileOptions)> {
        let coming = self.changes.iter().filter(|change| change.action != Action::Repin);
        coming.filter_map(|change| change.new.map(|new| (new, &change.files)))
    }
}

/// The change of one package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The action.
    pub action: Action,
    /// The package that is removed, if any.
    pub old: Option<SolvableId>,
    /// The package that is installed, if any.
    pub new: Option<SolvableId>,
    /// The repository tag that the package is pinned to from now on, if the ecosystem has tags.
    pub tag: Option<String>,
    /// The reason for the installation.
    pub reason: Reason,
    /// The files to install.
    pub files: FileOptions,
}

/// The action on a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The package is installed; no package of its name was installed.
    Install,
    /// The package is removed.
    Erase,
    /// A newer version replaces the package.
    Upgrade,
    /// An older version replaces the package.
    Downgrade,
    /// The package is installed again.
    Reinstall,
    /// Another package of the same version replaces the package.
    Replace,
    /// The package stays, but is pinned to another repository tag.
    Repin,
}

/// The reason for an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The user requested the package.
    Requested,
    /// Another package requires the package.
    Dependency,
    /// Another package recommends the package, or the package supplements an installed one.
    Weak,
}

/// The reason why no packages can be chosen, in the terms of the ecosystem.
pub trait Refusal: Send + std::fmt::Debug {
    /// Explains the reasons. `asked_by` returns a sentence that names the source of a spec.
    fn tell(&self, pool: &Pool, asked_by: &dyn Fn(&str) -> String) -> Explanation;
}

/// An explanation of why no packages can be chosen, as text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explanation {
    /// Summary, in one line.
    pub headline: String,
    /// Independent problems.
    pub problems: Vec<Problem>,
    /// Suggestions for the user.
    pub hints: Vec<String>,
    /// Kind of failure.
    pub cause: Cause,
}

/// The kind of failure, which determines the exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// No set of packages satisfies the request, or a name is unknown.
    #[default]
    NoSolution,
    /// The request uses a feature that the ecosystem does not have.
    Request,
    /// A file that the request names cannot be read, or is not a package.
    Input,
    /// A package file that the request names is damaged.
    Unverified,
}

/// A set of facts that contradict each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Problem {
    /// Facts, in the order of the explanation.
    pub facts: Vec<Fact>,
}

/// A fact, as text and as data.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Sentence.
    pub text: String,
    /// Further remarks, one line each.
    pub remarks: Vec<String>,
    /// The fact for programs: an object. A fact that stands for several is an array of objects,
    /// each with its `text`.
    pub data: Value,
}
