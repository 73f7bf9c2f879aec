//! The pool as bytes: flat arrays one after another, read in place, in memory or from a mapped
//! file.
//!
//! An image consists of sections and a footer, so that it can be written sequentially before the
//! last sections are known:
//!
//! ```text
//! sections                              each starts at a multiple of eight
//! offset, bytes                         for each section; offsets are from the image start
//! section count, image bytes            all numbers have 8 bytes in the machine's byte order
//! checksum, fingerprint, magic          the checksum covers everything before it
//! ```
//!
//! Only the program that wrote an image can read it: the fingerprint is a hash of the sources that
//! define the contents.

use std::fmt;
use std::io::{self, Write};

use rayon::prelude::*;
use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Last word of an image. With another byte order the value differs.
const MAGIC: u64 = u64::from_le_bytes(*b"rootpool");

/// Fingerprint of the program that writes an image: see `build.rs`.
pub(super) const FINGERPRINT: u64 = match u64::from_str_radix(env!("ROOTSTRAP_POOL_FINGERPRINT"), 16) {
    Ok(fingerprint) => fingerprint,
    Err(_) => 0,
};

/// Number of words after the table of sections.
const FOOT: usize = 5;

/// Number of words at the end that the checksum does not cover: the checksum itself and those after
/// it.
const UNCHECKED: usize = 3;

/// Bytes that one thread hashes at once.
const PIECE: usize = 1 << 20;

/// A type that sections may contain: numbers without padding, for which every bit pattern is valid.
pub(super) trait Plain: FromBytes + IntoBytes + Immutable + Copy + 'static {}

impl<T: FromBytes + IntoBytes + Immutable + Copy + 'static> Plain for T {}

/// An error while reading an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The bytes do not end with a footer, or the length is wrong.
    #[error("it is no pool of this machine, or only a part of one")]
    Foot,
    /// Another version of the program wrote the image.
    #[error("another version of the program wrote it")]
    Version,
    /// The checksum does not match the contents.
    #[error("its checksum is {found:016x} instead of {expected:016x}")]
    Checksum {
        /// The checksum in the footer.
        expected: u64,
        /// The checksum of the contents.
        found: u64,
    },
    /// A section contains an id or index that is out of bounds.
    #[error("its {0} point outside the pool")]
    Section(&'static str),
}

/// The bytes of an image. They must not change while a pool reads them.
pub struct Image(Bytes);

enum Bytes {
    Words(Vec<u64>),
    Shared(Box<dyn AsRef<[u8]> + Send + Sync>),
}

impl Image {
    /// Creates an image from other memory, such as a mapped file. The bytes must be aligned to
    /// eight.
    pub fn new(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self(Bytes::Shared(Box::new(bytes)))
    }

    /// Creates an image in memory from the sections that `write` writes. It calls `write` twice,
    /// first to compute the size.
    pub(super) fn of(write: impl Fn(&mut Writer<&mut dyn Write>) -> io::Result<()>) -> io::Result<Self> {
        let mut nowhere = io::sink();
        let mut counted = Writer { sum: None, ..Writer::new(&mut nowhere as &mut dyn Write) };
        write(&mut counted)?;
        let mut words = vec![0_u64; counted.words()];
        let mut bytes = words.as_mut_bytes();
        let mut writer = Writer::new(&mut bytes as &mut dyn Write);
        write(&mut writer)?;
        writer.finish()?;
        Ok(Self(Bytes::Words(words)))
    }

    /// Compares the checksum with the contents.
    pub(super) fn verify(&self) -> Result<(), ImageError> {
        let bytes = self.bytes();
        let checked = bytes.len().checked_sub(UNCHECKED * 8).and_then(|length| bytes.split_at_checked(length));
        let Some((&expected, checked)) = checked.and_then(|(checked, rest)| Some((u64::ref_from_prefix(rest).ok()?.0, checked)))
        else {
            return Err(ImageError::Foot);
        };
        let found = checksum(checked);
        if found == expected { Ok(()) } else { Err(ImageError::Checksum { expected, found }) }
    }

