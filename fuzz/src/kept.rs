//! An in-memory cache of decompressed data.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rootstrap::digest::Digest;
use rootstrap::package::{Content, InflatedStore, InflatedWriter};

/// The decompressed data, by the digest of the compressed data.
#[derive(Default)]
pub struct Kept(Mutex<BTreeMap<String, Vec<u8>>>);

struct Writer<'k> {
    kept: &'k Kept,
    packed: String,
    inflated: Vec<u8>,
}

impl InflatedStore for Kept {
    fn find(&self, packed: &Digest) -> Option<Content> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&packed.to_string()).map(|inflated| Content::shared(inflated.clone()))
    }

    fn begin(&self, packed: &Digest) -> Option<Box<dyn InflatedWriter + '_>> {
        Some(Box::new(Writer { kept: self, packed: packed.to_string(), inflated: Vec::new() }))
    }
}

impl InflatedWriter for Writer<'_> {
    fn add(&mut self, inflated: &[u8]) {
        self.inflated.extend_from_slice(inflated);
    }

    fn finish(self: Box<Self>) {
        self.kept.0.lock().unwrap_or_else(PoisonError::into_inner).insert(self.packed, self.inflated);
    }
}
