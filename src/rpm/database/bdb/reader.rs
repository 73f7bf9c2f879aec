//! Reads a hash file from an untrusted source. Every offset is checked, and the number of pages
//! limits the length of chains.

use super::{ByteOrder, HASH_MAGIC, META_SIZE, PAGE_HEADER, SPARES, item_type, meta, page, page_type};

/// An error in a hash file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BdbError {
    /// The magic number of the hash access method is missing.
    #[error("not a Berkeley DB hash file")]
    Magic,
    /// The version is not one that rpm has used.
    #[error("unknown version {0} of the hash format")]
    Version(u32),
    /// The page size is not a power of two between 512 and 65,536 bytes.
    #[error("impossible page size {0}")]
    PageSize(u32),
    /// The file is encrypted or its pages have checksums. rpm uses neither.
    #[error("pages are encrypted or have checksums")]
    Sealed,
    /// A page is missing, has the wrong type, or states another page number.
    #[error("page {0} is broken")]
    Page(u32),
    /// A chain of pages has a cycle.
    #[error("the pages after page {0} go in a circle")]
    Circle(u32),
    /// A key is not the number of a header.
    #[error("a key on page {0} is not a number of four bytes")]
    Key(u32),
}

/// Returns the records of a `Packages` file except record 0, sorted by number.
pub(in super::super) fn read(bytes: &[u8]) -> Result<Vec<(u32, Vec<u8>)>, BdbError> {
    let file = File::open(bytes)?;
    let mut records = Vec::new();
    // No page is in two chains, so a valid file has fewer steps than pages.
    let mut steps = file.last_page;
    for bucket in 0..=file.max_bucket {
        let mut number = file.bucket_page(bucket)?;
        while number != 0 {
            steps = steps.checked_sub(1).ok_or(BdbError::Circle(number))?;
            let bytes = file.page(number)?;
            match bytes[page::TYPE] {
                page_type::HASH | page_type::HASH_UNSORTED => file.read_bucket(number, bytes, &mut steps, &mut records)?,
                _ => return Err(BdbError::Page(number)),
            }
            number = file.u32(bytes, page::NEXT, number)?;
        }
    }
    records.sort_by_key(|&(number, _)| number);
    Ok(records)
}

struct File<'a> {
    bytes: &'a [u8],
    order: ByteOrder,
    page_size: usize,
    last_page: u32,
    max_bucket: u32,
    spares: [u32; SPARES],
}

