//! The store: files by digest, in the cache directory for later runs.
//!
//! A file is written under a temporary name and then renamed, so any number of processes may share
//! a store, and a file with its final name is complete. Files in the store are never changed; a
//! damaged file is removed. A second, read-only store may lie below.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

use crate::digest::{Algorithm, Digest};

/// The age above which an unfinished file belongs to no running process.
const ABANDONED: Duration = Duration::from_hours(24);

/// Reports whether an unfinished file with this modification time belongs to no running process.
pub fn is_abandoned(written: SystemTime) -> bool {
    SystemTime::now().duration_since(written).is_ok_and(|age| age > ABANDONED)
}

/// A directory of files by digest, and of the last versions of documents without an expected
/// digest.
///
/// ```text
/// store/sha256/4f/1c0a…     files by digest
/// documents/sha256-of-URL   last version of the document at a URL (repomd.xml)
/// pools/sha256-of-key       packages read from metadata, ready for use
/// inflated/sha256-4f1c0a…   decompressed data of packages, by the digest of the compressed data
/// checked/sha256-of-key     state of its file in which a pool was checked
/// seen/sha256-of-repository rollback record: the age of the newest metadata
/// unfinished/               files that are being written
/// ```
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    below: Option<PathBuf>,
}

impl Store {
    /// Returns the store of a cache directory, which need not exist yet.
    pub fn new(cache_directory: &Path) -> Self {
        Self { root: cache_directory.to_owned(), below: None }
    }

    /// Returns this store above another one, for example a directory that many machines share. The
    /// store below is searched for files that this one lacks, and is never written to.
    #[must_use]
    pub fn above(self, below: Option<PathBuf>) -> Self {
        // The same directory as a store below would be writable.
        let below = below.filter(|below| *below != self.root);
        Self { below, ..self }
    }

    /// Returns the store below.
    pub fn below(&self) -> Option<Self> {
        self.below.as_deref().map(Self::new)
    }

