//! Candidate packages: the repositories of a request, the installed packages, and the pool of both.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::keyrings::Keyrings;
use super::resolve::{InstalledPackages, Request, ResolveError, Unresolved};
use crate::ecosystem::{Ask, Changing, Ecosystem, Operation, Reach, RootDirectory, Verb};
use crate::fetch::{Fetcher, Location};
use crate::metadata::{MetadataKind, Texts};
use crate::pool::{BegunImage, CompletePool, Pool, PoolBuilder, Solvable, SolvableId};
use crate::repo::{self, OpenRepository, PoolKey, Pools, Repositories, Repository, Root};
use crate::reporter::{Phase, Reporter};

/// The opened repositories of a request, and the installed packages.
pub struct Source<'a, E: Ecosystem> {
    ecosystem: &'a E,
    request: &'a Request,
    pub(super) fetcher: &'a Fetcher,
    pub(super) reporter: &'a dyn Reporter,
    /// The installed packages, and the packages that the request itself creates.
    pub(super) base: PoolBuilder,
    pub(super) repositories: Repositories,
    /// State that the root records besides its packages.
    pub state: E::State,
    /// The paths to look up in the complete file lists.
    paths: BTreeSet<String>,
    /// True if the state contains the standing metadata.
    stands: bool,
}

/// Warns about repositories that are used despite a problem, or that are missing.
pub(super) fn warn(repositories: &Repositories, reporter: &dyn Reporter) {
    for name in &repositories.missing {
        reporter.warn(&format!("no mirror has the repository {name}: going on without it"));
    }
    for frozen in repositories.opened.iter().filter_map(OpenRepository::is_frozen) {
        reporter.warn(&frozen);
    }
}

/// Reports whether an operation only removes packages. Then repositories are useful but not
/// required (dnf loads none for `remove`; apk's `del` does not update its indexes).
fn removes(operation: &Operation) -> bool {
    matches!(operation, Operation::Change(Changing { verb: Verb::Remove | Verb::Autoremove, .. }))
}

/// Reports whether an operation may start from a directory without a package database.
fn begins_a_root(operation: &Operation) -> bool {
    matches!(operation, Operation::Change(Changing { verb: Verb::Install, .. }))
}

/// Fails if a directory has no database of this ecosystem. Such a directory is not a root without
/// packages.
fn require_database<E: Ecosystem>(ecosystem: &E, place: &Path) -> Result<(), ResolveError> {
    // A place that is not a directory is a file that lists packages.
    let Ok(root) = RootDirectory::open(place) else { return Ok(()) };
    let is_absent = ecosystem.inventory(&root).is_ok_and(|inventory| inventory.is_none());
    if is_absent { Err(ResolveError::NoDatabase { place: place.display().to_string() }) } else { Ok(()) }
}

/// Reports whether the answer to an operation depends on the content of repositories. Without any
/// repository, an empty answer would be wrong.
fn answers_from_repositories(operation: &Operation) -> bool {
    match operation {
        Operation::Fill(_) => true,
        Operation::Change(changing) => {
            matches!(changing.verb, Verb::Upgrade | Verb::Downgrade | Verb::Reinstall | Verb::DistroSync)
        }
    }
}

/// Reports whether any repository was opened besides the one with the installed packages.
fn is_any_opened(request: &Request, repositories: &Repositories) -> bool {
    let is_asked = |opened: &OpenRepository| request.repositories.iter().any(|asked| asked.name == opened.repository.name);
    repositories.opened.iter().any(is_asked)
}

/// Fails if no repository was opened.
pub(super) fn require_repository(request: &Request, repositories: &Repositories) -> Result<(), ResolveError> {
    if is_any_opened(request, repositories) {
        return Ok(());
    }
    Err(ResolveError::NoRepository { missing: repositories.missing.clone() })
}

/// A pool, and its origin.
#[derive(Debug)]
pub struct Gathered {
    /// The packages.
    pub pool: Pool,
    /// True if the pool was cached by an earlier run.
    pub kept: bool,
    /// Duration of loading or building the pool.
    pub took: Duration,
}

