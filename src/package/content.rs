//! File content as a handle. The content is in memory, in an unlinked temporary file when the
//! memory limit is reached, or in another file that is opened when it is read.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::buffer::Buffer;
use super::inflated::{InflatedStore, InflatedWriter};
use crate::digest::Digest;

/// The content of a file. Cloning and slicing are cheap, because the bytes are shared.
#[derive(Clone)]
pub struct Content {
    blob: Arc<Blob>,
    offset: u64,
    length: u64,
}

struct Blob {
    store: BlobStore,
    /// Bytes that the blob returns to the spool's memory budget when it is dropped.
    reserved: Option<(Arc<Budget>, u64)>,
}

enum BlobStore {
    Memory(Box<dyn AsRef<[u8]> + Send + Sync>),
    File(File),
    Elsewhere(Box<dyn Source>),
}

/// The source of content in a file that is not open. Each reader opens the file and closes it at
/// its end.
pub trait Source: Send + Sync {
    /// Opens the file. Until the content is dropped, the file must keep its bytes and its length.
    fn open(&self) -> io::Result<File>;
}

impl Drop for Blob {
    fn drop(&mut self) {
        if let Some((budget, bytes)) = &self.reserved {
            budget.used.fetch_sub(*bytes, Ordering::Relaxed);
        }
    }
}

impl Content {
    /// Returns content without bytes.
    pub fn empty() -> Self {
        Self::from(Vec::new())
    }

    /// Returns the content of an open file, with its current length. The file must not change while
    /// the content is in use.
    pub fn from_file(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self { blob: Arc::new(Blob { store: BlobStore::File(file), reserved: None }), offset: 0, length })
    }

    /// Returns content of `length` bytes from a file that is not open.
    pub fn elsewhere(source: impl Source + 'static, length: u64) -> Self {
        let store = BlobStore::Elsewhere(Box::new(source));
        Self { blob: Arc::new(Blob { store, reserved: None }), offset: 0, length }
    }

    /// Returns content in memory that the caller owns, for example a mapped file. The bytes must
    /// not change.
    pub fn shared(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        let length = bytes.as_ref().len() as u64;
        Self { blob: Arc::new(Blob { store: BlobStore::Memory(Box::new(bytes)), reserved: None }), offset: 0, length }
    }

    /// Reports whether both are handles to the same bytes in the same blob. Equal bytes in another
    /// blob are not the same.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.blob, &other.blob) && (self.offset, self.length) == (other.offset, other.length)
    }

    /// Returns the length in bytes.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Reports whether the content has no bytes.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Returns a part of this content, which shares its bytes, or `None` if the part exceeds the
    /// content.
    pub fn slice(&self, offset: u64, length: u64) -> Option<Self> {
        let end = offset.checked_add(length)?;
        (end <= self.length).then(|| Self { blob: Arc::clone(&self.blob), offset: self.offset + offset, length })
    }

    /// Returns all bytes: borrowed if they are in memory, read otherwise.
    pub fn bytes(&self) -> io::Result<Cow<'_, [u8]>> {
        if let Some(bytes) = self.memory() {
            return Ok(Cow::Borrowed(bytes));
        }
        let mut bytes = Vec::new();
        self.reader().read_to_end(&mut bytes)?;
        Ok(Cow::Owned(bytes))
    }

    /// Returns the bytes if they are in memory.
    pub fn memory(&self) -> Option<&[u8]> {
        match &self.blob.store {
            BlobStore::Memory(bytes) => Some(&(**bytes).as_ref()[self.offset as usize..(self.offset + self.length) as usize]),
            BlobStore::File(_) | BlobStore::Elsewhere(_) => None,
        }
    }

    /// Returns a reader of the content. Several readers may be in use at once.
    pub fn reader(&self) -> ContentReader<'_> {
        ContentReader { content: self, position: 0, opened: None }
    }

    /// Writes the whole content through a buffer of fixed size.
    pub fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        match self.memory() {
            Some(bytes) => out.write_all(bytes),
            None => io::copy(&mut self.reader(), out).map(drop),
        }
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(Buffer::from(bytes))
    }
}

impl From<Buffer> for Content {
    fn from(bytes: Buffer) -> Self {
        Self::shared(bytes)
    }
}

