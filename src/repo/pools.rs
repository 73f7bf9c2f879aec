//! Pools that were made of metadata once and are mapped into memory by every later run.
//!
//! A pool is kept under a key that names all that it was made of, so none is ever out of date; one that cannot be read is made again.

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

/// How much the kept pools may take together. Those that were used longest ago go first.
const LIMIT: u64 = 1 << 30;

/// How many pools are kept: whoever solves against thousands of small repositories needs none of them twice.
const MOST: usize = 128;

/// The pools of a store.
#[derive(Clone, Copy, Debug)]
pub struct Pools<'s> {
    store: &'s Store,
}

/// What a pool is made of, as far as anything in it depends on it.
#[derive(Clone, Debug)]
pub struct PoolKey(Digest);

/// Why a kept pool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// Its file cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It holds something else.
    #[error(transparent)]
    Image(#[from] ImageError),
}

impl PoolKey {
    /// The key of a pool of these repositories. `reading` is how they are read (the format, the architecture), `kinds` which of their files
    /// beside the packages, `paths` those that the lists of all files were asked for. `None` if a repository does not say what its
    /// metadata is.
    pub fn new(
        repositories: &Repositories,
        reading: &[&str],
        kinds: &[MetadataKind],
        paths: &[&str],
    ) -> io::Result<Option<Self>> {
        let mut text = String::new();
        let mut add = |fact: &str| {
            // Each with its length: no two lists of facts are one text.
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

/// The pool that a file holds, all of which is checked.
pub(super) fn open(file: &File) -> Result<Pool, KeptError> {
    Ok(Pool::from_image(Image::new(map(file)?))?)
}

/// The pool that a file holds, which is checked unless it was and nobody has touched it since.
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
    /// The pools of a store.
    pub fn new(store: &'s Store) -> Self {
        Self { store }
    }

    fn path(self, key: &PoolKey) -> PathBuf {
        self.store.pools().join(key.0.hex())
    }

    /// The pool of a key, if one is kept.
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

    /// The pool of a key in the store below. One that is of no use there is left alone.
    fn read_below(self, key: &PoolKey) -> Option<Pool> {
        let below = self.store.below()?;
        let path = Pools::new(&below).path(key);
        open_checked(&File::open(&path).ok()?, self.store.mark_path(&path)).ok()
    }

    /// Where a pool can be written to, to be kept. `None` in a store that cannot be written to, which only makes the next run slower.
    pub fn begin(self) -> Option<StoreWriter> {
        self.store.begin().ok()
    }

    /// Keeps a pool whose image was begun, and lets go of old ones where there are too many. The pool is then read where it was written, so
    /// that it is not in memory twice; if it cannot be kept, it stays in memory.
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
