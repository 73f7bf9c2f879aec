//! Berkeley DB's hash files, as far as rpm's `Packages` needs them. rpm 4.14 (EL8) and older store
//! installed headers in them.
//!
//! In: records, or the bytes of a file. Out: the bytes of a file that Berkeley DB 5.3 opens and
//! verifies, or the records. Both byte orders are supported, because the file has the byte order of
//! its target machine. rpm rebuilds its other files (`Name`, `Basenames` …) from `Packages` when
//! they are absent (4.14, lib/rpmdb.c, buildIndexes), so this module has no indexes.
//!
//! The layout is that of Berkeley DB's `dbinc/db_page.h`, hash version 9:
//!
//! - a page of metadata,
//! - a page for each bucket,
//! - pages chained to full buckets,
//! - chains of overflow pages for values larger than a quarter of a page.
//!
//! The key of a record is the header's number, and its value is the header. Record 0 has the
//! largest number assigned so far.

mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::BdbError;
pub(super) use reader::read;
pub(super) use writer::write;

use super::ByteOrder;

/// Magic number of the hash access method.
const HASH_MAGIC: u32 = 0x0006_1561;
/// Version of the format that Berkeley DB 4.6 to 5.3 write.
const HASH_VERSION: u32 = 9;
/// Number of used bytes in the metadata page.
const META_SIZE: usize = 512;
/// Length of a page header, in bytes.
const PAGE_HEADER: usize = 26;
/// Number of offsets to the first bucket's page, one for each doubling of the table.
const SPARES: usize = 32;

/// Types of a page (byte 25 of the page).
mod page_type {
    /// A bucket in a file older than version 9: unsorted pairs.
    pub(super) const HASH_UNSORTED: u8 = 2;
    /// A part of a value.
    pub(super) const OVERFLOW: u8 = 7;
    /// The metadata.
    pub(super) const HASH_META: u8 = 8;
    /// A bucket: pairs sorted by key.
    pub(super) const HASH: u8 = 13;
}

/// Types of an item on a bucket's page (first byte of the item).
mod item_type {
    /// The data are in the item.
    pub(super) const KEY_DATA: u8 = 1;
    /// The item has a page number and a length.
    pub(super) const OFF_PAGE: u8 = 3;
}

/// Offsets of fields in the metadata page.
mod meta {
    pub(super) const MAGIC: usize = 12;
    pub(super) const VERSION: usize = 16;
    pub(super) const PAGE_SIZE: usize = 20;
    pub(super) const TYPE: usize = 25;
    pub(super) const LAST_PAGE: usize = 32;
    pub(super) const FILE_ID: usize = 52;
    pub(super) const MAX_BUCKET: usize = 72;
    pub(super) const HIGH_MASK: usize = 76;
    pub(super) const LOW_MASK: usize = 80;
    pub(super) const ELEMENTS: usize = 88;
    pub(super) const CHARKEY: usize = 92;
    pub(super) const SPARES: usize = 96;
}

/// Offsets of fields in all other pages.
mod page {
    pub(super) const LSN_OFFSET: usize = 4;
    pub(super) const NUMBER: usize = 8;
    pub(super) const PREVIOUS: usize = 12;
    pub(super) const NEXT: usize = 16;
    pub(super) const ENTRIES: usize = 20;
    pub(super) const HIGH_FREE: usize = 22;
    pub(super) const TYPE: usize = 25;
}

/// Returns the hash of a key: FNV-1 by Fowler, Noll and Vo, with initial value 0 (`hash_func.c`,
/// `__ham_func5`).
fn hash(key: &[u8]) -> u32 {
    key.iter().fold(0u32, |hash, &byte| hash.wrapping_mul(16_777_619) ^ u32::from(byte))
}

impl ByteOrder {
    fn put_u16(self, page: &mut [u8], at: usize, value: u16) {
        page[at..at + 2].copy_from_slice(&match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        });
    }

    fn put_u32(self, page: &mut [u8], at: usize, value: u32) {
        page[at..at + 4].copy_from_slice(&self.u32_bytes(value));
    }

    fn get_u16(self, page: &[u8], at: usize) -> Option<u16> {
        let bytes = page.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(*bytes),
            Self::Big => u16::from_be_bytes(*bytes),
        })
    }

    fn get_u32(self, page: &[u8], at: usize) -> Option<u32> {
        let bytes = page.get(at..)?.first_chunk()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(*bytes),
            Self::Big => u32::from_be_bytes(*bytes),
        })
    }
}
