//! Differences between architectures: the flags of a library, the standard directories, the names
//! of hardware capabilities.
//!
//! Sources: sysdeps/**/readelflib.c, dl-cache.h, ldconfig.h and dl-procinfo of glibc 2.28 to 2.39.

use super::elf::{FLAG_ELF_LIBC5, FLAG_ELF_LIBC6};
use crate::finish::binary::{Header, Layout};

/// An architecture, as ldconfig's ports group them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    /// `i386` and `x86_64`. One port reads the libraries of both, and of x32.
    X86,
    /// `arm` and `aarch64`, which share one port.
    Arm,
    /// `powerpc` and `powerpc64`.
    PowerPc,
    /// `s390` and `s390x`.
    S390,
    /// `riscv32` and `riscv64`.
    RiscV,
    /// `loongarch64`.
    LoongArch,
    /// `mips` and `mips64`, with their three ABIs.
    Mips,
    /// `sparc` and `sparc64`.
    Sparc,
    /// `ia64`.
    Ia64,
    /// A port without rules of its own.
    Generic,
}

impl Machine {
    /// Returns the port for an ELF machine number.
    pub(super) fn of(elf_machine: u16) -> Self {
        match elf_machine {
            3 | 62 => Self::X86,
            40 | 183 => Self::Arm,
            20 | 21 => Self::PowerPc,
            22 => Self::S390,
            243 => Self::RiscV,
            258 => Self::LoongArch,
            8 => Self::Mips,
            2 | 18 | 43 => Self::Sparc,
            50 => Self::Ia64,
            _ => Self::Generic,
        }
    }

    /// Reports whether `char` is signed on the architecture. This decides the order of names that
    /// contain non-ASCII bytes.
    pub(super) fn signed_char(self) -> bool {
        matches!(self, Self::X86 | Self::LoongArch | Self::Mips | Self::Sparc | Self::Ia64 | Self::Generic)
    }
}

/// The effect of the architecture on a library's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LibraryFlags {
    /// The type stays as read.
    AsRead,
    /// The type is replaced by this value.
    Always(u32),
    /// This value is added to the type.
    Added(u32),
}

impl LibraryFlags {
    /// Returns the flags of a library whose type is `read`.
    pub(super) fn combine(self, read: u32) -> u32 {
        match self {
            Self::AsRead => read,
            Self::Always(flags) => flags | FLAG_ELF_LIBC6,
            Self::Added(flags) => flags | read,
        }
    }
}

/// Returns the flags that the ldconfig of `machine` and `layout` gives a library, or `None` if it
/// skips the library.
pub(super) fn library_flags(machine: Machine, layout: Layout, library: &Header) -> Option<LibraryFlags> {
    use LibraryFlags::{Added, Always, AsRead};
    let wide = library.layout.wide;
    Some(match machine {
        Machine::X86 => match (library.machine, wide) {
            (62, true) => Always(0x0300),
            (62, false) => Always(0x0800),
            (50, true) => Always(0x0200),
            (3, false) => AsRead,
            _ => return None,
        },
        Machine::Arm if wide => Always(0x0a00),
        // EABI version 5: hard float, soft float, or unmarked. An unmarked library is compatible
        // with both.
        Machine::Arm if library.flags >> 24 == 5 => match (library.flags & 0x400 != 0, library.flags & 0x200 != 0) {
            (true, _) => Always(0x0900),
            (_, true) => Always(0x0b00),
            _ => Always(0),
        },
        Machine::PowerPc if wide => Always(0x0500),
        Machine::S390 if wide => Always(0x0400),
        Machine::Sparc if wide => Always(0x0100),
        Machine::Ia64 if wide => Always(0x0200),
        // The NaN encoding of 2008 has flags of its own. With the old encoding, o32 has no flag.
        Machine::Mips => match (wide, library.flags & 0x20 != 0, library.flags & 0x400 != 0) {
            (true, _, false) => Always(0x0700),
            (true, _, true) => Always(0x0e00),
            (false, true, false) => Always(0x0600),
            (false, true, true) => Always(0x0d00),
            (false, false, true) => Always(0x0c00),
            (false, false, false) => AsRead,
        },
        Machine::Arm | Machine::PowerPc | Machine::S390 | Machine::Sparc | Machine::Ia64 => AsRead,
        // Soft float and double float are supported, other values are not. Compressed instructions
        // (1) do not matter.
        Machine::RiscV => match library.flags & !1 {
            0 => Added(0x0f00),
            4 => Added(0x1000),
            _ => return None,
        },
        // The version of the object ABI (0x40) does not matter. Other values are not supported.
        Machine::LoongArch => match library.flags & !0x40 {
            1 => Added(0x1100),
            3 => Added(0x1200),
            _ => return None,
        },
        Machine::Generic if wide == layout.wide => AsRead,
        Machine::Generic => return None,
    })
}

