//! Downloads, verifies and decompresses packages in parallel. Each package is a task, so unpacking
//! begins while other packages still download.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustc_hash::{FxHashMap, FxHashSet};

use super::keyrings::Keyrings;
use super::{BootstrapError, Tools};
use crate::catalog::{Langs, Step};
use crate::digest::Digest;
use crate::ecosystem::{Choice, Ecosystem, FileOptions, PackageError};
use crate::fetch::{FetchError, Fetched, Location, Store, Wanted};
use crate::pool::{Pool, Solvable, SolvableId};
use crate::repo::Repository;
use crate::reporter::Phase;

/// Maximum size in bytes of a package whose size the index does not state.
const PACKAGE_LIMIT: u64 = 16 << 30;

/// File options for a package that is only inspected: they unpack as few files as possible.
pub(super) const FEWEST_FILES: FileOptions = FileOptions { docs: false, langs: Langs::Only(Vec::new()) };

/// Returns the packages that finishing steps take files from although they are not installed: the
/// best candidate for each name. A name that no repository has is omitted; the step reports it.
pub(super) fn not_installed<'a>(
    pool: &Pool,
    installed: &[(SolvableId, &FileOptions)],
    steps: &'a [Step],
) -> Vec<(&'a str, SolvableId)> {
    let best = |name: &str| {
        let named = pool.find(name).map(|id| pool.named(id)).unwrap_or_default();
        named.iter().copied().max_by_key(|&id| {
            let package = pool.solvable(id);
            (std::cmp::Reverse(package.repo().priority), package.version_rank(), std::cmp::Reverse(id))
        })
    };
    let mut found: Vec<(&str, SolvableId)> = Vec::new();
    for step in steps {
        if let Step::FilesFrom(from) = step
            && !found.iter().any(|(name, _)| *name == from.package)
            && !installed.iter().any(|&(id, _)| pool.solvable(id).name() == from.package)
            && let Some(id) = best(&from.package)
        {
            found.push((&from.package, id));
        }
    }
    found
}

/// Downloads and opens packages; the result is in the order of `packages`. Packages that the choice
/// installs must be installable.
pub(super) fn fetch_and_open<E: Ecosystem>(
    ecosystem: &E,
    (pool, choice): (&Pool, &Choice),
    wanted: &[(SolvableId, &FileOptions)],
    from: &Sources<'_>,
    trust: &Keyrings<E::Keyring>,
    tools: &Tools<'_>,
) -> Result<Vec<E::Package>, BootstrapError> {
    let files = wanted
        .iter()
        .map(|&(id, _)| file(ecosystem, pool.solvable(id), from, tools.fetcher.store()))
        .collect::<Result<Vec<_>, _>>()?;
    let coming: FxHashSet<SolvableId> = choice.incoming().map(|(id, _)| id).collect();
    fetch_each(&files, tools, |i, fetched| {
        let (fetched, (id, options)) = (fetched?, wanted[i]);
        let package = open(ecosystem, pool.solvable(id), &fetched, trust, options, tools)?;
        if coming.contains(&id) {
            admit(ecosystem, pool.solvable(id), &package, &fetched, choice)?;
        }
        Ok(package)
    })
}

/// Fails if an opened package may not be installed.
pub(super) fn admit<E: Ecosystem>(
    ecosystem: &E,
    listed: Solvable<'_>,
    package: &E::Package,
    fetched: &Fetched,
    choice: &Choice,
) -> Result<(), BootstrapError> {
    let admitted = ecosystem.admit(package, choice.unlisted.contains(&listed.id()));
    admitted.map_err(|source| not_used(listed, fetched, source))
}

fn not_used(package: Solvable<'_>, fetched: &Fetched, source: PackageError) -> BootstrapError {
    BootstrapError::Package {
        file: package.location().rsplit('/').next().unwrap_or_default().to_owned(),
        from: fetched.location.to_string(),
        repo: package.repo_name().to_owned(),
        source,
    }
}

/// Opens a downloaded package.
pub(super) fn open<E: Ecosystem>(
    ecosystem: &E,
    package: Solvable<'_>,
    fetched: &Fetched,
    trust: &Keyrings<E::Keyring>,
    options: &FileOptions,
    tools: &Tools<'_>,
) -> Result<E::Package, BootstrapError> {
    let opened = ecosystem.open(&fetched.content, Some(package), trust.of(package.repo_name()), options, tools.spool);
    opened.map_err(|source| not_used(package, fetched, source))
}

