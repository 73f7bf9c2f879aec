//! Packages that stay what they are, though repositories have moved on.
//!
//! Of a kept package's name no other may be chosen. Where no repository has it any more (Alpine's have only the newest), its file may still be
//! had, on a mirror or in the store: then it says itself what an index said of it.

use super::fetching::{self, FilePlace};
use super::resolve::{Request, ResolveError};
use super::source::Source;
use crate::digest::Digest;
use crate::ecosystem::{self, Ask, Ecosystem};
use crate::lock::LockedPackage;
use crate::pool::Pool;

/// A package that stays what it is.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// Where its file is, if that is known.
    pub file: Option<KeptFile>,
    /// Whether it is a failure that it cannot be had; otherwise it moves too, with a warning.
    pub must: bool,
}

/// The file of a package that stays what it is.
#[derive(Clone, Debug)]
pub struct KeptFile {
    /// Its repository.
    pub repository: String,
    /// Where it is there.
    pub location: String,
    /// The architecture that the repository gives it.
    pub arch: String,
    /// Its size in bytes; 0 where that is not known.
    pub size: u64,
    /// Its digest.
    pub digest: Option<Digest>,
}

impl Kept {
    /// A package as a lock has it.
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

/// What is asked for, with the packages that stay; those that no repository has any more are added to the source.
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

/// Gets the file of a package that no index has, and adds it to the source; whether it could be had.
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
    // What is there and is something else is no more to be had than what is not.
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
