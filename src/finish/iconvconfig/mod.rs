//! `gconv-modules.cache`: the character sets of iconv, byte for byte as the target's own
//! iconvconfig writes them.
//!
//! In: the tree with its iconvconfig program, which determines version and byte order, and the
//! `gconv-modules` files. Out: the cache. The module runs no program.
//!
//! glibc's own scriptlet refreshes the cache only if the package contains one (an empty file).
//! `glibc-gconv-extra` runs the program without arguments when it is installed or removed.
//! [`Request`] covers both cases.

mod builtin;
mod cache;
mod modules;
mod strings;
#[cfg(test)]
mod tests;

use crate::finish::binary;
use crate::package::{Content, Owner};
use crate::tree::{Tree, TreeError, display};

const PROGRAMS: [&[u8]; 3] = [b"/usr/sbin/iconvconfig", b"/sbin/iconvconfig", b"/usr/bin/iconvconfig"];

/// The reason why no cache is written.
#[derive(Debug, thiserror::Error)]
pub enum IconvconfigError {
    /// None of the directories contains a configuration.
    #[error("{0}: neither gconv-modules nor gconv-modules.d/*.conf")]
    NoConfiguration(String),
    /// The configuration does not fit into the format's 16 bits.
    #[error("gconv-modules: too many character sets for the cache's format")]
    TooLarge,
    /// A character set is only the target of conversions. The C program crashes in this case.
    #[error("gconv-modules: `{0}` is a target of conversions but never a source")]
    OnlyTarget(String),
    /// The cache cannot be written into the tree.
    #[error("{0}: {1}")]
    Tree(String, #[source] TreeError),
}

/// The arguments of iconvconfig.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// `-o`, `--output`: path of the cache. The default is the path that the library reads.
    pub output: Option<Vec<u8>>,
    /// Directories to read before the standard one.
    pub directories: Vec<Vec<u8>>,
    /// `--nostdlib`: skip the standard directory.
    pub no_standard: bool,
}

/// Differences between versions of the program.
pub(super) struct Program {
    big_endian: bool,
    /// The directory of the library's modules, without a trailing slash.
    standard: Vec<u8>,
    /// True if `gconv-modules.d/*.conf` is read as well (since 2.34).
    reads_directory: bool,
    /// True if the hash table is 40% larger than the number of names (2.30 and before). In later
    /// versions it is 50% larger.
    small_table: bool,
}

impl Program {
    fn of(content: &Content) -> Option<Self> {
        let header = binary::header(content)?;
        let bytes = content.bytes().ok()?;
        let name = b"/gconv-modules.cache\0";
        let end = binary::find(&bytes, name)?;
        let start = bytes[..end].iter().rposition(|&c| c == 0).map_or(0, |i| i + 1);
        Some(Self {
            big_endian: header.layout.big_endian,
            standard: bytes[start..end].to_vec(),
            reads_directory: binary::find(&bytes, b"gconv-modules.d directory").is_some(),
            small_table: holds_factor(&bytes, header.machine, header.layout.big_endian),
        })
    }
}

/// Reports whether the program multiplies by 1.4. The constant is in its data or, on aarch64, its
/// upper half is in an instruction (`movk x, #0x3ff6, lsl #48`). No text in the program
/// distinguishes these versions.
fn holds_factor(bytes: &[u8], elf_machine: u16, big_endian: bool) -> bool {
    let factor = 1.4f64;
    let constant = if big_endian { factor.to_be_bytes() } else { factor.to_le_bytes() };
    let upper_half = (factor.to_bits() >> 48) as u32;
    let instruction = 0xf2e0_0000 | upper_half << 5;
    binary::find(bytes, &constant).is_some()
        || elf_machine == 183
            && bytes.chunks_exact(4).any(|word| {
                let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
                word & !0x1f == instruction
            })
}

/// Does the work of `iconvconfig` without arguments. Returns `false` if the tree has no
/// iconvconfig, because then no scriptlet can run it.
pub fn run(tree: &mut Tree) -> Result<bool, IconvconfigError> {
    run_with(tree, &Request::default())
}

/// Does the work of `iconvconfig` with arguments.
pub fn run_with(tree: &mut Tree, request: &Request) -> Result<bool, IconvconfigError> {
    let Some(program) = PROGRAMS.iter().find_map(|path| Program::of(tree.read(path).ok()?)) else { return Ok(false) };
    let mut directories = request.directories.clone();
    if !request.no_standard {
        directories.push(program.standard.clone());
    }
    let bytes = contents(tree, &program, &directories)?;
    let output = request.output.clone().unwrap_or_else(|| [&program.standard, b"/gconv-modules.cache".as_slice()].concat());
    let failed = |error| IconvconfigError::Tree(display(&output), error);
    // The C program renames a new file to this path, so mode and owner are new even if the file
    // existed.
    let id = tree.write(&output, Content::from(bytes), 0o644).map_err(failed)?;
    let metadata = &mut tree.node_mut(id).metadata;
    metadata.mode = 0o644;
    metadata.user = Owner::ROOT;
    metadata.group = Owner::ROOT;
    Ok(true)
}

fn contents(tree: &Tree, program: &Program, directories: &[Vec<u8>]) -> Result<Vec<u8>, IconvconfigError> {
    let mut configuration = modules::Configuration::default();
    for directory in directories {
        modules::read(tree, directory, program.reads_directory, &mut configuration)?;
    }
    builtin::add(&mut configuration, program.big_endian)?;
    cache::write(configuration, program)
}
