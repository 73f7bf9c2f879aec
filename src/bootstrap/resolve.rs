//! Resolves a request to packages, in the order of their installation.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::keeping::{self, Kept};
use super::keyrings::Keyrings;
use super::locking;
use super::source::{Gathered, Source};
use crate::catalog::{Key, SignaturePolicy};
use crate::digest::Digest;
use crate::ecosystem::{
    Action, Ask, Change, Choice, Ecosystem, Explanation, InstalledError, KeyError, PackageError, Reason, Refusal,
    RepositoryFilter,
};
use crate::fetch::Fetcher;
use crate::lock::{LockError, LockedArchitecture};
use crate::metadata::{MetadataKind, Texts};
use crate::pool::{Pool, PoolError, SolvableId};
use crate::repo::{self, Repositories, Repository};
use crate::reporter::{Phase, Reporter};
use crate::transaction::plan::{self, Move, Plan, PlannedChange, PlannedPackage};
use crate::tree::Tree;

/// The packages to install, and their repositories.
#[derive(Clone, Debug)]
pub struct Request {
    /// The architecture, as the ecosystem names it.
    pub arch: String,
    /// The repositories, in the order in which they were named.
    pub repositories: Vec<Repository>,
    /// Trusted keys for packages and indexes of repositories without keys of their own.
    pub keys: Vec<Key>,
    /// The weakest accepted signatures.
    pub signatures: SignaturePolicy,
    /// True if packages and indexes without a signature are accepted too.
    pub allow_unsigned: bool,
    /// True if keys that repositories name on servers are trusted.
    pub accept_repo_keys: bool,
    /// Notes on the request for the user.
    pub notes: Vec<String>,
    /// The packages that are already installed.
    pub installed: Option<InstalledPackages>,
    /// The requested operations.
    pub ask: Ask,
    /// The packages of a lock. With a lock, no metadata are read and the resolver does not run.
    pub locked: Option<Arc<LockedArchitecture>>,
    /// Pinned packages: if a package of this name is needed, the resolver chooses no other one.
    pub keep: Vec<Kept>,
    /// Paths to look up owners for, in addition to the paths that packages require.
    pub paths: Vec<String>,
    /// True if the texts of the repositories about their packages are read too.
    pub texts: bool,
}

/// The place from which installed packages are read.
#[derive(Clone, Debug)]
pub enum InstalledPackages {
    /// A root file system, or a file in the ecosystem's format that lists packages.
    Root(PathBuf),
    /// A root file system in memory, from an archive or an image.
    Tree(Arc<Tree>),
    /// A repository that contains exactly the installed packages.
    Repository(Box<Repository>),
}

/// The packages of a request.
#[derive(Debug)]
pub struct Resolved {
    /// All available packages.
    pub pool: Pool,
    /// True if the pool was cached by an earlier run.
    pub kept: bool,
    /// Duration of loading or building the pool.
    pub took: Duration,
    /// The steps to perform, in the order of the transaction.
    pub choice: Choice,
    /// The choice as data.
    pub plan: Plan,
    /// The digests of whole files in a lock.
    pub locked: FxHashMap<SolvableId, Digest>,
    /// The repositories that were read; none if a lock lists the packages.
    pub repositories: Repositories,
}

