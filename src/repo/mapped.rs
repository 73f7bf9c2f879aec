//! Files mapped into memory: the one place of this room that asks more of the caller than the compiler can check.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;

use memmap2::{Mmap, MmapOptions};

/// Maps a file of the store for reading.
///
/// A kept pool is tens of megabytes of which a run uses little, and processes share the pages: reading would copy all of it each time. Nothing
/// changes what is mapped: files of the store are written beside and renamed, never written to again, and a removed one lives on while it is mapped.
pub(super) fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: the bytes do not change while they are mapped, see above.
    unsafe { Mmap::map(file) }
}

/// The same of a file that is read as a whole at once: its pages are mapped together, not one by one as they are touched.
pub(super) fn map_at_once(file: &File) -> io::Result<Mmap> {
    // SAFETY: the bytes do not change while they are mapped, see above.
    unsafe { MmapOptions::new().populate().map(file) }
}
