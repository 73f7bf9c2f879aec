//! The input of the solver: jobs and settings.

use std::ops::BitOr;

use crate::pool::{Solvable, SolvableId, StringId};

/// The action of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// Install one of the candidates, or keep one that is installed.
    #[default]
    Install,
    /// Update the installed candidates, as far as the policy allows.
    Update,
    /// Replace the installed candidates by the packages in the repositories, even by older ones.
    Sync,
    /// Erase all candidates.
    Erase,
}

/// The properties of packages that a job pins. Where the candidates differ from an installed
/// package in a pinned property, the policy does not forbid the replacement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pinned(u8);

impl Pinned {
    /// Nothing: the job accepts any package that provides the requested capability.
    pub const NOTHING: Self = Self(0);
    /// The name.
    pub const NAME: Self = Self(1);
    /// The architecture: a worse one may be installed.
    pub const ARCH: Self = Self(2);
    /// The full version: it may be older.
    pub const VERSION: Self = Self(4);
    /// The vendor.
    pub const VENDOR: Self = Self(8);
    /// The repository.
    pub const REPO: Self = Self(16);
    /// All properties: the job names exactly one package.
    pub const EXACT: Self = Self(31);

    /// Reports whether all properties of `other` are pinned.
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

/// One task of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// The job as the user wrote it, for explanations.
    pub text: String,
    /// The action of the job.
    pub action: Action,
    /// The packages that the job is about, sorted by id.
    pub candidates: Vec<SolvableId>,
    /// For Update and Sync: the job is about all installed packages.
    pub all: bool,
    /// True if the job accepts only the best of the candidates.
    pub best: bool,
    /// For Update and Sync: replace the installed packages by these candidates, not by any newer
    /// ones.
    pub targeted: bool,
    /// Also erase packages that only served erased packages, unless the user requested them.
    pub clean: bool,
    /// The properties that the job pins.
    pub pinned: Pinned,
}

impl Job {
    /// Creates a job that installs one of the candidates.
    pub fn install(text: impl Into<String>, candidates: Vec<SolvableId>) -> Self {
        Self::new(Action::Install, text, candidates)
    }

    /// Creates a job that updates the installed candidates to the newest candidate.
    pub fn update(text: impl Into<String>, candidates: Vec<SolvableId>) -> Self {
        Self { targeted: true, ..Self::new(Action::Update, text, candidates) }
    }

    /// Creates a job that updates all installed packages.
    pub fn update_all() -> Self {
        Self { all: true, ..Self::new(Action::Update, "*", Vec::new()) }
    }

    /// Creates a job that synchronizes the installed candidates with the repositories.
    pub fn sync(text: impl Into<String>, candidates: Vec<SolvableId>) -> Self {
        Self { targeted: true, ..Self::new(Action::Sync, text, candidates) }
    }

    /// Creates a job that synchronizes all installed packages with the repositories.
    pub fn sync_all() -> Self {
        Self { all: true, ..Self::new(Action::Sync, "*", Vec::new()) }
    }

    /// Creates a job that erases all candidates.
    pub fn erase(text: impl Into<String>, candidates: Vec<SolvableId>) -> Self {
        Self::new(Action::Erase, text, candidates)
    }

    fn new(action: Action, text: impl Into<String>, mut candidates: Vec<SolvableId>) -> Self {
        candidates.sort_unstable();
        candidates.dedup();
        Self { text: text.into(), action, candidates, pinned: Pinned::NAME, ..Self::default() }
    }

    /// Returns the job with `best` set: it accepts only the best candidate by repository,
    /// architecture and version.
    #[must_use]
    pub fn best(self, best: bool) -> Self {
        Self { best, ..self }
    }

    /// Returns the job with `clean` set: packages that only served erased packages are erased too.
    #[must_use]
    pub fn clean(self, clean: bool) -> Self {
        Self { clean, ..self }
    }

    /// Returns the job with other pinned properties.
    #[must_use]
    pub fn pinned(self, pinned: Pinned) -> Self {
        Self { pinned, ..self }
    }
}

/// The jobs of a request and its settings.
///
/// The default is dnf's policy: an installed package stays unless a job says otherwise. It is never
/// replaced by an older one or one of another architecture, but its vendor may change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The jobs.
    pub jobs: Vec<Job>,
    /// Packages that must not be installed. Packages that are already installed may stay.
    pub excluded: Vec<SolvableId>,
    /// True if the solver follows weak dependencies. It never follows those of packages that stay
    /// installed.
    pub weak_dependencies: bool,
    /// True if the solver may erase installed packages where the jobs have no other solution.
    pub allow_erasing: bool,
    /// Installed packages that the solver may erase for this reason even if `allow_erasing` is
    /// false.
    pub erasable: Vec<SolvableId>,
    /// True if an installed package may be replaced by an older one.
    pub allow_downgrade: bool,
    /// True if an installed package may be replaced by one of another architecture.
    pub allow_arch_change: bool,
    /// True if an installed package may only be replaced by one of the same vendor.
    pub keep_vendor: bool,
    /// Packages of which several versions may be installed: a new version does not replace the old.
    pub install_only: Vec<SolvableId>,
    /// The architectures of the machine's second color (the 32-bit ones of a 64-bit machine). Their
    /// packages may be installed beside packages of the same name and version for other
    /// architectures (libsolv's `POOL_FLAG_IMPLICITOBSOLETEUSESCOLORS`). Empty if there are no
    /// colors.
    pub second_colour: Vec<StringId>,
    /// Locked packages: they stay installed, or stay uninstalled.
    pub locked: Vec<SolvableId>,
    /// Packages that the solver prefers among candidates, even to newer ones. Later entries are
    /// preferred to earlier ones.
    pub favored: Vec<SolvableId>,
    /// Packages that the solver tries last among candidates. Weak dependencies never install them.
    pub disfavored: Vec<SolvableId>,
    /// Installed packages that the user requested: they are never unneeded.
    pub user_installed: Vec<SolvableId>,
}

impl Request {
    /// Creates a request from jobs, with no excluded packages and without weak dependencies.
    pub fn new(jobs: impl IntoIterator<Item = Job>) -> Self {
        Self { jobs: jobs.into_iter().collect(), ..Self::default() }
    }

    /// Reports whether two packages of one name may be installed together because their colors
    /// differ.
    pub fn colours_differ(&self, one: Solvable<'_>, other: Solvable<'_>) -> bool {
        colours_differ(&self.second_colour, one, other)
    }
}

/// Reports whether two packages have different colors; `noarch` packages have every color.
pub(super) fn colours_differ(second: &[StringId], one: Solvable<'_>, other: Solvable<'_>) -> bool {
    let is_second = |package: Solvable<'_>| second.contains(&package.arch_id());
    !second.is_empty() && one.arch_rank() != Some(0) && other.arch_rank() != Some(0) && is_second(one) != is_second(other)
}
