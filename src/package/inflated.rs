//! The interface of a cache of decompressed package data, which later runs reuse.
//!
//! The decompressed data depend only on the compressed bytes, so the digest of those is the key.
//! The caller has already verified this digest against signed data. A cache only has to return the
//! bytes that were stored.

use super::Content;
use crate::digest::Digest;

/// A cache of decompressed data. Several runs may use it at once.
pub trait InflatedStore: Send + Sync {
    /// Returns the decompressed data of the packed bytes with this digest, if the cache contains
    /// them completely.
    fn find(&self, packed: &Digest) -> Option<Content>;

    /// Starts to store the decompressed data of the packed bytes with this digest. Returns `None`
    /// if the cache cannot store data.
    fn begin(&self, packed: &Digest) -> Option<Box<dyn InflatedWriter + '_>>;
}

/// A writer of decompressed data into a cache. If it is dropped before its end, it leaves nothing
/// behind. Errors of the cache are not reported: the next run decompresses the data again.
pub trait InflatedWriter: Send {
    /// Appends decompressed bytes.
    fn add(&mut self, inflated: &[u8]);

    /// Completes the entry after all data are added and verified. From now on the cache returns it.
    fn finish(self: Box<Self>);
}
