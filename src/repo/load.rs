//! Loading: the metadata of all repositories are fetched and read concurrently.

use std::io::Read;
use std::time::Duration;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::ahead::read_ahead;
use super::error::words;
use super::opened::{OpenFault, Opened};
use super::{RepoError, Repository};
use crate::digest::{Algorithm, Digest};
use crate::fetch::{Fetcher, Wanted};
use crate::finish::glob;
use crate::metadata::{IndexError, MetadataFile, MetadataFormat, MetadataKind, Texts};
use crate::package::Content;
use crate::pool::{Pool, PoolBuilder, SolvableId};
use crate::reporter::Phase;

/// The maximum size in bytes of a metadata file without an expected size.
const FILE_LIMIT: u64 = 2 << 30;

/// The size in bytes from which a file is decompressed on a separate thread. Starting a thread
/// takes as long as decompressing some kilobytes.
const WORTH_A_THREAD: u64 = 64 << 10;

/// Repositories with fetched and verified root documents.
#[derive(Debug)]
pub struct Repositories {
    /// The repositories, in the order in which they were named.
    pub opened: Vec<OpenRepository>,
    /// The names of optional repositories that no mirror has.
    pub missing: Vec<String>,
}

/// A repository with a fetched and verified root document.
#[derive(Clone, Debug)]
pub struct OpenRepository {
    /// The configured repository. The base that delivered the root document is now the first.
    pub repository: Repository,
    /// The root document.
    pub root: Content,
    /// The metadata files that the root document lists.
    pub files: Vec<MetadataFile>,
    /// The age of the metadata, if they state it.
    pub age: Option<Duration>,
}

/// Returns a request for a file of a repository, at any of its bases, without an expected digest
/// and size.
pub(super) fn wanted(repository: &Repository, reference: &str, limit: u64) -> Result<Wanted, RepoError> {
    let misplaced = |error| RepoError::Location { repository: repository.name.clone(), error };
    Ok(Wanted {
        name: reference.to_owned(),
        locations: repository.locations(reference).map_err(misplaced)?,
        fallbacks: repository.fallbacks(reference).map_err(misplaced)?,
        digest: None,
        size: None,
        limit,
        phase: Phase::Metadata,
        route: repository.route.clone(),
    })
}

pub(super) fn index_error(repository: &Repository, file: &str, error: IndexError) -> RepoError {
    RepoError::Index { repository: repository.name.clone(), file: file.to_owned(), error }
}

fn is_worth_a_thread(content: &Content) -> bool {
    content.len() > WORTH_A_THREAD && rayon::current_num_threads() > 1
}

/// Reports whether a file's checksum proves nothing. MD5 counts as none, because files with a given
/// MD5 digest can be made.
fn is_weak(file: &MetadataFile) -> bool {
    file.digest.as_ref().is_none_or(|digest| digest.algorithm() == Algorithm::Md5)
}

impl OpenRepository {
    /// Returns the metadata file of a kind, if the repository has one.
    pub fn file(&self, kind: MetadataKind) -> Option<&MetadataFile> {
        self.files.iter().find(|file| file.kind == kind)
    }

    /// Reports whether nothing proves that the list of packages is the one that the root document
    /// refers to.
    pub fn is_unproven(&self) -> bool {
        self.file(MetadataKind::Packages).is_some_and(|file| file.location.is_some() && is_weak(file))
    }

    /// Returns a warning if the metadata are older than the distribution's interval for new
    /// metadata. A local directory never causes a warning: its owner decides about its age.
    pub fn is_frozen(&self) -> Option<String> {
        let promised = self.repository.promised_age?;
        let age = self.age.filter(|&age| age > promised)?;
        let remote = self.repository.is_remote();
        let name = &self.repository.name;
        remote.then(|| {
            format!(
                "the metadata of {name} are {} old, and the distribution makes new ones within {}: does the mirror still follow it?",
                words(age),
                words(promised)
            )
        })
    }

    fn fetch_packages(&self, fetcher: &Fetcher) -> Result<Option<(&MetadataFile, Content)>, RepoError> {
        self.file(MetadataKind::Packages).map(|file| Ok((file, self.fetch(file, fetcher)?))).transpose()
    }

    fn read_packages(
        &self,
        packages: Option<(&MetadataFile, Content)>,
        format: &dyn MetadataFormat,
        builder: &mut PoolBuilder,
    ) -> Result<(), RepoError> {
        let repository = &self.repository;
        let id = builder
            .find_repo(&repository.name)
            .unwrap_or_else(|| builder.add_repo(&repository.name, repository.priority, repository.tag.as_deref()));
        let Some((file, content)) = packages else { return Ok(()) };
        let ahead = !format.reads_with_all_threads() && is_worth_a_thread(&content);
        self.read_with(file, &content, ahead, |input| format.read_packages(input, builder, id))
    }

