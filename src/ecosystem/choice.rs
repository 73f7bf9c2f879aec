//! What is asked of an ecosystem's choice of packages, and what it answers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::FileOptions;
use crate::catalog::{InstallStep, Options};
use crate::pool::{Pool, SolvableId};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What is to be done.
    pub operation: Operation,
    /// Names of packages that must not be installed; patterns.
    pub exclude: Vec<String>,
    /// What of single repositories is not to be seen.
    pub filters: Vec<RepositoryFilter>,
    /// Packages of which only these may be chosen: their ids, by name. Names that are not here are free.
    pub pins: BTreeMap<String, BTreeSet<String>>,
    /// What is said of modules, where the ecosystem has them.
    pub modules: ModuleOptions,
}

impl Ask {
    /// Whether another package of this name is pinned.
    pub fn is_pinned_away(&self, name: &str, id: impl FnOnce() -> String) -> bool {
        self.pins.get(name).is_some_and(|ids| !ids.contains(&id()))
    }

    /// All that is asked for by name or otherwise, as it was written.
    pub fn specs(&self) -> impl Iterator<Item = &str> {
        let (steps, specs) = match &self.operation {
            Operation::Fill(steps) => (steps.as_slice(), &[][..]),
            Operation::Change(changing) => (&[][..], changing.specs.as_slice()),
        };
        steps.iter().flat_map(|step| &step.packages).chain(specs).map(String::as_str)
    }
}

/// Packages that are not to be seen in one repository, whatever others have: patterns, as those of [`Ask::exclude`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepositoryFilter {
    /// The repository.
    pub repository: String,
    /// What is not to be seen (dnf's `excludepkgs`).
    pub exclude: Vec<String>,
    /// All that is to be seen (dnf's `includepkgs`); without any it is everything.
    pub only: Vec<String>,
}

/// Which of the modules that repositories have may be chosen from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleOptions {
    /// Modules are not heeded: every package may be chosen.
    pub ignore: bool,
    /// Streams that are enabled beside the default ones: `nodejs:20`.
    pub enable: Vec<String>,
    /// The platform that modules are built for: `platform:el9`. Without one, packages may tell it.
    pub platform: Option<String>,
    /// Repositories of which modules hide no package.
    pub hotfixes: Vec<String>,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Operation {
    /// An empty root gets packages, step by step; each step starts from what those before it left.
    Fill(Vec<InstallStep>),
    /// A root is changed that has packages.
    Change(Changing),
}

/// How a root is to be changed.
#[derive(Clone, Debug)]
pub struct Changing {
    /// In which way.
    pub verb: Verb,
    /// What the verb is about; for some verbs nothing stands for all that is installed.
    pub specs: Vec<String>,
    /// How packages are chosen.
    pub options: Options,
    /// What else was said.
    pub flags: ChangeFlags,
    /// When, in seconds since 1970: packages that are made up bear it.
    pub time: i64,
}

/// The ways to change a root. Not every ecosystem knows each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Installs what is asked for.
    Install,
    /// Removes what is asked for, and what needs it.
    Remove,
    /// Installs newer versions.
    Upgrade,
    /// Installs older versions.
    Downgrade,
    /// Installs the same again.
    Reinstall,
    /// Brings all to the versions of the repositories, be they older.
    DistroSync,
    /// Removes what nothing needs any more.
    Autoremove,
    /// Makes whole what is broken.
    Fix,
    /// Removes the first and installs the second.
    Swap,
}

/// What else may be said of a change. Those named after apk's options mean what they mean there; RPM knows `autoremove` alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub struct ChangeFlags {
    /// What only served packages that are removed goes too.
    pub autoremove: bool,
    /// Prefers the newest version of what is asked for to what is installed (`add --upgrade`).
    pub upgrade: bool,
    /// Prefers the newest version, whatever tag its repository has (`add --latest`).
    pub latest: bool,
    /// Takes what repositories have before what is installed, be it older (`upgrade --available`).
    pub available: bool,
    /// Removes what no repository has any more (`upgrade --prune`).
    pub prune: bool,
    /// Upgrades apk-tools alone.
    pub self_upgrade_only: bool,
    /// Does not upgrade apk-tools first.
    pub no_self_upgrade: bool,
    /// Upgrades what must be upgraded before the others alone.
    pub preupgrade_only: bool,
    /// What must be upgraded before the others.
    pub preupgrade_depends: Vec<String>,
    /// Leaves what is asked for as it is, and upgrades the rest (`upgrade --ignore`).
    pub ignore: bool,
    /// Leaves out what of the world cannot be had.
    pub force_broken_world: bool,
    /// Instead of the world, a package of this name (and version) requires what is asked for.
    pub virtual_package: Option<String>,
    /// What requires the removed goes too (`del --rdepends`).
    pub rdepends: bool,
    /// Reinstalls (`fix --reinstall`).
    pub reinstall: bool,
    /// Also what the package requires (`fix --depends`).
    pub depends: bool,
}

/// Chooses packages of one pool, any number of times: it may keep its memory from one request to the next.
pub trait Chooser {
    /// The packages for a request, or why there are none.
    fn choose(&mut self, ask: &Ask) -> Result<Choice, Box<dyn Refusal>>;

