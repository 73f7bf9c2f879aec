//! Memory for contents: bytes that grow up to a length that is known beforehand.

use std::ops::{Deref, DerefMut};

use memmap2::{Advice, MmapMut};

/// A huge page. From this length on memory is taken in them where the system has them: the first touch of ordinary pages costs as
/// much as inflating into them.
const LARGE: usize = 2 << 20;

/// Bytes in memory.
pub struct Buffer(Memory);

enum Memory {
    Heap(Vec<u8>),
    /// Pages of their own, filled up to this length.
    Pages(MmapMut, usize),
}

impl Buffer {
    /// An empty one with room for so many bytes. It may hold more in the end, at the price of a copy.
    pub fn with_capacity(capacity: usize) -> Self {
        let pages = (capacity >= LARGE).then(|| pages(capacity)).flatten();
        Self(pages.map_or_else(|| Memory::Heap(Vec::with_capacity(capacity)), |pages| Memory::Pages(pages, 0)))
    }

    /// So many zeroes.
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

/// Untouched pages of zeroes; `None` where the system gives none this way.
fn pages(length: usize) -> Option<MmapMut> {
    // Linux puts a mapping on a huge page's boundary when it is as long as some of them.
    let pages = MmapMut::map_anon(length.next_multiple_of(LARGE)).ok()?;
    // Only advice: a kernel without huge pages says no.
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
