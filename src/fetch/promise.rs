//! What was promised of a file, held against its bytes while they come.

use super::error::{FoundSize, Reason};
use crate::digest::{Digest, Hasher};

/// What is known of a file beforehand.
#[derive(Clone, Debug)]
pub(super) struct Promise {
    pub(super) digest: Option<Digest>,
    pub(super) size: Option<u64>,
    /// How large it may be when no size was promised.
    pub(super) limit: u64,
}

impl Promise {
    /// Whether a file that is said to be as long as this can be the one.
    pub(super) fn check_length(&self, found: u64) -> Result<(), Reason> {
        match self.size {
            Some(expected) if expected != found => Err(Reason::Size { expected, found: FoundSize::Exactly(found) }),
            None if found > self.limit => Err(Reason::TooLarge { limit: self.limit }),
            _ => Ok(()),
        }
    }

    /// Begins to look at the bytes.
    pub(super) fn check(&self) -> Check<'_> {
        Check { promise: self, hasher: self.digest.as_ref().map(|digest| Hasher::new(digest.algorithm())), count: 0 }
    }
}

/// A file's bytes being compared with its promise.
pub(super) struct Check<'a> {
    promise: &'a Promise,
    hasher: Option<Hasher>,
    count: u64,
}

impl Check<'_> {
    /// How many bytes there were so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Takes more bytes. An error as soon as there are more than promised: endless data is not read to its end.
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

    /// Ends it: whether all that was promised came, and nothing else.
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
