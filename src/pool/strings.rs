//! Strings, once each: one long text and an open-addressing table of ids.

use std::hash::Hasher;
use std::io::{self, Write};

use rustc_hash::FxHasher;

use super::StringId;
use super::dependency::double;
use super::image::{ImageError, Reader, Writer, check, sections};

sections! {
    /// Where each string is in the text, and a table to find it.
    IndexTable, Index {
        /// Where each string begins; one more than there are strings.
        starts: u32,
        /// A power of two of slots, `id + 1` or nought; never more than half full.
        table: u32,
    }
}

/// How many strings are looked for ahead.
const AHEAD: usize = 32;

/// What [`check`] calls this part.
const WHAT: &str = "strings";

/// Strings that are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strings<'a> {
    text: &'a str,
    index: Index<'a>,
}

/// Strings that are taken in.
#[derive(Clone, Debug)]
pub(super) struct StringTable {
    text: String,
    index: IndexTable,
    /// Of each string, so that nothing is hashed twice.
    hashes: Vec<u32>,
    /// Set when a string no longer fits into 32-bit offsets.
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

    /// The string's id, or the slot where it belongs.
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

    /// Whether every string lies in the text, the empty one first, and the table ends every search.
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

    /// Interns many strings and adds their ids to `ids`. What is looked at for one is not near what is looked at for the next: it is asked
    /// for ahead, so that the memory answers to several at once.
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
