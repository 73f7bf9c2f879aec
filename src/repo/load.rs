//! Loading: the metadata of all repositories, got and read at once.

use std::io::Read;
use std::time::Duration;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::ahead::read_ahead;
use super::error::words;
use super::mirrors::{Mirrors, find_mirrors};
use super::opened::{OpenFault, Opened};
use super::seen;
use super::{RepoError, Repository};
use crate::digest::{Algorithm, Digest};
use crate::ecosystem::PackageError;
use crate::fetch::{Fetched, Fetcher, Location, Wanted};
use crate::finish::glob;
use crate::metadata::{IndexError, MetadataFile, MetadataFormat, MetadataKind, RootPromise, Texts};
use crate::package::Content;
use crate::pool::{Pool, PoolBuilder, SolvableId};
use crate::reporter::Phase;

/// How large a root document may be: apk's holds all packages, rpm-md's comes to some kilobytes.
const ROOT_LIMIT: u64 = 64 << 20;

/// How large the signature beside it may be: a signature has some hundred bytes, and a file may hold several.
const SIGNATURE_LIMIT: u64 = 1 << 20;

/// How large a metadata file without a promised size may be.
const FILE_LIMIT: u64 = 2 << 30;

/// From how many bytes on a file is inflated on a thread of its own: beginning one takes as long as inflating some kilobytes.
const WORTH_A_THREAD: u64 = 64 << 10;

/// Repositories whose root documents were got and judged.
#[derive(Debug)]
pub struct Repositories {
    /// In the order in which they were named.
    pub opened: Vec<OpenRepository>,
    /// The names of optional repositories that no mirror has.
    pub missing: Vec<String>,
}

/// A repository whose root document was got and judged.
#[derive(Clone, Debug)]
pub struct OpenRepository {
    /// As it was configured, but for the base that had the root document, which is the first now.
    pub repository: Repository,
    /// Its root document, as it was got.
    pub root: Content,
    /// The metadata files that the root document lists.
    pub files: Vec<MetadataFile>,
    /// How long ago they were made, as far as they tell.
    pub age: Option<Duration>,
}

/// The document that a repository begins with.
#[derive(Clone, Copy, Debug)]
pub struct Root<'a> {
    /// Its bytes.
    pub document: &'a [u8],
    /// The signature that lies beside it, where the format has such a file and the repository must have it.
    pub signature: Option<&'a [u8]>,
}

/// Judges the root document of a repository, before anything of it is read.
pub type Verify<'a> = dyn Fn(&Repository, &Root<'_>) -> Result<(), PackageError> + Sync + 'a;

/// Gets and judges the root documents of all repositories, several at once.
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
    // Handing files of this machine to other threads takes longer than reading them.
    let is_remote = repositories.iter().any(Repository::is_remote);
    let opened: Vec<_> =
        if is_remote { repositories.par_iter().map(one).collect() } else { repositories.iter().map(one).collect() };
    let mut all = Repositories { opened: Vec::with_capacity(opened.len()), missing: Vec::new() };
    for (repository, opened) in repositories.iter().zip(opened) {
        if repository.optional && matches!(&opened, Err(RepoError::Fetch { error, .. }) if error.is_absent()) {
            all.missing.push(repository.name.clone());
        } else {
            // The first of the repositories that failed, whichever failed first.
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
    // Those of the lists are bases like the others from here on.
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
                // They may have the files all the same, which tell by themselves whether they are the right ones.
                opened.repository.bases.append(&mut failed);
                return Ok(opened);
            }
            // What one mirror has is old, damaged or signed by nobody: another may have what is right.
            Err(error) if left.bases.len() > 1 => {
                failed.push(left.bases.remove(0));
                first.get_or_insert(error);
            }
            Err(error) => return Err(first.unwrap_or(error)),
        }
    }
}

/// Judges a root document that was got from the first of the places.
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

/// The root document: one that the list of mirrors promises, the newest that any of them has, where it promises some.
fn fetch_root(
    repository: &Repository,
    promises: &[RootPromise],
    document: &str,
    fetcher: &Fetcher,
) -> Result<Fetched, RepoError> {
    let mut first = None;
    for promise in promises {
        let wanted = Wanted {
            name: document.to_owned(),
            locations: locations(repository, document)?,
            fallbacks: fallbacks(repository, document)?,
            digest: Some(promise.digest.clone()),
            size: promise.size,
            limit: ROOT_LIMIT,
            phase: Phase::Metadata,
        };
        match fetcher.fetch(&wanted) {
            Ok(root) => return Ok(root),
            // That no mirror has the newest is what to tell of, whatever became of the older ones.
            Err(error) => first = first.or(Some(error)),
        }
    }
    match first {
        Some(error) => Err(RepoError::Fetch { repository: repository.name.clone(), error }),
        None => fetch_document(repository, document, ROOT_LIMIT, fetcher),
    }
}

fn fetch_document(repository: &Repository, document: &str, limit: u64, fetcher: &Fetcher) -> Result<Fetched, RepoError> {
    let wanted = Wanted {
        name: document.to_owned(),
        locations: locations(repository, document)?,
        fallbacks: fallbacks(repository, document)?,
        digest: None,
        size: None,
        limit,
        phase: Phase::Metadata,
    };
    fetcher.fetch(&wanted).map_err(|error| RepoError::Fetch { repository: repository.name.clone(), error })
}