/// Returns the type that a program interpreter implies.
pub(super) fn interpreter_flags(interpreter: &[u8]) -> Option<u32> {
    match interpreter {
        b"/lib/ld-linux.so.1" => Some(FLAG_ELF_LIBC5),
        b"/lib/ld.so.1" => Some(FLAG_ELF_LIBC6),
        _ => {
            let name = interpreter.rsplit(|&c| c == b'/').next().unwrap_or_default();
            let known = name.starts_with(b"ld-linux") || name.starts_with(b"ld64.so.");
            (known && interpreter.starts_with(b"/lib")).then_some(FLAG_ELF_LIBC6)
        }
    }
}

/// Returns the type that a needed library implies.
pub(super) fn needed_flags(machine: Machine, layout: Layout, name: &[u8]) -> Option<u32> {
    match name {
        b"libc.so.6" | b"libm.so.6" => Some(FLAG_ELF_LIBC6),
        b"libc.so.5" | b"libm.so.5" if machine == Machine::X86 && !layout.wide => Some(FLAG_ELF_LIBC5),
        _ => None,
    }
}

/// Returns the directories that a standard directory stands for, in reading order (`add_system_dir`
/// of each `dl-cache.h`). `has` reports whether the program contains a text.
pub(super) fn system_directories(elf_machine: u16, directory: &str, has: impl Fn(&str) -> bool) -> Vec<String> {
    let suffixes = system_suffixes(elf_machine, has);
    let base = suffixes.iter().find_map(|suffix| directory.strip_suffix(suffix).filter(|stem| stem.ends_with("/lib")));
    let base = base.unwrap_or(directory);
    let mut directories = vec![base.to_owned()];
    if base.ends_with("/lib") {
        directories.extend(suffixes.iter().map(|suffix| format!("{base}{suffix}")));
    }
    directories
}

/// Returns the suffixes after `/lib` of the sibling directories.
fn system_suffixes(elf_machine: u16, has: impl Fn(&str) -> bool) -> &'static [&'static str] {
    match elf_machine {
        // x86_64 and x32 share one port.
        62 => &["64", "x32"],
        183 => &["64", "ilp32"],
        // powerpc, powerpc64 and s390 include the rules of sparc, each for both of its word sizes.
        2 | 18 | 20 | 21 | 22 | 43 => &["64"],
        8 => &["32", "64"],
        // 2.33 added the 32-bit ABIs.
        243 if has("/lib32/ilp32d") => &["64/lp64d", "64/lp64", "32/ilp32d", "32/ilp32"],
        243 => &["64/lp64d", "64/lp64"],
        258 => &["64", "64/sf"],
        // i386, arm, ia64 and others read only the directory itself.
        _ => &[],
    }
}

