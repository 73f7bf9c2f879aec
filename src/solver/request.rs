//! What is asked of the solver.

use std::ops::BitOr;

use crate::pool::{Solvable, SolvableId, StringId};

/// What is to be done with the packages of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// One of them is to be installed, or to stay.
    #[default]
    Install,
    /// What is installed of them is to be updated, as far as the policy lets it.
    Update,
    /// What is installed of them is to be what the repositories hold, be it older.
    Sync,
    /// None of them may stay.
    Erase,
}

/// What a job says of the packages that it names: where an installed package stands in its way, it may differ in this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pinned(u8);

impl Pinned {
    /// Nothing: any package would do that gives what is asked for.
    pub const NOTHING: Self = Self(0);
    /// The name.
    pub const NAME: Self = Self(1);
    /// The architecture: a worse one may be installed.
    pub const ARCH: Self = Self(2);
    /// The whole version: it may be older.
    pub const VERSION: Self = Self(4);
    /// The vendor.
    pub const VENDOR: Self = Self(8);
    /// The repository.
    pub const REPO: Self = Self(16);
    /// All of it: one package is meant and no other.
    pub const EXACT: Self = Self(31);

    /// Whether all of `other` is in this.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Pinned {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// One thing that is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// As it was asked; for explanations.
    pub text: String,
    /// What is to be done.
    pub action: Action,
    /// With which packages; by id.
    pub candidates: Vec<SolvableId>,
    /// Update and Sync: every installed package is meant.
    pub all: bool,
    /// Only the best of the candidates will do.
    pub best: bool,
    /// Update and Sync: the installed packages are to become these candidates, not just any newer ones.
    pub targeted: bool,
    /// What only served the packages that go, goes with them (unless the user asked for it).
    pub clean: bool,
    /// What it says of the candidates.
    pub pinned: Pinned,
}

impl Job {
    /// To install one of the candidates.
    pub fn install(text: impl Into<String>, candidates: Vec<SolvableId>) -> Self {
        Self::new(Action::Install, text, candidates)
    }

    /// To update what is installed of the candidates to the newest of them.
    pub fn update(text: impl Into<String>, candidates: Vec<SolvableId>) -> Self {
        Self { targeted: true, ..Self::new(Action::Update, text, candidates) }
    }

    /// To update all that is installed.
    pub fn update_all() -> Self {
        Self { all: true, ..Self::new(Action::Update, "*", Vec::new()) }
    }

    /// To bring what is installed of the candidates to what the repositories hold.
    pub fn sync(text: impl Into<String>, candidates: Vec<SolvableId>) -> Self {
        Self { targeted: true, ..Self::new(Action::Sync, text, candidates) }
    }

    /// To bring all that is installed to what the repositories hold.
    pub fn sync_all() -> Self {
        Self { all: true, ..Self::new(Action::Sync, "*", Vec::new()) }
    }

    /// To erase all of the candidates.
    pub fn erase(text: impl Into<String>, candidates: Vec<SolvableId>) -> Self {
        Self::new(Action::Erase, text, candidates)
    }

    fn new(action: Action, text: impl Into<String>, mut candidates: Vec<SolvableId>) -> Self {
        candidates.sort_unstable();
        candidates.dedup();
        Self { text: text.into(), action, candidates, pinned: Pinned::NAME, ..Self::default() }
    }

    /// The same, but only the best candidate (by repository, architecture and version) will do.
    #[must_use]
    pub fn best(self, best: bool) -> Self {
        Self { best, ..self }
    }

    /// The same, but what only served the packages that go, goes with them.
    #[must_use]
    pub fn clean(self, clean: bool) -> Self {
        Self { clean, ..self }
    }

    /// The same, saying this of the candidates.
    #[must_use]
    pub fn pinned(self, pinned: Pinned) -> Self {
        Self { pinned, ..self }
    }
}

/// All that is asked for at once, and what else is to be heeded. The default is dnf's policy: what is installed stays unless a job says
/// otherwise, is never replaced by something older or of another architecture, but may change its vendor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// What is to be done.
    pub jobs: Vec<Job>,
    /// Packages that must not be installed. What is installed already may stay.
    pub excluded: Vec<SolvableId>,
    /// Whether weak dependencies are followed. Those of packages that stay as they are never are.
    pub weak_dependencies: bool,
    /// Whether installed packages may be erased where the jobs cannot be done otherwise.
    pub allow_erasing: bool,
    /// Installed packages that may be erased so, even if others may not.
    pub erasable: Vec<SolvableId>,
    /// Whether an installed package may be replaced by an older one.
    pub allow_downgrade: bool,
    /// Whether an installed package may be replaced by one of another architecture.
    pub allow_arch_change: bool,
    /// Whether an installed package may only be replaced by one of its vendor.
    pub keep_vendor: bool,
    /// Packages of which several versions may be installed side by side: a new one does not replace the old.
    pub install_only: Vec<SolvableId>,
    /// The architectures of the machine's second colour (the 32-bit ones of a 64-bit machine): their packages stand beside those of their
    /// name for other architectures, in the same version (libsolv's `POOL_FLAG_IMPLICITOBSOLETEUSESCOLORS`). None: there are no colours.
    pub second_colour: Vec<StringId>,
    /// Packages that stay as they are: installed, or not.
    pub locked: Vec<SolvableId>,
    /// Packages that are preferred where there is a choice, even to newer ones: the later, the more.
    pub favored: Vec<SolvableId>,
    /// Packages that come last where there is a choice, and are never brought in by a weak dependency.
    pub disfavored: Vec<SolvableId>,
    /// Installed packages that the user asked for: they are never unneeded.
    pub user_installed: Vec<SolvableId>,
}

impl Request {
    /// The jobs, nothing excluded, weak dependencies not followed.
    pub fn new(jobs: impl IntoIterator<Item = Job>) -> Self {
        Self { jobs: jobs.into_iter().collect(), ..Self::default() }
    }

    /// Whether two packages of one name may stand side by side because their colours differ.
    pub fn colours_differ(&self, one: Solvable<'_>, other: Solvable<'_>) -> bool {
        colours_differ(&self.second_colour, one, other)
    }
}

/// Whether two packages are of different colours; `noarch` is of every colour.
pub(super) fn colours_differ(second: &[StringId], one: Solvable<'_>, other: Solvable<'_>) -> bool {
    let is_second = |package: Solvable<'_>| second.contains(&package.arch_id());
    !second.is_empty() && one.arch_rank() != Some(0) && other.arch_rank() != Some(0) && is_second(one) != is_second(other)
}
