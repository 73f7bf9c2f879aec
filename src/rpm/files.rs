//! The files of a package, as its header describes them.
//!
//! In: a header. Out: a [`File`] for each file, in the header's order. Contents are not part of the
//! header; the payload module reads them.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::capabilities;
use super::header::Header;
use super::tag::Tag;
use crate::digest::{Algorithm, Digest};
use crate::package::{Content, Entry, EntryKind, Owner, Xattrs};
use crate::tree::display;

/// Maximum number of files of a package. The largest packages of distributions have a fifth of it.
/// Each file takes some hundred bytes of memory.
pub const MOST_FILES: usize = 1 << 20;

/// Maximum length of a path, in bytes (`PATH_MAX`). A header stores a directory once for any number
/// of names, so a small header could otherwise produce very long lists.
const LONGEST_PATH: usize = 4096;

/// An error in the list of files of a header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilesError {
    /// The length of an array differs from the number of files.
    #[error("the header tells of {expected} files, but its tag {tag} of {found}")]
    Count {
        /// The tag of the array.
        tag: Tag,
        /// Number of files.
        expected: usize,
        /// Number of elements in the array.
        found: usize,
    },
    /// The directory index of a file is out of range.
    #[error("file {file} is in directory number {index}, but there are {directories}")]
    Directory {
        /// Index of the file.
        file: usize,
        /// Index of the directory.
        index: u32,
        /// Number of directories in the table.
        directories: usize,
    },
    /// The header has more than [`MOST_FILES`] files.
    #[error("the header tells of {found} files, more than the {MOST_FILES} that a package may have")]
    TooMany {
        /// Number of files.
        found: usize,
    },
    /// A path is longer than `PATH_MAX`.
    #[error("file {file} of the header has a path of {length} bytes")]
    Path {
        /// Index of the file.
        file: usize,
        /// Length of the path, in bytes.
        length: usize,
    },
    /// The digest algorithm of a file is unknown to rpm, or its digest does not fit the algorithm.
    #[error("unusable digest of {path}: algorithm {algorithm}, `{digest}`")]
    Digest {
        /// The file.
        path: String,
        /// OpenPGP number of the algorithm.
        algorithm: u32,
        /// The digest's text in the header.
        digest: String,
    },
    /// The mode of a file has no known file type.
    #[error("{path} has mode {mode:o}, which is no kind of file")]
    Mode {
        /// The file.
        path: String,
        /// The mode.
        mode: u16,
    },
    /// The capabilities of a file cannot be parsed.
    #[error("{path} has capabilities `{text}`, which cannot be given to a file")]
    Capabilities {
        /// The file.
        path: String,
        /// The capabilities' text in the header.
        text: String,
    },
}

/// Attributes of a file in its package (rpmfiles.h: `rpmfileAttrs`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u32);

impl Flags {
    /// `%config`.
    pub const CONFIG: Self = Self(1);
    /// `%doc`.
    pub const DOC: Self = Self(1 << 1);
    /// `%config(missingok)`.
    pub const MISSING_OK: Self = Self(1 << 3);
    /// `%config(noreplace)`.
    pub const NO_REPLACE: Self = Self(1 << 4);
    /// The spec file of a source package.
    pub const SPEC: Self = Self(1 << 5);
    /// `%ghost`: belongs to the package but is not in the payload.
    pub const GHOST: Self = Self(1 << 6);
    /// `%license`.
    pub const LICENSE: Self = Self(1 << 7);
    /// `%readme`.
    pub const README: Self = Self(1 << 8);
    /// A signing key that the package carries.
    pub const PUBKEY: Self = Self(1 << 11);
    /// `%artifact`: a side effect of packaging.
    pub const ARTIFACT: Self = Self(1 << 12);

    /// Reports whether all of `flags` are set.
    pub fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }
}

/// Mask of the file type in a mode.
const S_IFMT: u16 = 0o170_000;

/// The file type in a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

/// A file of a package, as the header describes it.
#[derive(Clone, Debug)]
pub struct File {
    /// Absolute path; relative in source packages.
    pub path: Box<[u8]>,
    /// File type.
    pub kind: FileKind,
    /// Type and permissions, as in `st_mode`.
    pub mode: u16,
    /// Time of modification, in seconds since 1970.
    pub mtime: u32,
    /// Name of the owner.
    pub user: Arc<str>,
    /// Name of the group.
    pub group: Arc<str>,
    /// Configuration, documentation, ghost and the like.
    pub flags: Flags,
    /// Attributes that `rpm -V` checks (rpmvf.h: `rpmVerifyAttrs`).
    pub verify: u32,
    /// Languages of the file; empty means all.
    pub languages: Vec<Box<[u8]>>,
    /// 1 for a 32-bit ELF file, 2 for a 64-bit ELF file, 0 for all others.
    pub color: u32,
    /// Digest of the content; absent for files without content.
    pub digest: Option<Digest>,
    /// Size in bytes.
    pub size: u64,
    /// Target of a symbolic link; empty for other files.
    pub link_target: Box<[u8]>,
    /// Device number of a device.
    pub rdev: u16,
    /// Device and inode on the build system. Regular files with equal numbers are hard links of
    /// each other.
    pub inode: (u32, u32),
    /// Capabilities as text; absent if no file of the package has any.
    pub capabilities: Option<Box<[u8]>>,
}

