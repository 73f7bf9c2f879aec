//! The common model of packages: entries with their metadata and contents, independent of the
//! ecosystem.
//!
//! Input: none; `rpm::package` and `apk::package` create these types. Output: [`Entry`] and
//! [`Content`] for `tree/` and the reports.

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

/// A user or a group. A name is resolved to a number by the root's own `passwd` or `group` file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// A numeric id.
    Id(u32),
    /// A name, which is resolved when the tree is finished.
    Name(Arc<str>),
}

impl Owner {
    /// User or group 0.
    pub const ROOT: Self = Self::Id(0);

    /// Returns the owner with this name; `root` is always 0.
    pub fn named(name: &str) -> Self {
        if name == "root" { Self::ROOT } else { Self::Name(name.into()) }
    }
}

/// The kind of a path, with the data of that kind.
#[derive(Clone, Debug)]
pub enum EntryKind {
    /// A regular file.
    File(Content),
    /// A further name of another file of this package. The path is absolute, as [`Entry::path`].
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
    /// The path as written in the package: absolute for rpm, made absolute for apk. Bytes, not
    /// text.
    pub path: Box<[u8]>,
    /// Kind and content.
    pub kind: EntryKind,
    /// Permission bits, at most `0o7777`.
    pub mode: u16,
    /// Modification time, in seconds since 1970.
    pub mtime: i64,
    /// The user that owns the path.
    pub user: Owner,
    /// The group that owns the path.
    pub group: Owner,
    /// Extended attributes.
    pub xattrs: Xattrs,
    /// Digest of the content as stated in the package. If there is content, it is already verified.
    pub digest: Option<Digest>,
}
