//! ndb's `Packages.db`, the database of SUSE's rpm; read-only.
//!
//! In: the bytes of a file. Out: the records. The layout is that of rpm's
//! `lib/backend/ndb/rpmpkg.c`: one or more pages of slots, then blobs in blocks of 16 bytes. The
//! file header occupies the first two slots. All numbers are little-endian. Indexes are in another
//! file and are not needed.

/// Length of a block and of a slot, in bytes.
const BLOCK: usize = 16;
/// Length of a page of slots, in bytes.
const PAGE: usize = 4096;
/// Number of slots that the header occupies.
const HEADER_SLOTS: usize = 2;
/// Length of a blob's head, in bytes: magic, number, generation, length.
const HEAD: usize = 16;
/// Length of a blob's tail, in bytes: checksum, length, magic.
const TAIL: usize = 12;

/// An error in an ndb file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NdbError {
    /// The magic number is missing.
    #[error("not an ndb database")]
    Magic,
    /// The version is not one that rpm has used.
    #[error("unknown version {0} of the ndb format")]
    Version(u32),
    /// The file ends before its slots or before a blob.
    #[error("it ends before {0}")]
    Truncated(&'static str),
    /// A slot is invalid.
    #[error("slot {0} is broken")]
    Slot(usize),
    /// Two slots have the same header number.
    #[error("header {0} is there twice")]
    Twice(u32),
    /// A slot refers to an invalid blob or to the blob of another header.
    #[error("the blob of header {0} is broken")]
    Blob(u32),
}

/// Returns the records, sorted by number.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<(u32, Vec<u8>)>, NdbError> {
    if bytes.get(..4) != Some(b"RpmP") {
        return Err(NdbError::Magic);
    }
    let version = number(bytes, 4).ok_or(NdbError::Truncated("its header"))?;
    if version != 0 {
        return Err(NdbError::Version(version));
    }
    let pages = number(bytes, 12).ok_or(NdbError::Truncated("its header"))? as usize;
    let slots = pages.checked_mul(PAGE).and_then(|end| bytes.get(..end)).ok_or(NdbError::Truncated("the end of its slots"))?;
    let mut records: Vec<(u32, Vec<u8>)> = Vec::new();
    for (place, slot) in slots.chunks_exact(BLOCK).enumerate().skip(HEADER_SLOTS) {
        let field = |at| number(slot, at).ok_or(NdbError::Slot(place));
        if &slot[..4] != b"Slot" {
            return Err(NdbError::Slot(place));
        }
        let (header, first, count) = (field(4)?, field(8)? as usize, field(12)? as usize);
        // The block of a free slot is 0.
        if first == 0 {
            continue;
        }
        if header == 0 || first < slots.len() / BLOCK {
            return Err(NdbError::Slot(place));
        }
        let start = first.checked_mul(BLOCK).ok_or(NdbError::Slot(place))?;
        let end = count.checked_mul(BLOCK).and_then(|length| start.checked_add(length)).ok_or(NdbError::Slot(place))?;
        let blob = bytes.get(start..end).ok_or(NdbError::Truncated("the end of a blob"))?;
        records.push((header, content(header, blob).ok_or(NdbError::Blob(header))?.to_vec()));
    }
    records.sort_by_key(|&(number, _)| number);
    match records.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(NdbError::Twice(pair[0].0)),
        None => Ok(records),
    }
}

/// Returns the data between the head and the tail of a blob. Like rpm when it reads, this function
/// does not verify the checksum.
fn content(header: u32, blob: &[u8]) -> Option<&[u8]> {
    let length = number(blob, 12)?;
    let tail = blob.get(blob.len().checked_sub(TAIL)?..)?;
    let is_whole = blob.get(..4) == Some(b"BlbS")
        && number(blob, 4) == Some(header)
        && tail.get(8..) == Some(b"BlbE")
        && number(tail, 4) == Some(length)
        // The blob must not have more blocks than its length requires.
        && (HEAD + TAIL).checked_add(length as usize)?.div_ceil(BLOCK) * BLOCK == blob.len();
    if is_whole { blob.get(HEAD..HEAD + length as usize) } else { None }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

/// Creates a database in the layout of `rpmpkg.c`: a page of slots, then the blobs one after
/// another.
#[cfg(test)]
pub(super) fn database(blobs: &[(u32, &[u8])]) -> Vec<u8> {
    let mut bytes: Vec<u8> = b"Slot\0\0\0\0\0\0\0\0\0\0\0\0".repeat(PAGE / BLOCK);
    bytes[..32].copy_from_slice(&[&b"RpmP"[..], &[0; 4], &[1, 0, 0, 0], &[1, 0, 0, 0], &[9, 0, 0, 0], &[0; 12]].concat());
    for (place, &(header, data)) in blobs.iter().enumerate() {
        let first = bytes.len() / BLOCK;
        let count = (HEAD + data.len() + TAIL).div_ceil(BLOCK);
        let padding = count * BLOCK - HEAD - data.len() - TAIL;
        let length = (data.len() as u32).to_le_bytes();
        bytes.extend([&b"BlbS"[..], &header.to_le_bytes(), &[7, 0, 0, 0], &length, data, &vec![0; padding]].concat());
        bytes.extend([&[1, 2, 3, 4], &length[..], b"BlbE"].concat());
        let slot = (HEADER_SLOTS + 3 * place) * BLOCK;
        let fields = [header, first as u32, count as u32].map(u32::to_le_bytes).concat();
        bytes[slot + 4..slot + 16].copy_from_slice(&fields);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_in_the_order_of_their_numbers() {
        let bytes = database(&[(5, b"five"), (2, b""), (3, &[7; 100])]);
        let read = read(&bytes).unwrap();
        assert_eq!(read, [(2, Vec::new()), (3, vec![7; 100]), (5, b"five".to_vec())]);
        assert_eq!(super::read(&database(&[])).unwrap(), []);
    }

    #[test]
    fn what_is_broken_is_told() {
        let good = database(&[(5, b"five")]);
        let damaged = |at: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[at] = value;
            read(&bytes)
        };
        assert_eq!(read(b"Rpm"), Err(NdbError::Magic));
        assert_eq!(read(&good[..20]), Err(NdbError::Truncated("the end of its slots")));
        assert_eq!(damaged(4, 1), Err(NdbError::Version(1)));
        assert_eq!(damaged(12, 9), Err(NdbError::Truncated("the end of its slots")));
        assert_eq!(damaged(2 * BLOCK, b'x'), Err(NdbError::Slot(2)));
        assert_eq!(damaged(2 * BLOCK + 12, 9), Err(NdbError::Truncated("the end of a blob")));
        assert_eq!(damaged(PAGE + 4, 6), Err(NdbError::Blob(5)));
        assert_eq!(damaged(PAGE + 12, 3), Err(NdbError::Blob(5)));
        assert_eq!(damaged(good.len() - 1, 0), Err(NdbError::Blob(5)));
        assert_eq!(read(&database(&[(5, b"a"), (5, b"b")])), Err(NdbError::Twice(5)));
        // No change of a single byte makes the reader panic.
        for at in 0..good.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let _ = damaged(at, value);
            }
        }
    }
}
