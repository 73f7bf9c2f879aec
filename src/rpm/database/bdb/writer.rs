//! Writes a hash file in one pass. The number of records is known, so the table has its final size
//! from the start. The buckets follow the metadata, one after another.

use super::{ByteOrder, HASH_MAGIC, HASH_VERSION, META_SIZE, PAGE_HEADER, SPARES, hash, item_type, meta, page, page_type};
use crate::digest::{Algorithm, Hasher};
use crate::rpm::database::{DatabaseError, Record};

/// Page size in bytes. Berkeley DB uses the block size of the file system, which is 4096 on the
/// systems that rpm runs on.
const PAGE_SIZE: usize = 4096;
/// Length in bytes above which a value goes to overflow pages (hash.h, `ISBIG`).
const BIG: usize = PAGE_SIZE / 4;
/// String that Berkeley DB hashes to check whether a file uses the same hash function (hash.h,
/// `CHARKEY` with its NUL).
const CHARKEY: &[u8] = b"%$sniglet^&\0";
/// Length of an item that refers to overflow pages, in bytes.
const OFF_PAGE_SIZE: usize = 12;

/// Returns the bytes of `Packages` with these records.
pub(in super::super) fn write(records: &[Record<'_>], order: ByteOrder) -> Result<Vec<u8>, DatabaseError> {
    let largest = records.iter().map(|record| record.number).max().unwrap_or(0);
    let largest = order.u32_bytes(largest);
    // Record 0 has the largest number, from which rpm continues counting (4.14, lib/backend/db3.c,
    // db3_pkgdbNew).
    let mut pairs: Vec<([u8; 4], &[u8])> = vec![(order.u32_bytes(0), &largest)];
    pairs.extend(records.iter().map(|record| (order.u32_bytes(record.number), record.blob)));
    // Pages are sorted by the bytes of the keys (hash_page.c, __ham_getindex_sorted).
    pairs.sort_unstable_by_key(|&(key, _)| key);
    if let Some(pair) = pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(DatabaseError::Number { number: order.u32_from(pair[0].0) });
    }

    let buckets = bucket_count(pairs.len());
    let mut members: Vec<Vec<([u8; 4], &[u8])>> = vec![Vec::new(); buckets];
    for &(key, value) in &pairs {
        members[hash(&key) as usize & (buckets - 1)].push((key, value));
    }

    let mut file = File { order, bytes: vec![0; PAGE_SIZE * (1 + buckets)] };
    for (bucket, pairs) in members.iter().enumerate() {
        file.write_bucket(1 + bucket, pairs);
    }
    let last_page = file.pages() - 1;
    // Page offsets are 32 bits wide.
    u32::try_from(file.bytes.len()).map_err(|_| DatabaseError::TooLarge { size: file.bytes.len() as u64 })?;
    file.write_meta(buckets as u32, pairs.len() as u32, last_page as u32, &file_id(&pairs));
    Ok(file.bytes)
}

/// Returns the number of buckets: a power of two, large enough that the pairs of a bucket usually
/// fit its page. The minimum is 2, Berkeley DB's initial number.
fn bucket_count(pairs: usize) -> usize {
    // Two offsets, a key of four bytes and an overflow item. Pages are half full.
    const PAIR: usize = 2 * 2 + 5 + OFF_PAGE_SIZE;
    (2 * pairs * PAIR).div_ceil(PAGE_SIZE - PAGE_HEADER).next_power_of_two().max(2)
}

/// Returns twenty bytes that identify the file within an environment; Berkeley DB's cache uses
/// them. They are derived from the content, so that the same input gives the same file.
fn file_id(pairs: &[([u8; 4], &[u8])]) -> [u8; 20] {
    let mut hasher = Hasher::new(Algorithm::Sha1);
    for (key, value) in pairs {
        hasher.update(key);
        hasher.update(&(value.len() as u64).to_be_bytes());
        hasher.update(value);
    }
    let mut id = [0; 20];
    id.copy_from_slice(hasher.finish().bytes());
    id
}

struct File {
    order: ByteOrder,
    bytes: Vec<u8>,
}

impl File {
    fn pages(&self) -> usize {
        self.bytes.len() / PAGE_SIZE
    }

    fn page(&mut self, number: usize) -> &mut [u8] {
        &mut self.bytes[number * PAGE_SIZE..][..PAGE_SIZE]
    }

    fn add_page(&mut self) -> usize {
        let number = self.pages();
        self.bytes.resize((number + 1) * PAGE_SIZE, 0);
        number
    }

