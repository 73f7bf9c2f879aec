//! A long document of packages, cut between them, so that the parts can be read apart.
//!
//! Cuts are made where an element seems to begin. Whether one does there is known only when the part before has been read: a comment may hold
//! anything. Where it does not, [`Blocks::rest`] is the document from some part on as if nothing had been cut.

use std::io::{self, Cursor, Read};

use memchr::memmem;

use super::xml::is_plain;
use crate::metadata::IndexError;

/// How long a block is at least, but for the last one: it stays in a processor's second cache with what is made of it.
pub(super) const BLOCK: usize = 128 << 10;

/// Where the elements begin.
const START: &[u8] = b"<package ";

/// Up to what length an element to cut before is looked for.
const LONGEST: usize = 4 << 20;

/// A part of a document.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    /// Where it begins in the document.
    pub(super) offset: u64,
    /// Whether nothing comes after it.
    pub(super) is_last: bool,
}

/// The parts of a document, one after another.
pub(super) struct Blocks<R> {
    input: R,
    /// What was read beyond the last block.
    beyond: Vec<u8>,
    /// Where that begins.
    offset: u64,
    ended: bool,
}

impl<R: Read> Blocks<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, beyond: Vec::new(), offset: 0, ended: false }
    }

    /// The next block, in the memory of `bytes`; `None` at the end, or if what comes cannot be cut.
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

    /// Where the next block begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Fills `bytes` up to `wanted`. What it held before is written over, which spares making it nought first.
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

    /// What is left of the document behind the blocks that were taken, but for `before`, which is given back.
    pub(super) fn rest(self, before: Vec<u8>) -> impl Read {
        Cursor::new(before).chain(Cursor::new(self.beyond)).chain(self.input)
    }
}
