//! The directory scan: finds the libraries, and creates the links that their sonames need.
//!
//! Follows `search_dir` and `create_links` of glibc's elf/ldconfig.c. The C program reads names in
//! the order of the file system; this module sorts them.

use std::cmp::Ordering;

use super::cache::{Entry, compare_names};
use super::conf::Configured;
use super::elf::{self, FLAG_ELF, FLAG_ELF_LIBC5, FLAG_ELF_LIBC6};
use super::machine;
use super::program::Program;
use super::{Changes, LdconfigError};
use crate::tree::{Node, NodeId, NodeKind, Place, Tree, display};

/// A directory to read. Each node occurs only once.
struct Directory {
    path: Vec<u8>,
    kind: Option<u32>,
    node: NodeId,
    /// The name below `glibc-hwcaps`.
    hwcaps: Option<Vec<u8>>,
}

/// The result of the scan.
#[derive(Default)]
pub(super) struct Found {
    /// The libraries, in the order in which they were found.
    pub(super) entries: Vec<Entry>,
    /// Names below `glibc-hwcaps`, used or not. All of them are in the string table.
    pub(super) hwcaps: Vec<Vec<u8>>,
}

/// A library of one directory, with its soname.
struct Candidate {
    name: Vec<u8>,
    soname: Vec<u8>,
    flags: u32,
    is_link: bool,
    osversion: u32,
    isa_level: u32,
}

/// Reads the configured directories, then the standard ones, and corrects the links.
pub(super) fn scan(
    tree: &mut Tree,
    program: &Program,
    configured: Vec<Configured>,
    changes: &mut Changes,
) -> Result<Found, LdconfigError> {
    let standard = program.system_directories.iter().map(|path| Configured { path: path.clone().into_bytes(), kind: None });
    let mut scan = Scan { tree, program, directories: Vec::new(), found: Found::default(), changes };
    for directory in configured.into_iter().chain(standard) {
        scan.add(directory);
    }
    let mut next = 0;
    // The scan adds directories named after capabilities while it reads.
    while next < scan.directories.len() {
        scan.read(next)?;
        next += 1;
    }
    Ok(scan.found)
}

struct Scan<'a> {
    tree: &'a mut Tree,
    program: &'a Program,
    directories: Vec<Directory>,
    found: Found,
    changes: &'a mut Changes,
}