/// Returns the bit of a hardware capability or platform that names a directory (before 2.37). The
/// bit of a capability is its position in the list.
pub(super) fn legacy_bit(machine: Machine, name: &[u8]) -> Option<u32> {
    let listed = |list: &[&str], first: u32| {
        list.iter().position(|known| !known.is_empty() && known.as_bytes() == name).map(|i| first + i as u32)
    };
    let found = match machine {
        Machine::X86 => {
            listed(&["sse2", "x86_64", "avx512_1"], 0).or_else(|| listed(&["i586", "i686", "haswell", "xeon_phi"], 48))
        }
        Machine::Arm => listed(&AARCH64_CAPABILITIES, 0),
        Machine::PowerPc => listed(&POWERPC_CAPABILITIES, 0).or_else(|| listed(&POWERPC_PLATFORMS, 32)),
        Machine::S390 => listed(&S390_CAPABILITIES, 0).or_else(|| listed(&S390_PLATFORMS, 32)),
        _ => None,
    };
    found.or((name == b"tls").then_some(63))
}

/// Reports whether ldconfig also reads a subdirectory with this name in a library directory (before
/// 2.37). The name is a platform or an important capability.
pub(super) fn is_legacy_directory(machine: Machine, name: &[u8]) -> bool {
    let Some(bit) = legacy_bit(machine, name) else { return false };
    match machine {
        Machine::X86 => true,
        Machine::Arm => bit == 63 || name == b"atomics",
        Machine::PowerPc => {
            bit >= 32 && (bit == 63 || POWERPC_PLATFORMS.iter().any(|p| p.as_bytes() == name))
                || name == b"altivec"
                || name == b"dfp"
        }
        Machine::S390 => bit >= 32 || matches!(name, b"zarch" | b"ldisp" | b"eimm" | b"dfp" | b"vx" | b"vxe" | b"vxe2"),
        _ => bit == 63,
    }
}

const AARCH64_CAPABILITIES: [&str; 28] = [
    "fp", "asimd", "evtstrm", "aes", "pmull", "sha1", "sha2", "crc32", "atomics", "fphp", "asimdhp", "cpuid", "asimdrdm",
    "jscvt", "fcma", "lrcpc", "dcpop", "sha3", "sm3", "sm4", "asimddp", "sha512", "sve", "asimdfhm", "dit", "uscat", "ilrcpc",
    "flagm",
];

const POWERPC_CAPABILITIES: [&str; 64] = [
    "ppcle",
    "true_le",
    "",
    "",
    "",
    "",
    "archpmu",
    "vsx",
    "arch_2_06",
    "power6x",
    "dfp",
    "pa6t",
    "arch_2_05",
    "ic_snoop",
    "smt",
    "booke",
    "cellbe",
    "power5+",
    "power5",
    "power4",
    "notb",
    "efpdouble",
    "efpsingle",
    "spe",
    "ucache",
    "4xxmac",
    "mmu",
    "fpu",
    "altivec",
    "ppc601",
    "ppc64",
    "ppc32",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "htm-no-suspend",
    "scv",
    "darn",
    "ieee128",
    "arch_3_00",
    "htm-nosc",
    "vcrypto",
    "tar",
    "isel",
    "ebb",
    "dscr",
    "htm",
    "arch_2_07",
];

const POWERPC_PLATFORMS: [&str; 16] = [
    "power4",
    "ppc970",
    "power5",
    "power5+",
    "power6",
    "ppc-cell-be",
    "power6x",
    "power7",
    "ppca2",
    "ppc405",
    "ppc440",
    "ppc464",
    "ppc476",
    "power8",
    "power9",
    "power10",
];

const S390_CAPABILITIES: [&str; 23] = [
    "esan3", "zarch", "stfle", "msa", "ldisp", "eimm", "dfp", "edat", "etf3eh", "highgprs", "te", "vx", "vxd", "vxe", "gs",
    "vxe2", "vxp", "sort", "dflt", "vxp2", "nnpa", "pcimio", "sie",
];