/// Reasons why the resolution failed.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// A trusted key cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The repositories cannot be read.
    #[error(transparent)]
    Repository(#[from] repo::RepoError),
    /// The installed packages cannot be read.
    #[error(transparent)]
    Installed(#[from] InstalledError),
    /// The root has no package database, so the installed packages are unknown.
    #[error("no package database in {place}")]
    NoDatabase {
        /// The root.
        place: String,
    },
    /// No repository was read, so the available packages are unknown.
    #[error("no repository was looked in")]
    NoRepository {
        /// The optional repositories that no mirror has.
        missing: Vec<String>,
    },
    /// The repositories exceed the capacity of a pool.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A pinned package is unavailable.
    #[error("{id} is to stay as it is, but no repository has it any more")]
    Gone {
        /// The package.
        id: String,
    },
    /// The file of a pinned package that no repository lists any more cannot be read.
    #[error("{id} is to stay as it is, but its file cannot be used: {problem}")]
    Kept {
        /// The package.
        id: String,
        /// The reason why the file cannot be used.
        problem: PackageError,
    },
    /// The lock contradicts itself or the request.
    #[error("the lock cannot be used: {0}")]
    Lock(#[from] LockError),
    /// No set of packages satisfies the request.
    #[error("no set of packages satisfies this request")]
    Unsolvable(Box<Unresolved>),
}

/// A request without a solution, with the data for an explanation.
#[derive(Debug)]
pub struct Unresolved {
    pub(super) pool: Pool,
    pub(super) refusal: Box<dyn Refusal>,
    /// Changes to the request that were tried and solve the problem.
    pub(super) hints: Vec<String>,
}

impl Unresolved {
    /// Explains the reasons. `asked_by` returns a sentence that names the origin of a spec.
    pub fn tell(&self, asked_by: &dyn Fn(&str) -> String) -> Explanation {
        let mut explanation = self.refusal.tell(&self.pool, asked_by);
        explanation.hints.extend(self.hints.iter().cloned());
        explanation
    }
}

/// Reads the repositories and chooses the packages, unless a lock lists them.
pub fn resolve<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    keyring: &Keyrings<E::Keyring>,
    fetcher: &Fetcher,
    reporter: &dyn Reporter,
) -> Result<Resolved, ResolveError> {
    if let Some(locked) = &request.locked {
        repo::find_mirrors(&request.repositories, ecosystem.metadata(), fetcher)?;
        return locking::resolved(ecosystem, locked, request);
    }
    let mut source = Source::open(ecosystem, request, keyring, fetcher, reporter)?;
    let ask = keeping::pinned(ecosystem, request, &mut source)?;
    // The complete file lists are long and rarely needed. They are read only if a candidate package
    // depends on a path for which they may list more owners.
    let (Gathered { pool, kept, took }, chosen) = loop {
        let gathered = source.gather()?;
        reporter.begin(Phase::Resolve, None, None);
        let mut chooser = ecosystem.chooser(&gathered.pool, &source.state);
        let chosen = chooser.choose(&ask);
        let lacked = chooser.take_lacked_paths();
        drop(chooser);
        if !source.ask_for_paths(lacked, &gathered.pool) {
            break (gathered, chosen);
        }
    };
    reporter.finish(Phase::Metadata, "");
    report_idle_filters(ecosystem, &pool, &source.state, &ask, reporter);
    let choice = match chosen {
        Ok(choice) => choice,
        Err(refusal) => {
            let mut hints = ecosystem.chooser(&pool, &source.state).hints(&ask);
            hints.extend(source.not_looked_at(&ask));
            reporter.finish(Phase::Resolve, "");
            return Err(ResolveError::Unsolvable(Box::new(Unresolved { pool, refusal, hints })));
        }
    };
    let plan = plan_of(ecosystem, request, &pool, &choice);
    reporter.advance(Phase::Resolve, choice.changes.len() as u64, 0);
    reporter.finish(Phase::Resolve, "");
    Ok(Resolved { pool, kept, took, choice, plan, locked: FxHashMap::default(), repositories: source.repositories })
}

/// Reports the exclude and include patterns that match no package, to users who asked for details.
pub(crate) fn report_idle_filters<E: Ecosystem>(
    ecosystem: &E,
    pool: &Pool,
    state: &E::State,
    ask: &Ask,
    reporter: &dyn Reporter,
) {
    if !reporter.wants_details() {
        return;
    }
    let chooser = ecosystem.chooser(pool, state);
    for pattern in ask.exclude.iter().filter(|pattern| !chooser.excludes_any(pattern, None)) {
        reporter.detail(&format!("--exclude {pattern} matches no package"));
    }
    for RepositoryFilter { repository, exclude, only } in &ask.filters {
        for (option, patterns) in [("excludepkgs", exclude), ("includepkgs", only)] {
            for pattern in patterns.iter().filter(|pattern| !chooser.excludes_any(pattern, Some(repository))) {
                reporter.detail(&format!("{option}={pattern} matches no package of the repository {repository}"));
            }
        }
    }
}

/// Returns the steps to perform as data.
pub(super) fn plan_of<E: Ecosystem>(ecosystem: &E, request: &Request, pool: &Pool, choice: &Choice) -> Plan {
    let changes = choice.changes.iter().filter_map(|change| planned(ecosystem, pool, change)).collect();
    Plan::new(&request.arch, changes, choice.warnings.clone())
}

/// All available packages, before the resolver runs.
#[derive(Debug)]
pub struct Loaded {
    /// The packages.
    pub pool: Pool,
    /// Texts of the repositories about their packages, if they were requested.
    pub texts: FxHashMap<SolvableId, Texts>,
    /// The repositories without file lists.
    pub without_file_lists: Vec<String>,
}

/// Reads the installed packages and the repositories into a pool. The complete file lists are read
/// only for the paths of the request.
pub fn load<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    keyring: &Keyrings<E::Keyring>,
    fetcher: &Fetcher,
    reporter: &dyn Reporter,
) -> Result<Loaded, ResolveError> {
    let mut source = Source::open(ecosystem, request, keyring, fetcher, reporter)?;
    let Gathered { pool, .. } = source.gather()?;
    let texts = source.texts(&pool)?;
    reporter.finish(Phase::Metadata, "");
    let without_file_lists = source.repositories.without(MetadataKind::Files);
    Ok(Loaded { pool, texts, without_file_lists })
}

