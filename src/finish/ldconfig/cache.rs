//! `ld.so.cache`: sorting, the string table, and the two formats of the file, in the target's byte
//! order.
//!
//! Follows glibc's elf/cache.c and dl-cache.h. The old format (`ld.so-1.7.0`) is that of libc5 and
//! of glibc before 2.2. The new format (`glibc-ld.so.cache1.1`) follows the old one in the file or
//! stands alone. Its extensions came with 2.33.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::LdconfigError;
use super::program::{Format, Program};

const OLD_MAGIC: &[u8] = b"ld.so-1.7.0";
const NEW_MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const NEW_HEADER: usize = 48;
const NEW_ENTRY: usize = 24;
const EXTENSION_MAGIC: u32 = 0xeaa4_2174;
const TAG_GENERATOR: u32 = 0;
const TAG_GLIBC_HWCAPS: u32 = 1;
/// Marks an entry whose capability field is the number of a `glibc-hwcaps` directory.
const HWCAP_EXTENSION: u64 = 1 << 62;

/// One library in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) soname: Vec<u8>,
    pub(super) path: Vec<u8>,
    pub(super) flags: u32,
    pub(super) osversion: u32,
    /// Capabilities and platform, derived from directory names (before 2.37).
    pub(super) capabilities: u64,
    pub(super) isa_level: u32,
    /// The directory below `glibc-hwcaps`.
    pub(super) hwcaps: Option<Vec<u8>>,
}

/// Compares two names like `_dl_cache_libcmp`: runs of digits as numbers (32 bits, with the
/// overflow of the C code), the rest byte by byte.
pub(super) fn compare_names(left: &[u8], right: &[u8], signed_char: bool) -> Ordering {
    let value = |c: Option<&u8>| {
        let c = c.copied().unwrap_or(0);
        if signed_char { i32::from(c.cast_signed()) } else { i32::from(c) }
    };
    let is_digit = |c: Option<&u8>| c.is_some_and(u8::is_ascii_digit);
    let (mut l, mut r) = (0, 0);
    while l < left.len() {
        match (is_digit(left.get(l)), is_digit(right.get(r))) {
            (true, true) => {
                let difference = number(left, &mut l).wrapping_sub(number(right, &mut r));
                if difference != 0 {
                    return difference.cmp(&0);
                }
            }
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) if left.get(l) != right.get(r) => return value(left.get(l)).cmp(&value(right.get(r))),
            (false, false) => {
                l += 1;
                r += 1;
            }
        }
    }
    value(None).cmp(&value(right.get(r)))
}

fn number(text: &[u8], at: &mut usize) -> i32 {
    let mut n = 0i32;
    while let Some(c) = text.get(*at).filter(|c| c.is_ascii_digit()) {
        n = n.wrapping_mul(10).wrapping_add(i32::from(c - b'0'));
        *at += 1;
    }
    n
}

