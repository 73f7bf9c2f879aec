//! Conversion between a choice and a lock, in both directions.
//!
//! A lock replaces only the metadata and the choice. The later steps are the same: its packages
//! become a pool and a choice.

use std::time::Duration;

use rustc_hash::FxHashMap;

use super::fetching::{self, Sources};
use super::held;
use super::keyrings::Keyrings;
use super::resolve::{Request, ResolveError, Resolved, plan_of, resolve};
use super::{BootstrapError, Tools};
use crate::catalog::Langs;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::ecosystem::{Action, COMMAND_LINE, Change, Choice, Ecosystem, FileOptions, Reason};
use crate::fetch::Fetched;
use crate::lock::{LockError, LockedArchitecture, LockedImage, LockedPackage, LockedReason, LockedRepository, name_in_order};
use crate::pool::{self, Checksum, Pool, PoolBuilder, Solvable, SolvableId, StringId};
use crate::repo::Repositories;

/// Options for creating a lock.
#[derive(Clone, Debug, Default)]
pub struct Locking {
    /// Settings from the catalog besides the packages. Finishing steps may take files from packages
    /// that are not installed.
    pub image: LockedImage,
    /// True if packages are downloaded and verified. Only then the lock contains the signers, and
    /// the digests of files for which the index has no digest of the whole file.
    pub fetch: bool,
    /// An earlier lock; known facts about unchanged files are reused from it.
    pub previous: Option<LockedArchitecture>,
    /// Names of packages of the earlier lock that are to move while all others stay pinned.
    pub moving: Vec<String>,
}

/// Resolves a request and locks the result.
pub fn lock<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    locking: &Locking,
    tools: &Tools<'_>,
) -> Result<LockedArchitecture, BootstrapError> {
    let keyring = Keyrings::new(ecosystem, request, tools.fetcher, tools.reporter)?;
    let resolved = resolve(ecosystem, request, &keyring, tools.fetcher, tools.reporter)?;
    let resolved = held::moved(ecosystem, request, locking, &keyring, tools, resolved)?;
    let Resolved { pool, choice, repositories, .. } = resolved;
    let incoming: Vec<_> = choice.incoming().collect();
    let files_only: Vec<SolvableId> = fetching::not_installed(&pool, &incoming, &locking.image.finishing)
        .into_iter()
        .map(|(name, best)| kept(ecosystem, request, &pool, name).unwrap_or(best))
        .collect();
    let usual = usual_files(&incoming);
    let mut packages: Vec<(SolvableId, LockedPackage)> = Vec::new();
    for change in &choice.changes {
        if let Some(id) = change.new.filter(|_| change.action != Action::Repin) {
            let mut package = locked_package(ecosystem, pool.solvable(id), reason(change.reason));
            package.docs = Some(change.files.docs).filter(|&docs| docs != usual.docs);
            package.langs = Some(change.files.langs.clone()).filter(|langs| *langs != usual.langs);
            packages.push((id, package));
        }
    }
    let installed = packages.len();
    packages.extend(files_only.iter().map(|&id| (id, locked_package(ecosystem, pool.solvable(id), LockedReason::Files))));
    if let Some(previous) = &locking.previous {
        remember(&mut packages, previous);
    }
    if locking.fetch {
        look_at_files(ecosystem, request, &keyring, (&pool, &choice), &mut packages, tools)?;
    }
    let mut packages: Vec<LockedPackage> = packages.into_iter().map(|(_, package)| package).collect();
    let order = packages[..installed].iter().map(|package| name_in_order(package, &packages).to_owned()).collect();
    packages.sort_by(|a, b| (&a.name, &a.arch, &a.id).cmp(&(&b.name, &b.arch, &b.id)));
    Ok(LockedArchitecture {
        name: request.arch.clone(),
        docs: usual.docs,
        langs: usual.langs,
        world: choice.world,
        order,
        image: Some(locking.image.clone()),
        repositories: locked_repositories(ecosystem, &repositories)?,
        packages,
    })
}

/// Returns the pinned package of this name, if there is one.
fn kept<E: Ecosystem>(ecosystem: &E, request: &Request, pool: &Pool, name: &str) -> Option<SolvableId> {
    let kept = request.keep.iter().find(|kept| kept.name == name)?;
    let named = pool.named(pool.find(name)?).iter().copied();
    named.into_iter().find(|&id| ecosystem.identity(pool.solvable(id)).id == kept.id)
}