impl<'a> File<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, BdbError> {
        let head = bytes.get(..META_SIZE).ok_or(BdbError::Magic)?;
        let order = [ByteOrder::Little, ByteOrder::Big]
            .into_iter()
            .find(|order| order.get_u32(head, meta::MAGIC) == Some(HASH_MAGIC))
            .ok_or(BdbError::Magic)?;
        let field = |at| order.get_u32(head, at).ok_or(BdbError::Magic);
        let version = field(meta::VERSION)?;
        // Version 7 uses another hash function and is older than any rpm still in use. Version 10
        // differs in features that rpm does not use (bdb_ro.c accepts 8 to 10).
        if !(8..=10).contains(&version) {
            return Err(BdbError::Version(version));
        }
        let page_size = field(meta::PAGE_SIZE)?;
        if !page_size.is_power_of_two() || !(512..=65_536).contains(&page_size) {
            return Err(BdbError::PageSize(page_size));
        }
        // Byte 24 names the cipher. Bit 0 of byte 26 enables checksums.
        if head[24] != 0 || head[26] & 1 != 0 {
            return Err(BdbError::Sealed);
        }
        let last_page = field(meta::LAST_PAGE)?.min((bytes.len() / page_size as usize) as u32);
        let max_bucket = field(meta::MAX_BUCKET)?;
        if max_bucket > last_page {
            return Err(BdbError::Page(0));
        }
        let mut spares = [0; SPARES];
        for (i, spare) in spares.iter_mut().enumerate() {
            *spare = field(meta::SPARES + 4 * i)?;
        }
        Ok(Self { bytes, order, page_size: page_size as usize, last_page, max_bucket, spares })
    }

    fn bucket_page(&self, bucket: u32) -> Result<u32, BdbError> {
        let doubling = (u32::BITS - bucket.leading_zeros()) as usize;
        let spare = self.spares.get(doubling).ok_or(BdbError::Page(0))?;
        bucket.checked_add(*spare).ok_or(BdbError::Page(0))
    }

    fn page(&self, number: u32) -> Result<&'a [u8], BdbError> {
        let start = (number as usize).checked_mul(self.page_size).ok_or(BdbError::Page(number))?;
        let page = start.checked_add(self.page_size).and_then(|end| self.bytes.get(start..end)).ok_or(BdbError::Page(number))?;
        if number == 0 || self.u32(page, page::NUMBER, number)? != number {
            return Err(BdbError::Page(number));
        }
        Ok(page)
    }

    fn u32(&self, page: &[u8], at: usize, number: u32) -> Result<u32, BdbError> {
        self.order.get_u32(page, at).ok_or(BdbError::Page(number))
    }

    fn u16(&self, page: &[u8], at: usize, number: u32) -> Result<usize, BdbError> {
        self.order.get_u16(page, at).map(usize::from).ok_or(BdbError::Page(number))
    }

    fn read_bucket(&self, number: u32, page: &[u8], steps: &mut u32, records: &mut Vec<(u32, Vec<u8>)>) -> Result<(), BdbError> {
        let entries = self.u16(page, page::ENTRIES, number)?;
        let mut end = self.page_size;
        // Items fill the page from its end. An item ends where the previous one begins.
        let mut item = |index: usize| {
            let start = self.u16(page, PAGE_HEADER + 2 * index, number)?;
            let item = page.get(start..end).filter(|item| !item.is_empty() && start >= PAGE_HEADER);
            end = start;
            item.ok_or(BdbError::Page(number))
        };
        for index in (0..entries & !1).step_by(2) {
            let (key, value) = (item(index)?, item(index + 1)?);
            let key = match key {
                [item_type::KEY_DATA, key @ ..] => *key.as_array::<4>().ok_or(BdbError::Key(number))?,
                _ => return Err(BdbError::Key(number)),
            };
            let key = self.order.u32_from(key);
            if key == 0 {
                continue;
            }
            records.push((key, self.read_value(number, value, steps)?));
        }
        Ok(())
    }

    fn read_value(&self, number: u32, item: &[u8], steps: &mut u32) -> Result<Vec<u8>, BdbError> {
        match item {
            [item_type::KEY_DATA, value @ ..] => Ok(value.to_vec()),
            [item_type::OFF_PAGE, ..] => {
                let first = self.u32(item, 4, number)?;
                let length = self.u32(item, 8, number)? as usize;
                self.read_overflow(first, length, steps)
            }
            _ => Err(BdbError::Page(number)),
        }
    }

    fn read_overflow(&self, first: u32, length: usize, steps: &mut u32) -> Result<Vec<u8>, BdbError> {
        let mut value = Vec::with_capacity(length.min(self.bytes.len()));
        let mut number = first;
        while value.len() < length {
            *steps = steps.checked_sub(1).ok_or(BdbError::Circle(number))?;
            let page = self.page(number)?;
            let part = self.u16(page, page::HIGH_FREE, number)?;
            let part = page[PAGE_HEADER..].get(..part).ok_or(BdbError::Page(number))?;
            if page[page::TYPE] != page_type::OVERFLOW || part.is_empty() || part.len() > length - value.len() {
                return Err(BdbError::Page(number));
            }
            value.extend_from_slice(part);
            number = self.u32(page, page::NEXT, number)?;
        }
        Ok(value)
    }
}