impl Scan<'_> {
    fn add(&mut self, configured: Configured) {
        let Some(node) = self.tree.resolve(&configured.path) else { return };
        let below = [&configured.path, b"/glibc-hwcaps".as_slice()].concat();
        if !self.add_single(Directory { path: configured.path, kind: configured.kind, node, hwcaps: None })
            || !self.program.glibc_hwcaps
        {
            return;
        }
        let Some(NodeKind::Directory(names)) = self.tree.resolve(&below).map(|id| &self.tree.node(id).kind) else { return };
        let subdirectories: Vec<(Vec<u8>, NodeId)> = names
            .entries()
            // The loader cannot refer to a directory whose name contains a colon.
            .filter(|(name, _)| !name.starts_with(b".") && !name.contains(&b':'))
            .filter_map(|(name, _)| {
                let node = self.tree.resolve(&[&below, b"/".as_slice(), name].concat())?;
                self.tree.node(node).is_directory().then(|| (name.to_vec(), node))
            })
            .collect();
        for (name, node) in subdirectories {
            let path = [&below, b"/".as_slice(), &name].concat();
            if !self.found.hwcaps.contains(&name) {
                self.found.hwcaps.push(name.clone());
            }
            self.add_single(Directory { path, kind: configured.kind, node, hwcaps: Some(name) });
        }
    }

    /// Adds a directory. Returns `false` if the same directory is already in the list; the newer
    /// type then replaces the older one.
    fn add_single(&mut self, directory: Directory) -> bool {
        if let Some(known) = self.directories.iter_mut().find(|known| known.node == directory.node) {
            known.kind = directory.kind;
            return false;
        }
        self.directories.push(directory);
        true
    }

    fn read(&mut self, index: usize) -> Result<(), LdconfigError> {
        let Directory { ref path, kind, node, ref hwcaps } = self.directories[index];
        let (path, hwcaps) = (path.clone(), hwcaps.clone());
        let NodeKind::Directory(names) = &self.tree.node(node).kind else { return Ok(()) };
        let names: Vec<(Vec<u8>, NodeId)> = names.entries().map(|(name, id)| (name.to_vec(), id)).collect();
        let capabilities = if hwcaps.is_none() && self.program.legacy_hwcaps { self.path_capabilities(&path) } else { 0 };
        let mut candidates: Vec<Candidate> = Vec::new();
        for (name, id) in names {
            if let Some(candidate) = self.candidate(&path, kind, hwcaps.is_some(), node, &name, id) {
                self.keep(&mut candidates, candidate);
            }
        }
        // glibc prepends to its list.
        for candidate in candidates.into_iter().rev() {
            let file = match &hwcaps {
                // The entry has the soname, so that a library's file name may change. Below
                // glibc-hwcaps it has the file name, and no links are created.
                None => {
                    if !candidate.is_link {
                        self.link(node, &path, &candidate)?;
                    }
                    &candidate.soname
                }
                Some(_) => &candidate.name,
            };
            self.found.entries.push(Entry {
                path: [&path, b"/".as_slice(), file].concat(),
                flags: candidate.flags,
                osversion: if self.program.osversion { candidate.osversion } else { 0 },
                capabilities,
                isa_level: candidate.isa_level,
                hwcaps: hwcaps.clone(),
                soname: candidate.soname,
            });
        }
        Ok(())
    }

    fn candidate(
        &mut self,
        path: &[u8],
        kind: Option<u32>,
        in_hwcaps: bool,
        parent: NodeId,
        name: &[u8],
        id: NodeId,
    ) -> Option<Candidate> {
        let machine = self.program.reading.machine;
        let is_capability = self.program.legacy_hwcaps && machine::is_legacy_directory(machine, name);
        let is_file = matches!(self.tree.node(id).kind, NodeKind::File(_));
        let mut is_link = matches!(self.tree.node(id).kind, NodeKind::Symlink(_));
        if !is_link && !is_file && !self.tree.node(id).is_directory() {
            return None;
        }
        if !self.is_shared_object_name(name) && (is_file || in_hwcaps || !is_capability) || is_prelink_temporary(name) {
            return None;
        }
        let full = [path, b"/", name].concat();
        let Some(target) = self.tree.resolve(&full) else {
            if is_link && contains(name, b".so.") && self.tree.unbind(parent, name).is_some() {
                self.changes.removed.push(full);
            }
            return None;
        };
        if self.tree.node(target).is_directory() {
            if !in_hwcaps && is_capability {
                self.add_single(Directory { path: full, kind, node: target, hwcaps: None });
            }
            return None;
        }
        let library = elf::library(self.tree.node(target).content()?, self.program.reading)?;
        let mut soname = library.soname.unwrap_or_else(|| name.to_vec());
        if is_link {
            // A link counts as a link if its name is the soname or the name for the linker
            // (`libfoo.so`). Otherwise it counts as a file.
            is_link = soname == name || (name.ends_with(b".so") && soname.starts_with(name));
        }
        if is_link {
            soname = name.to_vec();
        }
        let flags = match (library.flags, kind) {
            (FLAG_ELF, Some(kind @ (FLAG_ELF_LIBC5 | FLAG_ELF_LIBC6))) => kind,
            (flags, _) => flags,
        };
        Some(Candidate {
            name: name.to_vec(),
            soname,
            flags,
            is_link,
            osversion: library.osversion,
            isa_level: library.isa_level,
        })
    }

    /// Adds a library, with only one library per soname. A file has priority over a link; otherwise
    /// the newer name wins.
    fn keep(&self, candidates: &mut Vec<Candidate>, new: Candidate) {
        let Some(known) = candidates.iter_mut().find(|known| known.soname == new.soname) else {
            candidates.push(new);
            return;
        };
        let signed = self.program.reading.machine.signed_char();
        let newer = || compare_names(&known.name, &new.name, signed) == Ordering::Less;
        if (!new.is_link && known.is_link) || (new.is_link == known.is_link && newer()) {
            let libc = |flags| flags == FLAG_ELF_LIBC5 || flags == FLAG_ELF_LIBC6;
            if (known.flags == FLAG_ELF && libc(new.flags)) || (libc(known.flags) && new.flags == FLAG_ELF) {
                known.flags = new.flags;
            }
            known.name = new.name;
            known.is_link = new.is_link;
            known.osversion = new.osversion;
            known.isa_level = new.isa_level;
        }
    }

    /// Creates the link from the soname to the library, unless it is correct already or the soname
    /// is a file of its own.
    fn link(&mut self, directory: NodeId, path: &[u8], library: &Candidate) -> Result<(), LdconfigError> {
        // A soname with a slash would place the link in another directory, so such a library gets
        // no link.
        if library.soname.contains(&b'/') || library.soname.is_empty() || library.soname == b"." || library.soname == b".." {
            return Ok(());
        }
        let full = |name: &[u8]| [path, b"/", name].concat();
        let Ok(Place { parent, node: there, .. }) = self.tree.locate(&full(&library.soname)) else { return Ok(()) };
        let target = self.tree.resolve(&full(&library.soname));
        if target.is_some() && target == self.tree.resolve(&full(&library.name)) {
            return Ok(());
        }
        if let Some(id) = there {
            if !matches!(self.tree.node(id).kind, NodeKind::Symlink(_)) {
                return Ok(());
            }
            self.tree.unbind(parent, &library.soname);
        }
        self.tree
            .insert(directory, &library.soname, Node::symlink(&library.name))
            .map_err(|error| LdconfigError::Tree(display(&full(&library.soname)), error))?;
        self.changes.linked.push(full(&library.soname));
        Ok(())
    }

    /// Reports whether a name is `lib*.so*`, `ld-*.so*` or, since 2.34, `ld.so.*` or `ld64.so.*`.
    fn is_shared_object_name(&self, name: &[u8]) -> bool {
        ((name.starts_with(b"lib") || name.starts_with(b"ld-")) && contains(name, b".so"))
            || self.program.short_loader_names && (name.starts_with(b"ld.so.") || name.starts_with(b"ld64.so."))
    }

    /// Returns the capabilities that the last components of a path require.
    fn path_capabilities(&self, path: &[u8]) -> u64 {
        path.rsplit(|&c| c == b'/')
            .map_while(|name| machine::legacy_bit(self.program.reading.machine, name))
            .fold(0, |sum: u64, bit| sum.wrapping_add(1 << bit))
    }
}

fn is_prelink_temporary(name: &[u8]) -> bool {
    name.ends_with(b".#prelink#") || name.len() >= 17 && name[name.len() - 17..].starts_with(b".#prelink#.")
}

fn contains(name: &[u8], part: &[u8]) -> bool {
    name.windows(part.len()).any(|window| window == part)
}
