//! The dependencies that were read last, by the text of their tags: most packages name what the packages before them named, in the same
//! words, and comparing a line is cheaper than taking it apart and interning its parts.

use std::hash::Hasher;

use rustc_hash::FxHasher;

use crate::pool::DependencyId;

/// What an entry of a dependency list says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) dependency: DependencyId,
    /// Whether it must be there before the package is installed.
    pub(super) pre: bool,
}

/// The longest tag that is kept; longer ones are rare.
const LONGEST: usize = 104;

/// How many tags are kept, a power of two: half a megabyte, which fits into a processor's second cache.
const SLOTS: usize = 1 << 12;

/// A table in which a new tag takes the place of an older one.
pub(super) struct Recent(Vec<Slot>);

#[derive(Clone, Copy)]
struct Slot {
    entry: Entry,
    /// Of the text; nought in an empty slot.
    length: u8,
    text: [u8; LONGEST],
}

impl Default for Recent {
    fn default() -> Self {
        Self(vec![Slot { entry: Entry::default(), length: 0, text: [0; LONGEST] }; SLOTS])
    }
}

fn slot(text: &str) -> usize {
    let mut hasher = FxHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish() as usize % SLOTS
}

impl Recent {
    /// What a tag of the same text said.
    pub(super) fn get(&self, text: &str) -> Option<Entry> {
        let slot = &self.0[slot(text)];
        (text.len() <= LONGEST && !text.is_empty() && slot.text[..usize::from(slot.length)] == *text.as_bytes())
            .then_some(slot.entry)
    }

    /// Keeps what a tag says.
    pub(super) fn put(&mut self, text: &str, entry: Entry) {
        if text.len() <= LONGEST {
            let slot = &mut self.0[slot(text)];
            slot.entry = entry;
            slot.length = text.len() as u8;
            slot.text[..text.len()].copy_from_slice(text.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_text_is_found() {
        let mut recent = Recent::default();
        let entry = Entry { dependency: DependencyId::from_index(7), pre: true };
        assert_eq!((recent.get("a"), recent.get("")), (None, None));
        recent.put("a", entry);
        assert_eq!((recent.get("a"), recent.get("ab"), recent.get("")), (Some(entry), None, None));
        let long = "x".repeat(LONGEST + 1);
        recent.put(&long, entry);
        assert_eq!((recent.get(&long), recent.get(&long[1..])), (None, None));
    }
}
