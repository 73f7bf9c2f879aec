//! The facts about a package file, in the terms that all ecosystems share.

use std::sync::Arc;

use super::{Indexed, Package, PackageError, Trust};
use crate::apk::signature::Keyring;
use crate::ecosystem::InventoryError;
use crate::package::{Content, Entry, EntryKind, FileFacts, Owner, PackageFacts, SignatureFacts, Spool};

/// The magic number of gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The number of bytes of decompressed files that are held in memory.
const SPOOL: u64 = 64 << 20;

/// Returns the facts about a package file, whatever key signed it. Returns `None` if the file is
/// not an apk package.
pub fn facts(content: &Content) -> Result<Option<PackageFacts>, InventoryError> {
    let start = content.slice(0, content.len().min(2)).unwrap_or_else(Content::empty);
    if *start.bytes().map_err(InventoryError::Read)? != GZIP {
        return Ok(None);
    }
    let (keys, spool) = (Keyring::new(), Spool::new(SPOOL, &std::env::temp_dir()));
    match Package::open(content, Trust::Unsigned(&keys), &Indexed::default(), &spool) {
        Ok(package) => Ok(Some(package.facts())),
        Err(PackageError::NotAPackage { .. }) => Ok(None),
        Err(PackageError::Io(error)) => Err(InventoryError::Read(error)),
        Err(PackageError::DataHash { expected, found }) => {
            Err(InventoryError::Changed { covered: "data".to_owned(), expected, found })
        }
        Err(error) => Err(InventoryError::Damaged(error.into())),
    }
}

impl Package {
    fn facts(&self) -> PackageFacts {
        let signature = |key: &String| SignatureFacts { key: Some(key.clone()), ..SignatureFacts::default() };
        PackageFacts {
            build_time: Some(self.build_time()),
            signatures: self.signers().iter().map(signature).collect(),
            files: self.entries().iter().map(file_facts).collect(),
            ..self.info().facts()
        }
    }
}

fn file_facts(entry: &Entry) -> FileFacts {
    let owner = |owner: &Owner| -> Arc<str> {
        match owner {
            Owner::Id(id) => id.to_string().into(),
            Owner::Name(name) => name.clone(),
        }
    };
    let (kind, size, target): (u16, u64, &[u8]) = match &entry.kind {
        EntryKind::File(content) => (0o100_000, content.len(), b""),
        EntryKind::HardLink(_) => (0o100_000, 0, b""),
        EntryKind::Directory => (0o040_000, 0, b""),
        EntryKind::Symlink(target) => (0o120_000, target.len() as u64, target),
        EntryKind::CharacterDevice { .. } => (0o020_000, 0, b""),
        EntryKind::BlockDevice { .. } => (0o060_000, 0, b""),
        EntryKind::Fifo => (0o010_000, 0, b""),
        EntryKind::Socket => (0o140_000, 0, b""),
    };
    FileFacts {
        path: entry.path.clone(),
        mode: kind | entry.mode,
        user: owner(&entry.user),
        group: owner(&entry.group),
        mtime: Some(entry.mtime),
        size: Some(size),
        digest: entry.digest.clone(),
        link_target: target.into(),
        capabilities: None,
        flags: Vec::new(),
        fate: None,
        device: None,
        unverified: Vec::new(),
    }
}
