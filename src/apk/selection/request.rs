//! What is asked of the selection.

use std::collections::BTreeMap;

use crate::apk::dependency::Constraint;
use crate::apk::version;
use crate::pool::{Pool, RepoId, SolvableId};

/// What is asked for. Names and constraints, never packages: which package is meant is what the selection finds out.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The root's `etc/apk/world`.
    pub world: Vec<Constraint>,
    /// What is to be done.
    pub operation: Operation,
    /// Of each installed package that was installed by a tag (`s:`), its name and the tag.
    pub installed_tags: BTreeMap<String, String>,
    /// What repositories of the pool are, where they are not [`RepositoryKind::Local`].
    pub repositories: Vec<(RepoId, RepositoryKind)>,
    /// Packages of unreachable repositories whose files are kept, so that they can be had; sorted.
    pub kept: Vec<SolvableId>,
    /// Whether what of the world cannot be had is passed over (`--force-broken-world`).
    pub force_broken_world: bool,
    /// Packages that may not be chosen from their repositories, sorted.
    pub hidden: Vec<SolvableId>,
    /// Whether nothing new comes by itself (`install_if`). What came so before stays as it would.
    pub no_install_if: bool,
    /// Whose rules decide; those of the apk that belongs to the packages where nothing is said.
    pub rules: Option<Rules>,
}

/// Whose rules decide. Both see the same constraints; they differ in the order of their decisions and in what they prefer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rules {
    /// Those of apk-tools 2.14 (Alpine 3.22 and before).
    Apk2,
    /// Those of apk-tools 3.
    Apk3,
}

impl Rules {
    /// The rules of the apk-tools that is installed, or else of the newest there is; those of version 3 where there is none.
    pub fn of(pool: &Pool) -> Self {
        let Some(name) = pool.find("apk-tools") else { return Self::Apk3 };
        let packages = pool.named(name).iter().map(|&id| pool.solvable(id));
        let newest = packages
            .max_by(|a, b| a.is_installed().cmp(&b.is_installed()).then_with(|| version::compare(a.version(), b.version())));
        let is_two = |version| version::compare(version, "2.0").is_ge() && version::compare(version, "3_alpha").is_lt();
        if newest.is_some_and(|package| is_two(package.version())) { Self::Apk2 } else { Self::Apk3 }
    }
}

impl Request {
    /// What adding constraints to an empty root asks for: the main job.
    pub fn add(constraints: Vec<Constraint>) -> Self {
        Self { operation: Operation::Add(Add { constraints, ..Add::default() }), ..Self::default() }
    }

    pub(super) fn constraints(&self) -> impl Iterator<Item = &Constraint> {
        let added: &[Constraint] = match &self.operation {
            Operation::Add(add) => &add.constraints,
            Operation::Upgrade(upgrade) => &upgrade.preupgrade_depends,
            _ => &[],
        };
        self.world.iter().chain(added)
    }

    pub(super) fn kind(&self, repo: RepoId) -> RepositoryKind {
        self.repositories.iter().find(|known| known.0 == repo).map_or(RepositoryKind::Local, |known| known.1)
    }
}

/// What a repository is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RepositoryKind {
    /// Its packages can be had.
    #[default]
    Local,
    /// It is on the network, and that is not to be used (`--no-network`): its packages are known, and only those can be
    /// had whose files are kept.
    Unreachable,
    /// Package files that the user named.
    Files,
    /// Packages that were made up: see [`super::VirtualPackage`].
    Virtual,
}

/// What is to be done.
#[derive(Clone, Debug, Default)]
pub enum Operation {
    /// The world is brought about as it is.
    #[default]
    Nothing,
    /// `apk add`.
    Add(Add),
    /// `apk del`.
    Delete(Delete),
    /// `apk upgrade`.
    Upgrade(Upgrade),
    /// `apk fix`.
    Fix(Fix),
}

/// `apk add`: constraints that come into the world.
#[derive(Clone, Debug, Default)]
pub struct Add {
    /// They take the place of others of the same name.
    pub constraints: Vec<Constraint>,
    /// Whether packages and what they depend on are upgraded (`--upgrade`).
    pub upgrade: bool,
    /// Whether it must be the latest version (`--latest`).
    pub latest: bool,
}

/// `apk del`: names that leave the world.
#[derive(Clone, Debug, Default)]
pub struct Delete {
    /// Names; with `*` patterns.
    pub names: Vec<String>,
    /// Whether what depends on them goes too (`--rdepends`).
    pub recursive: bool,
}

/// `apk upgrade`.
#[derive(Clone, Debug, Default)]
pub struct Upgrade {
    /// Names (with `*` patterns) that alone are upgraded; none for all.
    pub names: Vec<String>,
    /// Whether the names are those that are not upgraded (`--ignore`).
    pub ignore: bool,
    /// Whether packages that no repository has give way to those that one has (`--available`).
    pub available: bool,
    /// Whether it must be the latest versions (`--latest`).
    pub latest: bool,
    /// Whether names that no repository has leave the world (`--prune`).
    pub prune: bool,
    /// Whether only the package manager and what `preupgrade_depends` names are upgraded (`--preupgrade-only`, `--self-upgrade-only`).
    pub preupgrade_only: bool,
    /// What else is upgraded before the rest (`--preupgrade-depends`): where what is installed meets the constraint.
    pub preupgrade_depends: Vec<Constraint>,
    /// The installed package that the package manager belongs to.
    pub package_manager: Option<String>,
}

/// `apk fix`.
#[derive(Clone, Debug, Default)]
pub struct Fix {
    /// Names; with `*` patterns. None: those of `broken`.
    pub names: Vec<String>,
    /// Packages that the database says are broken.
    pub broken: Vec<String>,
    /// Whether what they depend on is fixed too (`--depends`).
    pub depends: bool,
    /// Whether they are installed again (`--reinstall`); so they are too where neither is said.
    pub reinstall: bool,
    /// Whether they are upgraded (`--upgrade`).
    pub upgrade: bool,
}