impl File {
    /// Reports whether the payload contains the file: all but `%ghost` files are in it.
    pub fn in_payload(&self) -> bool {
        !self.flags.contains(Flags::GHOST)
    }

    /// Returns the path as text, for messages.
    pub fn display_path(&self) -> String {
        display(&self.path)
    }

    /// Returns the extended attributes that represent the capabilities.
    pub fn xattrs(&self) -> Result<Xattrs, FilesError> {
        let Some(text) = self.capabilities.as_deref().filter(|text| !text.is_empty()) else { return Ok(Xattrs::new()) };
        let value = std::str::from_utf8(text)
            .ok()
            .and_then(|text| capabilities::xattr(text).ok())
            .ok_or_else(|| FilesError::Capabilities { path: self.display_path(), text: display(text) })?;
        Ok(value.map(|value| (capabilities::XATTR.into(), value)).into_iter().collect())
    }

    /// Returns the file as a tree entry, with its content if it is a regular file.
    ///
    /// For a hard link, `linked_to` is the file that has the content.
    pub fn entry(&self, content: Content, linked_to: Option<&Self>) -> Result<Entry, FilesError> {
        // The header has the 16-bit device numbers of old kernels.
        let (major, minor) = (u32::from(self.rdev >> 8), u32::from(self.rdev & 0xff));
        let kind = match (self.kind, linked_to) {
            (FileKind::Regular, Some(first)) => EntryKind::HardLink(first.path.clone()),
            (FileKind::Regular, None) => EntryKind::File(content),
            (FileKind::Directory, _) => EntryKind::Directory,
            (FileKind::Symlink, _) => EntryKind::Symlink(self.link_target.clone()),
            (FileKind::CharacterDevice, _) => EntryKind::CharacterDevice { major, minor },
            (FileKind::BlockDevice, _) => EntryKind::BlockDevice { major, minor },
            (FileKind::Fifo, _) => EntryKind::Fifo,
            (FileKind::Socket, _) => EntryKind::Socket,
        };
        Ok(Entry {
            path: self.path.clone(),
            kind,
            mode: self.mode & 0o7777,
            mtime: i64::from(self.mtime),
            user: Owner::named(&self.user),
            group: Owner::named(&self.group),
            xattrs: self.xattrs()?,
            digest: self.digest.clone(),
        })
    }
}

/// Returns the digest algorithm with an OpenPGP number (RFC 9580, 9.5).
pub(super) fn algorithm(number: u32) -> Option<Algorithm> {
    Some(match number {
        1 => Algorithm::Md5,
        2 => Algorithm::Sha1,
        8 => Algorithm::Sha256,
        9 => Algorithm::Sha384,
        10 => Algorithm::Sha512,
        11 => Algorithm::Sha224,
        _ => return None,
    })
}

/// Returns the paths of a header's files, in its order.
fn paths(header: &Header) -> Result<Vec<Box<[u8]>>, FilesError> {
    let found = header.strings(Tag::BASENAMES).len().max(header.strings(Tag::OLD_FILENAMES).len());
    if found > MOST_FILES {
        return Err(FilesError::TooMany { found });
    }
    if !header.has(Tag::BASENAMES) {
        return Ok(header.strings(Tag::OLD_FILENAMES).map(Box::from).collect());
    }
    let directories: Vec<&[u8]> = header.strings(Tag::DIRNAMES).collect();
    let names = header.strings(Tag::BASENAMES);
    let indexes = exactly(Tag::DIR_INDEXES, header.u32s(Tag::DIR_INDEXES), names.len())?;
    names
        .zip(indexes)
        .enumerate()
        .map(|(file, (name, index))| {
            let directory = directories.get(index as usize);
            let directory = directory.ok_or(FilesError::Directory { file, index, directories: directories.len() })?;
            let length = directory.len() + name.len();
            if length > LONGEST_PATH {
                return Err(FilesError::Path { file, length });
            }
            Ok([directory, name].concat().into())
        })
        .collect()
}

/// Returns an array if it has an element for each file. Fails otherwise.
fn exactly<I: ExactSizeIterator>(tag: Tag, array: I, expected: usize) -> Result<I, FilesError> {
    let found = array.len();
    if found == expected { Ok(array) } else { Err(FilesError::Count { tag, expected, found }) }
}

/// Returns an array that has an element for each file. If the array is absent, each file gets the
/// default.
fn or_default<T: Copy>(
    tag: Tag,
    array: impl ExactSizeIterator<Item = T>,
    default: T,
    expected: usize,
) -> Result<Vec<T>, FilesError> {
    if array.len() == 0 {
        return Ok(vec![default; expected]);
    }
    exactly(tag, array, expected).map(Iterator::collect)
}

/// Interned strings.
#[derive(Default)]
struct Names<'a> {
    known: FxHashMap<&'a [u8], Arc<str>>,
    last: Option<(&'a [u8], Arc<str>)>,
}

