//! The features of the tree's ldconfig. Every difference between glibc versions is read from the
//! program itself, so that backports of a distribution are recognized too (EL8's 2.28 differs from
//! upstream's).

use super::elf::Reading;
use super::machine::{self, Machine};
use crate::finish::binary::{self, Layout, find};
use crate::package::Content;

/// The format in which a cache is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Only the old format. No version uses it by default, but `ldconfig -c old` writes it.
    #[cfg(test)]
    Old,
    /// The old format followed by the new one; the default before 2.32.
    Compat,
    /// Only the new format.
    New,
}

/// The features of one version of ldconfig.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// The rules by which it reads libraries.
    pub(super) reading: Reading,
    /// The default format.
    pub(super) format: Format,
    /// The text in the cache that identifies the generator. Versions that write it also share
    /// suffixes in the string table (2.33).
    pub(super) generator: Option<Vec<u8>>,
    /// True if the cache states its byte order (2.33, and fixed builds of older versions).
    pub(super) marks_byte_order: bool,
    /// True if `glibc-hwcaps` directories are read (2.33).
    pub(super) glibc_hwcaps: bool,
    /// True if directories named after capabilities and platforms are read (before 2.37).
    pub(super) legacy_hwcaps: bool,
    /// True if the cache stores the kernel version that a library requires (before 2.36).
    pub(super) osversion: bool,
    /// True if the loaders `ld.so.*` and `ld64.so.*` count as libraries (2.34).
    pub(super) short_loader_names: bool,
    /// The standard directories, in order.
    pub(super) system_directories: Vec<String>,
    /// The first bytes of the auxiliary cache.
    pub(super) aux_magic: Vec<u8>,
}

impl Program {
    /// Reads the program. Returns `None` if it is not an ELF file.
    pub(super) fn of(content: &Content) -> Option<Self> {
        let header = binary::header(content)?;
        let bytes = content.bytes().ok()?;
        let has = |text: &str| find(&bytes, text.as_bytes()).is_some();
        let reading = Reading {
            machine: Machine::of(header.machine),
            layout: header.layout,
            libc6_only: has("unknown or unsupported flag"),
        };
        Some(Self {
            reading,
            format: if has("new (default)") { Format::New } else { Format::Compat },
            generator: generator(&bytes),
            marks_byte_order: has("Cache file has wrong endianness"),
            glibc_hwcaps: has("/glibc-hwcaps"),
            legacy_hwcaps: has("%s: (hwcap: %#.16"),
            osversion: has("OS ABI: %s %d.%d.%d"),
            short_loader_names: knows_short_loader_names(&bytes),
            system_directories: system_directories(&bytes, header.machine, header.layout),
            aux_magic: aux_magic(&bytes).unwrap_or_else(|| b"glibc-ld.so.auxcache-1.0".to_vec()),
        })
    }
}

/// Reports whether the program compares names with `ld64.so.`. Older versions know only the
/// complete names of the loaders (`ld64.so.1`, `ld64.so.2`).
fn knows_short_loader_names(bytes: &[u8]) -> bool {
    let name = b"ld64.so.";
    let mut rest = bytes;
    while let Some(at) = find(rest, name) {
        rest = &rest[at + name.len()..];
        if !matches!(rest.first(), Some(b'1' | b'2')) {
            return true;
        }
    }
    false
}

/// Returns `ldconfig (GNU libc) stable release version 2.34`, up to its NUL.
fn generator(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut from = 0;
    loop {
        let at = from + find(bytes.get(from..)?, b"ldconfig (")?;
        let text = bytes[at..].split(|&c| c == 0).next()?;
        if text.len() < 256 && find(text, b" release version ").is_some() {
            return Some(text.to_vec());
        }
        from = at + 1;
    }
}

fn aux_magic(bytes: &[u8]) -> Option<Vec<u8>> {
    let at = find(bytes, b"glibc-ld.so.auxcache-")?;
    bytes.get(at..at + 24).map(<[u8]>::to_vec)
}

/// Returns the loader's list of standard directories (`/lib64/`, `/usr/lib64/`). In the program
/// these texts follow one another.
fn system_directories(bytes: &[u8], elf_machine: u16, layout: Layout) -> Vec<String> {
    let own = loader_directories(bytes).unwrap_or_else(|| {
        let lib = if layout.wide { "lib64" } else { "lib" };
        vec![format!("/{lib}"), format!("/usr/{lib}")]
    });
    // Debian's list is complete and contains triplets. Elsewhere each directory also stands for its
    // siblings.
    if own.iter().any(|directory| directory.contains("-linux-")) {
        return own;
    }
    let has = |text: &str| find(bytes, text.as_bytes()).is_some();
    own.iter().flat_map(|directory| machine::system_directories(elf_machine, directory, has)).collect()
}

fn loader_directories(bytes: &[u8]) -> Option<Vec<String>> {
    let mut from = 0;
    loop {
        let at = from + find(bytes.get(from..)?, b"\0/lib")? + 1;
        let mut directories = Vec::new();
        for text in bytes[at..].split(|&c| c == 0) {
            let text = std::str::from_utf8(text).unwrap_or_default();
            match text.strip_suffix('/') {
                Some(directory) if directory.starts_with("/lib") || directory.starts_with("/usr/lib") => {
                    directories.push(directory.to_owned());
                }
                _ => break,
            }
        }
        if directories.len() > 1 {
            return Some(directories);
        }
        from = at;
    }
}
