//! Loading: the metadata of all repositories, got and read at once.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::opened::{OpenFault, Opened};
use super::{RepoError, Repository};
use crate::digest::Algorithm;
use crate::ecosystem::PackageError;
use crate::fetch::{Fetched, Fetcher, Location, Wanted};
use crate::metadata::{IndexError, MetadataFile, MetadataFormat, MetadataKind, Texts};
use crate::package::Content;
use crate::pool::{PoolBuilder, SolvableId};
use crate::reporter::Phase;

/// How large a root document may be: apk's holds all packages, rpm-md's comes to some kilobytes.
const ROOT_LIMIT: u64 = 64 << 20;

/// How large a metadata file without a promised size may be.
const FILE_LIMIT: u64 = 2 << 30;

/// The packages of all repositories, and what else is known of them.
#[derive(Debug)]
pub struct Loaded {
    /// The packages, in the order of the repositories and of their lists.
    pub builder: PoolBuilder,
    /// The repositories, in the order in which they were named.
    pub repositories: Vec<LoadedRepository>,
    /// The names of optional repositories that no mirror has.
    pub missing: Vec<String>,
    /// How many packages were there before those of the repositories.
    before: usize,
}

/// A repository whose packages were read.
#[derive(Clone, Debug)]
pub struct LoadedRepository {
    /// As it was configured, but for the base that had the root document, which is the first now.
    pub repository: Repository,
    /// How many packages it has.
    pub packages: usize,
    /// Its root document, as it was got.
    pub root: Content,
    /// The metadata files that the root document lists.
    pub files: Vec<MetadataFile>,
}

/// Judges the root document of a repository, before anything of it is read.
pub type Verify<'a> = dyn Fn(&[u8]) -> Result<(), PackageError> + Sync + 'a;

/// Gets and reads the metadata of all repositories, several at once. Their packages come after those that `builder` holds.
pub fn load(
    builder: PoolBuilder,
    repositories: &[Repository],
    format: &dyn MetadataFormat,
    verify: &Verify<'_>,
    fetcher: &Fetcher,
) -> Result<Loaded, RepoError> {
    for (place, repository) in repositories.iter().enumerate() {
        if repositories[..place].iter().any(|other| other.name == repository.name) {
            return Err(RepoError::SameName { repository: repository.name.clone() });
        }
    }
    let parts: Vec<_> = repositories.par_iter().map(|repository| load_one(repository, format, verify, fetcher)).collect();
    let mut loaded =
        Loaded { before: builder.len(), builder, repositories: Vec::with_capacity(parts.len()), missing: Vec::new() };
    for (repository, part) in repositories.iter().zip(parts) {
        if repository.optional && matches!(&part, Err(RepoError::Fetch { error, .. }) if error.is_absent()) {
            loaded.missing.push(repository.name.clone());
            continue;
        }
        // The first of the repositories that failed, whichever failed first.
        let (builder, repository) = part?;
        if loaded.builder.is_empty() && loaded.repositories.is_empty() {
            loaded.builder = builder;
        } else {
            loaded.builder.append(&builder);
        }
        loaded.repositories.push(repository);
    }
    Ok(loaded)
}

fn load_one(
    repository: &Repository,
    format: &dyn MetadataFormat,
    verify: &Verify<'_>,
    fetcher: &Fetcher,
) -> Result<(PoolBuilder, LoadedRepository), RepoError> {
    let document = format.root_document();
    let root = fetch_root(repository, document, fetcher)?;
    let repository = Repository { bases: best_first(repository, document, &root.location), ..repository.clone() };
    let bytes =
        root.content.bytes().map_err(|error| index_error(&repository, document, IndexError::Read { offset: 0, error }))?;
    verify(&bytes).map_err(|error| RepoError::Root {
        repository: repository.name.clone(),
        file: document.to_owned(),
        from: root.location.to_string(),
        error,
    })?;
    let files = format.files(&bytes).map_err(|error| index_error(&repository, document, error))?;
    drop(bytes);
    let mut loaded = LoadedRepository { repository, packages: 0, root: root.content, files };
    let Some(packages) = loaded.files.iter().find(|file| file.kind == MetadataKind::Packages) else {
        return Err(RepoError::NoPackages { repository: loaded.repository.name, document: document.to_owned() });
    };
    let mut builder = PoolBuilder::new();
    let id = builder.add_repo(&loaded.repository.name, loaded.repository.priority, loaded.repository.tag.as_deref());
    let content = loaded.fetch(packages, fetcher)?;
    loaded.read(packages, &content, |input| format.read_packages(input, &mut builder, id))?;
    loaded.packages = builder.len();
    Ok((builder, loaded))
}

