//! The cache directory as a whole: its entries, their removal, and their verification.
//!
//! Other processes may use it at the same time. Files that another process removes first are
//! skipped, and files that another process may still be writing are left alone.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rayon::prelude::*;

use super::inflated::Whole;
use super::pools::{self, KeptError};
use crate::digest::{Digest, Hasher};
use crate::fetch::{Store, is_abandoned};
use crate::pool::ImageError;

/// The kind of a cached file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CacheKind {
    /// A downloaded file, stored under its digest.
    File,
    /// The last version of the document at a URL.
    Document,
    /// The packages of repositories, ready for use.
    Pool,
    /// The decompressed data of a package.
    Inflated,
    /// A file that a process is writing, or was writing when it died.
    Unfinished,
}

impl CacheKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::File, Self::Document, Self::Pool, Self::Inflated, Self::Unfinished];

    /// Returns the plural name of the kind: `files`.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "files",
            Self::Document => "documents",
            Self::Pool => "pools",
            Self::Inflated => "inflated",
            Self::Unfinished => "unfinished",
        }
    }
}

/// A file of the cache.
#[derive(Clone, Debug)]
pub struct CacheEntry {
    /// The kind.
    pub kind: CacheKind,
    /// The path.
    pub path: PathBuf,
    /// The size in bytes.
    pub size: u64,
    /// The time of last use.
    pub used: SystemTime,
    /// The digest it is stored under: its own, or that of its compressed form.
    digest: Option<Digest>,
}

/// Damage of a cached file.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// The digest differs from the one that the file is stored under.
    #[error("expected {expected}, found {found}")]
    Digest {
        /// The digest that it is stored under.
        expected: Digest,
        /// The digest of its bytes.
        found: Digest,
    },
    /// Decompressed data whose fingerprint fails: the bytes were changed, or are stored under
    /// another file's digest.
    #[error("its fingerprint is another: it was changed or cut off")]
    Inflated,
    /// The file is no usable pool.
    #[error(transparent)]
    Pool(ImageError),
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Read(io::Error),
}

/// The result of a verification.
#[derive(Debug, Default)]
pub struct Verified {
    /// The intact entries.
    pub whole: Vec<CacheEntry>,
    /// Pools of another version of the program, which only that version can use.
    pub foreign: Vec<CacheEntry>,
    /// The damaged entries, which were removed.
    pub damaged: Vec<(CacheEntry, Damage)>,
}

/// The entries to remove.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cleaning {
    /// Remove only files of this kind.
    pub kind: Option<CacheKind>,
    /// Remove the entries that were not used for the longest time, until the rest takes at most
    /// this number of bytes. `None` removes all.
    pub max_size: Option<u64>,
}

/// The result of a cleaning.
#[derive(Debug, Default)]
pub struct Cleaned {
    /// The removed entries.
    pub removed: Vec<CacheEntry>,
    /// The remaining entries.
    pub left: Vec<CacheEntry>,
}

/// The cache of a store.
#[derive(Clone, Copy, Debug)]
pub struct Cache<'s> {
    store: &'s Store,
}

impl<'s> Cache<'s> {
    /// Returns the cache of a store.
    pub fn new(store: &'s Store) -> Self {
        Self { store }
    }

    /// Returns all entries, sorted by kind and path. Files that this program does not create are
    /// not included.
    pub fn entries(self) -> io::Result<Vec<CacheEntry>> {
        let mut entries = Vec::new();
        for algorithm in list(&self.store.files())? {
            for start in list(&algorithm)? {
                self.add(CacheKind::File, &start, &mut entries)?;
            }
        }
        self.add(CacheKind::Document, &self.store.documents(), &mut entries)?;
        self.add(CacheKind::Pool, &self.store.pools(), &mut entries)?;
        self.add(CacheKind::Inflated, &self.store.inflated(), &mut entries)?;
        self.add(CacheKind::Unfinished, &self.store.unfinished(), &mut entries)?;
        entries.sort_by(|a, b| (a.kind, &a.path).cmp(&(b.kind, &b.path)));
        Ok(entries)
    }

    fn add(self, kind: CacheKind, directory: &Path, entries: &mut Vec<CacheEntry>) -> io::Result<()> {
        for path in list(directory)? {
            let Ok(facts) = fs::symlink_metadata(&path) else { continue };
            let digest = match kind {
                CacheKind::File => self.store.digest_of(&path),
                CacheKind::Inflated => self.store.packed_as(&path),
                _ => None,
            };
            if !facts.is_file() || (matches!(kind, CacheKind::File | CacheKind::Inflated) && digest.is_none()) {
                continue;
            }
            let used = facts.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            entries.push(CacheEntry { kind, path, size: facts.len(), used, digest });
        }
        Ok(())
    }

    /// Removes entries. Unfinished files are removed only if no process can still be writing them.
    pub fn clean(self, cleaning: Cleaning) -> io::Result<Cleaned> {
        let mut cleaned = Cleaned::default();
        let (mut chosen, others): (Vec<_>, Vec<_>) =
            self.entries()?.into_iter().partition(|entry| cleaning.kind.is_none_or(|kind| entry.kind == kind));
        cleaned.left = others;
        chosen.sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
        let mut total: u64 = chosen.iter().map(|entry| entry.size).sum();
        for entry in chosen {
            let is_written = entry.kind == CacheKind::Unfinished && !is_abandoned(entry.used);
            if is_written || cleaning.max_size.is_some_and(|limit| total <= limit) {
                cleaned.left.push(entry);
                continue;
            }
            self.remove(&entry)?;
            total -= entry.size;
            cleaned.removed.push(entry);
        }
        Ok(cleaned)
    }

