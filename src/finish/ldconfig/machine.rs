//! What differs by architecture: the flags of a library, the standard directories, the names of hardware capabilities.
//!
//! Sources: sysdeps/**/readelflib.c, dl-cache.h, ldconfig.h and dl-procinfo of glibc 2.28 to 2.39.

use super::elf::{FLAG_ELF_LIBC5, FLAG_ELF_LIBC6};
use crate::finish::binary::{Header, Layout};

/// An architecture as ldconfig's port knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    /// `i386` and `x86_64`: one port reads the libraries of both, and of x32.
    X86,
    /// `arm` and `aarch64`: one port as well.
    Arm,
    /// `powerpc` and `powerpc64`.
    PowerPc,
    /// `s390` and `s390x`.
    S390,
    /// `riscv32` and `riscv64`.
    RiscV,
    /// `loongarch64`.
    LoongArch,
    /// A port without rules of its own.
    Generic,
}

impl Machine {
    /// The port of an ELF machine number.
    pub(super) fn of(elf_machine: u16) -> Self {
        match elf_machine {
            3 | 62 => Self::X86,
            40 | 183 => Self::Arm,
            20 | 21 => Self::PowerPc,
            22 => Self::S390,
            243 => Self::RiscV,
            258 => Self::LoongArch,
            _ => Self::Generic,
        }
    }

    /// Whether `char` is signed there: it decides how names beyond ASCII sort.
    pub(super) fn signed_char(self) -> bool {
        matches!(self, Self::X86 | Self::LoongArch | Self::Generic)
    }
}

/// What the architecture does to a library's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LibraryFlags {
    /// The type stays as it was read.
    AsRead,
    /// The type is always this.
    Always(u32),
    /// This is added to the type.
    Added(u32),
}

impl LibraryFlags {
    /// The flags of a library whose type is `read`.
    pub(super) fn combine(self, read: u32) -> u32 {
        match self {
            Self::AsRead => read,
            Self::Always(flags) => flags | FLAG_ELF_LIBC6,
            Self::Added(flags) => flags | read,
        }
    }
}

/// How the ldconfig of `machine` and `layout` flags a library; `None` when it passes it over.
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
        // EABI version 5: hard float, soft float, or unmarked, which is taken to suit both.
        Machine::Arm if library.flags >> 24 == 5 => match (library.flags & 0x400 != 0, library.flags & 0x200 != 0) {
            (true, _) => Always(0x0900),
            (_, true) => Always(0x0b00),
            _ => Always(0),
        },
        Machine::PowerPc if wide => Always(0x0500),
        Machine::S390 if wide => Always(0x0400),
        Machine::Arm | Machine::PowerPc | Machine::S390 => AsRead,
        // Soft and double float; compressed instructions (1) do not matter; nothing else is supported.
        Machine::RiscV => match library.flags & !1 {
            0 => Added(0x0f00),
            4 => Added(0x1000),
            _ => return None,
        },
        Machine::LoongArch => match library.flags & 7 {
            1 => Added(0x1100),
            3 => Added(0x1200),
            _ => return None,
        },
        Machine::Generic if wide == layout.wide => AsRead,
        Machine::Generic => return None,
    })
}

/// The type that a program interpreter tells.
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

/// The type that a needed library tells.
pub(super) fn needed_flags(machine: Machine, layout: Layout, name: &[u8]) -> Option<u32> {
    match name {
        b"libc.so.6" | b"libm.so.6" => Some(FLAG_ELF_LIBC6),
        b"libc.so.5" | b"libm.so.5" if machine == Machine::X86 && !layout.wide => Some(FLAG_ELF_LIBC5),
        _ => None,
    }
}

/// The directories that a standard directory stands for, in the order in which they are read (`add_system_dir`).
pub(super) fn system_directories(elf_machine: u16, layout: Layout, directory: &str) -> Vec<String> {
    let suffixes: &[&str] = match (elf_machine, layout.wide) {
        (62, _) => &["64", "x32"],
        (183, _) => &["64", "ilp32"],
        (243, _) => &["64/lp64d", "64/lp64"],
        (258, true) => &["64"],
        _ => &[],
    };
    let mut base = directory;
    for suffix in suffixes {
        if let Some(stem) = directory.strip_suffix(suffix)
            && stem.ends_with("/lib")
        {
            base = stem;
        }
    }
    let mut directories = vec![base.to_owned()];
    if base.ends_with("/lib") {
        directories.extend(suffixes.iter().map(|suffix| format!("{base}{suffix}")));
    }
    directories
}

/// The bit of a hardware capability or platform that names a directory, before 2.37; a capability's bit is its place in the list.
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

/// Whether a directory of this name below a library directory is read as well, before 2.37: a platform, or a capability that matters.
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
