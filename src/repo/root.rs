//! Root documents: each is fetched from the first mirror with a valid one, and verified before it
//! is parsed.

use rayon::prelude::*;

use super::load::{index_error, wanted};
use super::mirrors::{Mirrors, find_mirrors};
use super::seen;
use super::{OpenRepository, RepoError, Repositories, Repository};
use crate::ecosystem::PackageError;
use crate::fetch::{Fetched, Fetcher, Location, Wanted};
use crate::metadata::{IndexError, MetadataFormat, MetadataKind, RootPromise};

/// The maximum size of a root document in bytes. The root document of apk contains all packages;
/// that of rpm-md has some kilobytes.
const ROOT_LIMIT: u64 = 64 << 20;

/// The maximum size of a detached signature in bytes. A signature has some hundred bytes, and a
/// file may contain several.
const SIGNATURE_LIMIT: u64 = 1 << 20;

/// The root document of a repository.
#[derive(Clone, Copy, Debug)]
pub struct Root<'a> {
    /// The bytes of the document.
    pub document: &'a [u8],
    /// The detached signature, if the format has such a file and the repository must have it.
    pub signature: Option<&'a [u8]>,
}

/// A function that verifies the root document of a repository before it is parsed.
pub type Verify<'a> = dyn Fn(&Repository, &Root<'_>) -> Result<(), PackageError> + Sync + 'a;

/// Fetches and verifies the root documents of all repositories concurrently.
pub fn open(
    repositories: &[Repository],
    format: &dyn MetadataFormat,
    verify: &Verify<'_>,
    fetcher: &Fetcher,
) -> Result<Repositories, RepoError> {
    for (place, repository) in repositories.iter().enumerate() {
        if repositories[..place].iter().any(|other| other.name == repository.name) {
            return Err(RepoError::SameName { repository: repository.name.clone() });
        }
    }
    find_mirrors(repositories, format, fetcher)?;
    let one = |repository| open_one(repository, format, verify, fetcher);
    // Passing local files to other threads takes longer than reading them.
    let is_remote = repositories.iter().any(Repository::is_remote);
    let opened: Vec<_> =
        if is_remote { repositories.par_iter().map(one).collect() } else { repositories.iter().map(one).collect() };
    let mut all = Repositories { opened: Vec::with_capacity(opened.len()), missing: Vec::new() };
    for (repository, opened) in repositories.iter().zip(opened) {
        if repository.optional && matches!(&opened, Err(RepoError::Fetch { error, .. }) if error.is_absent()) {
            all.missing.push(repository.name.clone());
        } else {
            // The reported error is that of the first failed repository in the given order, not in
            // time.
            all.opened.push(opened?);
        }
    }
    Ok(all)
}

fn open_one(
    repository: &Repository,
    format: &dyn MetadataFormat,
    verify: &Verify<'_>,
    fetcher: &Fetcher,
) -> Result<OpenRepository, RepoError> {
    let document = format.root_document();
    let identity = repository.identity();
    // From here on, mirrors of the lists are treated like other bases.
    let bases = repository.all_bases().cloned().collect();
    let mut left = Repository { bases, mirrors: Mirrors::default(), ..repository.clone() };
    let mut failed = Vec::new();
    let mut first = None;
    loop {
        let root = match fetch_root(&left, repository.mirrors.roots(), document, fetcher) {
            Ok(root) => root,
            Err(error) => return Err(first.unwrap_or(error)),
        };
        left.bases = best_first(&left, document, &root.location);
        match open_at(left.clone(), &identity, root, format, verify, fetcher) {
            Ok(mut opened) => {
                // Failed bases may still have valid metadata files, whose digests are verified
                // separately.
                opened.repository.bases.append(&mut failed);
                return Ok(opened);
            }
            // The document of this mirror is old, damaged or not properly signed. Another mirror
            // may have a valid one.
            Err(error) if left.bases.len() > 1 => {
                failed.push(left.bases.remove(0));
                first.get_or_insert(error);
            }
            Err(error) => return Err(first.unwrap_or(error)),
        }
    }
}

