//! Memory for contents: a growing buffer whose final length is usually known.

use std::ops::{Deref, DerefMut};

use memmap2::{Advice, MmapMut};

/// Size of a huge page in bytes. Buffers of at least this length use huge pages if the system has
/// them. With ordinary pages, the first access costs as much time as decompression.
const LARGE: usize = 2 << 20;

/// A growing byte buffer in memory.
pub struct Buffer(Memory);

enum Memory {
    Heap(Vec<u8>),
    /// An anonymous mapping, and the number of bytes in use.
    Pages(MmapMut, usize),
}

impl Buffer {
    /// Creates an empty buffer for `capacity` bytes. It can grow beyond that, which costs a copy.
    pub fn with_capacity(capacity: usize) -> Self {
        let pages = (capacity >= LARGE).then(|| pages(capacity)).flatten();
        Self(pages.map_or_else(|| Memory::Heap(Vec::with_capacity(capacity)), |pages| Memory::Pages(pages, 0)))
    }

    /// Creates a buffer of `length` zeroes.
    pub fn zeroed(length: usize) -> Self {
        let pages = (length >= LARGE).then(|| pages(length)).flatten();
        Self(pages.map_or_else(|| Memory::Heap(vec![0; length]), |pages| Memory::Pages(pages, length)))
    }

    /// Appends bytes.
    pub fn extend_from_slice(&mut self, more: &[u8]) {
        match &mut self.0 {
            Memory::Heap(bytes) => bytes.extend_from_slice(more),
            Memory::Pages(pages, filled) => match pages.get_mut(*filled..filled.saturating_add(more.len())) {
                Some(room) => {
                    room.copy_from_slice(more);
                    *filled += more.len();
                }
                None => self.0 = Memory::Heap([&pages[..*filled], more].concat()),
            },
        }
    }
}

/// Maps zeroed pages that are not touched yet. Returns `None` if the system refuses.
fn pages(length: usize) -> Option<MmapMut> {
    // Linux aligns a mapping to huge pages if its length is a multiple of their size.
    let pages = MmapMut::map_anon(length.next_multiple_of(LARGE)).ok()?;
    // The call is only advice: a kernel without huge pages returns an error.
    let _ = pages.advise(Advice::HugePage);
    Some(pages)
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Memory::Heap(bytes))
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Memory::Heap(bytes) => bytes,
            Memory::Pages(pages, filled) => &pages[..*filled],
        }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Memory::Heap(bytes) => bytes,
            Memory::Pages(pages, filled) => &mut pages[..*filled],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_ones_hold_what_was_put_in() {
        for capacity in [0, 10, LARGE - 1, LARGE, LARGE + 5] {
            let mut buffer = Buffer::with_capacity(capacity);
            assert!(buffer.is_empty());
            let text: Vec<u8> = (0..capacity + 7).map(|i| i as u8).collect();
            for part in text.chunks(1000) {
                buffer.extend_from_slice(part);
            }
            assert!(*buffer == *text, "{capacity}: beyond its capacity too");
            let mut zeroed = Buffer::zeroed(capacity);
            assert!(*zeroed == *vec![0; capacity]);
            zeroed.fill(7);
            assert!(zeroed.iter().all(|&byte| byte == 7));
        }
    }
}