    /// Paths that counted in the choices since the last call and that may have more owners than the pool knows. Where repositories list
    /// the files of packages apart, the choice holds only once those lists were read for these paths.
    fn take_lacked_paths(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// The smallest set for a request that fills an empty root, or why there is none; `None` where the ecosystem searches for no such set. Once
    /// the time is over the smallest that was found.
    fn minimize(&mut self, _ask: &Ask, _goal: Goal, _is_over: &dyn Fn() -> bool) -> Option<Result<Minimal, Box<dyn Refusal>>> {
        None
    }

    /// Whether a pattern of [`Ask::exclude`] or of a [`RepositoryFilter`] matches any package, of one repository if it is named.
    fn excludes_any(&self, pattern: &str, repository: Option<&str>) -> bool;

    /// What would help a request that is refused, beside what the refusal itself tells: a sentence each. Each was tried, and leads to a
    /// choice.
    fn hints(&mut self, _ask: &Ask) -> Vec<String> {
        Vec::new()
    }
}

/// What a smallest set is smallest in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// The bytes that it takes when installed.
    Size,
    /// The number of its packages.
    Count,
}

/// Which smallest set is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Goal {
    /// What it is smallest in.
    pub by: Measure,
    /// Whether only the newest package of each name and architecture may be in it. Otherwise an older one is as good, and often smaller.
    pub newest: bool,
}

/// A smallest set for a request.
#[derive(Clone, Debug)]
pub struct Minimal {
    /// Its packages, with what weak dependencies bring where the request follows them.
    pub choice: Choice,
    /// What the packages measure that have to be there.
    pub measure: u64,
    /// What those of every set measure, as far as it was proved.
    pub at_least: u64,
}

impl Minimal {
    /// Whether no set is smaller.
    pub fn is_proved(&self) -> bool {
        self.measure == self.at_least
    }
}

/// The packages that a request takes.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// What is done, in the order of the transaction.
    pub changes: Vec<Change>,
    /// What the root is asked to have from now on, in the ecosystem's own words (apk's world); empty where nothing keeps it.
    pub world: Vec<String>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Those of the packages that come in that must not belong to a module: no active module lists them, and nothing exempts their repository.
    /// Only the package itself tells whether it does.
    pub unlisted: BTreeSet<SolvableId>,
}

impl Choice {
    /// The packages that come in, in the order of the transaction, and which of their files.
    pub fn incoming(&self) -> impl Iterator<Item = (SolvableId, &FileOptions)> {
        let coming = self.changes.iter().filter(|change| change.action != Action::Repin);
        coming.filter_map(|change| change.new.map(|new| (new, &change.files)))
    }
}

/// What is done with one package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What that is.
    pub action: Action,
    /// The package that goes, if one does.
    pub old: Option<SolvableId>,
    /// The package that comes, if one does.
    pub new: Option<SolvableId>,
    /// The tag of the repositories that the package is held by from now on, where the ecosystem has such a thing.
    pub tag: Option<String>,
    /// Why the package comes.
    pub reason: Reason,
    /// Which of its files come.
    pub files: FileOptions,
}

/// What is done with a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// It comes where no package of its name was.
    Install,
    /// It goes.
    Erase,
    /// A newer version takes its place.
    Upgrade,
    /// An older version takes its place.
    Downgrade,
    /// It is installed again.
    Reinstall,
    /// Another package of the same version takes its place.
    Replace,
    /// It stays as it is, and repositories of another tag hold it from now on.
    Repin,
}

/// Why a package comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It was asked for.
    Requested,
    /// Another package requires it.
    Dependency,
    /// Another package recommends it, or it is there for what is installed.
    Weak,
}

/// Why no packages can be chosen, as the ecosystem knows it.
pub trait Refusal: Send + std::fmt::Debug {
    /// The reasons in words. `asked_by` says who asks for a spec, as a sentence.
    fn tell(&self, pool: &Pool, asked_by: &dyn Fn(&str) -> String) -> Explanation;
}

/// Why no packages can be chosen, in words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explanation {
    /// All in one line.
    pub headline: String,
    /// All independent problems.
    pub problems: Vec<Problem>,
    /// What to do.
    pub hints: Vec<String>,
    /// What kind of failure it is.
    pub cause: Cause,
}

/// Why packages could not be chosen, as scripts tell it apart by the exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// No set of packages satisfies the request, or a name is unknown.
    #[default]
    NoSolution,
    /// The request asks for something that the ecosystem does not have.
    Request,
    /// A file that the request names cannot be read, or is not a package.
    Input,
    /// A package file that the request names is damaged.
    Unverified,
}

/// Facts that cannot all hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Problem {
    /// In the order in which a person follows them.
    pub facts: Vec<Fact>,
}

/// One fact, in words and as data.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// A sentence.
    pub text: String,
    /// What else helps to understand it: a line each.
    pub remarks: Vec<String>,
    /// The same for programs: an object; or, of a fact that stands for several, an array of objects, each with its `text`.
    pub data: Value,
}