    /// Fetches one of the repository's metadata files, with the digest and size from the root
    /// document.
    pub fn fetch(&self, file: &MetadataFile, fetcher: &Fetcher) -> Result<Content, RepoError> {
        let Some(location) = &file.location else { return Ok(self.root.clone()) };
        let name = self.repository.name.clone();
        if is_weak(file) && !self.repository.weak_checksums {
            let algorithm = file.digest.as_ref().map(Digest::algorithm);
            return Err(RepoError::WeakChecksum { repository: name, file: location.clone(), algorithm });
        }
        let wanted = wanted(&self.repository, location, FILE_LIMIT)?;
        let wanted = Wanted { digest: file.digest.clone(), size: file.size, ..wanted };
        let got = fetcher.fetch(&wanted).map_err(|error| RepoError::Fetch { repository: name, error })?;
        Ok(got.content)
    }

    /// Fetches the smallest available file of a kind. Repositories list some files twice,
    /// compressed and uncompressed, and may hold only one of them.
    fn fetch_any(&self, kind: MetadataKind, fetcher: &Fetcher) -> Result<Option<(&MetadataFile, Content)>, RepoError> {
        let mut files: Vec<&MetadataFile> = self.files.iter().filter(|file| file.kind == kind).collect();
        files.sort_by_key(|file| file.size);
        let mut first = None;
        for file in files {
            match self.fetch(file, fetcher) {
                Ok(content) => return Ok(Some((file, content))),
                Err(error) => first = first.or(Some(error)),
            }
        }
        first.map_or(Ok(None), Err)
    }

    /// Decompresses a fetched file, passes its contents to `reader`, and checks them against the
    /// expected size and digest.
    pub fn read(
        &self,
        file: &MetadataFile,
        content: &Content,
        reader: impl FnOnce(&mut (dyn Read + Send)) -> Result<(), IndexError>,
    ) -> Result<(), RepoError> {
        self.read_with(file, content, is_worth_a_thread(content), reader)
    }

    /// Reads a file like `read`; `ahead` says whether a separate thread decompresses it.
    fn read_with(
        &self,
        file: &MetadataFile,
        content: &Content,
        ahead: bool,
        reader: impl FnOnce(&mut (dyn Read + Send)) -> Result<(), IndexError>,
    ) -> Result<(), RepoError> {
        let name = || file.location.clone().unwrap_or_else(|| file.name.clone());
        let failed = |error| index_error(&self.repository, &name(), error);
        let fault = |fault| match fault {
            OpenFault::Size { expected, found } => {
                RepoError::OpenSize { repository: self.repository.name.clone(), file: name(), expected, found }
            }
            OpenFault::Checksum { expected, found } => {
                RepoError::OpenChecksum { repository: self.repository.name.clone(), file: name(), expected, found }
            }
        };
        let broken = |error| failed(IndexError::Read { offset: 0, error });
        let mut opened = Opened::new(content, file).map_err(broken)?;
        let read = if ahead {
            let read;
            (opened, read) = read_ahead(opened, reader);
            read
        } else {
            reader(&mut opened)
        };
        if let Err(error) = read {
            return Err(opened.fault().map_or_else(|| failed(error), fault));
        }
        opened.finish().map_err(broken)?.map_err(fault)
    }
}

/// A reader of further metadata files. It receives a file's kind, its repository's name, and the
/// decompressed file.
pub(super) type FurtherReader<'r> = dyn FnMut(MetadataKind, &str, &mut dyn std::io::Read) -> Result<(), IndexError> + 'r;

impl Repositories {
    /// Returns the names of the repositories without a metadata file of a kind.
    pub fn without(&self, kind: MetadataKind) -> Vec<String> {
        let lacking = self.opened.iter().filter(|opened| opened.file(kind).is_none());
        lacking.map(|opened| opened.repository.name.clone()).collect()
    }

    /// Fetches the files of further kinds concurrently. Passes each decompressed file to `reader`,
    /// with its kind and its repository's name, in the order of the repositories and of the kinds.
    pub fn read_further(
        &self,
        kinds: &[MetadataKind],
        fetcher: &Fetcher,
        reader: &mut FurtherReader<'_>,
    ) -> Result<(), RepoError> {
        if kinds.is_empty() {
            // This also avoids starting threads.
            return Ok(());
        }
        let wanted = self.opened.iter().flat_map(|opened| kinds.iter().map(move |&kind| (opened, kind)));
        let wanted: Vec<_> = wanted.filter(|(opened, kind)| *kind != MetadataKind::Groups || opened.repository.groups).collect();
        let got: Vec<_> = wanted.par_iter().map(|(opened, kind)| opened.fetch_any(*kind, fetcher)).collect();
        for ((opened, kind), got) in wanted.into_iter().zip(got) {
            if let Some((file, content)) = got? {
                opened.read(file, &content, |input| reader(kind, &opened.repository.name, input))?;
            }
        }
        Ok(())
    }