    fn write_page_header(&mut self, number: usize, kind: u8, previous: usize, next: usize, entries: u16, high_free: u16) {
        let order = self.order;
        let bytes = self.page(number);
        // A page without a log entry has the sequence number [0][1] (log.h, LSN_NOT_LOGGED).
        order.put_u32(bytes, page::LSN_OFFSET, 1);
        order.put_u32(bytes, page::NUMBER, number as u32);
        order.put_u32(bytes, page::PREVIOUS, previous as u32);
        order.put_u32(bytes, page::NEXT, next as u32);
        order.put_u16(bytes, page::ENTRIES, entries);
        order.put_u16(bytes, page::HIGH_FREE, high_free);
        bytes[page::TYPE] = kind;
    }

    fn write_bucket(&mut self, first: usize, mut pairs: &[([u8; 4], &[u8])]) {
        let mut number = first;
        let mut previous = 0;
        loop {
            let mut offset = PAGE_SIZE;
            let mut entries = 0;
            while let [(key, value), rest @ ..] = pairs {
                let value_size = if value.len() > BIG { OFF_PAGE_SIZE } else { 1 + value.len() };
                if offset < PAGE_HEADER + 2 * (entries + 2) + 1 + key.len() + value_size {
                    break;
                }
                offset -= 1 + key.len();
                self.put_item_offset(number, entries, offset);
                let item = &mut self.page(number)[offset..];
                item[0] = item_type::KEY_DATA;
                item[1..=key.len()].copy_from_slice(key);

                offset -= value_size;
                self.put_item_offset(number, entries + 1, offset);
                if value.len() > BIG {
                    let chain = self.write_overflow(value);
                    let order = self.order;
                    let item = &mut self.page(number)[offset..];
                    item[0] = item_type::OFF_PAGE;
                    order.put_u32(item, 4, chain as u32);
                    order.put_u32(item, 8, value.len() as u32);
                } else {
                    let item = &mut self.page(number)[offset..];
                    item[0] = item_type::KEY_DATA;
                    item[1..=value.len()].copy_from_slice(value);
                }
                entries += 2;
                pairs = rest;
            }
            let next = if pairs.is_empty() { 0 } else { self.add_page() };
            self.write_page_header(number, page_type::HASH, previous, next, entries as u16, offset as u16);
            if next == 0 {
                return;
            }
            previous = number;
            number = next;
        }
    }

    fn put_item_offset(&mut self, number: usize, index: usize, offset: usize) {
        let order = self.order;
        order.put_u16(self.page(number), PAGE_HEADER + 2 * index, offset as u16);
    }

    /// Writes a value to pages of its own and returns the number of the first one.
    fn write_overflow(&mut self, value: &[u8]) -> usize {
        let first = self.pages();
        let mut parts = value.chunks(PAGE_SIZE - PAGE_HEADER).peekable();
        while let Some(part) = parts.next() {
            let number = self.add_page();
            let previous = if number == first { 0 } else { number - 1 };
            let next = if parts.peek().is_some() { number + 1 } else { 0 };
            // On overflow pages, `entries` is the reference count and the free offset is the length
            // of the part.
            self.write_page_header(number, page_type::OVERFLOW, previous, next, 1, part.len() as u16);
            self.page(number)[PAGE_HEADER..][..part.len()].copy_from_slice(part);
        }
        first
    }

    fn write_meta(&mut self, buckets: u32, elements: u32, last_page: u32, file_id: &[u8; 20]) {
        let order = self.order;
        let bytes = &mut self.bytes[..META_SIZE];
        order.put_u32(bytes, page::LSN_OFFSET, 1);
        order.put_u32(bytes, meta::MAGIC, HASH_MAGIC);
        order.put_u32(bytes, meta::VERSION, HASH_VERSION);
        order.put_u32(bytes, meta::PAGE_SIZE, PAGE_SIZE as u32);
        bytes[meta::TYPE] = page_type::HASH_META;
        order.put_u32(bytes, meta::LAST_PAGE, last_page);
        bytes[meta::FILE_ID..][..file_id.len()].copy_from_slice(file_id);
        order.put_u32(bytes, meta::MAX_BUCKET, buckets - 1);
        order.put_u32(bytes, meta::HIGH_MASK, buckets - 1);
        order.put_u32(bytes, meta::LOW_MASK, buckets / 2 - 1);
        order.put_u32(bytes, meta::ELEMENTS, elements);
        order.put_u32(bytes, meta::CHARKEY, hash(CHARKEY));
        // The page of bucket B is B + spares[log2(B + 1)], rounded up. Here all pages are
        // contiguous from page 1.
        for doubling in 0..=(buckets.ilog2() as usize).min(SPARES - 1) {
            order.put_u32(bytes, meta::SPARES + 4 * doubling, 1);
        }
    }
}
