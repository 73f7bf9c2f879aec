//! A node of the tree: what `stat` and the extended attributes of a path would say, and its content.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::digest::Digest;
use crate::package::{Content, Owner, Xattrs};

/// A node of a [`Tree`](super::Tree). Two names of one node are hard links of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

/// The package that a node comes from, by its place in the order of the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageIndex(pub u32);

/// What a node is.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// A directory.
    Directory(Directory),
    /// A regular file.
    File(Content),
    /// A symbolic link with its target.
    Symlink(Arc<[u8]>),
    /// A character device.
    CharacterDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

/// The names in a directory, sorted by their bytes.
#[derive(Clone, Debug)]
pub struct Directory {
    pub(super) parent: NodeId,
    /// Bytes of its path, with the slash before each name.
    pub(super) length: u16,
    pub(super) entries: BTreeMap<Arc<[u8]>, NodeId>,
}

impl Directory {
    /// The names and their nodes, sorted by the names' bytes.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (&[u8], NodeId)> {
        self.entries.iter().map(|(name, &id)| (&**name, id))
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Mode, owner and times: what every kind of node has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Permission bits, at most `0o7777`.
    pub mode: u16,
    /// Seconds since 1970. [`Metadata::NOW`] means the time of the build, known when the tree is finished.
    pub mtime: i64,
    /// Who owns it.
    pub user: Owner,
    /// The group that owns it.
    pub group: Owner,
    /// Extended attributes.
    pub xattrs: Xattrs,
}

impl Metadata {
    /// Stands for the time of the build (`SOURCE_DATE_EPOCH`), until the tree is finished.
    pub const NOW: i64 = i64::MIN;

    /// Owned by root, made now, without extended attributes.
    pub fn root(mode: u16) -> Self {
        Self { mode, mtime: Self::NOW, user: Owner::ROOT, group: Owner::ROOT, xattrs: Xattrs::new() }
    }
}

/// One node.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Mode, owner, times, extended attributes.
    pub metadata: Metadata,
    /// The package it comes from; of a shared directory, the last that brought it. `None`: made by us.
    pub package: Option<PackageIndex>,
    /// The content's digest, where a package promised one that was checked. Whoever changes the content clears it.
    pub digest: Option<Digest>,
}

impl Node {
    /// A node made by us, of root's, now.
    pub fn new(kind: NodeKind, mode: u16) -> Self {
        Self { kind, metadata: Metadata::root(mode), package: None, digest: None }
    }

    /// A directory without names yet; its parent is set when it is inserted.
    pub fn directory(mode: u16) -> Self {
        Self::new(NodeKind::Directory(Directory { parent: NodeId(0), length: 0, entries: BTreeMap::new() }), mode)
    }

    /// A regular file.
    pub fn file(content: Content, mode: u16) -> Self {
        Self::new(NodeKind::File(content), mode)
    }

    /// A symbolic link.
    pub fn symlink(target: &[u8]) -> Self {
        Self::new(NodeKind::Symlink(target.into()), 0o777)
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self.kind, NodeKind::Directory(_))
    }

    /// The content of a regular file.
    pub fn content(&self) -> Option<&Content> {
        match &self.kind {
            NodeKind::File(content) => Some(content),
            _ => None,
        }
    }
}