    /// Returns the directory of the store.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the path of the file with a digest, whether it exists or not.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        let (start, rest) = hex.split_at(2);
        self.files().join(digest.algorithm().name()).join(start).join(rest)
    }

    /// Returns the path of the cached document of a URL, whether it exists or not.
    pub fn document_path(&self, url: &str) -> PathBuf {
        self.documents().join(Digest::of(Algorithm::Sha256, url.as_bytes()).hex())
    }

    /// Returns the path of an existing file with a digest: in this store, or else in the one below.
    pub fn find(&self, digest: &Digest) -> Option<PathBuf> {
        let below = self.below().map(|below| below.path(digest));
        [Some(self.path(digest)), below].into_iter().flatten().find(|path| path.exists())
    }

    /// Returns the path of the existing cached document of a URL: in this store, or else in the one
    /// below.
    pub fn find_document(&self, url: &str) -> Option<PathBuf> {
        let below = self.below().map(|below| below.document_path(url));
        [Some(self.document_path(url)), below].into_iter().flatten().find(|path| path.exists())
    }

    /// Returns the directory of the files, with a subdirectory for each algorithm.
    pub fn files(&self) -> PathBuf {
        self.root.join("store")
    }

    /// Returns the directory of the cached documents.
    pub fn documents(&self) -> PathBuf {
        self.root.join("documents")
    }

    /// Returns the directory of the pools of metadata.
    pub fn pools(&self) -> PathBuf {
        self.root.join("pools")
    }

    /// Returns the directory of the decompressed data of packages.
    pub fn inflated(&self) -> PathBuf {
        self.root.join("inflated")
    }

    /// Returns the path of the decompressed data, given the digest of the compressed data.
    pub fn inflated_path(&self, packed: &Digest) -> PathBuf {
        self.inflated().join(format!("{}-{}", packed.algorithm().name(), packed.hex()))
    }

    /// Returns the path of the mark that a pool was checked.
    pub fn mark_path(&self, pool: &Path) -> PathBuf {
        self.root.join("checked").join(pool.file_name().unwrap_or_default())
    }

    /// Returns the directory of the rollback records of repositories.
    pub fn seen(&self) -> PathBuf {
        self.root.join("seen")
    }

    /// Returns the directory of unfinished files.
    pub fn unfinished(&self) -> PathBuf {
        self.root.join("unfinished")
    }

    /// Returns the digest of the compressed data for a file of decompressed data; `None` for any
    /// other path.
    pub fn packed_as(&self, path: &Path) -> Option<Digest> {
        let (algorithm, hex) = path.file_name()?.to_str()?.split_once('-')?;
        let digest = Digest::from_hex(Algorithm::from_name(algorithm)?, hex)?;
        (self.inflated_path(&digest) == path).then_some(digest)
    }

    /// Returns the digest under which a file is stored; `None` for any other path.
    pub fn digest_of(&self, path: &Path) -> Option<Digest> {
        let mut parts = path.strip_prefix(self.files()).ok()?.iter().map(OsStr::to_str);
        let (algorithm, start, rest) = (parts.next()??, parts.next()??, parts.next()??);
        let digest = Digest::from_hex(Algorithm::from_name(algorithm)?, &format!("{start}{rest}"))?;
        (parts.next().is_none() && self.path(&digest) == path).then_some(digest)
    }

    /// Updates the time of last use of a file of the store. A store that is not writable stays
    /// unchanged.
    pub(super) fn touch(&self, path: &Path) {
        if !path.starts_with(&self.root) {
            return;
        }
        let _ = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
    }

    /// Creates an unfinished file. It has a temporary name until it is finished, and is removed on
    /// drop.
    pub fn begin(&self) -> io::Result<StoreWriter> {
        let directory = self.unfinished();
        fs::create_dir_all(&directory)?;
        Ok(StoreWriter { file: NamedTempFile::new_in(directory)? })
    }

    /// Removes unfinished files of runs that crashed long ago.
    pub fn sweep(&self) -> io::Result<()> {
        let entries = match fs::read_dir(self.unfinished()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let modified = entry.metadata().and_then(|facts| facts.modified()).unwrap_or_else(|_| SystemTime::now());
            if is_abandoned(modified) {
                // Another process may have removed it first.
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }
}

/// An unfinished file of the store.
pub struct StoreWriter {
    file: NamedTempFile,
}

impl StoreWriter {
    /// Moves the file to its path and opens it. If another process stored the same file meanwhile,
    /// its bytes are the same.
    pub fn finish(self, path: &Path) -> io::Result<File> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        self.file.persist(path).map_err(|error| error.error)
    }
}

impl Write for StoreWriter {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.file.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finished_has_no_name() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path());
        let digest = Digest::of(Algorithm::Sha256, b"abc");
        let path = store.path(&digest);
        assert!(path.ends_with("store/sha256/ba/7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
        let mut writer = store.begin().unwrap();
        writer.write_all(b"abc").unwrap();
        assert!(!path.exists());
        drop(writer);
        assert_eq!(fs::read_dir(directory.path().join("unfinished")).unwrap().count(), 0);
        let mut writer = store.begin().unwrap();
        writer.write_all(b"abc").unwrap();
        writer.finish(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"abc");
        assert_eq!(store.digest_of(&path), Some(digest));
        assert_eq!(store.digest_of(&store.files().join("sha256/ba/7816")), None);
    }

    #[test]
    fn only_what_was_abandoned_is_swept() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path());
        store.sweep().unwrap();
        let (fresh, old) = (store.begin().unwrap(), store.begin().unwrap());
        let day_before_yesterday = SystemTime::now() - 2 * ABANDONED;
        old.file.as_file().set_modified(day_before_yesterday).unwrap();
        store.sweep().unwrap();
        assert!(fresh.file.path().exists());
        assert!(!old.file.path().exists());
    }
}