    /// Removes a file, and the mark that it was checked.
    fn remove(self, entry: &CacheEntry) -> io::Result<()> {
        if entry.kind == CacheKind::Pool {
            remove(&self.store.mark_path(&entry.path))?;
        }
        remove(&entry.path)
    }

    /// Reads all entries and removes the damaged ones. Calls `seen` with each entry.
    pub fn verify(self, seen: &(dyn Fn(&CacheEntry) + Sync)) -> io::Result<Verified> {
        let entries = self.entries()?;
        let judged: Vec<_> = entries
            .into_par_iter()
            .map(|entry| {
                let found = judge(&entry);
                seen(&entry);
                (entry, found)
            })
            .collect();
        let mut verified = Verified::default();
        for (entry, found) in judged {
            match found {
                Ok(()) => verified.whole.push(entry),
                Err(Damage::Pool(ImageError::Version)) => verified.foreign.push(entry),
                // Another process removed it meanwhile.
                Err(Damage::Read(error)) if error.kind() == io::ErrorKind::NotFound => {}
                Err(damage) => {
                    self.remove(&entry)?;
                    verified.damaged.push((entry, damage));
                }
            }
        }
        Ok(verified)
    }
}

/// Fails if a file is damaged. Documents and unfinished files have no expected digest and always
/// pass.
fn judge(entry: &CacheEntry) -> Result<(), Damage> {
    match (entry.kind, &entry.digest) {
        (CacheKind::File, Some(expected)) => {
            let mut hasher = Hasher::new(expected.algorithm());
            let mut file = File::open(&entry.path).map_err(Damage::Read)?;
            io::copy(&mut file, &mut hasher).map_err(Damage::Read)?;
            let found = hasher.finish();
            if found == *expected { Ok(()) } else { Err(Damage::Digest { expected: expected.clone(), found }) }
        }
        (CacheKind::Inflated, Some(packed)) => {
            let file = File::open(&entry.path).map_err(Damage::Read)?;
            Whole::read(&file, packed).map_err(Damage::Read)?.map(drop).ok_or(Damage::Inflated)
        }
        (CacheKind::Pool, _) => match File::open(&entry.path).map_err(KeptError::Read).and_then(|file| pools::open(&file)) {
            Ok(_) => Ok(()),
            Err(KeptError::Image(error)) => Err(Damage::Pool(error)),
            Err(KeptError::Read(error)) => Err(Damage::Read(error)),
        },
        _ => Ok(()),
    }
}

/// Returns the paths in a directory; none if the directory does not exist.
fn list(directory: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(directory) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Removes a file that may no longer exist.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::Duration;

    use super::*;
    use crate::digest::Algorithm;

    /// Stores a file that was last used this number of hours ago.
    fn put(store: &Store, data: &[u8], hours: u64) -> PathBuf {
        let path = store.path(&Digest::of(Algorithm::Sha256, data));
        let mut writer = store.begin().unwrap();
        writer.write_all(data).unwrap();
        let file = writer.finish(&path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_hours(hours)).unwrap();
        path
    }

    fn place() -> (tempfile::TempDir, Store) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path());
        (directory, store)
    }

    #[test]
    fn an_empty_cache_and_none_at_all_hold_nothing() {
        let (_directory, store) = place();
        assert!(Cache::new(&store).entries().unwrap().is_empty());
        let nowhere = Store::new(Path::new("/nonexistent/cache"));
        assert!(Cache::new(&nowhere).entries().unwrap().is_empty());
        assert!(Cache::new(&nowhere).clean(Cleaning::default()).unwrap().removed.is_empty());
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let (_directory, store) = place();
        let (old, older, new) = (put(&store, b"old old old", 5), put(&store, b"older", 9), put(&store, b"new", 1));
        let cleaned = Cache::new(&store).clean(Cleaning { max_size: Some(14), ..Cleaning::default() }).unwrap();
        assert_eq!(cleaned.removed.iter().map(|entry| &entry.path).collect::<Vec<_>>(), [&older]);
        assert!(old.exists() && new.exists() && !older.exists());
        assert_eq!(cleaned.left.len(), 2);
    }

    #[test]
    fn only_what_is_asked_for_goes_and_what_is_being_written_stays() {
        let (_directory, store) = place();
        let file = put(&store, b"file", 1);
        let pool = store.pools().join("0".repeat(64));
        store.begin().unwrap().finish(&pool).unwrap();
        let writer = store.begin().unwrap();
        Cache::new(&store).clean(Cleaning { kind: Some(CacheKind::Pool), ..Cleaning::default() }).unwrap();
        assert!(file.exists() && !pool.exists());
        let cleaned = Cache::new(&store).clean(Cleaning::default()).unwrap();
        assert_eq!((cleaned.removed.len(), cleaned.left.len()), (1, 1));
        writer.finish(&file).unwrap();
    }

    #[test]
    fn what_is_not_what_it_should_be_is_removed() {
        let (_directory, store) = place();
        let (whole, broken) = (put(&store, b"whole", 1), put(&store, b"broken", 1));
        fs::write(&broken, b"brokem").unwrap();
        let pool = store.pools().join("0".repeat(64));
        store.begin().unwrap().finish(&pool).unwrap();
        let stray = store.files().join("sha256/ab/notes.txt");
        fs::create_dir_all(stray.parent().unwrap()).unwrap();
        fs::write(&stray, b"mine").unwrap();
        let verified = Cache::new(&store).verify(&|_| {}).unwrap();
        let damaged: Vec<_> = verified.damaged.iter().map(|(entry, damage)| (&entry.path, damage)).collect();
        assert!(matches!(damaged[..], [(path, Damage::Digest { .. }), (kept, _)] if *path == broken && *kept == pool));
        assert!(whole.exists() && stray.exists() && !broken.exists() && !pool.exists());
        assert_eq!(verified.whole.len(), 1);
    }
}
