//! Downloads the files of all packages of a request into the store, or into a directory laid out as
//! a mirror.

use std::fs;
use std::path::Path;

use super::fetching::{self, Sources};
use super::keyrings::Keyrings;
use super::resolve::{Request, Resolved, resolve};
use super::{BootstrapError, Tools};
use crate::digest::Digest;
use crate::ecosystem::{COMMAND_LINE, Ecosystem};
use crate::fetch::{Fetched, Location};
use crate::output::OutputFile;
use crate::package::Content;
use crate::pool::Solvable;
use crate::repo::Repository;

/// Counts of the downloaded files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchedFiles {
    /// Number of packages.
    pub packages: u64,
    /// Total size of the package files in bytes.
    pub bytes: u64,
    /// Number of files that did not exist before.
    pub written: u64,
}

/// Downloads the files of all packages of a request into the store, or to the locations of its
/// repositories in `mirror`. For a lock, this includes the packages that only supply files. Each
/// file is verified against its expected digest and size.
pub fn fetch_files<E: Ecosystem>(
    ecosystem: &E,
    request: &Request,
    mirror: Option<&[Repository]>,
    tools: &Tools<'_>,
) -> Result<FetchedFiles, BootstrapError> {
    let keyring = Keyrings::new(ecosystem, request, tools.fetcher, tools.reporter)?;
    let Resolved { pool, choice, locked, .. } = resolve(ecosystem, request, &keyring, tools.fetcher, tools.reporter)?;
    let ids: Vec<_> = match &request.locked {
        Some(_) => pool.solvables().map(Solvable::id).collect(),
        None => choice.incoming().map(|(id, _)| id).collect(),
    };
    let from = Sources { repositories: &request.repositories, locked: &locked };
    let files = ids
        .iter()
        .map(|&id| fetching::file(ecosystem, pool.solvable(id), &from, tools.fetcher.store()))
        .collect::<Result<Vec<_>, _>>()?;
    let options = fetching::FEWEST_FILES;
    let new = fetching::fetch_each(&files, tools, |i, fetched| {
        let fetched = fetched?;
        let package = pool.solvable(ids[i]);
        if files[i].digest.is_none() {
            // Without an expected digest, only the package's own contents can verify it.
            fetching::open(ecosystem, package, &fetched, &keyring, &options, tools)?;
        }
        match mirror {
            None => keep(files[i].digest.as_ref(), &fetched, tools),
            // A build from this lock uses the user's own file.
            Some(_) if package.repo_name() == COMMAND_LINE => Ok(false),
            Some(mirror) => {
                let location = package.location();
                let place = mirror.iter().find(|repository| repository.name == package.repo_name());
                let Some((place, base)) = place.and_then(|place| Some((place, place.bases.first()?))) else { return Ok(false) };
                let misplaced = |problem| BootstrapError::Location { location: location.to_owned(), problem };
                // A complete URL has no location in a mirror; a build finds the file in the store.
                let Location::Path(path) = base.resolve_within(location, &place.directories).map_err(misplaced)? else {
                    return keep(files[i].digest.as_ref(), &fetched, tools);
                };
                write(&path, &fetched.content, tools)
            }
        }
    })?;
    Ok(FetchedFiles {
        packages: files.len() as u64,
        bytes: ids.iter().map(|&id| pool.solvable(id).size()).sum(),
        written: new.into_iter().filter(|&new| new).count() as u64,
    })
}

/// Caches a file in the store. Reports whether the file is new there.
fn keep(digest: Option<&Digest>, fetched: &Fetched, tools: &Tools<'_>) -> Result<bool, BootstrapError> {
    let Some(digest) = digest else { return Ok(fetched.location.is_remote()) };
    let is_new = fetched.location.is_remote() || tools.fetcher.store().find(digest).is_none();
    tools.fetcher.keep(digest, &fetched.content)?;
    Ok(is_new)
}

/// Writes a file unless it exists, and reports whether it wrote it. The file gets its name only
/// once it is complete.
fn write(path: &Path, content: &Content, tools: &Tools<'_>) -> Result<bool, BootstrapError> {
    let failed = |error| BootstrapError::Write { path: path.to_owned(), error };
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory).map_err(failed)?;
    if path.is_file()
        && fs::read(path)
            .is_ok_and(|there| there.len() as u64 == content.len() && content.bytes().is_ok_and(|bytes| *bytes == *there))
    {
        return Ok(false);
    }
    let mut file = OutputFile::prepare(path)?.open(tools.reporter, tools.cancel)?;
    content.write_to(&mut file).map_err(failed)?;
    file.finish()?;
    Ok(true)
}
