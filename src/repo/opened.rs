//! The decompression of a metadata file, checked against the expected size and digest of the
//! contents.

use std::io::{self, BufReader, Read};

use crate::compression::decompress;
use crate::digest::{Digest, Hasher};
use crate::fetch::FoundSize;
use crate::metadata::MetadataFile;
use crate::package::Content;

/// The maximum decompressed size: this many times the file's size, plus `SMALL` bytes. It applies
/// whatever size is expected. XML compresses to between a tenth and a thirtieth.
const RATIO: u64 = 100;
const SMALL: u64 = 16 << 20;

/// The error in the contents of a file.
pub(super) enum OpenFault {
    /// The size differs.
    Size { expected: u64, found: FoundSize },
    /// The digest differs.
    Checksum { expected: Digest, found: Digest },
}

/// A reader of a file's decompressed contents. It stops a decompression bomb at the expected size.
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
        // A verified digest of the compressed file also determines its contents. So hashing the
        // contents would prove nothing more.
        let digest = file.open_digest.as_ref().filter(|_| file.digest.is_none());
        let digest = digest.map(|digest| (digest, Hasher::new(digest.algorithm())));
        Ok(Self { inflated, promised: file.open_size, limit, count: 0, digest, too_long: false })
    }

    /// Returns an error if there were more bytes than expected. It takes precedence over errors of
    /// the parser.
    pub(super) fn fault(&self) -> Option<OpenFault> {
        self.too_long.then_some(OpenFault::Size { expected: self.limit, found: FoundSize::AtLeast(self.count) })
    }

    /// Reads the rest, and fails if the size or digest differs from the expected one.
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
