//! A metadata file being inflated, held against what was promised of what it holds.

use std::io::{self, BufReader, Read};

use crate::compression::decompress;
use crate::digest::{Digest, Hasher};
use crate::fetch::FoundSize;
use crate::metadata::MetadataFile;
use crate::package::Content;

/// How much a file may inflate to, whatever is promised: so many times its size, and some. XML packs to a tenth or a thirtieth.
const RATIO: u64 = 100;
const SMALL: u64 = 16 << 20;

/// What is wrong with what a file holds.
pub(super) enum OpenFault {
    /// Its size.
    Size { expected: u64, found: FoundSize },
    /// Its digest.
    Checksum { expected: Digest, found: Digest },
}

/// Reads what a file holds. A bomb is stopped at the promised size.
pub(super) struct Opened<'a> {
    inflated: Box<dyn Read + Send + 'a>,
    promised: Option<u64>,
    limit: u64,
    count: u64,
    digest: Option<(&'a Digest, Hasher)>,
    too_long: bool,
}

impl<'a> Opened<'a> {
    pub(super) fn new(content: &'a Content, file: &'a MetadataFile) -> io::Result<Self> {
        let (_, inflated) = match content.memory() {
            Some(bytes) => decompress(bytes)?,
            None => decompress(BufReader::with_capacity(256 << 10, content.reader()))?,
        };
        let possible = content.len().saturating_mul(RATIO).saturating_add(SMALL);
        let limit = file.open_size.map_or(possible, |promised| promised.min(possible));
        // Whoever vouched for the file's own digest vouched for what it inflates to: hashing that too would prove no more.
        let digest = file.open_digest.as_ref().filter(|_| file.digest.is_none());
        let digest = digest.map(|digest| (digest, Hasher::new(digest.algorithm())));
        Ok(Self { inflated, promised: file.open_size, limit, count: 0, digest, too_long: false })
    }

    /// Whether more came than was promised: then that is what is wrong, whatever the reader of the bytes says.
    pub(super) fn fault(&self) -> Option<OpenFault> {
        self.too_long.then_some(OpenFault::Size { expected: self.limit, found: FoundSize::AtLeast(self.count) })
    }

    /// Reads what is left, and tells whether all was as promised.
    pub(super) fn finish(mut self) -> io::Result<Result<(), OpenFault>> {
        if let Err(error) = io::copy(&mut self, &mut io::sink()) {
            return self.fault().map_or(Err(error), |fault| Ok(Err(fault)));
        }
        if let Some(expected) = self.promised.filter(|&expected| expected != self.count) {
            return Ok(Err(OpenFault::Size { expected, found: FoundSize::Exactly(self.count) }));
        }
        match self.digest.map(|(expected, hasher)| (expected, hasher.finish())) {
            Some((expected, found)) if *expected != found => Ok(Err(OpenFault::Checksum { expected: expected.clone(), found })),
            _ => Ok(Ok(())),
        }
    }
}

impl Read for Opened<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inflated.read(buffer)?;
        self.count = self.count.saturating_add(n as u64);
        if self.count > self.limit {
            self.too_long = true;
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it inflates to more than was promised"));
        }
        if let Some((_, hasher)) = &mut self.digest {
            hasher.update(&buffer[..n]);
        }
        Ok(n)
    }
}
