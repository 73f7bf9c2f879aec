//! What a package's data inflate to, kept for the next run that needs it: what a store of it has to do.
//!
//! What bytes inflate to depends on nothing but them, so their digest is the key. Whoever asks has checked that digest before, against what was
//! signed; a store only has to give back what was put in.

use super::Content;
use crate::digest::Digest;

/// Where inflated data are kept, for any number of runs at once.
pub trait InflatedStore: Send + Sync {
    /// What the packed bytes of this digest inflate to, if that is kept and whole.
    fn find(&self, packed: &Digest) -> Option<Content>;

    /// Begins to keep what the packed bytes of this digest inflate to. `None` where nothing can be kept.
    fn begin(&self, packed: &Digest) -> Option<Box<dyn InflatedWriter + '_>>;
}

/// Inflated data that are on their way into a store. Dropped before its end it leaves nothing behind. What cannot be kept is nobody's failure: the next
/// run inflates it again.
pub trait InflatedWriter: Send {
    /// Adds what follows.
    fn add(&mut self, inflated: &[u8]);

    /// That was all, and all of it was as it should be: it is found from now on.
    fn finish(self: Box<Self>);
}
