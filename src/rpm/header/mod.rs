//! The header: a table of typed entries, which rpm's packages and databases use for all metadata.
//!
//! In: the bytes of a header from an untrusted source. Out: a [`Header`], whose entries are
//! verified to lie within those bytes. The bytes are preserved unchanged. [`HeaderBuilder`] creates
//! new headers. This module does not interpret the entries.

mod builder;
#[cfg(test)]
mod tests;

use std::ffi::CStr;
use std::sync::Arc;

pub use builder::HeaderBuilder;

use super::tag::Tag;

/// Magic before a header in a package file. It is hashed with the header but not stored in the
/// database.
pub const MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0];

/// Length of a header's beginning in a package file, in bytes: the magic and the two counts.
pub const INTRO_LENGTH: usize = 16;

/// Length of an index entry, in bytes. The trailer of a region has the same format.
const ENTRY_LENGTH: usize = 16;

/// Maximum number of index entries and of bytes of data in a header (header.c: `HEADER_TAGS_MAX`,
/// `HEADER_DATA_MAX`).
const ENTRIES_MAX: u32 = 0xffff;
const DATA_MAX: u32 = 0x0fff_ffff;

/// The same limits for a signature header (header.c, `hdrblobVerifyLengths`).
const SIGNATURE_ENTRIES_MAX: u32 = 32;
const SIGNATURE_DATA_MAX: u32 = 64 << 20;

/// An error in the bytes of a header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The magic is wrong.
    #[error("not a header: it begins with {found:02x?}")]
    Magic {
        /// The bytes found in place of the magic.
        found: [u8; 8],
    },
    /// The header has more entries or data than allowed.
    #[error("{entries} entries and {data} bytes of data are not those of a header")]
    TooLarge {
        /// Number of entries.
        entries: u32,
        /// Bytes of data.
        data: u32,
    },
    /// The counts contradict the length.
    #[error("the header says that it is {expected} bytes long, found {found}")]
    Length {
        /// Length by the header's own counts, in bytes.
        expected: usize,
        /// Actual length, in bytes.
        found: usize,
    },
    /// The region, which marks the signed part, is malformed or does not cover all of a package's
    /// header.
    #[error("bad region {tag} in the header: {what}")]
    Region {
        /// Tag of the region.
        tag: Tag,
        /// Description of the problem.
        what: &'static str,
    },
    /// An entry is malformed, or its data lie outside the header.
    #[error("bad entry {position} in the header: tag {tag}, type {kind}, offset {offset}, count {count}")]
    Entry {
        /// Index of the entry.
        position: usize,
        /// Tag of the entry.
        tag: Tag,
        /// Type of the entry.
        kind: u32,
        /// Offset of its data, in bytes.
        offset: u32,
        /// Number of elements.
        count: u32,
    },
}

/// The location of a header, which determines the entries it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The signature header of a package file. Entries may follow the region.
    Signature,
    /// The header of a package file.
    Package,
    /// The database. Entries may follow those of the package.
    Installed,
}

impl Place {
    fn region(self) -> Tag {
        match self {
            Self::Signature => Tag::HEADER_SIGNATURES,
            Self::Package | Self::Installed => Tag::HEADER_IMMUTABLE,
        }
    }
}

/// The type of an entry's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Kind {
    /// Characters.
    Char = 1,
    /// 8-bit numbers.
    Int8 = 2,
    /// 16-bit numbers.
    Int16 = 3,
    /// 32-bit numbers.
    Int32 = 4,
    /// 64-bit numbers.
    Int64 = 5,
    /// One string.
    String = 6,
    /// An array of bytes.
    Binary = 7,
    /// An array of strings.
    StringArray = 8,
    /// A string in several languages.
    I18nString = 9,
}

impl Kind {
    fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Char,
            2 => Self::Int8,
            3 => Self::Int16,
            4 => Self::Int32,
            5 => Self::Int64,
            6 => Self::String,
            7 => Self::Binary,
            8 => Self::StringArray,
            9 => Self::I18nString,
            _ => return None,
        })
    }

    /// Returns the size of an element in bytes, or `None` for strings.
    fn size(self) -> Option<usize> {
        match self {
            Self::Char | Self::Int8 | Self::Binary => Some(1),
            Self::Int16 => Some(2),
            Self::Int32 => Some(4),
            Self::Int64 => Some(8),
            Self::String | Self::StringArray | Self::I18nString => None,
        }
    }

    /// Returns the alignment of the data, in bytes.
    fn alignment(self) -> usize {
        self.size().unwrap_or(1)
    }
}