/// Verifies a root document that was fetched from the first of the bases.
fn open_at(
    repository: Repository,
    identity: &str,
    root: Fetched,
    format: &dyn MetadataFormat,
    verify: &Verify<'_>,
    fetcher: &Fetcher,
) -> Result<OpenRepository, RepoError> {
    let document = format.root_document();
    let bytes =
        root.content.bytes().map_err(|error| index_error(&repository, document, IndexError::Read { offset: 0, error }))?;
    let signature = fetch_signature(&repository, format, fetcher)?;
    let judged = verify(&repository, &Root { document: &bytes, signature: signature.as_deref() });
    judged.map_err(|error| RepoError::Root {
        repository: repository.name.clone(),
        file: document.to_owned(),
        from: root.location.to_string(),
        error,
    })?;
    let age = format.age(&bytes);
    seen::check(fetcher.store(), identity, &repository, document, &root.location, &age)?;
    let age = seen::time_since(age.made);
    if let Some(limit) = repository.max_age.filter(|&limit| age.is_none_or(|age| age > limit)) {
        return Err(RepoError::Stale { repository: repository.name, file: document.to_owned(), age, limit });
    }
    let files = format.files(&bytes).map_err(|error| index_error(&repository, document, error))?;
    if !files.iter().any(|file| file.kind == MetadataKind::Packages) {
        return Err(RepoError::NoPackages { repository: repository.name, document: document.to_owned() });
    }
    drop(bytes);
    Ok(OpenRepository { repository, root: root.content, files, age })
}

/// Fetches the root document. If the list of mirrors states expected digests, the result is the
/// newest of these documents that any mirror has.
fn fetch_root(
    repository: &Repository,
    promises: &[RootPromise],
    document: &str,
    fetcher: &Fetcher,
) -> Result<Fetched, RepoError> {
    let mut first = None;
    for promise in promises {
        let wanted = wanted(repository, document, ROOT_LIMIT)?;
        let wanted = Wanted { digest: Some(promise.digest.clone()), size: promise.size, ..wanted };
        match fetcher.fetch(&wanted) {
            Ok(root) => return Ok(root),
            // The error for the newest document is reported, whatever the errors for older ones
            // are.
            Err(error) => first = first.or(Some(error)),
        }
    }
    match first {
        Some(error) => Err(RepoError::Fetch { repository: repository.name.clone(), error }),
        None => fetch_document(repository, document, ROOT_LIMIT, fetcher),
    }
}

fn fetch_document(repository: &Repository, document: &str, limit: u64, fetcher: &Fetcher) -> Result<Fetched, RepoError> {
    fetcher
        .fetch(&wanted(repository, document, limit)?)
        .map_err(|error| RepoError::Fetch { repository: repository.name.clone(), error })
}

/// Fetches the detached signature from the base of the root document. Returns `None` if the base
/// has no such file, if the format has none, or if no signature is required.
fn fetch_signature(
    repository: &Repository,
    format: &dyn MetadataFormat,
    fetcher: &Fetcher,
) -> Result<Option<Vec<u8>>, RepoError> {
    let (Some(name), true) = (format.root_signature(), repository.signed) else { return Ok(None) };
    let bases = repository.bases.iter().take(1).cloned().collect();
    let beside = Repository { bases, spare_bases: Vec::new(), mirrors: Mirrors::default(), ..repository.clone() };
    match fetch_document(&beside, name, SIGNATURE_LIMIT, fetcher) {
        Ok(got) => {
            let bytes = got.content.bytes();
            Ok(Some(bytes.map_err(|error| index_error(repository, name, IndexError::Read { offset: 0, error }))?.into_owned()))
        }
        Err(RepoError::Fetch { error, .. }) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the bases, first the one that delivered the root document: its files are the likeliest
/// to match the document.
fn best_first(repository: &Repository, document: &str, root: &Location) -> Vec<Location> {
    let mut bases = repository.bases.clone();
    if let Some(place) = bases.iter().position(|base| base.resolve(document).is_ok_and(|location| location == *root)) {
        bases[..=place].rotate_right(1);
    }
    bases
}