/// Returns the file options that most packages have. If several are equally common, the first one
/// wins.
fn usual_files(packages: &[(SolvableId, &FileOptions)]) -> FileOptions {
    let mut counts: Vec<(&FileOptions, usize)> = Vec::new();
    for &(_, options) in packages {
        match counts.iter_mut().find(|(known, _)| *known == options) {
            Some((_, count)) => *count += 1,
            None => counts.push((options, 1)),
        }
    }
    let most = counts.iter().rev().max_by_key(|(_, count)| *count);
    most.map_or(FileOptions { docs: true, langs: Langs::All }, |&(options, _)| options.clone())
}

fn reason(reason: Reason) -> LockedReason {
    match reason {
        Reason::Requested => LockedReason::Requested,
        Reason::Dependency => LockedReason::Dependency,
        Reason::Weak => LockedReason::Weak,
    }
}

/// Reports whether a digest is strong enough to identify a file for years.
fn is_strong(digest: &Digest) -> bool {
    !matches!(digest.algorithm(), Algorithm::Md5 | Algorithm::Sha1)
}

fn locked_package<E: Ecosystem>(ecosystem: &E, package: Solvable<'_>, reason: LockedReason) -> LockedPackage {
    let promised = package.checksum().and_then(|checksum| Digest::new(checksum.kind, checksum.bytes));
    let of_file = ecosystem.file_digest(package).filter(is_strong);
    LockedPackage {
        id: ecosystem.identity(package).id,
        name: package.name().to_owned(),
        version: package.version().to_owned(),
        arch: package.arch().to_owned(),
        source: package.source().to_owned(),
        repository: package.repo_name().to_owned(),
        location: package.location().to_owned(),
        size: package.size(),
        installed_size: package.installed_size(),
        index_checksum: promised.filter(|promised| of_file.as_ref() != Some(promised)),
        checksum: of_file,
        key: None,
        reason,
        docs: None,
        langs: None,
    }
}

fn locked_repositories<E: Ecosystem>(
    ecosystem: &E,
    repositories: &Repositories,
) -> Result<Vec<LockedRepository>, BootstrapError> {
    let one = |opened: &crate::repo::OpenRepository| {
        let bytes = opened.root.bytes().map_err(BootstrapError::Read)?;
        Ok(LockedRepository {
            name: opened.repository.name.clone(),
            priority: opened.repository.priority,
            tag: opened.repository.tag.clone(),
            revision: ecosystem.metadata().revision(&bytes),
            metadata: Digest::of(Algorithm::Sha256, &bytes),
        })
    };
    repositories.opened.iter().map(one).collect()
}

/// Copies the facts about identical files from an earlier lock.
fn remember(packages: &mut [(SolvableId, LockedPackage)], previous: &LockedArchitecture) {
    for (_, package) in packages {
        let same = |old: &&LockedPackage| {
            (&old.id, &old.repository, &old.location, old.size)
                == (&package.id, &package.repository, &package.location, package.size)
                && old.promised() == package.promised()
        };
        if let Some(old) = previous.packages.iter().find(same) {
            package.checksum = package.checksum.take().or_else(|| old.checksum.clone());
            package.key.clone_from(&old.key);
        }
    }
}

/// Downloads and verifies the packages with facts that are still unknown.
fn look_at_files<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    trust: &Keyrings<E::Keyring>,
    (pool, choice): (&Pool, &Choice),
    packages: &mut [(SolvableId, LockedPackage)],
    tools: &Tools<'_>,
) -> Result<(), BootstrapError> {
    let unknown: Vec<usize> =
        (0..packages.len()).filter(|&i| packages[i].1.key.is_none() || packages[i].1.checksum.is_none()).collect();
    let nothing = FxHashMap::default();
    let from = Sources { repositories: &request.repositories, locked: &nothing };
    let package = |place: usize| pool.solvable(packages[unknown[place]].0);
    let files: Vec<_> = (0..unknown.len())
        .map(|place| fetching::file(ecosystem, package(place), &from, tools.fetcher.store()))
        .collect::<Result<_, _>>()?;
    let found = fetching::fetch_each(&files, tools, |place, fetched| {
        let known = packages[unknown[place]].1.checksum.is_some();
        let fetched = match fetched {
            Err(error) if known && error.is_absent() => return Ok(None),
            fetched => fetched?,
        };
        let opened = fetching::open(ecosystem, package(place), &fetched, trust, &fetching::FEWEST_FILES, tools)?;
        if packages[unknown[place]].1.reason != LockedReason::Files {
            fetching::admit(ecosystem, package(place), &opened, &fetched, choice)?;
        }
        let digest = digest_of(&fetched)?;
        if fetched.location.is_remote() {
            // The digest under which a build from the lock requests the file.
            tools.fetcher.keep(&digest, &fetched.content)?;
        }
        Ok(Some((digest, ecosystem.signer(&opened))))
    })?;
    let mut absent = 0;
    for (place, found) in unknown.into_iter().zip(found) {
        match found {
            Some((digest, key)) => {
                let package = &mut packages[place].1;
                package.checksum.get_or_insert(digest);
                package.key = key;
            }
            None => absent += 1,
        }
    }
    if absent > 0 {
        tools.reporter.warn(&format!(
            "{absent} packages for {} cannot be had now: who signed them is not in the lock (their checksums are)",
            request.arch
        ));
    }
    Ok(())
}

