//! A node of the tree: the result of `stat`, the extended attributes and the content.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::digest::Digest;
use crate::package::{Content, Owner, Xattrs};

/// The id of a node of a [`Tree`](super::Tree). Two names with one id are hard links of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

/// The package that a node comes from, by its index in transaction order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageIndex(pub u32);

/// The kind of a node, with the data of that kind.
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
    /// Length of its path in bytes, with a slash before each name.
    pub(super) length: u16,
    pub(super) entries: BTreeMap<Arc<[u8]>, NodeId>,
}

impl Directory {
    /// Returns the names and their nodes, in byte order of the names.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (&[u8], NodeId)> {
        self.entries.iter().map(|(name, &id)| (&**name, id))
    }

    /// Reports whether the directory is empty.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Mode, owner, time and extended attributes, which every kind of node has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Permission bits, at most `0o7777`.
    pub mode: u16,
    /// Modification time, in seconds since 1970. [`Metadata::NOW`] stands for the build time, which
    /// is set when the tree is finished.
    pub mtime: i64,
    /// The user that owns the node.
    pub user: Owner,
    /// The group that owns the node.
    pub group: Owner,
    /// Extended attributes.
    pub xattrs: Xattrs,
}

impl Metadata {
    /// A placeholder for the build time (`SOURCE_DATE_EPOCH`) until the tree is finished.
    pub const NOW: i64 = i64::MIN;

    /// Returns the metadata of a node of root, modified now, without extended attributes.
    pub fn root(mode: u16) -> Self {
        Self { mode, mtime: Self::NOW, user: Owner::ROOT, group: Owner::ROOT, xattrs: Xattrs::new() }
    }
}

/// A file, directory or other node of the tree.
#[derive(Clone, Debug)]
pub struct Node {
    /// Kind and content.
    pub kind: NodeKind,
    /// Mode, owner, times, extended attributes.
    pub metadata: Metadata,
    /// The package that the node comes from; for a shared directory, the last package that contains
    /// it. `None` if rootstrap created the node.
    pub package: Option<PackageIndex>,
    /// Digest of the content, if it was verified against the digest in a package. Code that changes
    /// the content must clear it.
    pub digest: Option<Digest>,
}

impl Node {
    /// Creates a node of root, modified now, that belongs to no package.
    pub fn new(kind: NodeKind, mode: u16) -> Self {
        Self { kind, metadata: Metadata::root(mode), package: None, digest: None }
    }

    /// Creates an empty directory. Its parent is set when the node is inserted.
    pub fn directory(mode: u16) -> Self {
        Self::new(NodeKind::Directory(Directory { parent: NodeId(0), length: 0, entries: BTreeMap::new() }), mode)
    }

    /// Creates a regular file.
    pub fn file(content: Content, mode: u16) -> Self {
        Self::new(NodeKind::File(content), mode)
    }

    /// Creates a symbolic link.
    pub fn symlink(target: &[u8]) -> Self {
        Self::new(NodeKind::Symlink(target.into()), 0o777)
    }

    /// Reports whether the node is a directory.
    pub fn is_directory(&self) -> bool {
        matches!(self.kind, NodeKind::Directory(_))
    }

    /// Returns the content of a regular file.
    pub fn content(&self) -> Option<&Content> {
        match &self.kind {
            NodeKind::File(content) => Some(content),
            _ => None,
        }
    }
}
