//! Builds headers: new ones with a region, and installed ones, which keep a package's header and
//! add entries to it.

use std::collections::BTreeMap;

use super::{DATA_MAX, ENTRIES_MAX, ENTRY_LENGTH, Entry, Header, HeaderError, Kind, Place};
use crate::rpm::tag::Tag;

/// A builder of headers from entries.
///
/// A second value for a tag replaces the first. Empty arrays are left out, because a header cannot
/// represent them. A string ends at its first NUL.
#[derive(Clone, Debug, Default)]
pub struct HeaderBuilder {
    entries: BTreeMap<Tag, Stored>,
}

/// An entry's data in network byte order.
#[derive(Clone, Debug)]
struct Stored {
    kind: Kind,
    count: u32,
    data: Vec<u8>,
}

impl HeaderBuilder {
    /// Creates a builder without entries.
    pub fn new() -> Self {
        Self::default()
    }

    fn put(&mut self, tag: Tag, kind: Kind, count: usize, data: Vec<u8>) -> &mut Self {
        if count > 0 {
            self.entries.insert(tag, Stored { kind, count: count as u32, data });
        }
        self
    }

    /// Adds a string.
    pub fn string(&mut self, tag: Tag, string: impl AsRef<[u8]>) -> &mut Self {
        self.put_strings(tag, Kind::String, [string])
    }

    /// Adds an array of strings.
    pub fn strings(&mut self, tag: Tag, strings: impl IntoIterator<Item = impl AsRef<[u8]>>) -> &mut Self {
        self.put_strings(tag, Kind::StringArray, strings)
    }

    /// Adds the translations of a string, in the order of the header's table of locales.
    pub fn i18n(&mut self, tag: Tag, strings: impl IntoIterator<Item = impl AsRef<[u8]>>) -> &mut Self {
        self.put_strings(tag, Kind::I18nString, strings)
    }

    fn put_strings(&mut self, tag: Tag, kind: Kind, strings: impl IntoIterator<Item = impl AsRef<[u8]>>) -> &mut Self {
        let mut data = Vec::new();
        let mut count = 0;
        for string in strings {
            data.extend(string.as_ref().iter().take_while(|&&byte| byte != 0));
            data.push(0);
            count += 1;
        }
        self.put(tag, kind, count, data)
    }

    /// Adds an array of bytes.
    pub fn bytes(&mut self, tag: Tag, bytes: &[u8]) -> &mut Self {
        self.put(tag, Kind::Binary, bytes.len(), bytes.to_vec())
    }

    /// Adds an array of characters, the type of an installed header's file states.
    pub fn chars(&mut self, tag: Tag, chars: &[u8]) -> &mut Self {
        self.put(tag, Kind::Char, chars.len(), chars.to_vec())
    }

    /// Adds an array of 16-bit numbers.
    pub fn u16s(&mut self, tag: Tag, numbers: impl IntoIterator<Item = u16>) -> &mut Self {
        let data: Vec<u8> = numbers.into_iter().flat_map(u16::to_be_bytes).collect();
        self.put(tag, Kind::Int16, data.len() / 2, data)
    }

    /// Adds an array of 32-bit numbers.
    pub fn u32s(&mut self, tag: Tag, numbers: impl IntoIterator<Item = u32>) -> &mut Self {
        let data: Vec<u8> = numbers.into_iter().flat_map(u32::to_be_bytes).collect();
        self.put(tag, Kind::Int32, data.len() / 4, data)
    }

    /// Adds one 32-bit number.
    pub fn u32(&mut self, tag: Tag, number: u32) -> &mut Self {
        self.u32s(tag, [number])
    }

    /// Adds an array of 64-bit numbers.
    pub fn u64s(&mut self, tag: Tag, numbers: impl IntoIterator<Item = u64>) -> &mut Self {
        let data: Vec<u8> = numbers.into_iter().flat_map(u64::to_be_bytes).collect();
        self.put(tag, Kind::Int64, data.len() / 8, data)
    }

    /// Adds an entry of another header, under a given tag.
    pub fn entry(&mut self, tag: Tag, entry: &Entry<'_>) -> &mut Self {
        self.put(tag, entry.kind, entry.count as usize, entry.data.to_vec())
    }