fn digest_of(fetched: &Fetched) -> Result<Digest, BootstrapError> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    fetched.content.write_to(&mut hasher).map_err(BootstrapError::Read)?;
    Ok(hasher.finish())
}

/// Returns the content of a lock: its packages as a pool, with all of them chosen.
pub(super) fn resolved<E: Ecosystem>(
    ecosystem: &E,
    locked: &LockedArchitecture,
    request: &Request,
) -> Result<Resolved, ResolveError> {
    let mut builder = PoolBuilder::new();
    for repository in &locked.repositories {
        if !request.repositories.iter().any(|asked| asked.name == repository.name) {
            return Err(LockError::NotAsked { repository: repository.name.clone() }.into());
        }
        builder.add_repo(&repository.name, repository.priority, repository.tag.as_deref());
    }
    let mut ids = FxHashMap::default();
    let mut digests = FxHashMap::default();
    for package in &locked.packages {
        let id = intern(&mut builder, package)?;
        ids.insert(package.id.as_str(), id);
        digests.extend(package.checksum.clone().map(|digest| (id, digest)));
    }
    let pool = builder.build(ecosystem.version_scheme(), &ecosystem.architectures(&request.arch))?;
    for (package, solvable) in locked.packages.iter().zip(pool.solvables()) {
        let found = ecosystem.identity(solvable).id;
        if found != package.id {
            return Err(LockError::Identity { written: package.id.clone(), found }.into());
        }
    }
    let change = |package: &LockedPackage| Change {
        action: Action::Install,
        old: None,
        new: ids.get(package.id.as_str()).copied(),
        tag: None,
        reason: match package.reason {
            LockedReason::Requested => Reason::Requested,
            LockedReason::Weak => Reason::Weak,
            LockedReason::Dependency | LockedReason::Files => Reason::Dependency,
        },
        files: FileOptions {
            docs: package.docs.unwrap_or(locked.docs),
            langs: package.langs.clone().unwrap_or_else(|| locked.langs.clone()),
        },
    };
    let changes = locked.ordered()?.into_iter().map(change).collect();
    let choice = Choice { changes, world: locked.world.clone(), ..Choice::default() };
    let plan = plan_of(ecosystem, request, &pool, &choice);
    let repositories = Repositories { opened: Vec::new(), missing: Vec::new() };
    Ok(Resolved { pool, kept: false, took: Duration::ZERO, choice, plan, locked: digests, repositories })
}

fn intern(builder: &mut PoolBuilder, package: &LockedPackage) -> Result<SolvableId, ResolveError> {
    let repo = match builder.find_repo(&package.repository) {
        Some(repo) => repo,
        None if package.repository == COMMAND_LINE => builder.add_repo(COMMAND_LINE, 0, None),
        None => {
            let (id, repository) = (package.id.clone(), package.repository.clone());
            return Err(LockError::Repository { id, repository }.into());
        }
    };
    let (name, version) = (builder.intern(&package.name), builder.intern(&package.version));
    let (arch, location) = (builder.intern(&package.arch), builder.intern(&package.location));
    let source = builder.intern(&package.source);
    let promised = package.promised();
    Ok(builder.finish_package(
        repo,
        pool::Package {
            name,
            version,
            arch,
            location,
            checksum: promised.map(|digest| Checksum { kind: digest.algorithm(), bytes: digest.bytes() }),
            size: package.size,
            installed_size: package.installed_size,
            build_time: 0,
            vendor: StringId::EMPTY,
            source,
            license: StringId::EMPTY,
            provider_priority: 0,
        },
    ))
}
