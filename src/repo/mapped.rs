//! Files mapped into memory. Only this file of the module contains `unsafe` code.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;

use memmap2::{Mmap, MmapOptions};

/// Maps a file of the store for reading.
///
/// A cached pool has tens of megabytes, of which a run uses little, and processes share the pages.
/// Reading would copy all of it each time. A mapped file never changes: files of the store are
/// written under a temporary name, then renamed, and never written to again. A removed file exists
/// as long as it is mapped.
pub(super) fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the bytes do not change while they are mapped, see above.
    unsafe { Mmap::map(file) }
}

/// Maps a file that is read as a whole at once. All pages are mapped together, not one by one at
/// the first access.
pub(super) fn map_at_once(file: &File) -> io::Result<Mmap> {
    // SAFETY: the bytes do not change while they are mapped, see above.
    unsafe { MmapOptions::new().populate().map(file) }
}
