//! String interner: one long text and an open-addressing hash table of ids.

use std::hash::Hasher;
use std::io::{self, Write};

use rustc_hash::FxHasher;

use super::StringId;
use super::dependency::double;
use super::image::{ImageError, Reader, Writer, check, sections};

sections! {
    /// Positions of the strings in the text, and a hash table to find them.
    IndexTable, Index {
        /// Start offset of each string, and the end of the last.
        starts: u32,
        /// Hash table with `id + 1` or 0 in each slot. The length is a power of two; the table is
        /// never more than half full.
        table: u32,
    }
}

/// Number of strings for which memory is prefetched at once.
const AHEAD: usize = 32;

/// Name of this part in errors of [`check`].
const WHAT: &str = "strings";

/// Interned strings, read-only.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strings<'a> {
    text: &'a str,
    index: Index<'a>,
}

/// Strings that are being interned.
#[derive(Clone, Debug)]
pub(super) struct StringTable {
    text: String,
    index: IndexTable,
    /// Hash of each string, so that none is computed twice.
    hashes: Vec<u32>,
    /// True if a string did not fit into 32-bit offsets.
    full: bool,
}

impl Default for StringTable {
    fn default() -> Self {
        let index = IndexTable { starts: vec![0], table: vec![0; 1 << 10] };
        let mut strings = Self { text: String::new(), index, hashes: Vec::new(), full: false };
        strings.intern("");
        strings
    }
}

fn hash(text: &str) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish() as u32
}

impl<'a> Strings<'a> {
    pub(super) fn len(self) -> usize {
        self.index.starts.len() - 1
    }

    pub(super) fn get(self, id: StringId) -> &'a str {
        let (start, end) = (self.index.starts[id.index()] as usize, self.index.starts[id.index() + 1] as usize);
        &self.text[start..end]
    }

    pub(super) fn find(self, text: &str) -> Option<StringId> {
        self.slot(text, hash(text)).ok()
    }

    pub(super) fn iter(self) -> impl Iterator<Item = &'a str> {
        (0..self.len()).map(move |id| self.get(StringId::from_index(id)))
    }

    /// Returns the id of a string, or the slot in which it belongs.
    fn slot(self, text: &str, hash: u32) -> Result<StringId, usize> {
        let (starts, bytes) = (self.index.starts, self.text.as_bytes());
        let mask = self.index.table.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            match self.index.table[slot] as usize {
                0 => return Err(slot),
                taken if &bytes[starts[taken - 1] as usize..starts[taken] as usize] == text.as_bytes() => {
                    return Ok(StringId::from_index(taken - 1));
                }
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    pub(super) fn write<W: Write>(self, writer: &mut Writer<W>) -> io::Result<()> {
        writer.section(self.text.as_bytes())?;
        self.index.write(writer)
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, ImageError> {
        let text = std::str::from_utf8(reader.section()?).map_err(|_| ImageError::Section(WHAT))?;
        let index = Index::read(reader)?;
        check::ensure(WHAT, !index.starts.is_empty())?;
        Ok(Self { text, index })
    }

    /// Fails unless every string lies in the text, the empty string is first, and every search in
    /// the table ends.
    pub(super) fn check(self) -> Result<(), ImageError> {
        let (text, starts) = (self.text, self.index.starts);
        check::runs(WHAT, starts, self.len(), text.len())?;
        check::slots(WHAT, self.index.table, self.len())?;
        check::ensure(WHAT, text.is_ascii() || starts.iter().all(|&start| text.is_char_boundary(start as usize)))?;
        check::ensure(WHAT, starts.get(1) == Some(&0))
    }
}

impl StringTable {
    pub(super) fn view(&self) -> Strings<'_> {
        Strings { text: &self.text, index: self.index.view() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    pub(super) fn intern(&mut self, text: &str) -> StringId {
        self.intern_hashed(text, hash(text))
    }

    /// Interns many strings and appends their ids to `ids`. Consecutive lookups touch distant
    /// memory, so the function prefetches for a group of strings at once.
    pub(super) fn intern_all<'t>(&mut self, texts: impl Iterator<Item = &'t str>, ids: &mut Vec<StringId>) {
        let mut texts = texts.map(|text| (text, hash(text)));
        let mut group = [("", 0); AHEAD];
        loop {
            let count = group.iter_mut().zip(&mut texts).map(|(place, text)| *place = text).count();
            if count == 0 {
                return;
            }
            self.look_ahead(&group[..count]);
            ids.extend(group[..count].iter().map(|&(text, hash)| self.intern_hashed(text, hash)));
        }
    }

    fn look_ahead(&self, group: &[(&str, u32)]) {
        let mask = self.index.table.len() - 1;
        let mut starts = [0; AHEAD];
        for (start, (_, hash)) in starts.iter_mut().zip(group) {
            *start = self.index.table[*hash as usize & mask].saturating_sub(1);
        }
        for start in &mut starts[..group.len()] {
            *start = self.index.starts[*start as usize];
        }
        let seen =
            starts[..group.len()].iter().fold(0, |seen, &start| seen ^ self.text.as_bytes().get(start as usize).unwrap_or(&0));
        std::hint::black_box(seen);
    }

    fn intern_hashed(&mut self, text: &str, hash: u32) -> StringId {
        let slot = match self.view().slot(text, hash) {
            Ok(id) => return id,
            Err(slot) => slot,
        };
        let Ok(end) = u32::try_from(self.text.len() + text.len()) else {
            self.full = true;
            return StringId::EMPTY;
        };
        let id = StringId::from_index(self.view().len());
        self.text.push_str(text);
        self.index.starts.push(end);
        self.hashes.push(hash);
        self.index.table[slot] = id.0 + 1;
        if self.view().len() * 2 > self.index.table.len() {
            double(&mut self.index.table, self.hashes.iter().map(|&hash| hash as usize));
        }
        id
    }
}
