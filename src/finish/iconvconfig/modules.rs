//! Parser of `gconv-modules`: aliases and conversions. The first of two equal ones counts.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::IconvconfigError;
use super::strings::{StringId, Strings};
use crate::tree::{NodeKind, Tree, display};

/// Aliases and conversions by name, with the positions of their texts in the string table. The
/// string table is filled in reading order.
#[derive(Default)]
pub(super) struct Configuration {
    pub(super) strings: Strings,
    /// Aliases and the names that they refer to.
    pub(super) aliases: BTreeMap<Vec<u8>, Alias>,
    /// Conversions by source and target.
    pub(super) modules: BTreeMap<(Vec<u8>, Vec<u8>), Module>,
}

pub(super) struct Alias {
    pub(super) from: StringId,
    pub(super) to: Vec<u8>,
}

#[derive(Clone, Copy)]
pub(super) struct Module {
    pub(super) from: StringId,
    pub(super) to: StringId,
    pub(super) file: StringId,
    pub(super) directory: StringId,
}

impl Configuration {
    /// Adds an alias unless its name already has one.
    pub(super) fn alias(&mut self, from: &[u8], to: &[u8]) -> Result<(), IconvconfigError> {
        if let Entry::Vacant(place) = self.aliases.entry(from.to_vec()) {
            let from = self.strings.add(from)?;
            self.strings.add(to)?;
            place.insert(Alias { from, to: to.to_vec() });
        }
        Ok(())
    }

    /// Adds a conversion unless the two character sets already have one.
    pub(super) fn module(&mut self, from: &[u8], to: &[u8], directory: &[u8], file: &[u8]) -> Result<(), IconvconfigError> {
        if let Entry::Vacant(place) = self.modules.entry((from.to_vec(), to.to_vec())) {
            let from = self.strings.add(from)?;
            let to = self.strings.add(to)?;
            let file = self.strings.add(file)?;
            let directory = self.strings.add(directory)?;
            place.insert(Module { from, to, file, directory });
        }
        Ok(())
    }
}

/// Reads a directory's `gconv-modules` and, if this version does so, `gconv-modules.d/*.conf`. The
/// files are read in sorted order here, and in directory order by the C program.
pub(super) fn read(
    tree: &Tree,
    directory: &[u8],
    reads_directory: bool,
    into: &mut Configuration,
) -> Result<(), IconvconfigError> {
    let mut directory = directory.to_vec();
    if !directory.ends_with(b"/") {
        directory.push(b'/');
    }
    let mut found = read_file(tree, &[&directory, b"gconv-modules".as_slice()].concat(), &directory, into)?;
    let below = [&directory, b"gconv-modules.d".as_slice()].concat();
    if reads_directory && let Some(NodeKind::Directory(names)) = tree.resolve(&below).map(|id| &tree.node(id).kind) {
        for (name, id) in names.entries() {
            let is_file = matches!(tree.node(id).kind, NodeKind::File(_));
            if is_file && name.len() > 5 && name.ends_with(b".conf") {
                found |= read_file(tree, &[&below, b"/".as_slice(), name].concat(), &directory, into)?;
            }
        }
    }
    if found { Ok(()) } else { Err(IconvconfigError::NoConfiguration(display(&directory))) }
}

fn read_file(tree: &Tree, path: &[u8], directory: &[u8], into: &mut Configuration) -> Result<bool, IconvconfigError> {
    let Some(content) = tree.read(path).ok().and_then(|content| content.bytes().ok()) else { return Ok(false) };
    for line in content.split(|&c| c == b'\n') {
        // In a C string, a NUL ends the line.
        let line = line.split(|&c| c == b'#' || c == 0).next().unwrap_or_default();
        let mut words = line.split(|&c| matches!(c, b' ' | b'\t'..=b'\r')).filter(|word| !word.is_empty());
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some(b"alias"), Some(from), Some(to), _) => into.alias(&from.to_ascii_uppercase(), &to.to_ascii_uppercase())?,
            (Some(b"module"), Some(from), Some(to), Some(file)) => {
                let mut file = file.to_vec();
                if !file.ends_with(b".so") {
                    file.extend_from_slice(b".so");
                }
                into.module(&from.to_ascii_uppercase(), &to.to_ascii_uppercase(), directory, &file)?;
            }
            _ => {}
        }
    }
    Ok(true)
}