/// An entry of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The tag.
    pub tag: Tag,
    /// The type of its data.
    pub kind: Kind,
    /// Number of elements: numbers, bytes or strings.
    pub count: u32,
    /// The data, in network byte order. Each string ends with NUL.
    pub data: &'a [u8],
}

/// A header with entries that are verified to lie within its bytes.
#[derive(Clone)]
pub struct Header {
    blob: Arc<[u8]>,
    /// Entries in the order of the index, without the region's own entry.
    entries: Vec<RawEntry>,
    /// Indexes into `entries`, sorted by tag. Each tag occurs once.
    by_tag: Vec<(Tag, u32)>,
    region: Option<Region>,
}

#[derive(Clone, Copy, Debug)]
struct RawEntry {
    tag: Tag,
    kind: Kind,
    count: u32,
    /// Offset from the beginning of the blob, in bytes.
    start: u32,
    length: u32,
}

/// The signed part of a header: its first entries and its first data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Region {
    tag: Tag,
    /// Number of index entries, including the region's own.
    entries: usize,
    /// Length of the data in bytes, including the trailer.
    data: usize,
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Returns the length of a header in bytes, without the magic, from its magic and counts.
pub fn length_from_intro(intro: &[u8; INTRO_LENGTH]) -> Result<usize, HeaderError> {
    let [magic @ .., _, _, _, _, _, _, _, _] = *intro;
    // The last four bytes of the magic are reserved. header.c compares all eight, and the digest
    // covers them.
    if magic != MAGIC {
        return Err(HeaderError::Magic { found: magic });
    }
    let counts = Counts::read(&intro[8..]).ok_or(HeaderError::Length { expected: INTRO_LENGTH, found: 0 })?;
    counts.check(Place::Package).map(|()| counts.length())
}

#[derive(Clone, Copy)]
struct Counts {
    entries: u32,
    data: u32,
}

impl Counts {
    fn read(blob: &[u8]) -> Option<Self> {
        Some(Self { entries: word(blob, 0)?, data: word(blob, 4)? })
    }

    fn check(self, place: Place) -> Result<(), HeaderError> {
        let (entries, data) = match place {
            Place::Signature => (SIGNATURE_ENTRIES_MAX, SIGNATURE_DATA_MAX),
            Place::Package | Place::Installed => (ENTRIES_MAX, DATA_MAX),
        };
        if self.entries > entries || self.data > data {
            return Err(HeaderError::TooLarge { entries: self.entries, data: self.data });
        }
        Ok(())
    }

    fn data_start(self) -> usize {
        8 + self.entries as usize * ENTRY_LENGTH
    }

    fn length(self) -> usize {
        self.data_start() + self.data as usize
    }
}

/// An index entry that is not verified yet.
#[derive(Clone, Copy)]
struct Unchecked {
    tag: Tag,
    kind: u32,
    offset: u32,
    count: u32,
}

impl Unchecked {
    fn read(blob: &[u8], at: usize) -> Option<Self> {
        Some(Self {
            tag: Tag(word(blob, at)?),
            kind: word(blob, at + 4)?,
            offset: word(blob, at + 8)?,
            count: word(blob, at + 12)?,
        })
    }

    /// Reports whether this is the entry or the trailer of a region with this tag.
    fn is_region_of(self, tag: Tag) -> bool {
        self.tag == tag && self.kind == Kind::Binary as u32 && self.count as usize == ENTRY_LENGTH
    }
}

impl Header {
    /// Reads a header without its magic and verifies it as rpm does (header.c: `hdrblobInit`).
    ///
    /// Every entry lies within the data, is aligned, ends within its bounds and overlaps no other
    /// entry. The region is complete and covers all of a package's header.
    ///
    /// Only [`Self::added_entry`] returns entries that follow the region of a signature header, so
    /// that they are not mistaken for signed entries. In an installed header, entries that follow
    /// the region override those of the region.
    pub fn parse(blob: impl Into<Arc<[u8]>>, place: Place) -> Result<Self, HeaderError> {
        let blob: Arc<[u8]> = blob.into();
        let counts = Counts::read(&blob).ok_or(HeaderError::Length { expected: 8, found: blob.len() })?;
        counts.check(place)?;
        if counts.length() != blob.len() {
            return Err(HeaderError::Length { expected: counts.length(), found: blob.len() });
        }
        let region = read_region(&blob, counts, place)?;
        let entries = read_entries(&blob, counts, region)?;
        // `entries` does not include the region's own entry.
        let covered = region.filter(|_| place == Place::Signature).map_or(entries.len(), |region| region.entries - 1);
        let mut by_tag: Vec<(Tag, u32)> = entries.iter().take(covered).zip(0..).map(|(entry, i)| (entry.tag, i)).collect();
        // If two entries have the same tag, the one after the region overrides the package's own.
        by_tag.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        by_tag.dedup_by_key(|entry| entry.0);
        Ok(Self { blob, entries, by_tag, region })
    }

