//! The smallest shared library that the cache of the dynamic linker accepts: a soname without
//! symbols.

/// The size of an ELF header in bytes.
const HEADER: u64 = 64;
/// The size of a program header in bytes.
const PROGRAM_HEADER: u64 = 56;

/// Returns a 64-bit little-endian ELF library with this soname, for an architecture of the
/// fixtures.
pub fn library(soname: &str, arch: &str) -> Vec<u8> {
    let machine: u16 = match arch {
        "x86_64" => 62,
        "aarch64" => 183,
        other => panic!("no fixtures for {other}"),
    };
    let dynamic = HEADER + 2 * PROGRAM_HEADER;
    // DT_STRTAB, DT_STRSZ, DT_SONAME, DT_NULL: two words each.
    let strings = dynamic + 4 * 16;
    let table = [b"\0", soname.as_bytes(), b"\0"].concat();
    let size = strings + table.len() as u64;

    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let half = |elf: &mut Vec<u8>, n: u16| elf.extend(n.to_le_bytes());
    let word = |elf: &mut Vec<u8>, n: u32| elf.extend(n.to_le_bytes());
    let long = |elf: &mut Vec<u8>, n: u64| elf.extend(n.to_le_bytes());
    half(&mut elf, 3); // ET_DYN
    half(&mut elf, machine);
    word(&mut elf, 1);
    long(&mut elf, 0); // no entry point
    long(&mut elf, HEADER);
    long(&mut elf, 0); // no sections
    word(&mut elf, 0);
    for n in [HEADER as u16, PROGRAM_HEADER as u16, 2, 64, 0, 0] {
        half(&mut elf, n);
    }
    // PT_LOAD over the whole file, PT_DYNAMIC over the four entries.
    for (kind, offset, length, align) in [(1, 0, size, 4096), (2, dynamic, 4 * 16, 8)] {
        word(&mut elf, kind);
        word(&mut elf, 4);
        for n in [offset, offset, offset, length, length, align] {
            long(&mut elf, n);
        }
    }
    for (tag, value) in [(5, strings), (10, table.len() as u64), (14, 1), (0, 0)] {
        long(&mut elf, tag);
        long(&mut elf, value);
    }
    elf.extend(table);
    elf
}