    /// Returns the bytes of the image.
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::Words(words) => words.as_bytes(),
            Bytes::Shared(bytes) => (**bytes).as_ref(),
        }
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({} bytes)", self.bytes().len())
    }
}

/// A writer of images, section by section.
pub(super) struct Writer<W> {
    into: W,
    /// The checksum; `None` if nobody uses it.
    sum: Option<Sum>,
    /// Offset and length of each section, in bytes.
    table: Vec<u64>,
    /// Number of bytes written.
    length: u64,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(into: W) -> Self {
        Self { into, sum: Some(Sum::default()), table: Vec::new(), length: 0 }
    }

    /// Writes a section.
    pub(super) fn section<T: Plain>(&mut self, values: &[T]) -> io::Result<()> {
        let bytes = values.as_bytes();
        self.table.extend([self.length, bytes.len() as u64]);
        self.write(bytes)?;
        self.write(&[0; 8][..bytes.len().next_multiple_of(8) - bytes.len()])
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.length += bytes.len() as u64;
        for piece in bytes.chunks(PIECE) {
            if let Some(sum) = &mut self.sum {
                sum.add(piece);
            }
            self.into.write_all(piece)?;
        }
        Ok(())
    }

    /// Returns the number of words of an image with these sections.
    fn words(&self) -> usize {
        self.length as usize / 8 + self.table.len() + FOOT
    }

    /// Writes the table and the footer, and returns the underlying writer.
    pub(super) fn finish(mut self) -> io::Result<W> {
        let bounds = [self.table.len() as u64 / 2, self.words() as u64 * 8];
        let table = std::mem::take(&mut self.table);
        self.write(table.as_bytes())?;
        self.write(bounds.as_bytes())?;
        let sum = self.sum.take().unwrap_or_default().finish();
        self.write([sum, FINGERPRINT, MAGIC].as_bytes())?;
        Ok(self.into)
    }
}

/// Computes the checksum of the bytes before it in an image: a hash of the hashes of all pieces.
fn checksum(bytes: &[u8]) -> u64 {
    let pieces: Vec<u64> = bytes.par_chunks(PIECE).map(|piece| xxh3_64_with_seed(piece, FINGERPRINT)).collect();
    xxh3_64_with_seed(pieces.as_bytes(), bytes.len() as u64)
}

/// An incremental form of [`checksum`].
struct Sum {
    piece: Xxh3,
    filled: usize,
    pieces: Vec<u64>,
    length: u64,
}

impl Default for Sum {
    fn default() -> Self {
        Self { piece: Xxh3::with_seed(FINGERPRINT), filled: 0, pieces: Vec::new(), length: 0 }
    }
}

impl Sum {
    fn add(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(PIECE - self.filled));
            self.piece.update(now);
            self.filled += now.len();
            bytes = rest;
            if self.filled == PIECE {
                self.end_piece();
            }
        }
    }

    fn end_piece(&mut self) {
        self.pieces.push(self.piece.digest());
        self.piece = Xxh3::with_seed(FINGERPRINT);
        self.filled = 0;
    }

    fn finish(mut self) -> u64 {
        if self.filled > 0 {
            self.end_piece();
        }
        xxh3_64_with_seed(self.pieces.as_bytes(), self.length)
    }
}

/// A reader of the sections of an image, in the order in which they were written.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    table: &'a [[u64; 2]],
}