    /// Returns the header's bytes, unchanged and without the magic.
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// Returns the header's bytes as shared memory.
    pub fn shared_blob(&self) -> Arc<[u8]> {
        Arc::clone(&self.blob)
    }

    /// Reports whether the header has a region. All packages since rpm 4 have one.
    pub fn has_region(&self) -> bool {
        self.region.is_some()
    }

    /// Returns the entries in the order of the index, without the region's own entry.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.entries.iter().map(|entry| self.view(entry))
    }

    /// Returns the entry of a tag.
    pub fn entry(&self, tag: Tag) -> Option<Entry<'_>> {
        let at = self.by_tag.binary_search_by_key(&tag, |entry| entry.0).ok()?;
        self.entries.get(self.by_tag[at].1 as usize).map(|entry| self.view(entry))
    }

    /// Returns the entry of a tag that follows the region, where no digest or signature covers it.
    pub fn added_entry(&self, tag: Tag) -> Option<Entry<'_>> {
        let covered = self.region.map_or(self.entries.len(), |region| region.entries - 1);
        self.entries.iter().skip(covered).find(|entry| entry.tag == tag).map(|entry| self.view(entry))
    }

    /// Reports whether there is an entry with this tag.
    pub fn has(&self, tag: Tag) -> bool {
        self.entry(tag).is_some()
    }

    fn view(&self, entry: &RawEntry) -> Entry<'_> {
        let range = entry.start as usize..(entry.start + entry.length) as usize;
        Entry { tag: entry.tag, kind: entry.kind, count: entry.count, data: self.blob.get(range).unwrap_or_default() }
    }

    /// Returns the first string of a tag.
    pub fn string(&self, tag: Tag) -> Option<&[u8]> {
        self.strings(tag).next()
    }

    /// Returns the first string of a tag, if it is UTF-8.
    pub fn text(&self, tag: Tag) -> Option<&str> {
        std::str::from_utf8(self.string(tag)?).ok()
    }

    /// Returns the strings of a tag, or nothing if it is absent or has another type.
    ///
    /// For an internationalized string these are the translations. The first one is for the locale
    /// `C`.
    pub fn strings(&self, tag: Tag) -> Strings<'_> {
        self.entry(tag).map_or(Strings { data: &[], left: 0 }, |entry| entry.strings())
    }

    /// Returns the bytes of a tag, if it has the binary type.
    pub fn bytes(&self, tag: Tag) -> Option<&[u8]> {
        self.entry(tag).filter(|entry| entry.kind == Kind::Binary).map(|entry| entry.data)
    }

    /// Returns the 16-bit numbers of a tag, or nothing if it is absent or has another type.
    pub fn u16s(&self, tag: Tag) -> impl ExactSizeIterator<Item = u16> + '_ {
        self.array(tag, Kind::Int16).iter().map(|bytes| u16::from_be_bytes(*bytes))
    }

    /// Returns the 32-bit numbers of a tag, or nothing if it is absent or has another type.
    pub fn u32s(&self, tag: Tag) -> impl ExactSizeIterator<Item = u32> + '_ {
        self.array(tag, Kind::Int32).iter().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// Returns the 64-bit numbers of a tag, or nothing if it is absent or has another type.
    pub fn u64s(&self, tag: Tag) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.array(tag, Kind::Int64).iter().map(|bytes| u64::from_be_bytes(*bytes))
    }

    /// Returns the first 32-bit number of a tag.
    pub fn u32(&self, tag: Tag) -> Option<u32> {
        self.u32s(tag).next()
    }

    /// Returns the first number of a pair of tags. The tag `long` is for values that exceed 32
    /// bits.
    pub fn size(&self, tag: Tag, long: Tag) -> Option<u64> {
        self.u64s(long).next().or_else(|| self.u32(tag).map(u64::from))
    }

    fn array<const N: usize>(&self, tag: Tag, kind: Kind) -> &[[u8; N]] {
        match self.entry(tag) {
            Some(entry) if entry.kind == kind => entry.data.as_chunks().0,
            _ => &[],
        }
    }
}

impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Header({} entries, {} bytes)", self.entries.len(), self.blob.len())
    }
}

impl<'a> Entry<'a> {
    /// Returns the strings in the entry, or nothing if it has another type.
    pub fn strings(&self) -> Strings<'a> {
        match self.kind.size() {
            None => Strings { data: self.data, left: self.count },
            Some(_) => Strings { data: &[], left: 0 },
        }
    }
}

