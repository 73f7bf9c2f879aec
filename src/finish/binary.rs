//! ELF files as bytes: the header, numbers in the file's byte order, texts in a program.

use std::borrow::Cow;

use crate::package::Content;

/// Maximum length of a text in bytes. The texts read here are file names, so longer ones are
/// invalid.
const MAX_TEXT: u64 = 4096;

/// Width and byte order of an ELF file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) wide: bool,
    pub(super) big_endian: bool,
}

/// The header of an ELF file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) layout: Layout,
    pub(super) machine: u16,
    pub(super) flags: u32,
    pub(super) kind: u16,
    pub(super) segments_at: u64,
    pub(super) segments: u16,
}

/// Returns the ELF header of `content`, or `None` if it is not an ELF file.
pub(super) fn header(content: &Content) -> Option<Header> {
    let ident = content.slice(0, 16)?;
    let ident = ident.bytes().ok()?;
    if ident[..4] != *b"\x7fELF" {
        return None;
    }
    let layout = Layout {
        wide: match ident[4] {
            1 => false,
            2 => true,
            _ => return None,
        },
        big_endian: match ident[5] {
            1 => false,
            2 => true,
            _ => return None,
        },
    };
    let source = Source { content, layout };
    let (segments_at, flags_at) = if layout.wide { (32, 48) } else { (28, 36) };
    Some(Header {
        layout,
        kind: source.u16(16)?,
        machine: source.u16(18)?,
        segments_at: source.word(segments_at)?,
        flags: source.u32(flags_at)?,
        segments: source.u16(flags_at + 8)?,
    })
}

/// A reader of numbers in a file's byte order and width. It returns `None` beyond the end of the
/// file.
pub(super) struct Source<'a> {
    pub(super) content: &'a Content,
    pub(super) layout: Layout,
}

impl<'a> Source<'a> {
    pub(super) fn bytes(&self, offset: u64, length: u64) -> Option<Cow<'a, [u8]>> {
        let part = self.content.slice(offset, length)?;
        match self.content.memory() {
            Some(all) => all.get(offset as usize..(offset + length) as usize).map(Cow::Borrowed),
            None => Some(Cow::Owned(part.bytes().ok()?.into_owned())),
        }
    }

    pub(super) fn u16(&self, offset: u64) -> Option<u16> {
        let bytes: [u8; 2] = self.bytes(offset, 2)?.as_ref().try_into().ok()?;
        Some(if self.layout.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    pub(super) fn u32(&self, offset: u64) -> Option<u32> {
        let bytes: [u8; 4] = self.bytes(offset, 4)?.as_ref().try_into().ok()?;
        Some(if self.layout.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// Reads an address or offset: 4 or 8 bytes.
    pub(super) fn word(&self, offset: u64) -> Option<u64> {
        if !self.layout.wide {
            return self.u32(offset).map(u64::from);
        }
        let bytes: [u8; 8] = self.bytes(offset, 8)?.as_ref().try_into().ok()?;
        Some(if self.layout.big_endian { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }

    /// Reads the text up to the next NUL.
    pub(super) fn text(&self, offset: u64) -> Option<Vec<u8>> {
        let length = self.content.len().checked_sub(offset)?.min(MAX_TEXT);
        let bytes = self.bytes(offset, length)?;
        let end = bytes.iter().position(|&c| c == 0)?;
        Some(bytes[..end].to_vec())
    }
}

/// Returns the position of the first occurrence of `text` in `bytes`.
pub(super) fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    // Programs are large and are searched for many texts. Most of their blocks do not contain the
    // rarest byte of the text, so the search looks for that byte first.
    let (anchor, &rare) = text.iter().enumerate().min_by_key(|&(_, &c)| commonness(c))?;
    for (i, block) in bytes.chunks(BLOCK).enumerate() {
        if !block.contains(&rare) {
            continue;
        }
        for (j, _) in block.iter().enumerate().filter(|&(_, &c)| c == rare) {
            if let Some(at) = (i * BLOCK + j).checked_sub(anchor)
                && bytes[at..].starts_with(text)
            {
                return Some(at);
            }
        }
    }
    None
}

const BLOCK: usize = 256;

/// Returns roughly how common a byte is in programs.
fn commonness(c: u8) -> u8 {
    match c {
        0 | 0xff => 4,
        b' ' | b'e' | b'a' | b't' | b'i' | b'o' | b'n' | b's' | b'r' | b'l' | b'd' | b'c' | b'_' => 3,
        b'a'..=b'z' | b'/' | b'.' | 1..=31 | 128.. => 2,
        b'A'..=b'Z' | b'0'..=b'9' => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_wherever_they_are() {
        let mut bytes = vec![0u8; 3000];
        for at in [0, 1, 250, 255, 256, 1000, 2987] {
            bytes[at..at + 13].copy_from_slice(b"glibc-hwcaps\0");
            assert_eq!(find(&bytes, b"glibc-hwcaps\0"), Some(at));
            assert_eq!(find(&bytes[..at + 12], b"glibc-hwcaps\0"), None);
            bytes[at + 4] = 0;
        }
        assert_eq!(find(&bytes, b""), None);
        assert_eq!(find(b"", b"x"), None);
        assert_eq!(find(b"-b-a-b-", b"a-b"), Some(3));
    }
}
