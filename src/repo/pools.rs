//! Pools built from metadata once and mapped into memory by later runs.
//!
//! A pool is cached under a key of everything that it was built from, so a cached pool is never out
//! of date. A pool that cannot be read is built again.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use super::Repositories;
use super::checked::Checked;
use super::kept::{note_use, shrink};
use super::mapped::map;
use crate::digest::{Algorithm, Digest};
use crate::fetch::{Store, StoreWriter};
use crate::metadata::MetadataKind;
use crate::pool::{BegunImage, CompletePool, Image, ImageError, Pool, PoolError};

/// The maximum size of all cached pools together, in bytes. The pools that were not used for the
/// longest time are removed first.
const LIMIT: u64 = 1 << 30;

/// The maximum number of cached pools. A user who solves against thousands of small repositories
/// does not need most of them again.
const MOST: usize = 128;

/// The pools of a store.
#[derive(Clone, Copy, Debug)]
pub struct Pools<'s> {
    store: &'s Store,
}

/// The digest of everything that the contents of a pool depend on.
#[derive(Clone, Debug)]
pub struct PoolKey(Digest);

/// An error that makes a cached pool unusable.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// The file is no valid pool.
    #[error(transparent)]
    Image(#[from] ImageError),
}

impl PoolKey {
    /// Returns the key of a pool of these repositories, or `None` if a repository does not identify
    /// its metadata.
    ///
    /// `reading` names the way of reading (the format, the architecture). `kinds` are the files
    /// read in addition to the packages. `paths` are the paths that were searched for in the lists
    /// of all files.
    pub fn new(
        repositories: &Repositories,
        reading: &[&str],
        kinds: &[MetadataKind],
        paths: &[&str],
    ) -> io::Result<Option<Self>> {
        let mut text = String::new();
        let mut add = |fact: &str| {
            // Each fact has a length prefix, so two different lists of facts never give the same
            // text.
            text += &format!("{}:{fact}", fact.len());
        };
        add(&Pool::FORMAT.to_string());
        for fact in reading {
            add(fact);
        }
        for opened in &repositories.opened {
            let repository = &opened.repository;
            add(&repository.name);
            add(&repository.priority.to_string());
            add(repository.tag.as_deref().unwrap_or_default());
            let lists = [Some(MetadataKind::Packages), (!paths.is_empty()).then_some(MetadataKind::Files)];
            let all = lists.into_iter().flatten().chain(kinds.iter().copied());
            for file in all.filter_map(|kind| opened.file(kind)) {
                let digest = match (&file.location, &file.digest) {
                    (None, _) => Digest::of(Algorithm::Sha256, &opened.root.bytes()?),
                    (Some(_), Some(digest)) => digest.clone(),
                    (Some(_), None) => return Ok(None),
                };
                add(&digest.to_string());
            }
        }
        add(if repositories.has_file_lists() { "lists" } else { "" });
        for path in paths {
            add(path);
        }
        Ok(Some(Self(Digest::of(Algorithm::Sha256, text.as_bytes()))))
    }
}

/// Opens the pool in a file and checks all of it.
pub(super) fn open(file: &File) -> Result<Pool, KeptError> {
    Ok(Pool::from_image(Image::new(map(file)?))?)
}

/// Opens the pool in a file. The check is skipped if an earlier one passed and the file is
/// unchanged since.
fn open_checked(file: &File, mark: PathBuf) -> Result<Pool, KeptError> {
    let checked = Checked::new(file, mark)?;
    if checked.holds() {
        return Ok(Pool::from_checked_image(Image::new(map(file)?))?);
    }
    let pool = open(file)?;
    checked.remember();
    Ok(pool)
}

impl<'s> Pools<'s> {
    /// Returns the pools of a store.
    pub fn new(store: &'s Store) -> Self {
        Self { store }
    }

    fn path(self, key: &PoolKey) -> PathBuf {
        self.store.pools().join(key.0.hex())
    }

    /// Returns the cached pool of a key, if there is one.
    pub fn read(self, key: &PoolKey) -> Result<Option<Pool>, KeptError> {
        let path = self.path(key);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(self.read_below(key));
            }
            Err(error) => return Err(error.into()),
        };
        note_use(&file);
        open_checked(&file, self.store.mark_path(&path)).map(Some)
    }

    /// Returns the pool of a key in the store below. An unusable one there is ignored, not removed.
    fn read_below(self, key: &PoolKey) -> Option<Pool> {
        let below = self.store.below()?;
        let path = Pools::new(&below).path(key);
        open_checked(&File::open(&path).ok()?, self.store.mark_path(&path)).ok()
    }

    /// Returns a writer for a new pool. It is `None` in a store that is not writable, which only
    /// makes the next run slower.
    pub fn begin(self) -> Option<StoreWriter> {
        self.store.begin().ok()
    }

    /// Caches a pool with an image that was begun, and removes old pools above the limits.
    ///
    /// The returned pool is mapped from the written file, so that it is not in memory twice. If it
    /// cannot be cached, it stays in memory.
    pub fn keep(self, key: &PoolKey, pool: CompletePool, begun: BegunImage<StoreWriter>) -> Result<Pool, PoolError> {
        match self.finish(key, &pool, begun) {
            Ok(image) => pool.written(image),
            Err(_) => pool.into_pool(),
        }
    }

    fn finish(self, key: &PoolKey, pool: &CompletePool, begun: BegunImage<StoreWriter>) -> io::Result<Image> {
        let file = pool.finish_image(begun)?.finish(&self.path(key))?;
        let image = Image::new(map(&file)?);
        shrink(&self.store.pools(), LIMIT, MOST, |pool| drop(fs::remove_file(self.store.mark_path(pool))))?;
        Ok(image)
    }
}
