//! An installed package, as the database keeps it.

use crate::apk::package::{Package, PackageInfo, Script};
use crate::digest::Digest;

/// An installed package.
#[derive(Clone, Debug)]
pub struct Record {
    /// What it says of itself. `data_hash` is not kept.
    pub info: PackageInfo,
    /// Its identity (`C:`).
    pub checksum: Digest,
    /// Bytes of the package file (`S:`).
    pub size: u64,
    /// The tag of the repositories that it was pinned to (`s:`), without the `@`.
    pub tag: Option<String>,
    /// What failed when it was installed (`f:`): `f` files, `s` scripts, `x` extended attributes.
    pub broken: String,
    /// Its directories in their order, with its files.
    pub directories: Vec<DirectoryRecord>,
    /// Its scripts.
    pub scripts: Vec<Script>,
}

/// A directory of an installed package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryRecord {
    /// Relative to the root, without slashes at its ends; empty for the root.
    pub path: Box<[u8]>,
    /// Owner and permissions.
    pub acl: Acl,
    /// What the package has in it, other than directories.
    pub files: Vec<FileRecord>,
}

/// A file of an installed package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRecord {
    /// Its name in its directory.
    pub name: Box<[u8]>,
    /// Owner and permissions.
    pub acl: Acl,
    /// Digest of the content, or of a link's target.
    pub checksum: Option<Digest>,
}

/// Owner and permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// Permission bits.
    pub mode: u16,
    /// The digest over all extended attributes, where there are any.
    pub xattrs: Option<Digest>,
}

impl Acl {
    /// Of root's, with these permissions: 0755 and 0644 are not told in the database.
    pub fn root(mode: u16) -> Self {
        Self { uid: 0, gid: 0, mode, xattrs: None }
    }
}

impl Record {
    /// Of a package that is being installed, without its files yet.
    pub fn new(package: &Package, tag: Option<String>) -> Self {
        let mut info = package.info().clone();
        info.data_hash = None;
        let scripts = package.scripts().to_vec();
        let checksum = package.checksum().clone();
        Self { info, checksum, size: package.size(), tag, broken: String::new(), directories: Vec::new(), scripts }
    }

    /// Whether something went wrong when it was installed: with its files or a script, or with extended attributes.
    pub fn is_broken(&self) -> bool {
        self.broken.contains(['f', 's'])
    }

    /// Whether it brings this path, given without a slash before it.
    pub fn has_file(&self, path: &[u8]) -> bool {
        let (directory, name) = crate::tree::split(path);
        let directories = self.directories.iter().filter(|known| *known.path == *directory);
        directories.flat_map(|directory| &directory.files).any(|file| *file.name == *name)
    }

    /// `name-version`.
    pub fn id(&self) -> String {
        self.info.id()
    }
}