impl From<&[u8]> for Content {
    fn from(bytes: &[u8]) -> Self {
        Self::from(bytes.to_vec())
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.length)
    }
}

/// A reader of a [`Content`], from its beginning.
pub struct ContentReader<'a> {
    content: &'a Content,
    position: u64,
    /// The file of a `BlobStore::Elsewhere`, once it is opened.
    opened: Option<File>,
}

impl Read for ContentReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.content.length.saturating_sub(self.position);
        let want = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if want == 0 {
            return Ok(0);
        }
        let buffer = &mut buffer[..want];
        let offset = self.content.offset + self.position;
        let n = match &self.content.blob.store {
            BlobStore::Memory(bytes) => {
                buffer.copy_from_slice(&(**bytes).as_ref()[offset as usize..offset as usize + want]);
                want
            }
            BlobStore::File(file) => file.read_at(buffer, offset)?,
            BlobStore::Elsewhere(source) => {
                let file = match &mut self.opened {
                    Some(file) => file,
                    none => none.insert(source.open()?),
                };
                match file.read_at(buffer, offset)? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    n => n,
                }
            }
        };
        self.position += n as u64;
        Ok(n)
    }
}

impl Seek for ContentReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(by) => self.content.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = place.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

/// A destination for decompressed payloads: memory up to a shared limit, then unlinked temporary
/// files.
#[derive(Clone)]
pub struct Spool {
    budget: Arc<Budget>,
    directory: PathBuf,
    allowed: u64,
    inflated: Option<Arc<dyn InflatedStore>>,
}

struct Budget {
    limit: u64,
    used: AtomicU64,
}

/// Maximum compression ratio. Text compresses to between a tenth and a thirtieth, and no real
/// package reaches a hundredth.
const RATIO: u64 = 100;
/// Decompressed size in bytes that is always allowed, however small the input is, unless the user
/// allows more.
const SMALL: u64 = 256 << 20;

impl Spool {
    /// Creates a spool that holds up to `limit` bytes in memory and the rest in unlinked files of
    /// `directory`.
    pub fn new(limit: u64, directory: &Path) -> Self {
        let budget = Arc::new(Budget { limit, used: AtomicU64::new(0) });
        Self { budget, directory: directory.to_owned(), allowed: SMALL, inflated: None }
    }

    /// Sets the decompressed size that is always allowed, in bytes, however small the input is. The
    /// default is 256 MiB.
    #[must_use]
    pub fn allowing(self, allowed: u64) -> Self {
        Self { allowed, ..self }
    }

    /// Sets a cache of decompressed data, which later runs reuse.
    #[must_use]
    pub fn with_inflated(self, store: Arc<dyn InflatedStore>) -> Self {
        Self { inflated: Some(store), ..self }
    }

    /// Returns the decompressed content of packed data with this digest and length, if it is cached
    /// and within the allowed size. It uses none of this spool's memory.
    pub fn inflated(&self, packed: &Digest, length: u64) -> Option<Content> {
        self.inflated.as_ref()?.find(packed).filter(|content| content.len() <= self.most(length))
    }

    /// Starts to cache the decompressed content of packed data with this digest, if there is a
    /// cache.
    pub fn keep_inflated(&self, packed: &Digest) -> Option<Box<dyn InflatedWriter + '_>> {
        self.inflated.as_ref()?.begin(packed)
    }

    /// Returns the maximum decompressed size of `packed` bytes: 100 times as much, or the size that
    /// is always allowed if that is larger. Larger output is refused as a decompression bomb.
    pub fn most(&self, packed: u64) -> u64 {
        packed.saturating_mul(RATIO).max(self.allowed)
    }

    /// Starts a content of about `expected` bytes. The number is a hint, not trusted beyond the
    /// limit.
    pub fn writer(&self, expected: u64) -> SpoolWriter {
        let mut writer =
            SpoolWriter { spool: self.clone(), state: SpoolState::Memory(Vec::new().into()), reserved: 0, length: 0 };
        if writer.reserve(expected) {
            writer.state = SpoolState::Memory(Buffer::with_capacity(expected as usize));
        }
        writer
    }

    /// Creates a content of exactly `length` bytes, which `fill` writes. Returns `None` if the
    /// memory limit is reached or `fill` returns false.
    pub fn fill(&self, length: u64, fill: impl FnOnce(&mut [u8]) -> bool) -> Option<Content> {
        let mut writer = SpoolWriter { spool: self.clone(), state: SpoolState::Memory(Vec::new().into()), reserved: 0, length };
        if !writer.reserve(length) {
            return None;
        }
        let mut bytes = Buffer::zeroed(usize::try_from(length).ok()?);
        if !fill(&mut bytes) {
            return None;
        }
        writer.state = SpoolState::Memory(bytes);
        Some(writer.finish())
    }

    /// Returns the number of bytes in memory.
    pub fn used(&self) -> u64 {
        self.budget.used.load(Ordering::Relaxed)
    }
}

