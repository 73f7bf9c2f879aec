//! The expected digest and size of a file, checked against its bytes as they arrive.

use super::error::{FoundSize, Reason};
use crate::digest::{Digest, Hasher};

/// The expected properties of a file.
#[derive(Clone, Debug)]
pub(super) struct Promise {
    pub(super) digest: Option<Digest>,
    pub(super) size: Option<u64>,
    /// The maximum size in bytes without an expected size.
    pub(super) limit: u64,
}

impl Promise {
    /// Fails if a file of this announced length cannot be the expected one.
    pub(super) fn check_length(&self, found: u64) -> Result<(), Reason> {
        match self.size {
            Some(expected) if expected != found => Err(Reason::Size { expected, found: FoundSize::Exactly(found) }),
            None if found > self.limit => Err(Reason::TooLarge { limit: self.limit }),
            _ => Ok(()),
        }
    }

    /// Starts checking the bytes.
    pub(super) fn check(&self) -> Check<'_> {
        Check { promise: self, hasher: self.digest.as_ref().map(|digest| Hasher::new(digest.algorithm())), count: 0 }
    }
}

/// An ongoing check of a file's bytes.
pub(super) struct Check<'a> {
    promise: &'a Promise,
    hasher: Option<Hasher>,
    count: u64,
}

impl Check<'_> {
    /// Returns the number of bytes so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Checks further bytes. Fails as soon as there are more than expected, so that endless data is
    /// not read to its end.
    pub(super) fn take(&mut self, data: &[u8]) -> Result<(), Reason> {
        self.count = self.count.saturating_add(data.len() as u64);
        match self.promise.size {
            Some(expected) if self.count > expected => {
                return Err(Reason::Size { expected, found: FoundSize::AtLeast(self.count) });
            }
            None if self.count > self.promise.limit => return Err(Reason::TooLarge { limit: self.promise.limit }),
            _ => {}
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(data);
        }
        Ok(())
    }

    /// Finishes the check. Fails if the size or the digest differs from the expected one.
    pub(super) fn finish(self) -> Result<(), Reason> {
        self.promise.check_length(self.count)?;
        match (&self.promise.digest, self.hasher.map(Hasher::finish)) {
            (Some(expected), Some(found)) if *expected != found => {
                Err(Reason::Checksum { expected: expected.clone(), found, size: self.count })
            }
            _ => Ok(()),
        }
    }
}
