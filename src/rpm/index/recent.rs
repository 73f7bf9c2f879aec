//! A cache of dependencies, by the text of their tags. Most packages have the same dependencies as
//! the packages before them, in the same words. Comparing a line is cheaper than parsing it and
//! interning its parts.

use std::hash::Hasher;

use rustc_hash::FxHasher;

use crate::pool::DependencyId;

/// An entry of a dependency list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) dependency: DependencyId,
    /// True if the dependency must be installed before the package.
    pub(super) pre: bool,
}

/// Maximum length of a cached tag, in bytes. Longer tags are rare.
const LONGEST: usize = 104;

/// Number of slots, a power of two. The table has half a megabyte, which fits the L2 cache of a
/// processor.
const SLOTS: usize = 1 << 12;

/// A table in which a new tag replaces an older one.
pub(super) struct Recent(Vec<Slot>);

#[derive(Clone, Copy)]
struct Slot {
    entry: Entry,
    /// Length of the text in bytes; 0 in an empty slot.
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
    /// Returns the entry of a tag with this text.
    pub(super) fn get(&self, text: &str) -> Option<Entry> {
        let slot = &self.0[slot(text)];
        (text.len() <= LONGEST && !text.is_empty() && slot.text[..usize::from(slot.length)] == *text.as_bytes())
            .then_some(slot.entry)
    }

    /// Stores the entry of a tag.
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