impl<'a, E: Ecosystem> Source<'a, E> {
    /// Opens the repositories, and reads the installed packages.
    pub fn open(
        ecosystem: &'a E,
        request: &'a Request,
        keyring: &Keyrings<E::Keyring>,
        fetcher: &'a Fetcher,
        reporter: &'a dyn Reporter,
    ) -> Result<Self, ResolveError> {
        reporter.begin(Phase::Metadata, None, None);
        // Installed packages come first: of two otherwise equal packages, the resolver takes the
        // installed one.
        let mut base = PoolBuilder::new();
        let mut state = E::State::default();
        let mut repositories = Vec::new();
        match &request.installed {
            None => {}
            Some(InstalledPackages::Root(place)) => {
                state = ecosystem.read_installed(place, &mut base)?;
                if base.is_empty() && !begins_a_root(&request.ask.operation) {
                    require_database(ecosystem, place)?;
                }
            }
            Some(InstalledPackages::Tree(tree)) => state = ecosystem.read_installed_of(&**tree, "the image", &mut base)?,
            Some(InstalledPackages::Repository(repository)) => {
                // The installed packages may change freely, and may be older than in the last run.
                repositories.push(Repository { allow_older: true, ..(**repository).clone() });
            }
        }
        let installed = base.len();
        if let Err(refusal) = ecosystem.add_packages(&request.ask, &mut base) {
            let pool = base.build(ecosystem.version_scheme(), &ecosystem.architectures(&request.arch))?;
            return Err(ResolveError::Unsolvable(Box::new(Unresolved { pool, refusal, hints: Vec::new() })));
        }
        let installed_alone = repositories.clone();
        let first = repositories.len();
        repositories.extend(request.repositories.iter().cloned());
        // If repositories of the same priority have equal packages, the first repository wins, like
        // libsolv's `subpriority`.
        repositories[first..].sort_by_key(|repository| repository.cost);
        let removes = removes(&request.ask.operation);
        if removes {
            repositories[first..].iter_mut().for_each(|repository| repository.optional = true);
        }
        let verify = |repository: &Repository, root: &Root<'_>| keyring.verify_root(ecosystem, repository, root);
        let format = ecosystem.metadata();
        let repositories = match repo::open(&repositories, format, &verify, fetcher) {
            // A broken repository does not prevent the removal of packages.
            Err(_) if removes => repo::open(&installed_alone, format, &verify, fetcher)?,
            opened => opened?,
        };
        if !removes {
            warn(&repositories, reporter);
        }
        if base.len() == installed && answers_from_repositories(&request.ask.operation) {
            match require_repository(request, &repositories) {
                Err(_)
                    if matches!(&request.installed, Some(InstalledPackages::Root(place))
                    if ecosystem.upgrades_without_repositories(place)) =>
                {
                    reporter.warn("no repository was looked in: the answer is about what is installed alone");
                }
                answer => answer?,
            }
        }
        for opened in repositories.opened.iter().filter(|opened| opened.is_unproven()) {
            reporter.warn(&format!("the metadata of {} have no checksum that proves anything", opened.repository.name));
        }
        repositories.read_further(&ecosystem.further_metadata(&request.ask), fetcher, &mut |kind, repository, input| {
            ecosystem.read_further(kind, repository, input, &mut state)
        })?;
        let paths = request.paths.iter().cloned().collect();
        Ok(Self { ecosystem, request, fetcher, reporter, base, repositories, state, paths, stands: false })
    }

    /// Returns one sentence for each part of the repositories that was not read although it may
    /// contain requested packages.
    pub fn not_looked_at(&self, ask: &Ask) -> Vec<String> {
        if removes(&ask.operation) {
            return Vec::new();
        }
        if !is_any_opened(self.request, &self.repositories) {
            return vec![
                "no repository was looked in: name one with --repo NAME=URL|DIR, or a distribution with --distro".to_owned(),
            ];
        }
        let lacking = self.repositories.without(MetadataKind::Files);
        if lacking.is_empty() || !ask.specs().any(|spec| spec.starts_with('/')) {
            return Vec::new();
        }
        vec![format!("paths were not looked for in {}: the metadata list no files", lacking.join(", "))]
    }

    /// Adds paths to look up in the complete file lists. Returns whether any path is new; then the
    /// next pool contains more information.
    ///
    /// The lists are read completely anyway, so all paths of the pool are added too. The cached
    /// pool then serves every later request.
    pub fn ask_for_paths(&mut self, paths: Vec<String>, pool: &Pool) -> bool {
        let before = self.paths.len();
        self.paths.extend(paths);
        let grew = self.paths.len() > before && self.repositories.has_file_lists();
        if grew {
            self.paths.extend(pool.lacked_paths(|_| true).into_iter().map(|path| pool.text(path).to_owned()));
        }
        grew
    }

    /// Returns the pool after the ecosystem has determined the candidates of the request.
    pub fn gather(&mut self) -> Result<Gathered, ResolveError> {
        let begin = Instant::now();
        let (pool, kept) = self.find_or_make()?;
        let gathered = Gathered { pool, kept, took: begin.elapsed() };
        self.reporter.advance(Phase::Metadata, gathered.pool.len() as u64, 0);
        if self.fetcher.is_offline() {
            let reach = self.reach(&gathered.pool);
            self.ecosystem.heed_reach(reach, &mut self.state);
        }
        match self.ecosystem.settle(&self.request.ask, &self.request.arch, &gathered.pool, &mut self.state) {
            Ok(()) => Ok(gathered),
            Err(refusal) => {
                Err(ResolveError::Unsolvable(Box::new(Unresolved { pool: gathered.pool, refusal, hints: Vec::new() })))
            }
        }
    }

    /// Returns which packages are available if the network may not be used.
    fn reach(&self, pool: &Pool) -> Reach {
        let mut reach = Reach::default();
        for (id, repo) in pool.repos() {
            let name = pool.text(repo.name);
            let repository = self.request.repositories.iter().find(|repository| repository.name == name);
            let Some(repository) = repository.filter(|repository| repository.bases.iter().all(Location::is_remote)) else {
                continue;
            };
            reach.remote.push(id);
            let kept = pool.solvables().filter(|package| package.repo_id() == id).filter(|&package| {
                let digest = self.ecosystem.file_digest(package);
                repository.locations(package.location()).is_ok_and(|places| self.fetcher.has(&places, digest.as_ref()))
            });
            reach.kept.extend(kept.map(Solvable::id));
        }
        reach.kept.sort_unstable();
        reach
    }

