//! Checks and inputs that several fuzz targets share.

mod database;
mod kept;
mod tree;

use std::cmp::Ordering;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;

pub use database::{check_database, database, ndb};
pub use kept::Kept;
use rootstrap::package::Spool;
use rootstrap::pool::{Image, Pool};
pub use tree::check_tree;

/// A reader that returns at most a given number of bytes at a time. The result of a parser must not
/// depend on it.
pub struct Pieces<'a> {
    left: &'a [u8],
    most: usize,
}

impl<'a> Pieces<'a> {
    /// Creates a reader of `bytes` that returns at most `most` bytes at a time.
    pub fn new(bytes: &'a [u8], most: usize) -> Self {
        Self { left: bytes, most }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (now, later) = self.left.split_at(self.most.min(buffer.len()).min(self.left.len()));
        buffer[..now.len()].copy_from_slice(now);
        self.left = later;
        Ok(now.len())
    }
}

/// Returns a gzip stream that stores these bytes uncompressed.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// Returns the length of pieces, as the input determines.
pub fn piece(data: &[u8]) -> usize {
    1 + usize::from(data.last().copied().unwrap_or(0)) % 61
}

/// Damages a valid file. Five bytes of the input give the place (three) and the values (two) of a
/// change. Remaining bytes truncate the file.
pub fn damaged(sound: &[u8], data: &[u8]) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    let (changes, rest) = data.as_chunks::<5>();
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        let place = u32::from_le_bytes([change[0], change[1], change[2], 0]) as usize % bytes.len();
        bytes[place] = change[3];
        if let Some(next) = bytes.get_mut(place + 1).filter(|_| change[4] != 0) {
            *next ^= change[4];
        }
    }
    if let [first, second, ..] = rest {
        let cut = usize::from(u16::from_le_bytes([*first, *second]));
        bytes.truncate(bytes.len().saturating_sub(cut));
    }
    bytes
}

/// Checks on three values that an order is antisymmetric, transitive, and consistent with equality.
pub fn is_an_order<T: Copy + std::fmt::Debug>(three: [T; 3], compare: impl Fn(T, T) -> Ordering) {
    for a in three {
        assert_eq!(compare(a, a), Ordering::Equal, "{a:?} and itself");
        for b in three {
            assert_eq!(compare(a, b), compare(b, a).reverse(), "{a:?} and {b:?}");
            for c in three {
                if compare(a, b) == Ordering::Equal {
                    assert_eq!(compare(a, c), compare(b, c), "{a:?} equals {b:?}, beside {c:?}");
                }
                if compare(a, b) == compare(b, c) {
                    assert_eq!(compare(a, c), compare(a, b), "{a:?}, {b:?}, {c:?}");
                }
            }
        }
    }
}

/// Writes a file that only this process uses, in memory if the system has `/dev/shm`. For code that
/// opens files by path.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    static PLACE: LazyLock<PathBuf> = LazyLock::new(|| {
        let memory = PathBuf::from("/dev/shm");
        let base = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let place = base.join(format!("rootstrap-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&place).expect("a directory for files");
        place
    });
    let path = PLACE.join(name);
    std::fs::write(&path, bytes).expect("a file in memory");
    path
}

/// Returns a spool with little memory, so that files exercise both storage paths.
pub fn spool() -> Spool {
    Spool::new(64 << 10, &std::env::temp_dir())
}

/// Reports whether a path is below the root: absolute, without `.`, `..` or empty parts.
pub fn is_below_root(path: &[u8]) -> bool {
    path.strip_prefix(b"/")
        .is_some_and(|path| path.split(|&c| c == b'/').all(|part| !matches!(part, b"" | b"." | b"..") && !part.contains(&0)))
}

/// Bytes at an 8-byte boundary, like a mapped file.
struct Words(Vec<u64>);

impl AsRef<[u8]> for Words {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: every byte of a `u64` is a valid `u8`.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() * 8) }
    }
}

/// Creates a pool image from the bytes of a file.
pub fn image(bytes: &[u8]) -> Image {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().next_multiple_of(8), 0);
    Image::new(Words(padded.as_chunks().0.iter().map(|word| u64::from_ne_bytes(*word)).collect()))
}

/// Checks that the image of a pool can be read back as the same pool.
pub fn is_image(pool: &Pool) {
    let bytes = pool.image().bytes();
    let kept = Pool::from_image(image(bytes)).expect("its own image");
    assert_eq!(kept.image().bytes(), bytes);
    assert_eq!(
        (kept.len(), kept.string_count(), kept.dependency_count()),
        (pool.len(), pool.string_count(), pool.dependency_count())
    );
}
