//! Mirrors: from the distributor's list of a repository's mirrors to the locations of its files.

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::{RepoError, Repository};
use crate::fetch::{Fetcher, Location, Wanted};
use crate::metadata::{IndexError, MetadataFormat, RootPromise};
use crate::reporter::Phase;

/// The maximum size of a list in bytes: the longest lists name some hundred mirrors.
const LIST_LIMIT: u64 = 4 << 20;

/// Lists of mirrors, and the contents of the first available one. Clones share the contents.
#[derive(Clone, Debug, Default)]
pub struct Mirrors {
    /// The locations of the lists: a metalink, or a text with one mirror per line. The contents
    /// determine the format.
    pub lists: Vec<Location>,
    found: Arc<OnceLock<Found>>,
}

impl PartialEq for Mirrors {
    fn eq(&self, other: &Self) -> bool {
        self.lists == other.lists
    }
}

impl Eq for Mirrors {}

#[derive(Debug)]
struct Found {
    bases: Vec<Location>,
    roots: Vec<RootPromise>,
}

impl Mirrors {
    /// Returns mirrors with these lists, none of which was read yet.
    pub fn of(lists: Vec<Location>) -> Self {
        Self { lists, found: Arc::default() }
    }

    /// Returns the mirrors, the best first; none before they were found.
    pub fn bases(&self) -> &[Location] {
        self.found.get().map(|found| found.bases.as_slice()).unwrap_or_default()
    }

    /// Returns the expected digests and sizes of the root document, the newest first. If there are
    /// none, any root document is accepted.
    pub(super) fn roots(&self) -> &[RootPromise] {
        self.found.get().map(|found| found.roots.as_slice()).unwrap_or_default()
    }
}

/// Reads the mirror lists of all repositories that have lists and whose mirrors are not known yet.
pub fn find_mirrors(repositories: &[Repository], format: &dyn MetadataFormat, fetcher: &Fetcher) -> Result<(), RepoError> {
    let unknown: Vec<&Repository> = repositories
        .iter()
        .filter(|repository| !repository.mirrors.lists.is_empty() && repository.mirrors.found.get().is_none())
        .collect();
    unknown.into_par_iter().try_for_each(|repository| find(repository, format, fetcher))
}

fn find(repository: &Repository, format: &dyn MetadataFormat, fetcher: &Fetcher) -> Result<(), RepoError> {
    let wanted = Wanted {
        name: "the list of mirrors".to_owned(),
        locations: repository.mirrors.lists.clone(),
        fallbacks: Vec::new(),
        digest: None,
        size: None,
        limit: LIST_LIMIT,
        phase: Phase::Metadata,
        route: repository.route.clone(),
    };
    let got = match fetcher.fetch(&wanted) {
        Ok(got) => got,
        // A repository without an available list has no mirrors. It is skipped like one that no
        // mirror has.
        Err(error) if repository.optional && error.is_absent() => return Ok(()),
        Err(error) => return Err(RepoError::Fetch { repository: repository.name.clone(), error }),
    };
    let wrong = |error| RepoError::Index { repository: repository.name.clone(), file: got.location.to_string(), error };
    let bytes = got.content.bytes().map_err(|error| wrong(IndexError::Read { offset: 0, error }))?;
    let list = format.mirrors(&bytes).map_err(wrong)?;
    // A list from a server cannot name local files, and a location with an unsupported scheme is no
    // mirror.
    let is_local = !got.location.is_remote();
    let expanded = list.bases.iter().map(|base| repository.variables.expand(base).text);
    let bases = expanded.filter_map(|base| Location::parse(&base).ok());
    let bases = bases.filter(|base| base.is_remote() || is_local);
    let bases: Vec<Location> = bases.map(|base| base.with_login(repository.login.as_ref())).collect();
    if bases.is_empty() && repository.bases.is_empty() {
        return Err(wrong(IndexError::Malformed { offset: 0, what: "it names no mirror".to_owned() }));
    }
    // It only fails if another thread was faster.
    let _ = repository.mirrors.found.set(Found { bases, roots: list.roots });
    Ok(())
}
