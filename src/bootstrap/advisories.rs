//! Advisories that the repositories of a request publish.

use super::keyrings::Keyrings;
use super::resolve::{Request, ResolveError};
use super::source::{require_repository, warn};
use crate::ecosystem::Ecosystem;
use crate::fetch::Fetcher;
use crate::metadata::{Advisory, MetadataKind};
use crate::repo::{self, Repository, Root};
use crate::reporter::{Phase, Reporter};

/// Reads the advisories of the repositories and calls `found` with each one and the name of its
/// repository. It reads no packages and stores no advisory. Returns the names of the repositories
/// that publish no advisories.
///
/// Fails if no repository can be opened.
pub fn advisories<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    keyring: &Keyrings<E::Keyring>,
    fetcher: &Fetcher,
    reporter: &dyn Reporter,
    found: &mut dyn FnMut(&str, Advisory),
) -> Result<Vec<String>, ResolveError> {
    reporter.begin(Phase::Metadata, None, None);
    let verify = |repository: &Repository, root: &Root<'_>| keyring.verify_root(ecosystem, repository, root);
    let format = ecosystem.metadata();
    let repositories = repo::open(&request.repositories, format, &verify, fetcher)?;
    warn(&repositories, reporter);
    require_repository(request, &repositories)?;
    repositories.read_further(&[MetadataKind::Advisories], fetcher, &mut |_, repository, input| {
        format.read_advisories(input, &mut |advisory| found(repository, advisory))
    })?;
    reporter.finish(Phase::Metadata, "");
    Ok(repositories.without(MetadataKind::Advisories))
}