impl<'a> Reader<'a> {
    /// Reads the footer.
    pub(super) fn new(image: &'a Image) -> Result<Self, ImageError> {
        let bytes = image.bytes();
        let Ok((rest, foot)) = <[u64; FOOT]>::ref_from_suffix(bytes) else { return Err(ImageError::Foot) };
        let [sections, length, _, fingerprint, magic] = *foot;
        if magic != MAGIC || length != bytes.len() as u64 {
            return Err(ImageError::Foot);
        }
        if fingerprint != FINGERPRINT {
            return Err(ImageError::Version);
        }
        let sections = usize::try_from(sections).map_err(|_| ImageError::Foot)?;
        let (_, table) = <[[u64; 2]]>::ref_from_suffix_with_elems(rest, sections).map_err(|_| ImageError::Foot)?;
        Ok(Self { bytes, table })
    }

    pub(super) fn section<T: Plain>(&mut self) -> Result<&'a [T], ImageError> {
        let Some((&[start, length], rest)) = self.table.split_first() else { return Err(ImageError::Foot) };
        self.table = rest;
        let end = start.checked_add(length).ok_or(ImageError::Foot)?;
        let (start, end) = (usize::try_from(start), usize::try_from(end));
        let (Ok(start), Ok(end)) = (start, end) else { return Err(ImageError::Foot) };
        let bytes = self.bytes.get(start..end).ok_or(ImageError::Foot)?;
        <[T]>::ref_from_bytes(bytes).map_err(|_| ImageError::Foot)
    }
}

/// Defines a part of the pool twice: as growing arrays, and as slices that are read. The fields are
/// sections, in their order.
macro_rules! sections {
    ($(#[$doc:meta])* $table:ident, $view:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub(super) struct $table {
            $($(#[$field_doc])* pub(super) $field: Vec<$kind>),*
        }

        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub(super) struct $view<'a> {
            $($(#[$field_doc])* pub(super) $field: &'a [$kind]),*
        }

        impl $table {
            pub(super) fn view(&self) -> $view<'_> {
                $view { $($field: &self.$field),* }
            }
        }

        impl<'a> $view<'a> {
            pub(super) fn write<W: std::io::Write>(self, writer: &mut $crate::pool::image::Writer<W>) -> std::io::Result<()> {
                $(writer.section(self.$field)?;)*
                Ok(())
            }

            pub(super) fn read(reader: &mut $crate::pool::image::Reader<'a>) -> Result<Self, $crate::pool::image::ImageError> {
                Ok(Self { $($field: reader.section()?),* })
            }
        }
    };
}

pub(super) use sections;

/// Checks of sections from untrusted files. Each visits a whole array without branches.
pub(super) mod check {
    use super::ImageError;

    /// Fails unless all values are below `limit`.
    pub(in crate::pool) fn below<T: Copy + Into<u32>>(what: &'static str, values: &[T], limit: usize) -> Result<(), ImageError> {
        let highest = values.iter().fold(0, |highest, &value| highest.max(value.into()));
        ensure(what, values.is_empty() || (highest as usize) < limit)
    }

    /// Fails unless `starts` delimits `count` ranges: it never decreases, begins with 0 and ends
    /// with `end`.
    pub(in crate::pool) fn runs(what: &'static str, starts: &[u32], count: usize, end: usize) -> Result<(), ImageError> {
        let falls = starts.iter().zip(starts.get(1..).unwrap_or_default()).filter(|(a, b)| a > b).count();
        ensure(what, falls == 0 && starts.len() == count + 1 && starts[0] == 0 && starts[count] as usize == end)
    }

    /// Fails unless `table` is a valid hash table of an interner: its length is a power of two, at
    /// least one slot is empty, and no value exceeds `count`.
    pub(in crate::pool) fn slots(what: &'static str, table: &[u32], count: usize) -> Result<(), ImageError> {
        ensure(what, table.len().is_power_of_two() && table.contains(&0))?;
        below(what, table, count + 1)
    }

    pub(in crate::pool) fn length(what: &'static str, found: usize, expected: usize) -> Result<(), ImageError> {
        ensure(what, found == expected)
    }

    pub(in crate::pool) fn ensure(what: &'static str, holds: bool) -> Result<(), ImageError> {
        if holds { Ok(()) } else { Err(ImageError::Section(what)) }
    }
}
