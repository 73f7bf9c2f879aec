//! `/etc/ld.so.cache` and the links of shared libraries, as the target's own ldconfig creates them.
//!
//! In: the tree with its libraries, `ld.so.conf` and the ldconfig program, which determines version
//! and architecture. Out: the cache, byte for byte; the links from sonames to files, with stale
//! links removed; and an empty auxiliary cache. The module runs no program.

mod cache;
mod conf;
mod elf;
mod machine;
mod program;
mod scan;
#[cfg(test)]
mod tests;

use program::Program;

use crate::package::{Content, Owner};
use crate::tree::{NodeKind, Tree, TreeError, display};

const CACHE: &[u8] = b"/etc/ld.so.cache";
const AUX_CACHE: &[u8] = b"/var/cache/ldconfig/aux-cache";
/// The possible paths of the program. Ubuntu's `ldconfig` is a script that calls `ldconfig.real`.
const PROGRAMS: [&[u8]; 4] = [b"/sbin/ldconfig.real", b"/sbin/ldconfig", b"/usr/sbin/ldconfig", b"/usr/bin/ldconfig"];

/// The reason why no cache is written.
#[derive(Debug, thiserror::Error)]
pub enum LdconfigError {
    /// A link or file cannot be written into the tree.
    #[error("{0}: {1}")]
    Tree(String, #[source] TreeError),
    /// Names and entries exceed the format's 32 bits.
    #[error("/etc/ld.so.cache: too many libraries for its format")]
    TooLarge,
}

/// The changes that ldconfig made to the tree, apart from the caches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Number of libraries in the cache.
    pub libraries: usize,
    /// Links that were created or changed.
    pub linked: Vec<Vec<u8>>,
    /// Dangling links that were removed.
    pub removed: Vec<Vec<u8>>,
}

/// Does the work of `ldconfig` without arguments. Returns `None` if the tree has no ldconfig,
/// because then no scriptlet can run it.
pub fn run(tree: &mut Tree) -> Result<Option<Changes>, LdconfigError> {
    let Some(program) = PROGRAMS.iter().find_map(|path| Program::of(tree.read(path).ok()?)) else { return Ok(None) };
    let mut changes = Changes::default();
    let configured = conf::directories(tree);
    let found = scan::scan(tree, &program, configured, &mut changes)?;
    changes.libraries = found.entries.len();
    let bytes = cache::write(found.entries, &found.hwcaps, &program, program.format)?;
    replace(tree, CACHE, bytes, 0o644)?;
    write_aux_cache(tree, &program)?;
    Ok(Some(changes))
}

/// Writes an empty auxiliary cache. That cache identifies libraries by inode number and change
/// time, which are unknown until the tree is written. An empty one is valid, and the next ldconfig
/// fills it.
fn write_aux_cache(tree: &mut Tree, program: &Program) -> Result<(), LdconfigError> {
    let mut bytes = program.aux_magic.clone();
    let one: u32 = 1;
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&if program.reading.layout.big_endian { one.to_be_bytes() } else { one.to_le_bytes() });
    bytes.push(0);
    let directory = b"/var/cache/ldconfig";
    if tree.resolve(directory).is_none() {
        let id = tree.create_directories(directory).map_err(|error| LdconfigError::Tree(display(directory), error))?;
        tree.node_mut(id).metadata.mode = 0o700;
    }
    replace(tree, AUX_CACHE, bytes, 0o600)
}

/// Replaces a file like a rename does: mode and owner are new, even if the file existed.
fn replace(tree: &mut Tree, path: &[u8], bytes: Vec<u8>, mode: u16) -> Result<(), LdconfigError> {
    let failed = |error| LdconfigError::Tree(display(path), error);
    if let Some(id) = tree.lookup(path)
        && matches!(tree.node(id).kind, NodeKind::Symlink(_))
    {
        tree.remove(path);
    }
    let id = tree.write(path, Content::from(bytes), mode).map_err(failed)?;
    let metadata = &mut tree.node_mut(id).metadata;
    metadata.mode = mode;
    metadata.user = Owner::ROOT;
    metadata.group = Owner::ROOT;
    Ok(())
}