const S390_PLATFORMS: [&str; 11] = ["g5", "z900", "z990", "z9-109", "z10", "z196", "zEC12", "z13", "z14", "z15", "z16"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_has_the_directories_that_its_port_reads_beside_a_standard_one() {
        let none = |_: &str| false;
        let all = |_: &str| true;
        let of = |machine, directory| system_directories(machine, directory, none);
        // x86_64, aarch64, ppc64le, s390x, sparc64: 64-bit libraries have a separate directory.
        assert_eq!(of(62, "/lib64"), ["/lib", "/lib64", "/libx32"]);
        assert_eq!(of(62, "/usr/libx32"), ["/usr/lib", "/usr/lib64", "/usr/libx32"]);
        assert_eq!(of(183, "/lib64"), ["/lib", "/lib64", "/libilp32"]);
        for machine in [21, 22, 43] {
            assert_eq!(of(machine, "/lib64"), ["/lib", "/lib64"], "{machine}");
            assert_eq!(of(machine, "/usr/lib64"), ["/usr/lib", "/usr/lib64"], "{machine}");
            assert_eq!(of(machine, "/lib"), ["/lib", "/lib64"], "{machine}");
        }
        // The 31-bit and 32-bit powerpc and s390 have the same rules.
        assert_eq!(of(20, "/usr/lib"), ["/usr/lib", "/usr/lib64"]);
        assert_eq!(of(8, "/lib64"), ["/lib", "/lib32", "/lib64"]);
        assert_eq!(of(258, "/usr/lib64"), ["/usr/lib", "/usr/lib64", "/usr/lib64/sf"]);
        assert_eq!(of(258, "/usr/lib64/sf"), ["/usr/lib", "/usr/lib64", "/usr/lib64/sf"]);
        assert_eq!(of(243, "/lib64/lp64d"), ["/lib", "/lib64/lp64d", "/lib64/lp64"]);
        let with_32_bits = ["/lib", "/lib64/lp64d", "/lib64/lp64", "/lib32/ilp32d", "/lib32/ilp32"];
        assert_eq!(system_directories(243, "/lib64/lp64d", all), with_32_bits);
        // i386, arm and m68k read only the given directory.
        for machine in [3, 40, 4] {
            assert_eq!(of(machine, "/lib"), ["/lib"], "{machine}");
            assert_eq!(of(machine, "/usr/lib64"), ["/usr/lib64"], "{machine}");
        }
        assert_eq!(of(22, "/opt/lib64x"), ["/opt/lib64x"]);
    }

    #[test]
    fn every_machine_has_its_flags() {
        let flags = |machine: u16, wide: bool, flags: u32| {
            let layout = Layout { wide, big_endian: false };
            let library = Header { layout, machine, flags, kind: 3, segments_at: 0, segments: 0 };
            library_flags(Machine::of(machine), layout, &library).map(|flags| flags.combine(FLAG_ELF_LIBC6))
        };
        assert_eq!(flags(62, true, 0), Some(0x303));
        assert_eq!(flags(183, true, 0), Some(0xa03));
        assert_eq!(flags(40, false, 0x0500_0400), Some(0x903));
        assert_eq!(flags(40, false, 0x0500_0200), Some(0xb03));
        assert_eq!(flags(21, true, 2), Some(0x503));
        assert_eq!(flags(22, true, 0), Some(0x403));
        assert_eq!(flags(43, true, 0), Some(0x103));
        assert_eq!(flags(50, true, 0), Some(0x203));
        assert_eq!(flags(243, true, 5), Some(0x1003));
        assert_eq!(flags(243, true, 2), None, "single-precision floats are not supported");
        assert_eq!([flags(258, true, 3), flags(258, true, 0x43), flags(258, true, 0x83)], [Some(0x1203), Some(0x1203), None]);
        let mips = [(false, 0), (false, 0x20), (true, 0), (false, 0x400), (false, 0x420), (true, 0x400)];
        let expected = [0x3, 0x603, 0x703, 0xc03, 0xd03, 0xe03];
        assert_eq!(mips.map(|(wide, bits)| flags(8, wide, bits).unwrap()), expected);
    }
}
