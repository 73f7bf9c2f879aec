//! The input of the resolver.

use std::collections::BTreeMap;

use crate::apk::dependency::Constraint;
use crate::apk::version;
use crate::pool::{Pool, RepoId, SolvableId};

/// A request to the resolver. It has names and constraints, never packages: the resolver selects
/// the packages.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The content of the root's `etc/apk/world`.
    pub world: Vec<Constraint>,
    /// The operation on the world.
    pub operation: Operation,
    /// Name and tag of each installed package that is pinned to a tag (`s:`).
    pub installed_tags: BTreeMap<String, String>,
    /// The kinds of the pool's repositories, except those that are [`RepositoryKind::Local`].
    pub repositories: Vec<(RepoId, RepositoryKind)>,
    /// The packages of unreachable repositories whose files are cached, sorted.
    pub kept: Vec<SolvableId>,
    /// True to ignore constraints of the world that are unsatisfiable (`--force-broken-world`).
    pub force_broken_world: bool,
    /// The packages that may not be chosen from their repositories, sorted.
    pub hidden: Vec<SolvableId>,
    /// True to install no new packages by their `install_if`. Installed ones stay by the usual
    /// rules.
    pub no_install_if: bool,
    /// The version of the rules; by default that of the apk-tools among the packages.
    pub rules: Option<Rules>,
}

/// A version of apk's rules. Both versions treat constraints in the same way. They differ in the
/// order of decisions and in their preferences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rules {
    /// The rules of apk-tools 2.14 (up to Alpine 3.22).
    Apk2,
    /// The rules of apk-tools 3.
    Apk3,
}

impl Rules {
    /// Returns the rules of the installed apk-tools, else of the newest one in the pool, else those
    /// of version 3.
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
    /// Creates a request to add constraints to an empty root: the most common case.
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

/// A kind of repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RepositoryKind {
    /// The packages of the repository are available.
    #[default]
    Local,
    /// The repository is on the network, which may not be used (`--no-network`). Of its packages
    /// only the cached ones are available.
    Unreachable,
    /// Package files that the user named.
    Files,
    /// Virtual packages: see [`super::VirtualPackage`].
    Virtual,
}

/// An operation on the world.
#[derive(Clone, Debug, Default)]
pub enum Operation {
    /// Installs and removes what the unchanged world implies.
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

/// `apk add`: constraints that are added to the world.
#[derive(Clone, Debug, Default)]
pub struct Add {
    /// The constraints. Each one replaces an existing constraint on the same name.
    pub constraints: Vec<Constraint>,
    /// True to upgrade the packages and their dependencies (`--upgrade`).
    pub upgrade: bool,
    /// True to require the latest version (`--latest`).
    pub latest: bool,
}

/// `apk del`: names that are removed from the world.
#[derive(Clone, Debug, Default)]
pub struct Delete {
    /// The names; patterns if they contain `*`.
    pub names: Vec<String>,
    /// True to remove dependent packages too (`--rdepends`).
    pub recursive: bool,
}

/// `apk upgrade`.
#[derive(Clone, Debug, Default)]
pub struct Upgrade {
    /// The names (or patterns with `*`) of the packages to upgrade. Empty for all packages.
    pub names: Vec<String>,
    /// True if `names` are the packages not to upgrade (`--ignore`).
    pub ignore: bool,
    /// True to replace packages that no repository has by available ones (`--available`).
    pub available: bool,
    /// True to require the latest versions (`--latest`).
    pub latest: bool,
    /// True to remove names that no repository has from the world (`--prune`).
    pub prune: bool,
    /// True to upgrade only the package manager and `preupgrade_depends` (`--preupgrade-only`,
    /// `--self-upgrade-only`).
    pub preupgrade_only: bool,
    /// Further packages to upgrade before all others (`--preupgrade-depends`). A constraint only
    /// counts if an installed package satisfies it.
    pub preupgrade_depends: Vec<Constraint>,
    /// The installed package that owns the package manager.
    pub package_manager: Option<String>,
}

/// `apk fix`.
#[derive(Clone, Debug, Default)]
pub struct Fix {
    /// The names; patterns if they contain `*`. If empty, the packages in `broken`.
    pub names: Vec<String>,
    /// The packages that the database marks as broken.
    pub broken: Vec<String>,
    /// True to fix the dependencies too (`--depends`).
    pub depends: bool,
    /// True to reinstall the packages (`--reinstall`). This is also the default without `upgrade`.
    pub reinstall: bool,
    /// True to upgrade the packages (`--upgrade`).
    pub upgrade: bool,
}
