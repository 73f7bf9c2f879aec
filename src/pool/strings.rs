//! Strings, once each: one long text and an open-addressing table of ids.

use std::hash::Hasher;

use rustc_hash::FxHasher;

use super::StringId;

/// Interned strings.
#[derive(Clone, Debug)]
pub(super) struct Strings {
    text: String,
    /// Where each string begins; one more than there are strings.
    starts: Vec<u32>,
    /// A power of two of slots, `id + 1` or nought; never more than half full.
    table: Vec<u32>,
    /// Set when a string no longer fits into 32-bit offsets.
    full: bool,
}

impl Default for Strings {
    fn default() -> Self {
        let mut strings = Self { text: String::new(), starts: vec![0], table: vec![0; 1 << 10], full: false };
        strings.intern("");
        strings
    }
}

fn hash(text: &str) -> usize {
    let mut hasher = FxHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish() as usize
}

impl Strings {
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    pub(super) fn get(&self, id: StringId) -> &str {
        let (start, end) = (self.starts[id.index()] as usize, self.starts[id.index() + 1] as usize);
        &self.text[start..end]
    }

    fn bytes_of(&self, id: usize) -> &[u8] {
        &self.text.as_bytes()[self.starts[id] as usize..self.starts[id + 1] as usize]
    }

    pub(super) fn find(&self, text: &str) -> Option<StringId> {
        let mask = self.table.len() - 1;
        let mut slot = hash(text) & mask;
        loop {
            match self.table[slot] {
                0 => return None,
                taken if self.bytes_of(taken as usize - 1) == text.as_bytes() => {
                    return Some(StringId(taken - 1));
                }
                _ => slot = (slot + 1) & mask,
            }
        }
    }

    pub(super) fn intern(&mut self, text: &str) -> StringId {
        let mask = self.table.len() - 1;
        let mut slot = hash(text) & mask;
        loop {
            match self.table[slot] {
                0 => break,
                taken if self.bytes_of(taken as usize - 1) == text.as_bytes() => {
                    return StringId(taken - 1);
                }
                _ => slot = (slot + 1) & mask,
            }
        }
        let Ok(end) = u32::try_from(self.text.len() + text.len()) else {
            self.full = true;
            return StringId::EMPTY;
        };
        let id = StringId::from_index(self.len());
        self.text.push_str(text);
        self.starts.push(end);
        self.table[slot] = id.0 + 1;
        if self.len() * 2 > self.table.len() {
            self.grow();
        }
        id
    }

    fn grow(&mut self) {
        let mask = self.table.len() * 2 - 1;
        let mut table = vec![0; mask + 1];
        for id in 0..self.len() {
            let mut slot = hash(self.get(StringId::from_index(id))) & mask;
            while table[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            table[slot] = id as u32 + 1;
        }
        self.table = table;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|id| self.get(StringId::from_index(id)))
    }
}
