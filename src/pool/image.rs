//! The pool as bytes: flat arrays one after another, read where they lie, in memory or in a mapped file.
//!
//! An image is a head and its sections:
//!
//! ```text
//! magic, fingerprint, checksum of the rest, bytes, sections      8 bytes each, in the machine's own order
//! offset, bytes                                                  of each section, from the beginning of the image
//! sections                                                       each at a multiple of eight
//! ```
//!
//! Only the program that wrote an image reads it: the fingerprint is that of the sources that decide what is in it.

use std::fmt;
use std::io::{self, Write};

use rayon::prelude::*;
use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The first word of an image; another byte order reads another.
const MAGIC: u64 = u64::from_le_bytes(*b"rootpool");

/// Which program wrote it: see `build.rs`.
pub(super) const FINGERPRINT: u64 = match u64::from_str_radix(env!("ROOTSTRAP_POOL_FINGERPRINT"), 16) {
    Ok(fingerprint) => fingerprint,
    Err(_) => 0,
};

/// Words before the table of sections.
const HEAD: usize = 5;

/// What is hashed at once, by one thread.
const PIECE: usize = 1 << 20;

/// What may stand in a section: numbers without padding, of which every pattern of bits is one.
pub(super) trait Plain: FromBytes + IntoBytes + Immutable + Copy + 'static {}

impl<T: FromBytes + IntoBytes + Immutable + Copy + 'static> Plain for T {}

/// Why bytes are no pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// They do not begin as an image does, or end too early or too late.
    #[error("it is no pool of this machine, or only a part of one")]
    Head,
    /// Another version of the program wrote it.
    #[error("another version of the program wrote it")]
    Version,
    /// They are not what was written.
    #[error("its checksum is {found:016x} instead of {expected:016x}")]
    Checksum {
        /// What the head says.
        expected: u64,
        /// What it is.
        found: u64,
    },
    /// A section names what is not there.
    #[error("its {0} point outside the pool")]
    Section(&'static str),
}

/// Bytes that an image is read from. They must not change while a pool reads them.
pub struct Image(Bytes);

enum Bytes {
    Words(Vec<u64>),
    Shared(Box<dyn AsRef<[u8]> + Send + Sync>),
}

impl Image {
    /// An image in bytes that lie somewhere else: a mapped file. They have to begin at a multiple of eight.
    pub fn new(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self(Bytes::Shared(Box::new(bytes)))
    }

    /// An image in memory of what a writer was given.
    pub(super) fn of(writer: &Writer<'_>) -> io::Result<Self> {
        let sections = writer.sections.iter().map(|section| section.len().div_ceil(8)).sum::<usize>();
        let mut words = vec![0_u64; HEAD + 2 * writer.sections.len() + sections];
        writer.write(&mut words.as_mut_bytes())?;
        Ok(Self(Bytes::Words(words)))
    }

    /// Holds the bytes against their checksum.
    pub(super) fn verify(&self) -> Result<(), ImageError> {
        let bytes = self.bytes();
        let Some((&expected, rest)) = bytes.get(16..).and_then(|rest| u64::ref_from_prefix(rest).ok()) else {
            return Err(ImageError::Head);
        };
        let found = checksum(rest);
        if found == expected { Ok(()) } else { Err(ImageError::Checksum { expected, found }) }
    }

    /// The bytes.
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

/// Takes sections and makes an image of them, in memory or elsewhere.
#[derive(Default)]
pub(super) struct Writer<'a> {
    sections: Vec<&'a [u8]>,
}

impl<'a> Writer<'a> {
    pub(super) fn section<T: Plain>(&mut self, values: &'a [T]) {
        self.sections.push(values.as_bytes());
    }

    /// Writes the image.
    pub(super) fn write(&self, into: &mut dyn Write) -> io::Result<()> {
        let mut length = HEAD + 2 * self.sections.len();
        let mut table = Vec::with_capacity(2 * self.sections.len());
        for section in &self.sections {
            table.extend([length as u64 * 8, section.len() as u64]);
            length += section.len().div_ceil(8);
        }
        let bounds = [length as u64 * 8, self.sections.len() as u64];
        let mut sum = Sum::default();
        self.each(&bounds, &table, &mut |bytes| {
            sum.add(bytes);
            Ok(())
        })?;
        into.write_all([MAGIC, FINGERPRINT, sum.finish()].as_bytes())?;
        self.each(&bounds, &table, &mut |bytes| into.write_all(bytes))
    }

