//! Splits a long document between its packages, so that several threads can parse the blocks.
//!
//! A split is made where an element seems to begin. Only parsing the previous block shows whether
//! one really does, because a comment may contain anything. If not, the remaining document is
//! parsed in one piece. [`Blocks::rest`] returns it as if it had not been split.

use std::io::{self, Cursor, Read};

use memchr::memmem;

use super::xml::is_plain;
use crate::metadata::IndexError;

/// Minimum size of a block in bytes, except for the last one. A block and its results fit the L2
/// cache of a processor.
pub(super) const BLOCK: usize = 128 << 10;

/// Text at which the document is split.
const START: &[u8] = b"<package ";

/// Size in bytes at which the search for an element to split before ends.
const LONGEST: usize = 4 << 20;

/// A block of a document.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    /// Offset in the document, in bytes.
    pub(super) offset: u64,
    /// True if it is the last block.
    pub(super) is_last: bool,
}

/// The blocks of a document, one after another.
pub(super) struct Blocks<R> {
    input: R,
    /// Data read beyond the last block.
    beyond: Vec<u8>,
    /// Offset of `beyond` in the document, in bytes.
    offset: u64,
    ended: bool,
}

impl<R: Read> Blocks<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, beyond: Vec::new(), offset: 0, ended: false }
    }

    /// Returns the next block and reuses the memory of `bytes`. Returns `None` at the end, or if
    /// the following data cannot be split.
    pub(super) fn next(&mut self, mut bytes: Vec<u8>) -> Result<Option<Block>, IndexError> {
        let mut filled = self.beyond.len();
        bytes.splice(..filled.min(bytes.len()), self.beyond.drain(..));
        let mut wanted = BLOCK;
        let cut = loop {
            self.fill(&mut bytes, &mut filled, wanted)?;
            if self.ended {
                break filled;
            }
            match memmem::rfind(&bytes[..filled], START).filter(|&cut| cut > 0) {
                Some(cut) => break cut,
                None if wanted < LONGEST => wanted *= 2,
                None => break 0,
            }
        };
        bytes.truncate(filled);
        if cut == 0 || (self.offset == 0 && !is_plain(&bytes)) {
            self.beyond = bytes;
            return Ok(None);
        }
        self.beyond.extend_from_slice(&bytes[cut..]);
        bytes.truncate(cut);
        let block = Block { bytes, offset: self.offset, is_last: self.ended };
        self.offset += cut as u64;
        Ok(Some(block))
    }

    /// Returns the offset of the next block in the document, in bytes.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Fills `bytes` up to `wanted`. Old contents are overwritten, which avoids zeroing the memory
    /// first.
    fn fill(&mut self, bytes: &mut Vec<u8>, filled: &mut usize, wanted: usize) -> Result<(), IndexError> {
        if bytes.len() < wanted {
            bytes.resize(wanted, 0);
        }
        while *filled < wanted && !self.ended {
            match self.input.read(&mut bytes[*filled..wanted]) {
                Ok(count) => {
                    *filled += count;
                    self.ended = count == 0;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(IndexError::Read { offset: self.offset + *filled as u64, error }),
            }
        }
        Ok(())
    }

    /// Returns the document after the blocks that were returned, preceded by `before`.
    pub(super) fn rest(self, before: Vec<u8>) -> impl Read {
        Cursor::new(before).chain(Cursor::new(self.beyond)).chain(self.input)
    }
}
