//! The cache's string table: a binary tree of reversed texts. A text that is the end of another
//! text shares that text's bytes.
//!
//! The order of the table follows from the shape of the tree. So this is the tree of glibc's
//! iconv/strtab.c: it is never balanced, and a longer text takes over the node of a shorter text
//! that is its end.

use super::IconvconfigError;

/// A text in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StringId(Option<usize>);

struct Text {
    reversed: Vec<u8>,
    /// The next text that is the end of this one.
    within: Option<usize>,
    left: Option<usize>,
    right: Option<usize>,
    offset: u16,
}

/// The table under construction.
#[derive(Default)]
pub(super) struct Strings {
    texts: Vec<Text>,
    root: Option<usize>,
    /// Size of the table in bytes, without the empty text at its start.
    total: usize,
}

/// The place from which a node of the tree is linked.
#[derive(Clone, Copy)]
enum Link {
    Root,
    Left(usize),
    Right(usize),
}

impl Strings {
    /// Adds a text. Equal texts share one position.
    pub(super) fn add(&mut self, text: &[u8]) -> Result<StringId, IconvconfigError> {
        if text.is_empty() {
            return Ok(StringId(None));
        }
        let reversed: Vec<u8> = text.iter().rev().copied().collect();
        let link = self.search(&reversed);
        let Some(there) = self.at(link) else {
            self.total += text.len() + 1;
            return self.put(link, Text { reversed, within: None, left: None, right: None, offset: 0 });
        };
        let length = self.texts[there].reversed.len();
        if length == text.len() {
            return Ok(StringId(Some(there)));
        }
        if length > text.len() {
            let mut next = self.texts[there].within;
            while let Some(i) = next {
                if self.texts[i].reversed.len() == text.len() {
                    return Ok(StringId(Some(i)));
                }
                next = self.texts[i].within;
            }
            let id = self.texts.len();
            let within = self.texts[there].within.replace(id);
            self.texts.push(Text { reversed, within, left: None, right: None, offset: 0 });
            return Ok(StringId(Some(id)));
        }
        self.total += text.len() - length;
        let (left, right) = (self.texts[there].left, self.texts[there].right);
        self.put(link, Text { reversed, within: Some(there), left, right, offset: 0 })
    }

    /// Finds the position of a text, or the position for a new one. Two texts are equal if they
    /// agree in the length of the shorter one.
    fn search(&self, reversed: &[u8]) -> Link {
        let mut link = Link::Root;
        while let Some(i) = self.at(link) {
            let known = &self.texts[i].reversed;
            let length = known.len().min(reversed.len());
            link = match known[..length].cmp(&reversed[..length]) {
                std::cmp::Ordering::Equal => break,
                std::cmp::Ordering::Greater => Link::Left(i),
                std::cmp::Ordering::Less => Link::Right(i),
            };
        }
        link
    }

    fn at(&self, link: Link) -> Option<usize> {
        match link {
            Link::Root => self.root,
            Link::Left(i) => self.texts[i].left,
            Link::Right(i) => self.texts[i].right,
        }
    }

    fn put(&mut self, link: Link, text: Text) -> Result<StringId, IconvconfigError> {
        // Offsets have 16 bits; this also limits the depth of the tree.
        if self.total >= usize::from(u16::MAX) {
            return Err(IconvconfigError::TooLarge);
        }
        let id = Some(self.texts.len());
        self.texts.push(text);
        match link {
            Link::Root => self.root = id,
            Link::Left(i) => self.texts[i].left = id,
            Link::Right(i) => self.texts[i].right = id,
        }
        Ok(StringId(id))
    }

    /// Assigns positions to the texts, from left to right, and returns the table.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let mut bytes = vec![0];
        let mut pending = Vec::new();
        let mut next = self.root;
        loop {
            while let Some(i) = next {
                pending.push(i);
                next = self.texts[i].left;
            }
            let Some(i) = pending.pop() else { return bytes };
            self.texts[i].offset = bytes.len() as u16;
            bytes.extend(self.texts[i].reversed.iter().rev());
            let end = bytes.len();
            bytes.push(0);
            let mut within = self.texts[i].within;
            while let Some(shorter) = within {
                self.texts[shorter].offset = (end - self.texts[shorter].reversed.len()) as u16;
                within = self.texts[shorter].within;
            }
            next = self.texts[i].right;
        }
    }

    /// Returns the position of a text in the table. Valid after [`finish`](Self::finish).
    pub(super) fn offset(&self, id: StringId) -> u16 {
        id.0.map_or(0, |i| self.texts[i].offset)
    }
}