/// Compares two entries: descending by name, then descending by flags, then the more specific
/// directory first.
fn compare(a: &Entry, b: &Entry, signed_char: bool) -> Ordering {
    compare_names(&b.soname, &a.soname, signed_char)
        .then_with(|| b.flags.cast_signed().cmp(&a.flags.cast_signed()))
        .then_with(|| match (&a.hwcaps, &b.hwcaps) {
            (Some(a), Some(b)) => a.cmp(b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        })
        .then_with(|| b.capabilities.count_ones().cmp(&a.capabilities.count_ones()))
        .then_with(|| b.capabilities.cmp(&a.capabilities))
        .then_with(|| b.osversion.cmp(&a.osversion))
}

/// Returns the cache file of these entries, given in the order in which they were found.
/// `directories` are the names below `glibc-hwcaps`.
pub(super) fn write(
    found: Vec<Entry>,
    directories: &[Vec<u8>],
    program: &Program,
    format: Format,
) -> Result<Vec<u8>, LdconfigError> {
    let signed = program.reading.machine.signed_char();
    let mut entries: Vec<Entry> = Vec::with_capacity(found.len());
    for entry in found {
        // Entries are inserted one by one, like in glibc. Because numbers overflow, the comparison
        // is not a total order, so a sort function cannot use it.
        let at = entries.partition_point(|known| compare(known, &entry, signed) != Ordering::Greater);
        entries.insert(at, entry);
    }
    let strings = if program.generator.is_some() { Strings::shared(&entries, directories)? } else { Strings::plain(&entries)? };
    let used = used_directories(&entries, directories);

    let big_endian = program.reading.layout.big_endian;
    let mut out = Writer { bytes: Vec::new(), big_endian };
    let new_size = if format == Format::New || format == Format::Compat { NEW_HEADER + entries.len() * NEW_ENTRY } else { 0 };
    // Entries of the old format count text offsets from the end of their own table, where the new
    // table begins. No padding is needed: an even number of entries ends at a multiple of 8 bytes.
    let first_string = u32::try_from(new_size).map_err(|_| LdconfigError::TooLarge)?;
    if format != Format::New {
        write_old(&mut out, &entries, &strings, first_string, format)?;
    }
    if new_size == 0 {
        out.bytes.extend_from_slice(&strings.bytes);
        return Ok(out.bytes);
    }
    let end = out.bytes.len() + new_size + strings.bytes.len();
    let extensions_at = program.generator.is_some().then(|| end.next_multiple_of(4));
    out.bytes.extend_from_slice(NEW_MAGIC);
    out.size(entries.len())?;
    out.size(strings.bytes.len())?;
    // 2 is little-endian, 3 is big-endian.
    let byte_order = match (program.marks_byte_order, big_endian) {
        (false, _) => 0,
        (true, false) => 2,
        (true, true) => 3,
    };
    out.bytes.extend_from_slice(&[byte_order, 0, 0, 0]);
    out.size(extensions_at.unwrap_or(0))?;
    out.bytes.extend_from_slice(&[0; 12]);
    for (entry, &(key, value)) in entries.iter().zip(&strings.entries) {
        let capabilities = match &entry.hwcaps {
            Some(name) => {
                let index = used.binary_search(&name.as_slice()).unwrap_or_default() as u64;
                HWCAP_EXTENSION | u64::from(entry.isa_level) << 32 | index
            }
            None => entry.capabilities,
        };
        out.u32(entry.flags);
        out.offset(first_string, key)?;
        out.offset(first_string, value)?;
        out.u32(entry.osversion);
        out.u64(capabilities);
    }
    out.bytes.extend_from_slice(&strings.bytes);
    if let (Some(at), Some(generator)) = (extensions_at, &program.generator) {
        out.bytes.resize(at, 0);
        write_extensions(&mut out, generator, &used, &strings, first_string)?;
    }
    Ok(out.bytes)
}

fn write_old(
    out: &mut Writer,
    entries: &[Entry],
    strings: &Strings,
    first_string: u32,
    format: Format,
) -> Result<(), LdconfigError> {
    // The old loader must not see libraries that need a capability.
    let plain: Vec<(u32, u32, u32)> = entries
        .iter()
        .zip(&strings.entries)
        .filter(|(entry, _)| entry.capabilities == 0 && entry.hwcaps.is_none())
        .map(|(entry, &(key, value))| (entry.flags, key, value))
        .collect();
    // Before the new table the number of old entries must be even, so the last one is repeated.
    let again = if format == Format::Compat && plain.len() % 2 == 1 { plain.last() } else { None };
    out.bytes.extend_from_slice(OLD_MAGIC);
    out.bytes.push(0);
    out.size(plain.len() + usize::from(again.is_some()))?;
    for &(flags, key, value) in plain.iter().chain(again) {
        out.u32(flags);
        out.offset(first_string, key)?;
        out.offset(first_string, value)?;
    }
    Ok(())
}

/// Writes the generator of the cache, and the directories that entries refer to by number.
fn write_extensions(
    out: &mut Writer,
    generator: &[u8],
    used: &[&[u8]],
    strings: &Strings,
    first_string: u32,
) -> Result<(), LdconfigError> {
    let sections = if used.is_empty() { 1 } else { 2 };
    let directories_at = out.bytes.len() + 8 + sections * 16;
    out.u32(EXTENSION_MAGIC);
    out.size(sections)?;
    out.u32(TAG_GENERATOR);
    out.u32(0);
    out.size(directories_at + used.len() * 4)?;
    out.size(generator.len())?;
    if !used.is_empty() {
        out.u32(TAG_GLIBC_HWCAPS);
        out.u32(0);
        out.size(directories_at)?;
        out.size(used.len() * 4)?;
    }
    for name in used {
        let offset = strings.directories.get(*name).copied().unwrap_or_default();
        out.offset(first_string, offset)?;
    }
    out.bytes.extend_from_slice(generator);
    Ok(())
}

fn used_directories<'a>(entries: &[Entry], directories: &'a [Vec<u8>]) -> Vec<&'a [u8]> {
    let mut used: Vec<&[u8]> = directories
        .iter()
        .filter(|name| entries.iter().any(|entry| entry.hwcaps.as_ref() == Some(name)))
        .map(Vec::as_slice)
        .collect();
    used.sort_unstable();
    used
}