/// The signature beside the root document, from the same place; `None` where there is none, or nobody asks for it.
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

/// The bases, the one first that had the root document: its files are the likeliest to be of the same state.
fn best_first(repository: &Repository, document: &str, root: &Location) -> Vec<Location> {
    let mut bases = repository.bases.clone();
    if let Some(place) = bases.iter().position(|base| base.resolve(document).is_ok_and(|location| location == *root)) {
        bases[..=place].rotate_right(1);
    }
    bases
}

fn locations(repository: &Repository, reference: &str) -> Result<Vec<Location>, RepoError> {
    repository.locations(reference).map_err(|error| RepoError::Location { repository: repository.name.clone(), error })
}

fn fallbacks(repository: &Repository, reference: &str) -> Result<Vec<Location>, RepoError> {
    repository.fallbacks(reference).map_err(|error| RepoError::Location { repository: repository.name.clone(), error })
}

fn index_error(repository: &Repository, file: &str, error: IndexError) -> RepoError {
    RepoError::Index { repository: repository.name.clone(), file: file.to_owned(), error }
}

fn is_worth_a_thread(content: &Content) -> bool {
    content.len() > WORTH_A_THREAD && rayon::current_num_threads() > 1
}

/// Whether a file's checksum proves nothing. MD5 is as good as none: files with a given one can be made.
fn is_weak(file: &MetadataFile) -> bool {
    file.digest.as_ref().is_none_or(|digest| digest.algorithm() == Algorithm::Md5)
}

impl OpenRepository {
    /// The metadata file of a kind, if the repository has one.
    pub fn file(&self, kind: MetadataKind) -> Option<&MetadataFile> {
        self.files.iter().find(|file| file.kind == kind)
    }

    /// Whether nothing proves that its packages are those that the root document means.
    pub fn is_unproven(&self) -> bool {
        self.file(MetadataKind::Packages).is_some_and(|file| file.location.is_some() && is_weak(file))
    }

    /// What is said of metadata that the distribution would have made anew by now. A directory of this machine is as old as whoever keeps it
    /// wants it to be.
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

    /// Gets one of the repository's metadata files, as its root document promises it.
    pub fn fetch(&self, file: &MetadataFile, fetcher: &Fetcher) -> Result<Content, RepoError> {
        let Some(location) = &file.location else { return Ok(self.root.clone()) };
        let name = self.repository.name.clone();
        if is_weak(file) && !self.repository.weak_checksums {
            let algorithm = file.digest.as_ref().map(Digest::algorithm);
            return Err(RepoError::WeakChecksum { repository: name, file: location.clone(), algorithm });
        }
        let wanted = Wanted {
            name: location.clone(),
            locations: locations(&self.repository, location)?,
            fallbacks: fallbacks(&self.repository, location)?,
            digest: file.digest.clone(),
            size: file.size,
            limit: FILE_LIMIT,
            phase: Phase::Metadata,
        };
        let got = fetcher.fetch(&wanted).map_err(|error| RepoError::Fetch { repository: name, error })?;
        Ok(got.content)
    }

    /// Gets the smallest of the files of a kind that can be got: repositories list some twice, packed and not, and may hold only one.
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

    /// Inflates a file that was got and gives what it holds to `reader`, holding it against what was promised.
    pub fn read(
        &self,
        file: &MetadataFile,
        content: &Content,
        reader: impl FnOnce(&mut (dyn Read + Send)) -> Result<(), IndexError>,
    ) -> Result<(), RepoError> {
        self.read_with(file, content, is_worth_a_thread(content), reader)
    }

    /// The same; `ahead` is whether inflating gets a thread of its own.
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

/// What reads further metadata files: it is given a file's kind, its repository's name, and the inflated file.
pub(super) type FurtherReader<'r> = dyn FnMut(MetadataKind, &str, &mut dyn std::io::Read) -> Result<(), IndexError> + 'r;

impl Repositories {
    /// Gets the files of further kinds, several at once, and gives each (inflated) to `reader` with its kind and its repository's
    /// name, in the order of the repositories and of the kinds.
    pub fn read_further(
        &self,
        kinds: &[MetadataKind],
        fetcher: &Fetcher,
        reader: &mut FurtherReader<'_>,
    ) -> Result<(), RepoError> {
        if kinds.is_empty() {
            // Nor are any threads started.
            return Ok(());
        }
        let wanted: Vec<_> = self.opened.iter().flat_map(|opened| kinds.iter().map(move |&kind| (opened, kind))).collect();
        let got: Vec<_> = wanted.par_iter().map(|(opened, kind)| opened.fetch_any(*kind, fetcher)).collect();
        for ((opened, kind), got) in wanted.into_iter().zip(got) {
            if let Some((file, content)) = got? {
                opened.read(file, &content, |input| reader(kind, &opened.repository.name, input))?;
            }
        }
        Ok(())
    }

    /// Reads the packages of all repositories; they come after those that `builder` holds, in the order of the
    /// repositories and of their lists.
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

    /// Reads the lists of all files, as far as there are any, for the given paths (each may be a shell pattern), and tells
    /// the pool which packages have them. How many were found.
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

    /// Calls `found` with each path that a package of the pool brings with a content, as the lists of all files tell; whether any repository has
    /// such lists.
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

    /// What the repositories tell people of the packages of a pool.
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
