//! The data that ldconfig reads from a shared object: its type, its soname, and the required kernel
//! and instruction set.
//!
//! The rules are those of glibc (elf/readelflib.c and the readelflib.c of each architecture). Only
//! the required parts of the file are read.

use super::machine::{self, Machine};
use crate::finish::binary::{self, Header, Layout, Source};
use crate::package::Content;

const ET_DYN: u16 = 3;
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const PT_NOTE: u32 = 4;
const PT_GNU_PROPERTY: u32 = 0x6474_e553;
const DT_NULL: u64 = 0;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_SONAME: u64 = 14;
const NT_GNU_ABI_TAG: u32 = 1;
const NT_GNU_PROPERTY_TYPE_0: u32 = 5;
const GNU_PROPERTY_X86_ISA_1_NEEDED: u32 = 0xc000_8002;

/// The library's type before the architecture is added (ldconfig.h).
pub(super) const FLAG_ELF: u32 = 1;
pub(super) const FLAG_ELF_LIBC5: u32 = 2;
pub(super) const FLAG_ELF_LIBC6: u32 = 3;

/// The data that ldconfig stores about a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Library {
    /// Type and architecture, as stored in the cache.
    pub(super) flags: u32,
    /// `DT_SONAME`, if present.
    pub(super) soname: Option<Vec<u8>>,
    /// The oldest supported kernel, from the ABI note: operating system and three version bytes.
    pub(super) osversion: u32,
    /// The x86 instruction set level from the property note, or 0 without one.
    pub(super) isa_level: u32,
}

/// The rules by which this ldconfig reads libraries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    /// The architecture and layout of the ldconfig program itself.
    pub(super) machine: Machine,
    pub(super) layout: Layout,
    /// True since 2.37: every library is a libc6 library, and `DT_NEEDED` is ignored.
    pub(super) libc6_only: bool,
}

/// A program header.
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    size: u64,
    align: u64,
}

/// Reads the library in `content` like this ldconfig. Returns `None` if it is damaged or not a
/// shared object of a supported architecture.
pub(super) fn library(content: &Content, reading: Reading) -> Option<Library> {
    let header = binary::header(content)?;
    // With a foreign byte order, the C program reads a different file type.
    if header.layout.big_endian != reading.layout.big_endian || header.kind != ET_DYN {
        return None;
    }
    let architecture = machine::library_flags(reading.machine, reading.layout, &header)?;
    let source = Source { content, layout: header.layout };
    let mut library =
        Library { flags: if reading.libc6_only { FLAG_ELF_LIBC6 } else { FLAG_ELF }, soname: None, osversion: 0, isa_level: 0 };
    let segments = segments(&source, &header)?;
    let mut dynamic = None;
    for segment in &segments {
        match segment.kind {
            PT_DYNAMIC => dynamic = Some(segment),
            PT_INTERP if !reading.libc6_only => {
                if let Some(flags) = machine::interpreter_flags(&source.text(segment.offset)?) {
                    library.flags = flags;
                }
            }
            PT_NOTE if library.osversion == 0 => library.osversion = abi_note(&source, segment).unwrap_or(0),
            PT_GNU_PROPERTY if reading.machine == Machine::X86 => {
                library.isa_level = isa_level(&source, segment).unwrap_or(library.isa_level);
            }
            _ => {}
        }
    }
    let dynamic = dynamic.filter(|segment| segment.size > 0)?;
    read_dynamic(&source, &segments, dynamic.offset, reading, &mut library)?;
    library.flags = architecture.combine(library.flags);
    Some(library)
}

fn segments(source: &Source, header: &Header) -> Option<Vec<Segment>> {
    let size = if source.layout.wide { 56 } else { 32 };
    (0..u64::from(header.segments))
        .map(|i| {
            let at = header.segments_at.checked_add(i * size)?;
            let fields: [u64; 4] = if source.layout.wide { [8, 16, 32, 48] } else { [4, 8, 16, 28] };
            let [offset, address, size, align] = fields;
            Some(Segment {
                kind: source.u32(at)?,
                offset: source.word(at + offset)?,
                address: source.word(at + address)?,
                size: source.word(at + size)?,
                align: source.word(at + align)?,
            })
        })
        .collect()
}

