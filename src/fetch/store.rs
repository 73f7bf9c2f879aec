//! The store: files by their digest, kept in the cache directory for every later run.
//!
//! A file is written beside and renamed, so any number of processes may use one store: what has a name is whole. Nothing
//! in the store is ever changed; a file that is found damaged is removed. A second store may lie below: it is read, and left as it is.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

use crate::digest::{Algorithm, Digest};

/// An unfinished file as old as this belongs to no run that still lives.
const ABANDONED: Duration = Duration::from_hours(24);

/// Whether an unfinished file that was written to then belongs to no run that still lives.
pub fn is_abandoned(written: SystemTime) -> bool {
    SystemTime::now().duration_since(written).is_ok_and(|age| age > ABANDONED)
}

/// A directory of files by digest, and of the last seen documents that have none.
///
/// ```text
/// store/sha256/4f/1c0a…    files by digest
/// documents/sha256-of-URL   what was last seen at a URL (repomd.xml)
/// pools/sha256-of-key       what was read from metadata, ready for use
/// inflated/sha256-4f1c0a…   what the data of packages inflate to, by the digest of what they were packed as
/// checked/sha256-of-key     as what state of its file a pool was checked
/// seen/sha256-of-repository how new its metadata were
/// unfinished/               what is being written
/// ```
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    below: Option<PathBuf>,
}

impl Store {
    /// The store of a cache directory, which need not exist yet.
    pub fn new(cache_directory: &Path) -> Self {
        Self { root: cache_directory.to_owned(), below: None }
    }

    /// The same above another store, which is read where this one lacks something, and never written to: a directory that many machines share.
    #[must_use]
    pub fn above(self, below: Option<PathBuf>) -> Self {
        // What is its own below would be its own to write to.
        let below = below.filter(|below| *below != self.root);
        Self { below, ..self }
    }

    /// The store below it.
    pub fn below(&self) -> Option<Self> {
        self.below.as_deref().map(Self::new)
    }

    /// The directory that holds it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the file of a digest is, or would be.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        let (start, rest) = hex.split_at(2);
        self.files().join(digest.algorithm().name()).join(start).join(rest)
    }

    /// Where the last seen document of a URL is, or would be.
    pub fn document_path(&self, url: &str) -> PathBuf {
        self.documents().join(Digest::of(Algorithm::Sha256, url.as_bytes()).hex())
    }

    /// Where the file of a digest is: here, or else below.
    pub fn find(&self, digest: &Digest) -> Option<PathBuf> {
        let below = self.below().map(|below| below.path(digest));
        [Some(self.path(digest)), below].into_iter().flatten().find(|path| path.exists())
    }

    /// Where the last seen document of a URL is: here, or else below.
    pub fn find_document(&self, url: &str) -> Option<PathBuf> {
        let below = self.below().map(|below| below.document_path(url));
        [Some(self.document_path(url)), below].into_iter().flatten().find(|path| path.exists())
    }

    /// Where the files are, in a directory for each algorithm.
    pub fn files(&self) -> PathBuf {
        self.root.join("store")
    }

    /// Where the last seen documents are.
    pub fn documents(&self) -> PathBuf {
        self.root.join("documents")
    }

    /// Where the pools of metadata are.
    pub fn pools(&self) -> PathBuf {
        self.root.join("pools")
    }

    /// Where inflated data of packages are.
    pub fn inflated(&self) -> PathBuf {
        self.root.join("inflated")
    }

    /// Where that is, or would be, which the packed bytes of a digest inflate to.
    pub fn inflated_path(&self, packed: &Digest) -> PathBuf {
        self.inflated().join(format!("{}-{}", packed.algorithm().name(), packed.hex()))
    }

    /// Where it stands that a pool was checked.
    pub fn mark_path(&self, pool: &Path) -> PathBuf {
        self.root.join("checked").join(pool.file_name().unwrap_or_default())
    }

    /// Where it is noted how new the metadata of repositories were.
    pub fn seen(&self) -> PathBuf {
        self.root.join("seen")
    }

    /// Where files are that are being written.
    pub fn unfinished(&self) -> PathBuf {
        self.root.join("unfinished")
    }

    /// The digest of what a file that is kept inflated was packed as; `None` for what is no such file.
    pub fn packed_as(&self, path: &Path) -> Option<Digest> {
        let (algorithm, hex) = path.file_name()?.to_str()?.split_once('-')?;
        let digest = Digest::from_hex(Algorithm::from_name(algorithm)?, hex)?;
        (self.inflated_path(&digest) == path).then_some(digest)
    }

    /// The digest under which a file is kept; `None` for what is not kept under any.
    pub fn digest_of(&self, path: &Path) -> Option<Digest> {
        let mut parts = path.strip_prefix(self.files()).ok()?.iter().map(OsStr::to_str);
        let (algorithm, start, rest) = (parts.next()??, parts.next()??, parts.next()??);
        let digest = Digest::from_hex(Algorithm::from_name(algorithm)?, &format!("{start}{rest}"))?;
        (parts.next().is_none() && self.path(&digest) == path).then_some(digest)
    }

    /// Remembers that a file of the store is used now. In a store that cannot be written to it stays as it is.
    pub(super) fn touch(&self, path: &Path) {
        if !path.starts_with(&self.root) {
            return;
        }
        let _ = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
    }

    /// Begins a file. It has no name that anyone would look for until it is finished, and goes when it is dropped.
    pub fn begin(&self) -> io::Result<StoreWriter> {
        let directory = self.unfinished();
        fs::create_dir_all(&directory)?;
        Ok(StoreWriter { file: NamedTempFile::new_in(directory)? })
    }

    /// Removes unfinished files of runs that died long ago.
    pub fn sweep(&self) -> io::Result<()> {
        let entries = match fs::read_dir(self.unfinished()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let modified = entry.metadata().and_then(|facts| facts.modified()).unwrap_or_else(|_| SystemTime::now());
            if is_abandoned(modified) {
                // Another process may have been quicker.
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }
}

/// A file of the store in the making.
pub struct StoreWriter {
    file: NamedTempFile,
}

impl StoreWriter {
    /// Puts the file where it belongs, and opens it. Who else put the same file there meanwhile put the same bytes.
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