    /// Removes the entry of a tag.
    pub fn remove(&mut self, tag: Tag) -> &mut Self {
        self.entries.remove(&tag);
        self
    }

    /// Reports whether there is an entry with this tag.
    pub fn has(&self, tag: Tag) -> bool {
        self.entries.contains_key(&tag)
    }

    /// Returns the bytes of a header with these entries, without the magic. All entries are in the
    /// region that belongs to `place` (header.c: `headerReload`).
    pub fn build(&self, place: Place) -> Result<Vec<u8>, HeaderError> {
        let mut parts = Parts::default();
        let tag = place.region();
        parts.index.extend([0; ENTRY_LENGTH]);
        parts.add_all(&self.entries);
        parts.close_region(tag);
        parts.finish()
    }

    /// Returns the header of an installed package, as the database stores it.
    ///
    /// The signed part of `header` is unchanged, byte for byte. The builder's entries follow it,
    /// sorted by tag (header.c: `headerExport`). Entries that `header` already has after its region
    /// are preserved, unless the builder has an entry with the same tag.
    pub fn added_to(&self, header: &Header) -> Result<Vec<u8>, HeaderError> {
        let mut parts = Parts::default();
        let mut added = self.entries.clone();
        let data_start = 8 + ENTRY_LENGTH * (header.entries.len() + usize::from(header.has_region()));
        if let Some(region) = header.region {
            let index = header.blob.get(8..8 + region.entries * ENTRY_LENGTH);
            let data = header.blob.get(data_start..data_start + region.data);
            parts.index.extend_from_slice(index.unwrap_or_default());
            parts.data.extend_from_slice(data.unwrap_or_default());
            for entry in header.entries().skip(region.entries - 1) {
                added.entry(entry.tag).or_insert_with(|| Stored {
                    kind: entry.kind,
                    count: entry.count,
                    data: entry.data.to_vec(),
                });
            }
        } else {
            // The package is older than rpm 4: its whole header becomes a region with a tag of its
            // own.
            parts.index.extend([0; ENTRY_LENGTH]);
            parts.index.extend_from_slice(header.blob.get(8..data_start).unwrap_or_default());
            parts.data.extend_from_slice(header.blob.get(data_start..).unwrap_or_default());
            parts.close_region(Tag::HEADER_IMAGE);
        }
        parts.add_all(&added);
        parts.finish()
    }
}

/// Index and data of a header under construction.
#[derive(Default)]
struct Parts {
    index: Vec<u8>,
    data: Vec<u8>,
}

fn entry(tag: Tag, kind: Kind, offset: u32, count: u32) -> impl Iterator<Item = u8> {
    [tag.0, kind as u32, offset, count].into_iter().flat_map(u32::to_be_bytes)
}

impl Parts {
    fn add_all(&mut self, entries: &BTreeMap<Tag, Stored>) {
        for (&tag, stored) in entries {
            self.data.resize(self.data.len().next_multiple_of(stored.kind.alignment()), 0);
            self.index.extend(entry(tag, stored.kind, self.data.len() as u32, stored.count));
            self.data.extend_from_slice(&stored.data);
        }
    }

    /// Turns everything added so far into a region. The first entry of the index must be reserved
    /// for it.
    fn close_region(&mut self, tag: Tag) {
        let trailer = (self.index.len() as u32).wrapping_neg();
        let first: Vec<u8> = entry(tag, Kind::Binary, self.data.len() as u32, ENTRY_LENGTH as u32).collect();
        self.index[..ENTRY_LENGTH].copy_from_slice(&first);
        self.data.extend(entry(tag, Kind::Binary, trailer, ENTRY_LENGTH as u32));
    }

    fn finish(self) -> Result<Vec<u8>, HeaderError> {
        let (entries, data) = ((self.index.len() / ENTRY_LENGTH) as u32, self.data.len() as u32);
        if entries > ENTRIES_MAX || self.data.len() > DATA_MAX as usize {
            return Err(HeaderError::TooLarge { entries, data });
        }
        Ok([&entries.to_be_bytes()[..], &data.to_be_bytes(), &self.index, &self.data].concat())
    }
}