fn fetch_root(repository: &Repository, document: &str, fetcher: &Fetcher) -> Result<Fetched, RepoError> {
    let wanted = Wanted {
        name: document.to_owned(),
        locations: locations(repository, document)?,
        digest: None,
        size: None,
        limit: ROOT_LIMIT,
        phase: Phase::Metadata,
    };
    fetcher.fetch(&wanted).map_err(|error| RepoError::Fetch { repository: repository.name.clone(), error })
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

fn index_error(repository: &Repository, file: &str, error: IndexError) -> RepoError {
    RepoError::Index { repository: repository.name.clone(), file: file.to_owned(), error }
}

impl LoadedRepository {
    /// Gets one of the repository's metadata files, as its root document promises it.
    pub fn fetch(&self, file: &MetadataFile, fetcher: &Fetcher) -> Result<Content, RepoError> {
        let Some(location) = &file.location else { return Ok(self.root.clone()) };
        let name = self.repository.name.clone();
        // MD5 is as good as no checksum: files with a given one can be made.
        let Some(digest) = file.digest.clone().filter(|digest| digest.algorithm() != Algorithm::Md5) else {
            let algorithm = file.digest.as_ref().map(crate::digest::Digest::algorithm);
            return Err(RepoError::WeakChecksum { repository: name, file: location.clone(), algorithm });
        };
        let wanted = Wanted {
            name: location.clone(),
            locations: locations(&self.repository, location)?,
            digest: Some(digest),
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
        reader: impl FnOnce(&mut dyn std::io::Read) -> Result<(), IndexError>,
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
        if let Err(error) = reader(&mut opened) {
            return Err(opened.fault().map_or_else(|| failed(error), fault));
        }
        opened.finish().map_err(broken)?.map_err(fault)
    }
}

/// What reads further metadata files: it is given a file's kind, its repository's name, and the inflated file.
pub(super) type FurtherReader<'r> = dyn FnMut(MetadataKind, &str, &mut dyn std::io::Read) -> Result<(), IndexError> + 'r;

impl Loaded {
    /// Gets the files of further kinds, several at once, and gives each (inflated) to `reader` with its kind and its repository's
    /// name, in the order of the repositories and of the kinds.
    pub fn read_further(
        &self,
        kinds: &[MetadataKind],
        fetcher: &Fetcher,
        reader: &mut FurtherReader<'_>,
    ) -> Result<(), RepoError> {
        let wanted: Vec<_> = self.repositories.iter().flat_map(|loaded| kinds.iter().map(move |&kind| (loaded, kind))).collect();
        let got: Vec<_> = wanted.par_iter().map(|(loaded, kind)| loaded.fetch_any(*kind, fetcher)).collect();
        for ((loaded, kind), got) in wanted.into_iter().zip(got) {
            if let Some((file, content)) = got? {
                loaded.read(file, &content, |input| reader(kind, &loaded.repository.name, input))?;
            }
        }
        Ok(())
    }

    /// Reads the lists of all files, as far as there are any, for the given paths, and tells the pool which packages have
    /// them. How many were found.
    pub fn read_file_lists(
        &mut self,
        paths: &[&str],
        format: &dyn MetadataFormat,
        fetcher: &Fetcher,
    ) -> Result<usize, RepoError> {
        let wanted: rustc_hash::FxHashSet<&str> = paths.iter().copied().collect();
        let found: Vec<_> = self
            .repositories
            .par_iter()
            .map(|loaded| {
                let mut found: Vec<(Vec<u8>, String)> = Vec::new();
                if let Some(file) = loaded.files.iter().find(|file| file.kind == MetadataKind::Files) {
                    let content = loaded.fetch(file, fetcher)?;
                    loaded.read(file, &content, |input| {
                        format.read_files(input, &|path| wanted.contains(path), &mut |checksum, path| {
                            found.push((checksum.bytes.to_vec(), path.to_owned()));
                        })
                    })?;
                }
                Ok(found)
            })
            .collect::<Vec<Result<_, RepoError>>>();
        let mut count = 0;
        for (place, found) in found.into_iter().enumerate() {
            let found = found?;
            if found.is_empty() {
                continue;
            }
            let packages = self.by_checksum(place);
            for (checksum, path) in found {
                if let Some(&id) = packages.get(&checksum) {
                    let path = self.builder.intern(&path);
                    self.builder.attach_file(id, path);
                    count += 1;
                }
            }
        }
        Ok(count)
    }

    /// The packages of a repository by their checksums.
    fn by_checksum(&self, place: usize) -> FxHashMap<Vec<u8>, SolvableId> {
        let first = self.before + self.repositories[..place].iter().map(|loaded| loaded.packages).sum::<usize>();
        let own = (first..first + self.repositories[place].packages).map(SolvableId::from_index);
        own.filter_map(|id| Some((self.builder.checksum(id)?.bytes.to_vec(), id))).collect()
    }

    /// What the repositories tell people of their packages.
    pub fn read_texts(&self, format: &dyn MetadataFormat, fetcher: &Fetcher) -> Result<FxHashMap<SolvableId, Texts>, RepoError> {
        let mut all = FxHashMap::default();
        for (place, loaded) in self.repositories.iter().enumerate() {
            let Some(file) = loaded.files.iter().find(|file| file.kind == MetadataKind::Packages) else { continue };
            let packages = self.by_checksum(place);
            let content = loaded.fetch(file, fetcher)?;
            loaded.read(file, &content, |input| {
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