    /// All that comes after the checksum, piece by piece.
    fn each(&self, bounds: &[u64], table: &[u64], take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        take(bounds.as_bytes())?;
        take(table.as_bytes())?;
        for section in &self.sections {
            take(section)?;
            take(&[0; 8][..section.len().next_multiple_of(8) - section.len()])?;
        }
        Ok(())
    }
}

/// The checksum of all that comes after it in an image: of the checksums of its pieces.
fn checksum(bytes: &[u8]) -> u64 {
    let pieces: Vec<u64> = bytes.par_chunks(PIECE).map(|piece| xxh3_64_with_seed(piece, FINGERPRINT)).collect();
    xxh3_64_with_seed(pieces.as_bytes(), bytes.len() as u64)
}

/// The same of bytes that come one after another.
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

/// Gives the sections of an image, in the order in which they were written.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    table: &'a [[u64; 2]],
}

impl<'a> Reader<'a> {
    /// Reads the head.
    pub(super) fn new(image: &'a Image) -> Result<Self, ImageError> {
        let bytes = image.bytes();
        let Ok((head, rest)) = <[u64; HEAD]>::ref_from_prefix(bytes) else { return Err(ImageError::Head) };
        let [magic, fingerprint, _, length, sections] = *head;
        if magic != MAGIC || length != bytes.len() as u64 {
            return Err(ImageError::Head);
        }
        if fingerprint != FINGERPRINT {
            return Err(ImageError::Version);
        }
        let sections = usize::try_from(sections).map_err(|_| ImageError::Head)?;
        let (table, _) = <[[u64; 2]]>::ref_from_prefix_with_elems(rest, sections).map_err(|_| ImageError::Head)?;
        Ok(Self { bytes, table })
    }

    pub(super) fn section<T: Plain>(&mut self) -> Result<&'a [T], ImageError> {
        let Some((&[start, length], rest)) = self.table.split_first() else { return Err(ImageError::Head) };
        self.table = rest;
        let end = start.checked_add(length).ok_or(ImageError::Head)?;
        let (start, end) = (usize::try_from(start), usize::try_from(end));
        let (Ok(start), Ok(end)) = (start, end) else { return Err(ImageError::Head) };
        let bytes = self.bytes.get(start..end).ok_or(ImageError::Head)?;
        <[T]>::ref_from_bytes(bytes).map_err(|_| ImageError::Head)
    }
}

/// Defines a part of the pool twice: as arrays that grow, and as the slices that are read; its sections are the fields, in their order.
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
            pub(super) fn write(self, writer: &mut $crate::pool::image::Writer<'a>) {
                $(writer.section(self.$field);)*
            }

            pub(super) fn read(reader: &mut $crate::pool::image::Reader<'a>) -> Result<Self, $crate::pool::image::ImageError> {
                Ok(Self { $($field: reader.section()?),* })
            }
        }
    };
}

pub(super) use sections;

/// Checks of sections that came from elsewhere; each looks at a whole array without branches.
pub(super) mod check {
    use super::ImageError;

    /// All are below the limit.
    pub(in crate::pool) fn below<T: Copy + Into<u32>>(what: &'static str, values: &[T], limit: usize) -> Result<(), ImageError> {
        let highest = values.iter().fold(0, |highest, &value| highest.max(value.into()));
        ensure(what, values.is_empty() || (highest as usize) < limit)
    }

    /// They are where runs begin: not falling, from nought to `end`, `count` runs.
    pub(in crate::pool) fn runs(what: &'static str, starts: &[u32], count: usize, end: usize) -> Result<(), ImageError> {
        let falls = starts.iter().zip(starts.get(1..).unwrap_or_default()).filter(|(a, b)| a > b).count();
        ensure(what, falls == 0 && starts.len() == count + 1 && starts[0] == 0 && starts[count] as usize == end)
    }

    /// A table of an interner: a power of two of slots, at least one of them empty, none beyond `count`.
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