/// Reads the soname and, if `DT_NEEDED` decides, the type.
fn read_dynamic(source: &Source, segments: &[Segment], at: u64, reading: Reading, library: &mut Library) -> Option<()> {
    let word = if source.layout.wide { 8 } else { 4 };
    let entries = || {
        (0u64..).map_while(move |i| {
            let at = at.checked_add(i.checked_mul(2 * word)?)?;
            Some((source.word(at)?, source.word(at + word)?)).filter(|&(tag, _)| tag != DT_NULL)
        })
    };
    let (_, address) = entries().find(|&(tag, _)| tag == DT_STRTAB)?;
    // The difference between the address and the file offset of the segment that contains the
    // address. If no segment does (glibc calls such files "very strange"), it is 0.
    let moved = segments
        .iter()
        .find(|segment| segment.kind == PT_LOAD && address.checked_sub(segment.address).is_some_and(|n| n < segment.size))
        .map_or(0, |segment| segment.address.wrapping_sub(segment.offset));
    let strings = address.wrapping_sub(moved);
    if strings > source.content.len() {
        return None;
    }
    for (tag, value) in entries() {
        if tag == DT_NEEDED && library.flags == FLAG_ELF && !reading.libc6_only {
            let name = source.text(strings.checked_add(value)?)?;
            if let Some(flags) = machine::needed_flags(reading.machine, reading.layout, &name) {
                library.flags = flags;
            }
        } else if tag == DT_SONAME {
            library.soname = Some(source.text(strings.checked_add(value)?)?);
        }
        if library.soname.is_some() && library.flags != FLAG_ELF {
            break;
        }
    }
    Some(())
}

/// Returns the ABI note of a note segment: the system and version that the library requires.
fn abi_note(source: &Source, segment: &Segment) -> Option<u32> {
    // Notes are aligned to 4 or 8 bytes. glibc skips segments with another alignment, and its code
    // for less than 4 is never reached.
    if segment.size < 32 || !(segment.align == 4 || segment.align == 8) {
        return None;
    }
    let (mut at, mut left) = (segment.offset, segment.size);
    loop {
        let (name, content, kind) = (source.u32(at)?, source.u32(at.checked_add(4)?)?, source.u32(at.checked_add(8)?)?);
        if (name, content, kind) == (4, 16, NT_GNU_ABI_TAG) && &*source.bytes(at.checked_add(12)?, 4)? == b"GNU\0" {
            let [os, major, minor, patch] = [16, 20, 24, 28].map(|n| source.u32(at + n));
            return Some(os? << 24 | (major? & 0xff) << 16 | (minor? & 0xff) << 8 | patch? & 0xff);
        }
        let step = note_size(name, content, segment.align)?;
        if step > left.checked_sub(32)? {
            return None;
        }
        left -= step;
        at = at.checked_add(step)?;
    }
}

/// Returns the instruction set level of the property note (sysdeps/x86/elf-read-prop.h).
fn isa_level(source: &Source, segment: &Segment) -> Option<u32> {
    let word = if source.layout.wide { 8u64 } else { 4 };
    if segment.align != word {
        return None;
    }
    let mut at = segment.offset;
    let end = segment.offset.checked_add(segment.size)?;
    while at.checked_add(12)? < end {
        let (name, content, kind) = (source.u32(at)?, u64::from(source.u32(at + 4)?), source.u32(at + 8)?);
        if name != 4 || kind != NT_GNU_PROPERTY_TYPE_0 || &*source.bytes(at + 12, 4)? != b"GNU\0" {
            at = at.checked_add(note_size(name, content as u32, segment.align)?)?;
            continue;
        }
        if content < 8 || content % word != 0 {
            return None;
        }
        let (mut property, properties_end) = (at + 16, at + 16 + content);
        let mut last = 0;
        while properties_end.checked_sub(property)? >= 8 {
            let (kind, size) = (source.u32(property)?, u64::from(source.u32(property + 4)?));
            property += 8;
            if kind < last || property + size > properties_end {
                return None;
            }
            last = kind;
            if kind == GNU_PROPERTY_X86_ISA_1_NEEDED {
                // The highest set bit counts: 0 is the baseline, 1 is v2, and so on.
                return if size == 4 { source.u32(property)?.checked_ilog2() } else { None };
            }
            property += size.next_multiple_of(word);
        }
        return None;
    }
    None
}

/// Returns the distance from a note to the next one, in bytes, or `None` on overflow.
fn note_size(name: u32, content: u32, align: u64) -> Option<u64> {
    (12 + u64::from(name)).checked_next_multiple_of(align)?.checked_add(u64::from(content))?.checked_next_multiple_of(align)
}