impl<'a> Names<'a> {
    fn get(&mut self, name: &'a [u8]) -> Arc<str> {
        // Nearly all files of a package have the same owner.
        if let Some((last, known)) = &self.last
            && *last == name
        {
            return Arc::clone(known);
        }
        let known = Arc::clone(self.known.entry(name).or_insert_with(|| String::from_utf8_lossy(name).into()));
        self.last = Some((name, Arc::clone(&known)));
        known
    }
}

/// Returns the files of a header, in its order.
pub fn files(header: &Header) -> Result<Vec<File>, FilesError> {
    let paths = paths(header)?;
    let count = paths.len();
    if count == 0 {
        return Ok(Vec::new());
    }
    let strings = |tag| or_default(tag, header.strings(tag), &b""[..], count);
    let numbers = |tag| or_default(tag, header.u32s(tag), 0, count);
    let modes: Vec<u16> = exactly(Tag::FILE_MODES, header.u16s(Tag::FILE_MODES), count)?.collect();
    let sizes: Vec<u64> = if header.has(Tag::LONG_FILE_SIZES) {
        exactly(Tag::LONG_FILE_SIZES, header.u64s(Tag::LONG_FILE_SIZES), count)?.collect()
    } else {
        exactly(Tag::FILE_SIZES, header.u32s(Tag::FILE_SIZES), count)?.map(u64::from).collect()
    };
    let mtimes = numbers(Tag::FILE_MTIMES)?;
    let (users, groups) = (strings(Tag::FILE_USERNAME)?, strings(Tag::FILE_GROUPNAME)?);
    let (flags, verify, colors) = (numbers(Tag::FILE_FLAGS)?, numbers(Tag::FILE_VERIFY_FLAGS)?, numbers(Tag::FILE_COLORS)?);
    let (digests, targets, languages) = (strings(Tag::FILE_DIGESTS)?, strings(Tag::FILE_LINKTOS)?, strings(Tag::FILE_LANGS)?);
    let (devices, inodes) = (numbers(Tag::FILE_DEVICES)?, numbers(Tag::FILE_INODES)?);
    let rdevs = or_default(Tag::FILE_RDEVS, header.u16s(Tag::FILE_RDEVS), 0, count)?;
    let capabilities = strings(Tag::FILE_CAPS)?;
    let has_capabilities = header.has(Tag::FILE_CAPS);
    let digest_algorithm = header.u32(Tag::FILE_DIGEST_ALGO).unwrap_or(1);
    let (mut user_names, mut group_names) = (Names::default(), Names::default());

    let file = |(i, path): (usize, Box<[u8]>)| {
        let text = || display(&path);
        let kind = kind_of(modes[i]).ok_or_else(|| FilesError::Mode { path: text(), mode: modes[i] })?;
        Ok(File {
            kind,
            mode: modes[i],
            mtime: mtimes[i],
            user: user_names.get(users[i]),
            group: group_names.get(groups[i]),
            flags: Flags(flags[i]),
            verify: verify[i],
            languages: languages[i].split(|&c| c == b'|').filter(|name| !name.is_empty()).map(Box::from).collect(),
            color: colors[i],
            digest: digest(digest_algorithm, digests[i], text)?,
            size: sizes[i],
            link_target: targets[i].into(),
            rdev: rdevs[i],
            inode: (devices[i], inodes[i]),
            capabilities: has_capabilities.then(|| capabilities[i].into()),
            path,
        })
    };
    paths.into_iter().enumerate().map(file).collect()
}

fn kind_of(mode: u16) -> Option<FileKind> {
    Some(match mode & S_IFMT {
        0o100_000 => FileKind::Regular,
        0o040_000 => FileKind::Directory,
        0o120_000 => FileKind::Symlink,
        0o020_000 => FileKind::CharacterDevice,
        0o060_000 => FileKind::BlockDevice,
        0o010_000 => FileKind::Fifo,
        0o140_000 => FileKind::Socket,
        _ => return None,
    })
}

fn digest(number: u32, hex: &[u8], path: impl Fn() -> String) -> Result<Option<Digest>, FilesError> {
    // Links and directories have an empty digest. Very old packages write zeros instead.
    if hex.iter().all(|&c| c == b'0') {
        return Ok(None);
    }
    let text = std::str::from_utf8(hex).ok();
    let digest = text.zip(algorithm(number)).and_then(|(hex, algorithm)| Digest::from_hex(algorithm, hex));
    digest.map(Some).ok_or_else(|| FilesError::Digest { path: path(), algorithm: number, digest: display(hex) })
}

/// Returns for each file the index of the first file in its set of hard links, or its own index.
///
/// A set has the regular files in the payload with the same device and inode (rpmfi.c:
/// `rpmfilesBuildNLink`).
pub fn hard_link_sets(files: &[File]) -> Vec<usize> {
    let mut first = FxHashMap::default();
    files
        .iter()
        .enumerate()
        .map(|(i, file)| match file.kind {
            // Without an inode number, hard links cannot be detected.
            FileKind::Regular if file.in_payload() && file.inode.1 != 0 => *first.entry(file.inode).or_insert(i),
            _ => i,
        })
        .collect()
}
