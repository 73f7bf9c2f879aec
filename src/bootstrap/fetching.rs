//! Packages are got, verified and inflated, all at once: a task a package, so unpacking begins while others still download.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{BootstrapError, Tools};
use crate::catalog::Step;
use crate::ecosystem::{Ecosystem, FileOptions, Trust};
use crate::fetch::{Fetched, Location, Wanted};
use crate::pool::{Pool, Solvable, SolvableId};
use crate::repo::Repository;
use crate::reporter::Phase;

/// Downloads at once. They wait for the network, not for a processor, so there are more than threads that inflate.
const DOWNLOADS: usize = 8;

/// How large a package may be whose size the index does not tell.
const PACKAGE_LIMIT: u64 = 16 << 30;

/// The packages that finishing steps take files from though they are not installed: of each name the best candidate. A name that no
/// repository has is left out; the step says so.
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

/// Gets and opens packages; the result is in their order.
pub(super) fn fetch_and_open<E: Ecosystem>(
    ecosystem: &E,
    pool: &Pool,
    wanted: &[(SolvableId, &FileOptions)],
    repositories: &[Repository],
    trust: Trust<'_, E::Keyring>,
    tools: &Tools<'_>,
) -> Result<Vec<E::Package>, BootstrapError> {
    let solvable = |i: usize| pool.solvable(wanted[i].0);
    let bytes = (0..wanted.len()).map(|i| solvable(i).size()).sum();
    tools.reporter.begin(Phase::Fetch, Some(wanted.len() as u64), Some(bytes));
    let files: Vec<Wanted> = (0..wanted.len()).map(|i| file(ecosystem, solvable(i), repositories)).collect::<Result<_, _>>()?;
    // The largest first, so that none of them is left for the end.
    let mut largest_first: Vec<usize> = (0..wanted.len()).collect();
    largest_first.sort_by_key(|&i| std::cmp::Reverse(solvable(i).size()));

    let open = |i: usize, fetched: &Fetched| -> Result<E::Package, BootstrapError> {
        stop_if_asked(tools)?;
        let package = ecosystem.open(&fetched.content, Some(solvable(i)), trust, wanted[i].1, tools.spool).map_err(|source| {
            let package = solvable(i);
            BootstrapError::Package {
                file: package.location().rsplit('/').next().unwrap_or_default().to_owned(),
                from: fetched.location.to_string(),
                repo: package.repo_name().to_owned(),
                source,
            }
        })?;
        tools.reporter.advance(Phase::Fetch, 1, 0);
        Ok(package)
    };
    let fetch = |i: usize| -> Result<Fetched, BootstrapError> {
        stop_if_asked(tools)?;
        Ok(tools.fetcher.fetch(&files[i])?)
    };

    let remote = files.iter().any(|file| file.locations.iter().any(Location::is_remote));
    let done = Mutex::new(Vec::with_capacity(files.len()));
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let finish = |i: usize, result: Result<E::Package, BootstrapError>| {
        failed.fetch_add(usize::from(result.is_err()), Ordering::Relaxed);
        done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((i, result));
    };
    if remote {
        rayon::in_place_scope(|inflating| {
            std::thread::scope(|downloading| {
                for _ in 0..DOWNLOADS.min(files.len()) {
                    downloading.spawn(|| {
                        while let Some(&i) = largest_first.get(next.fetch_add(1, Ordering::Relaxed)) {
                            if failed.load(Ordering::Relaxed) > 0 {
                                return;
                            }
                            match fetch(i) {
                                Ok(fetched) => {
                                    let (open, finish) = (&open, &finish);
                                    inflating.spawn(move |_| finish(i, open(i, &fetched)));
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
            for &i in &largest_first {
                let (open, fetch, finish) = (&open, &fetch, &finish);
                opening.spawn_fifo(move |_| finish(i, fetch(i).and_then(|fetched| open(i, &fetched))));
            }
        });
    }
    let mut results = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|&(i, _)| i);
    let packages = results.into_iter().map(|(_, result)| result).collect::<Result<Vec<_>, _>>()?;
    tools.reporter.finish(Phase::Fetch, "");
    Ok(packages)
}

/// A package's file, where its repository has it and with what the index promises of it.
fn file<E: Ecosystem>(ecosystem: &E, package: Solvable<'_>, repositories: &[Repository]) -> Result<Wanted, BootstrapError> {
    let location = package.location();
    let repository = repositories.iter().find(|repository| repository.name == package.repo_name());
    // What belongs to no repository was given as a file.
    let given = || Ok(vec![Location::Path(location.into())]);
    let locations = repository.map_or_else(given, |repository| repository.locations(location));
    Ok(Wanted {
        name: location.rsplit('/').next().unwrap_or(location).to_owned(),
        locations: locations.map_err(|problem| BootstrapError::Location { location: location.to_owned(), problem })?,
        digest: ecosystem.file_digest(package),
        size: Some(package.size()).filter(|&size| size > 0),
        limit: PACKAGE_LIMIT,
        phase: Phase::Fetch,
    })
}

fn stop_if_asked(tools: &Tools<'_>) -> Result<(), BootstrapError> {
    if tools.cancel.is_raised() { Err(BootstrapError::Interrupted) } else { Ok(()) }
}