/// Returns a change as data, or `None` for a change without packages.
fn planned<E: Ecosystem>(ecosystem: &E, pool: &Pool, change: &Change) -> Option<PlannedChange> {
    if change.action == Action::Repin {
        return None;
    }
    let Some(new) = change.new else {
        return change.old.map(|old| PlannedChange::Erase(ecosystem.identity(pool.solvable(old)).id));
    };
    let package = planned_package(ecosystem, pool, new, change.reason);
    let step = || {
        let old = change.old?;
        let (name, from, to) = (pool.solvable(new).name(), pool.solvable(old).version(), pool.solvable(new).version());
        Some(Move {
            name: name.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            from_id: ecosystem.identity(pool.solvable(old)).id,
            to_id: package.id.clone(),
        })
    };
    Some(match (change.action, step()) {
        (Action::Upgrade, Some(step)) => PlannedChange::Upgrade(step, package),
        (Action::Downgrade, Some(step)) => PlannedChange::Downgrade(step, package),
        (Action::Reinstall, _) => PlannedChange::Reinstall(package),
        (Action::Replace, _) => PlannedChange::Replace(package),
        _ => PlannedChange::Install(package),
    })
}

fn planned_package<E: Ecosystem>(ecosystem: &E, pool: &Pool, id: SolvableId, reason: Reason) -> PlannedPackage {
    let package = pool.solvable(id);
    let identity = ecosystem.identity(package);
    PlannedPackage {
        id: identity.id,
        name: package.name().to_owned(),
        epoch: identity.epoch,
        version: identity.version,
        release: identity.release,
        arch: package.arch().to_owned(),
        repo: package.repo_name().to_owned(),
        location: package.location().to_owned(),
        checksum: ecosystem.file_digest(package).map(|digest| digest.to_string()),
        size: package.size(),
        installed_size: package.installed_size(),
        reason: match reason {
            Reason::Requested => plan::Reason::Requested,
            Reason::Dependency => plan::Reason::Dependency,
            Reason::Weak => plan::Reason::Weak,
        },
    }
}