/// Downloads files and calls `then` with each one while others still download. The results are in
/// the order of the files.
pub(super) fn fetch_each<T: Send>(
    files: &[Wanted],
    tools: &Tools<'_>,
    then: impl Fn(usize, Result<Fetched, FetchError>) -> Result<T, BootstrapError> + Sync,
) -> Result<Vec<T>, BootstrapError> {
    let bytes = files.iter().filter_map(|file| file.size).sum();
    tools.reporter.begin(Phase::Fetch, Some(files.len() as u64), Some(bytes));
    // The largest files come first, so that none of them remains for the end.
    let mut largest_first: Vec<usize> = (0..files.len()).collect();
    largest_first.sort_by_key(|&i| std::cmp::Reverse(files[i].size));

    let open = |i: usize, fetched: Result<Fetched, FetchError>| -> Result<T, BootstrapError> {
        stop_if_asked(tools)?;
        let done = then(i, fetched)?;
        tools.reporter.advance(Phase::Fetch, 1, 0);
        Ok(done)
    };
    let fetch = |i: usize| -> Result<Result<Fetched, FetchError>, BootstrapError> {
        stop_if_asked(tools)?;
        Ok(tools.fetcher.fetch(&files[i]))
    };

    let remote = files.iter().any(|file| file.places().any(Location::is_remote));
    let order = if remote { mixed(&largest_first) } else { largest_first };
    let done = Mutex::new(Vec::with_capacity(files.len()));
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let finish = |i: usize, result: Result<T, BootstrapError>| {
        failed.fetch_add(usize::from(result.is_err()), Ordering::Relaxed);
        done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((i, result));
    };
    if remote {
        rayon::in_place_scope(|inflating| {
            std::thread::scope(|downloading| {
                // These threads wait for the network, not for a processor, so there are more of
                // them than threads that decompress.
                for _ in 0..tools.fetcher.at_once().min(files.len()) {
                    downloading.spawn(|| {
                        while let Some(&i) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                            if failed.load(Ordering::Relaxed) > 0 {
                                return;
                            }
                            match fetch(i) {
                                Ok(fetched) => {
                                    let (open, finish) = (&open, &finish);
                                    inflating.spawn(move |_| finish(i, open(i, fetched)));
                                }
                                Err(error) => finish(i, Err(error)),
                            }
                        }
                    });
                }
            });
        });
    } else {
        rayon::in_place_scope_fifo(|opening| {
            for &i in &order {
                let (open, fetch, finish) = (&open, &fetch, &finish);
                opening.spawn_fifo(move |_| finish(i, fetch(i).and_then(|fetched| open(i, fetched))));
            }
        });
    }
    let mut results = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|&(i, _)| i);
    let done = results.into_iter().map(|(_, result)| result).collect::<Result<Vec<_>, _>>()?;
    tools.reporter.finish(Phase::Fetch, "");
    Ok(done)
}

/// Alternates the largest and the smallest files. On a link with high latency, small files alone
/// use little of the bandwidth; and a large file must not remain for the end.
fn mixed(largest_first: &[usize]) -> Vec<usize> {
    let (large, small) = largest_first.split_at(largest_first.len().div_ceil(2));
    let mut small = small.iter().rev();
    large.iter().flat_map(|large| [Some(large), small.next()]).flatten().copied().collect()
}

/// The source of files, and the facts known about them besides the expected values of an index.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    /// The repositories.
    pub(super) repositories: &'a [Repository],
    /// The digests of whole files in a lock.
    pub(super) locked: &'a FxHashMap<SolvableId, Digest>,
}

/// Returns the locations of a package's file in its repository, with the expected digest and size.
pub(super) fn file<E: Ecosystem>(
    ecosystem: &E,
    package: Solvable<'_>,
    from: &Sources<'_>,
    store: &Store,
) -> Result<Wanted, BootstrapError> {
    let digest = from.locked.get(&package.id());
    let place = FilePlace { repository: package.repo_name(), location: package.location(), size: package.size(), locked: digest };
    wanted(place, ecosystem.file_digest(package), from.repositories, store)
}

/// The location of a package file, and the known facts about it.
#[derive(Clone, Copy)]
pub(super) struct FilePlace<'a> {
    pub(super) repository: &'a str,
    pub(super) location: &'a str,
    pub(super) size: u64,
    /// The digest of the whole file in a lock.
    pub(super) locked: Option<&'a Digest>,
}

pub(super) fn wanted(
    file: FilePlace<'_>,
    promised: Option<Digest>,
    repositories: &[Repository],
    store: &Store,
) -> Result<Wanted, BootstrapError> {
    let FilePlace { location, locked, .. } = file;
    let repository = repositories.iter().find(|repository| repository.name == file.repository);
    // A package without a repository was given as a file.
    let given = || Ok(vec![Location::Path(location.into())]);
    let locations = repository.map_or_else(given, |repository| repository.locations(location));
    let outside = |problem| BootstrapError::Location { location: location.to_owned(), problem };
    let mut locations = locations.map_err(outside)?;
    let mut fallbacks = repository.map_or(Ok(Vec::new()), |repository| repository.fallbacks(location)).map_err(outside)?;
    fallbacks.retain(|place| !locations.contains(place));
    if let Some(digest) = locked
        && !locations.iter().chain(&fallbacks).any(Location::is_remote)
    {
        // The fetcher looks in the store first for remote files. For a local directory, the store
        // comes last, in case the directory no longer has the file.
        locations.extend(store.find(digest).map(Location::Path));
    }
    Ok(Wanted {
        name: location.rsplit('/').next().unwrap_or(location).to_owned(),
        locations,
        fallbacks,
        digest: locked.cloned().or(promised),
        size: Some(file.size).filter(|&size| size > 0),
        limit: PACKAGE_LIMIT,
        phase: Phase::Fetch,
        route: repository.and_then(|repository| repository.route.clone()),
    })
}

fn stop_if_asked(tools: &Tools<'_>) -> Result<(), BootstrapError> {
    if tools.cancel.is_raised() { Err(BootstrapError::Interrupted) } else { Ok(()) }
}