/// The texts of a cache, and the offsets of the two texts of each entry.
struct Strings {
    bytes: Vec<u8>,
    entries: Vec<(u32, u32)>,
    directories: BTreeMap<Vec<u8>, u32>,
}

impl Strings {
    /// Builds the string table of versions before 2.33: the texts one after the other.
    fn plain(entries: &[Entry]) -> Result<Self, LdconfigError> {
        let mut bytes = Vec::new();
        let mut put = |text: &[u8]| {
            let at = u32::try_from(bytes.len()).map_err(|_| LdconfigError::TooLarge)?;
            bytes.extend_from_slice(text);
            bytes.push(0);
            Ok(at)
        };
        let entries =
            entries.iter().map(|entry| Ok((put(&entry.soname)?, put(&entry.path)?))).collect::<Result<_, LdconfigError>>()?;
        Ok(Self { bytes, entries, directories: BTreeMap::new() })
    }

    /// Builds the string table of 2.33 and later: each text once, sorted by its reversed bytes. A
    /// text that is the end of another one shares its bytes.
    fn shared(entries: &[Entry], directories: &[Vec<u8>]) -> Result<Self, LdconfigError> {
        let mut texts: Vec<&[u8]> = entries.iter().flat_map(|entry| [&*entry.soname, &*entry.path]).collect();
        texts.extend(directories.iter().map(Vec::as_slice));
        // In descending order, the longer of two texts with the same end comes first.
        texts.sort_unstable_by(|a, b| b.iter().rev().cmp(a.iter().rev()));
        texts.dedup();
        let mut bytes: Vec<u8> = Vec::new();
        let mut offsets: BTreeMap<&[u8], u32> = BTreeMap::new();
        let mut last: &[u8] = b"";
        for text in texts {
            let at = if bytes.is_empty() || !last.ends_with(text) {
                let at = bytes.len();
                bytes.extend_from_slice(text);
                bytes.push(0);
                at
            } else {
                bytes.len() - 1 - text.len()
            };
            // A text inside the last one ends at the same position, so the next text is compared
            // only with this one.
            last = text;
            offsets.insert(text, u32::try_from(at).map_err(|_| LdconfigError::TooLarge)?);
        }
        let offset = |text: &[u8]| offsets.get(text).copied().unwrap_or_default();
        Ok(Self {
            entries: entries.iter().map(|entry| (offset(&entry.soname), offset(&entry.path))).collect(),
            directories: directories.iter().map(|name| (name.clone(), offset(name))).collect(),
            bytes,
        })
    }
}

/// A writer of numbers in the target's byte order.
struct Writer {
    bytes: Vec<u8>,
    big_endian: bool,
}

impl Writer {
    fn u32(&mut self, n: u32) {
        self.bytes.extend_from_slice(&if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() });
    }

    fn u64(&mut self, n: u64) {
        self.bytes.extend_from_slice(&if self.big_endian { n.to_be_bytes() } else { n.to_le_bytes() });
    }

    fn size(&mut self, n: usize) -> Result<(), LdconfigError> {
        self.u32(u32::try_from(n).map_err(|_| LdconfigError::TooLarge)?);
        Ok(())
    }

    fn offset(&mut self, base: u32, n: u32) -> Result<(), LdconfigError> {
        self.u32(base.checked_add(n).ok_or(LdconfigError::TooLarge)?);
        Ok(())
    }
}
