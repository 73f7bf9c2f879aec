//! Pinned packages: they stay at their version although the repositories have newer ones.
//!
//! The resolver may not choose another package with the same name as a pinned one. If no repository
//! lists it any more (Alpine's repositories list only the newest), its file may still be available
//! on a mirror or in the store. Then the package's own metadata replace the entry of the index.

use super::fetching::{self, FilePlace};
use super::resolve::{Request, ResolveError};
use super::source::Source;
use crate::digest::Digest;
use crate::ecosystem::{self, Ask, Ecosystem};
use crate::lock::LockedPackage;
use crate::pool::Pool;

/// A pinned package.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The name of the package.
    pub name: String,
    /// The id of the package.
    pub id: String,
    /// Location of the package file, if known.
    pub file: Option<KeptFile>,
    /// True if it is an error that the package is unavailable. Otherwise the package moves too,
    /// with a warning.
    pub must: bool,
}

/// The file of a pinned package.
#[derive(Clone, Debug)]
pub struct KeptFile {
    /// The name of the repository.
    pub repository: String,
    /// Location of the file in the repository.
    pub location: String,
    /// The architecture in the repository.
    pub arch: String,
    /// Size of the file in bytes; 0 if unknown.
    pub size: u64,
    /// Expected digest of the file.
    pub digest: Option<Digest>,
}

impl Kept {
    /// Returns a locked package as a pinned one.
    pub fn locked(package: &LockedPackage) -> Self {
        let file = KeptFile {
            repository: package.repository.clone(),
            location: package.location.clone(),
            arch: package.arch.clone(),
            size: package.size,
            digest: package.checksum.clone(),
        };
        Self { name: package.name.clone(), id: package.id.clone(), file: Some(file), must: false }
    }
}

/// Returns the request's [`Ask`] together with the pinned packages. Adds the pinned packages that
/// no repository lists any more to the source.
pub(super) fn pinned<E: Ecosystem>(ecosystem: &E, request: &Request, source: &mut Source<'_, E>) -> Result<Ask, ResolveError> {
    let mut ask = request.ask.clone();
    if request.keep.is_empty() {
        return Ok(ask);
    }
    let pool = source.gather()?.pool;
    let mut gone = Vec::new();
    for kept in &request.keep {
        if has(ecosystem, &pool, kept) || bring_back(ecosystem, request, source, kept)? {
            ask.pins.entry(kept.name.clone()).or_default().insert(kept.id.clone());
        } else if kept.must {
            return Err(ResolveError::Gone { id: kept.id.clone() });
        } else {
            gone.push(kept);
        }
    }
    for kept in gone {
        source.reporter.warn(&format!("no repository and no mirror has {} any more: {} moves too", kept.id, kept.name));
    }
    Ok(ask)
}

fn has<E: Ecosystem>(ecosystem: &E, pool: &Pool, kept: &Kept) -> bool {
    let named = pool.find(&kept.name).map(|name| pool.named(name)).unwrap_or_default();
    named.iter().any(|&id| ecosystem.identity(pool.solvable(id)).id == kept.id)
}

/// Fetches the file of a package that no index lists and adds the package to the source. Reports
/// whether the file was available.
fn bring_back<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    source: &mut Source<'_, E>,
    kept: &Kept,
) -> Result<bool, ResolveError> {
    let Some(file) = &kept.file else { return Ok(false) };
    let Some(repository) = request.repositories.iter().find(|repository| repository.name == file.repository) else {
        return Ok(false);
    };
    let place =
        FilePlace { repository: &file.repository, location: &file.location, size: file.size, locked: file.digest.as_ref() };
    let Ok(wanted) = fetching::wanted(place, None, &request.repositories, source.fetcher.store()) else { return Ok(false) };
    // A file with different content counts as unavailable.
    let Ok(fetched) = source.fetcher.fetch(&wanted) else { return Ok(false) };
    let base = &mut source.base;
    let repo = match base.find_repo(&repository.name) {
        Some(repo) => repo,
        None => base.add_repo(&repository.name, repository.priority, repository.tag.as_deref()),
    };
    let place = ecosystem::FilePlace { repo, location: &file.location, arch: &file.arch };
    let added = ecosystem.add_file(&fetched.content, place, base);
    added.map_err(|problem| ResolveError::Kept { id: kept.id.clone(), problem })?;
    Ok(true)
}