/// The strings of an entry, without their NULs.
#[derive(Clone, Debug)]
pub struct Strings<'a> {
    data: &'a [u8],
    left: u32,
}

impl<'a> Iterator for Strings<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        let string = CStr::from_bytes_until_nul(self.data).ok()?.to_bytes();
        self.data = &self.data[string.len() + 1..];
        Some(string)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Strings<'_> {}

/// Reads the region that the first entry declares, and verifies it (header.c:
/// `hdrblobVerifyRegion`).
fn read_region(blob: &[u8], counts: Counts, place: Place) -> Result<Option<Region>, HeaderError> {
    let Some(first) = Unchecked::read(blob, 8).filter(|_| counts.entries > 0) else { return Ok(None) };
    // The header of a package older than rpm 4 has no region. In the database it has one with a tag
    // of its own.
    let tag = match (first.tag, place) {
        (tag, place) if tag == place.region() => tag,
        (Tag::HEADER_IMAGE, Place::Installed) => Tag::HEADER_IMAGE,
        _ => return Ok(None),
    };
    let bad = |what| Err(HeaderError::Region { tag, what });
    if !first.is_region_of(tag) {
        return bad("not sixteen bytes");
    }
    let end = first.offset as usize + ENTRY_LENGTH;
    if end > counts.data as usize {
        return bad("its trailer lies outside");
    }
    let Some(mut trailer) = Unchecked::read(blob, counts.data_start() + first.offset as usize) else {
        return bad("its trailer lies outside");
    };
    // Some old packages have the tag of the other region here.
    if place == Place::Signature && trailer.tag == Tag::HEADER_IMAGE {
        trailer.tag = tag;
    }
    if !trailer.is_region_of(tag) {
        return bad("its trailer is another");
    }
    let length = trailer.offset.wrapping_neg() as usize;
    let entries = length / ENTRY_LENGTH;
    if !length.is_multiple_of(ENTRY_LENGTH) || entries == 0 || entries > counts.entries as usize {
        return bad("it covers more entries than there are");
    }
    // For a package's own header, rpm requires the exact size (rpmchecksig.c, rpmpkgRead).
    if place == Place::Package && (entries != counts.entries as usize || end != counts.data as usize) {
        return bad("it does not cover the whole header");
    }
    Ok(Some(Region { tag, entries, data: end }))
}

/// Reads and verifies all entries except the region's (header.c: `hdrblobVerifyInfo`).
fn read_entries(blob: &[u8], counts: Counts, region: Option<Region>) -> Result<Vec<RawEntry>, HeaderError> {
    let data_start = counts.data_start();
    let data = blob.get(data_start..).unwrap_or_default();
    let skip = usize::from(region.is_some());
    let mut entries = Vec::with_capacity((counts.entries as usize).saturating_sub(skip));
    let mut end = 0;
    for position in skip..counts.entries as usize {
        let Some(raw) = Unchecked::read(blob, 8 + position * ENTRY_LENGTH) else { break };
        let bad = || HeaderError::Entry { position, tag: raw.tag, kind: raw.kind, offset: raw.offset, count: raw.count };
        let kind = Kind::from_number(raw.kind).ok_or_else(bad)?;
        let start = raw.offset as usize;
        if start < end || raw.tag < Tag::HEADER_I18N_TABLE || !start.is_multiple_of(kind.alignment()) {
            return Err(bad());
        }
        let length = data.get(start..).and_then(|data| data_length(kind, raw.count, data)).ok_or_else(bad)?;
        end = start + length;
        // Signed data are before the trailer, added data after it.
        if let Some(region) = region
            && (if position < region.entries { end > region.data - ENTRY_LENGTH } else { start < region.data })
        {
            return Err(bad());
        }
        entries.push(RawEntry {
            tag: raw.tag,
            kind,
            count: raw.count,
            start: (data_start + start) as u32,
            length: length as u32,
        });
    }
    Ok(entries)
}

/// Returns the length in bytes of an entry whose data are at the beginning of `data`. `None` if it
/// is empty or does not fit (header.c: `dataLength`).
fn data_length(kind: Kind, count: u32, data: &[u8]) -> Option<usize> {
    if count == 0 || (kind == Kind::String && count != 1) || count > DATA_MAX {
        return None;
    }
    if let Some(size) = kind.size() {
        let length = size.checked_mul(count as usize)?;
        return (length <= data.len()).then_some(length);
    }
    let mut length = 0;
    for _ in 0..count {
        length += CStr::from_bytes_until_nul(data.get(length..)?).ok()?.count_bytes() + 1;
    }
    Some(length)
}
