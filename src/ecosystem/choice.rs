//! What is asked of an ecosystem's choice of packages, and what it answers.

use serde_json::Value;

use super::FileOptions;
use crate::catalog::InstallStep;
use crate::pool::{Pool, SolvableId};

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// Step by step; each starts from what the steps before it left.
    pub steps: Vec<InstallStep>,
    /// Names of packages that must not be installed; patterns.
    pub exclude: Vec<String>,
}

/// Chooses packages of one pool, any number of times: it may keep its memory from one request to the next.
pub trait Chooser {
    /// The packages for a request, or why there are none.
    fn choose(&mut self, ask: &Ask) -> Result<Choice, Box<dyn Refusal>>;
}

/// The packages that a request takes.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// What is done, in the order of the transaction.
    pub changes: Vec<Change>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Choice {
    /// The packages that come in, in the order of the transaction, and which of their files.
    pub fn incoming(&self) -> impl Iterator<Item = (SolvableId, &FileOptions)> {
        self.changes.iter().filter_map(|change| change.new.map(|new| (new, &change.files)))
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
    /// The same for programs: an object.
    pub data: Value,
}
