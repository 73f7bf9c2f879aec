//! What every package is to the tree: entries with their metadata and contents, whatever ecosystem they come from.
//!
//! In: nothing; `rpm::package` and `apk::package` make these. Out: [`Entry`] and [`Content`] for `tree/` and the reports.

mod buffer;
mod content;
mod facts;
mod inflated;
mod promise;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use buffer::Buffer;
pub use content::{Content, ContentReader, Source, Spool, SpoolWriter};
pub use facts::{Fate, FileAspect, FileFacts, FileFlag, PackageFacts, SignatureFacts, main_arch, write_listing};
pub use inflated::{InflatedStore, InflatedWriter};
pub use promise::BrokenPromise;

use crate::digest::Digest;

/// Extended attributes by full name (`security.capability`), sorted by name.
pub type Xattrs = BTreeMap<Box<[u8]>, Box<[u8]>>;

/// A user or a group: a name until the target's own `passwd` or `group` gives it a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// By number.
    Id(u32),
    /// By name; resolved when the tree is finished.
    Name(Arc<str>),
}

impl Owner {
    /// User or group 0.
    pub const ROOT: Self = Self::Id(0);

    /// By name, where `root` is 0 everywhere.
    pub fn named(name: &str) -> Self {
        if name == "root" { Self::ROOT } else { Self::Name(name.into()) }
    }
}

/// What a path is, with what only that kind has.
#[derive(Clone, Debug)]
pub enum EntryKind {
    /// A regular file.
    File(Content),
    /// One more name of a file that this package has under another path (absolute, as [`Entry::path`]).
    HardLink(Box<[u8]>),
    /// A directory.
    Directory,
    /// A symbolic link with its target.
    Symlink(Box<[u8]>),
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

/// One path of a package.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The path as the package says it; absolute for rpm, made absolute for apk. Bytes, not text.
    pub path: Box<[u8]>,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits, at most `0o7777`.
    pub mode: u16,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Who owns it.
    pub user: Owner,
    /// The group that owns it.
    pub group: Owner,
    /// Extended attributes.
    pub xattrs: Xattrs,
    /// The content's digest as the package promises it (already checked against the content when there is one).
    pub digest: Option<Digest>,
}