/// An unfinished content.
pub struct SpoolWriter {
    spool: Spool,
    state: SpoolState,
    reserved: u64,
    length: u64,
}

enum SpoolState {
    Memory(Buffer),
    File(File),
}

impl SpoolWriter {
    fn reserve(&mut self, total: u64) -> bool {
        if total <= self.reserved {
            return true;
        }
        let more = total - self.reserved;
        let budget = &self.spool.budget;
        if budget.used.fetch_add(more, Ordering::Relaxed).saturating_add(more) > budget.limit {
            budget.used.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.reserved = total;
        true
    }

    fn release(&mut self) {
        self.spool.budget.used.fetch_sub(self.reserved, Ordering::Relaxed);
        self.reserved = 0;
    }

    /// Returns the content that was written.
    pub fn finish(mut self) -> Content {
        let length = self.length;
        let state = std::mem::replace(&mut self.state, SpoolState::Memory(Vec::new().into()));
        let (store, reserved) = match state {
            SpoolState::Memory(bytes) => {
                (BlobStore::Memory(Box::new(bytes)), Some((Arc::clone(&self.spool.budget), std::mem::take(&mut self.reserved))))
            }
            SpoolState::File(file) => (BlobStore::File(file), None),
        };
        Content { blob: Arc::new(Blob { store, reserved }), offset: 0, length }
    }
}

impl Write for SpoolWriter {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let total = self.length.saturating_add(data.len() as u64);
        if matches!(self.state, SpoolState::Memory(_)) && !self.reserve(total) {
            let mut file = tempfile::tempfile_in(&self.spool.directory)?;
            if let SpoolState::Memory(bytes) = &self.state {
                file.write_all(bytes)?;
            }
            self.state = SpoolState::File(file);
            self.release();
        }
        match &mut self.state {
            SpoolState::Memory(bytes) => bytes.extend_from_slice(data),
            SpoolState::File(file) => file.write_all(data)?,
        }
        self.length = total;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SpoolWriter {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_limit_contents_go_to_a_file_and_read_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::new(10, directory.path());
        let contents: Vec<Content> = [4usize, 20, 5, 7]
            .iter()
            .map(|&n| {
                let mut writer = spool.writer(n as u64);
                for i in 0..n {
                    writer.write_all(&[i as u8]).unwrap();
                }
                writer.finish()
            })
            .collect();
        assert_eq!(contents.iter().map(|c| c.memory().is_some()).collect::<Vec<_>>(), [true, false, true, false]);
        for (content, n) in contents.iter().zip([4u8, 20, 5, 7]) {
            assert_eq!(content.bytes().unwrap().as_ref(), (0..n).collect::<Vec<u8>>());
            let part = content.slice(1, 3).unwrap();
            assert_eq!(part.bytes().unwrap().as_ref(), [1, 2, 3]);
            assert!(content.slice(2, u64::MAX).is_none());
        }
        assert_eq!(spool.used(), 9);
        drop(contents);
        assert_eq!(spool.used(), 0, "memory is given back");
        assert!(spool.fill(11, |_| true).is_none(), "beyond the limit");
        assert!(spool.fill(3, |_| false).is_none(), "not filled");
        let filled = spool
            .fill(3, |bytes| {
                bytes.fill(7);
                true
            })
            .unwrap();
        assert_eq!((filled.memory(), filled.len(), spool.used()), (Some(&[7; 3][..]), 3, 3));
        drop(filled);
        assert_eq!(spool.used(), 0, "memory is given back");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "files are unlinked");
    }
}