    /// Returns the cached pool and `true`. If there is none, builds a pool from the metadata,
    /// caches it, and returns it with `false`.
    fn find_or_make(&mut self) -> Result<(Pool, bool), ResolveError> {
        let key = self.key();
        let pools = Pools::new(self.fetcher.store());
        if let Some(key) = &key {
            match pools.read(key) {
                Ok(Some(pool)) => {
                    self.stands = self.stands || self.ecosystem.restore(pool.annex(), &mut self.state);
                    self.read_standing_metadata(|| ())?;
                    return Ok((pool, true));
                }
                Ok(None) => {}
                Err(error) => self.reporter.warn(&format!("cache unreadable, parsing again: {error}")),
            }
        }
        let (made, begun) = self.make(key.as_ref().and_then(|_| pools.begin()))?;
        let pool = match key.zip(begun) {
            Some((key, begun)) => pools.keep(&key, made, begun)?,
            None => made.into_pool()?,
        };
        Ok((pool, false))
    }

    /// Returns the cache key of the pool, if the pool is made only of repositories.
    fn key(&self) -> Option<PoolKey> {
        if !self.base.is_empty() || self.base.installed().is_some() {
            return None;
        }
        let installed = match &self.request.installed {
            Some(InstalledPackages::Repository(repository)) => repository.name.as_str(),
            _ => "",
        };
        let reading = [self.ecosystem.metadata().name(), &self.request.arch, installed];
        let paths: Vec<&str> = self.paths.iter().map(String::as_str).collect();
        PoolKey::new(&self.repositories, &reading, &self.ecosystem.standing_metadata(&self.request.ask), &paths).ok().flatten()
    }

    /// Runs `meanwhile` and at the same time reads the standing metadata, unless they are already
    /// known.
    fn read_standing_metadata<T: Send>(&mut self, meanwhile: impl FnOnce() -> T + Send) -> Result<T, ResolveError> {
        let Self { ecosystem, request, fetcher, repositories, state, stands, .. } = self;
        let kinds = if std::mem::replace(stands, true) { Vec::new() } else { ecosystem.standing_metadata(&request.ask) };
        if kinds.is_empty() {
            return Ok(meanwhile());
        }
        let standing = || {
            repositories.read_further(&kinds, fetcher, &mut |kind, repository, input| {
                ecosystem.read_further(kind, repository, input, state)
            })
        };
        // A separate thread would deadlock: it would wait for rayon's threads, and one of those for
        // it.
        let (meanwhile, standing) = rayon::join(meanwhile, standing);
        standing?;
        Ok(meanwhile)
    }

    /// Builds a pool from the metadata. If the pool is to be cached, starts writing its image to
    /// `keep`.
    fn make<W: Write + Send>(&mut self, keep: Option<W>) -> Result<(CompletePool, Option<BegunImage<W>>), ResolveError> {
        let format = self.ecosystem.metadata();
        let mut builder = self.base.clone();
        self.repositories.read_packages(&mut builder, format, self.fetcher)?;
        if let Some(InstalledPackages::Repository(repository)) = &self.request.installed
            && let Some(repo) = builder.find_repo(&repository.name)
        {
            builder.set_installed(repo);
        }
        if !self.repositories.has_file_lists() {
            builder.settle_all_paths();
        } else if !self.paths.is_empty() {
            let paths: Vec<&str> = self.paths.iter().map(String::as_str).collect();
            self.repositories.read_file_lists(&mut builder, &paths, format, self.fetcher)?;
        }
        let (scheme, architectures) = (self.ecosystem.version_scheme(), self.ecosystem.architectures(&self.request.arch));
        let (mut complete, begun) = self.read_standing_metadata(|| match keep {
            Some(into) => builder.complete_writing(scheme, &architectures, into).map(|(pool, begun)| (pool, Some(begun))),
            None => Ok((builder.complete(scheme, &architectures)?, None)),
        })??;
        complete.set_annex(self.ecosystem.keep(&self.state));
        Ok((complete, begun))
    }

    /// Calls `found` with each path that packages of the pool install with content. Reports whether
    /// any repository lists the files of its packages.
    pub fn contents(&self, pool: &Pool, found: &mut dyn FnMut(SolvableId, &str)) -> Result<bool, ResolveError> {
        Ok(self.repositories.read_contents(pool, self.ecosystem.metadata(), self.fetcher, found)?)
    }

    /// Returns the texts of the repositories about the packages of a pool, if they were requested.
    pub fn texts(&self, pool: &Pool) -> Result<FxHashMap<SolvableId, Texts>, ResolveError> {
        if !self.request.texts {
            return Ok(FxHashMap::default());
        }
        Ok(self.repositories.read_texts(pool, self.ecosystem.metadata(), self.fetcher)?)
    }
}
