//! An installed package in the database.

use crate::apk::package::{Package, PackageInfo, Script};
use crate::digest::Digest;

/// An installed package.
#[derive(Clone, Debug)]
pub struct Record {
    /// The metadata of the package, without `data_hash`.
    pub info: PackageInfo,
    /// The identity of the package (`C:`).
    pub checksum: Digest,
    /// The size of the package file in bytes (`S:`).
    pub size: u64,
    /// The tag of the repositories that the package is pinned to (`s:`), without the `@`.
    pub tag: Option<String>,
    /// The flags of the package (`f:`). Three name parts that failed during installation: `f`
    /// files, `s` scripts, `x` extended attributes. apk also writes `S` if the identity is a
    /// SHA-256 digest truncated to 160 bits.
    pub broken: String,
    /// The directories in their order, with their files.
    pub directories: Vec<DirectoryRecord>,
    /// The scripts.
    pub scripts: Vec<Script>,
}

/// A directory of an installed package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryRecord {
    /// The path relative to the root, without leading or trailing slash. Empty for the root.
    pub path: Box<[u8]>,
    /// Owner and permissions.
    pub acl: Acl,
    /// The package's files in the directory: everything but directories.
    pub files: Vec<FileRecord>,
}

/// A file of an installed package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRecord {
    /// The name within its directory.
    pub name: Box<[u8]>,
    /// Owner and permissions.
    pub acl: Acl,
    /// The digest of the content, or of the target of a link.
    pub checksum: Option<Digest>,
}

/// Owner and permissions of a file or directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    /// The numeric id of the owner.
    pub uid: u32,
    /// The numeric id of the group.
    pub gid: u32,
    /// The permission bits.
    pub mode: u16,
    /// The digest of all extended attributes, if there are any.
    pub xattrs: Option<Digest>,
}

impl Acl {
    /// Creates an entry owned by root with these permissions. The database omits it if the mode is
    /// 0755 (directories) or 0644 (files).
    pub fn root(mode: u16) -> Self {
        Self { uid: 0, gid: 0, mode, xattrs: None }
    }
}

impl Record {
    /// Creates the record of a package that is being installed. It has no files yet.
    pub fn new(package: &Package, tag: Option<String>) -> Self {
        let mut info = package.info().clone();
        info.data_hash = None;
        let scripts = package.scripts().to_vec();
        let checksum = package.checksum().clone();
        Self { info, checksum, size: package.size(), tag, broken: String::new(), directories: Vec::new(), scripts }
    }

    /// Reports whether the installation of files or the run of a script failed: the packages that
    /// `apk fix` repairs (`app_fix.c`). Failed extended attributes do not count.
    pub fn is_broken(&self) -> bool {
        self.broken.contains(['f', 's'])
    }

    /// Reports whether the package owns this path, which has no leading slash.
    pub fn has_file(&self, path: &[u8]) -> bool {
        let (directory, name) = crate::tree::split(path);
        let directories = self.directories.iter().filter(|known| *known.path == *directory);
        directories.flat_map(|directory| &directory.files).any(|file| *file.name == *name)
    }

    /// Returns `name-version`.
    pub fn id(&self) -> String {
        self.info.id()
    }
}