    /// Reads the packages of all repositories. They follow those that `builder` already holds, in
    /// the order of the repositories and of their lists.
    pub fn read_packages(
        &self,
        builder: &mut PoolBuilder,
        format: &dyn MetadataFormat,
        fetcher: &Fetcher,
    ) -> Result<(), RepoError> {
        if format.reads_with_all_threads() {
            let files: Vec<_> = self.opened.par_iter().map(|repository| repository.fetch_packages(fetcher)).collect();
            for (repository, packages) in self.opened.iter().zip(files) {
                repository.read_packages(packages?, format, builder)?;
            }
            return Ok(());
        }
        let read = |repository: &OpenRepository| {
            let mut part = PoolBuilder::new();
            repository.read_packages(repository.fetch_packages(fetcher)?, format, &mut part)?;
            Ok(part)
        };
        let parts: Vec<_> = self.opened.par_iter().map(read).collect();
        for part in parts {
            builder.join(part?);
        }
        Ok(())
    }

    /// Reports whether any repository has separate lists of its packages' files.
    pub fn has_file_lists(&self) -> bool {
        self.opened.iter().any(|opened| opened.file(MetadataKind::Files).is_some())
    }

    /// Searches the lists of all files, if there are any, for the given paths (each may be a shell
    /// pattern). Adds the packages that contain them to the pool. Returns the number of files
    /// added.
    pub fn read_file_lists(
        &self,
        builder: &mut PoolBuilder,
        paths: &[&str],
        format: &dyn MetadataFormat,
        fetcher: &Fetcher,
    ) -> Result<usize, RepoError> {
        let (patterns, plain): (Vec<&str>, Vec<&str>) = paths.iter().partition(|path| glob::is_pattern(path.as_bytes()));
        let plain: rustc_hash::FxHashSet<&str> = plain.into_iter().collect();
        let fits = |pattern: &&str, path: &str| glob::matches(pattern.as_bytes(), path.as_bytes());
        let wanted = |path: &str| plain.contains(path) || patterns.iter().any(|pattern| fits(pattern, path));
        let found: Vec<_> = self
            .opened
            .par_iter()
            .map(|opened| {
                let mut found: Vec<(Vec<u8>, String)> = Vec::new();
                if let Some(file) = opened.file(MetadataKind::Files) {
                    let content = opened.fetch(file, fetcher)?;
                    opened.read(file, &content, |input| {
                        format.read_files(input, &wanted, &mut |checksum, path| {
                            found.push((checksum.bytes.to_vec(), path.to_owned()));
                        })
                    })?;
                }
                Ok(found)
            })
            .collect::<Vec<Result<_, RepoError>>>();
        for path in &plain {
            builder.settle_path(path);
        }
        let mut count = 0;
        for (opened, found) in self.opened.iter().zip(found) {
            let found = found?;
            if found.is_empty() {
                continue;
            }
            let Some(repo) = builder.find_repo(&opened.repository.name) else { continue };
            let packages: FxHashMap<Vec<u8>, SolvableId> =
                builder.packages_of(repo).filter_map(|id| Some((builder.checksum(id)?.bytes.to_vec(), id))).collect();
            for (checksum, path) in found {
                if let Some(&id) = packages.get(&checksum) {
                    let path = builder.intern(&path);
                    builder.attach_file(id, path);
                    count += 1;
                }
            }
        }
        Ok(count)
    }

    /// Reads the lists of all files. Calls `found` with each package of the pool and each of its
    /// paths that has content. Returns whether any repository has such lists.
    pub fn read_contents(
        &self,
        pool: &Pool,
        format: &dyn MetadataFormat,
        fetcher: &Fetcher,
        found: &mut dyn FnMut(SolvableId, &str),
    ) -> Result<bool, RepoError> {
        let mut any = false;
        for opened in &self.opened {
            let Some(file) = opened.file(MetadataKind::Files) else { continue };
            any = true;
            let of_repo = pool.solvables().filter(|package| package.repo_name() == opened.repository.name);
            let packages: FxHashMap<&[u8], SolvableId> =
                of_repo.filter_map(|package| Some((package.checksum()?.bytes, package.id()))).collect();
            let content = opened.fetch(file, fetcher)?;
            let mut paths = Vec::new();
            opened.read(file, &content, |input| {
                format.read_contents(input, &mut |checksum, path| {
                    if let Some(&id) = packages.get(checksum.bytes) {
                        paths.push((id, path.to_owned()));
                    }
                })
            })?;
            for (id, path) in &paths {
                found(*id, path);
            }
        }
        Ok(any)
    }

    /// Returns the descriptive texts of the packages of a pool.
    pub fn read_texts(
        &self,
        pool: &Pool,
        format: &dyn MetadataFormat,
        fetcher: &Fetcher,
    ) -> Result<FxHashMap<SolvableId, Texts>, RepoError> {
        let mut all = FxHashMap::default();
        for opened in &self.opened {
            let Some(file) = opened.file(MetadataKind::Packages) else { continue };
            let own = pool.solvables().filter(|package| package.repo_name() == opened.repository.name);
            let packages: FxHashMap<&[u8], SolvableId> =
                own.filter_map(|package| Some((package.checksum()?.bytes, package.id()))).collect();
            let content = opened.fetch(file, fetcher)?;
            opened.read(file, &content, |input| {
                format.read_texts(input, &mut |checksum, texts| {
                    if let Some(&id) = packages.get(checksum.bytes) {
                        all.insert(id, texts);
                    }
                })
            })?;
        }
        Ok(all)
    }
}
