//! The files of a package, as the archive in its data stream describes them.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::error::PackageError;
use crate::apk::archive::{Member, MemberKind};
use crate::digest::{Algorithm, Digest, Hasher};
use crate::package::{Content, SpoolWriter, Xattrs};
use crate::tree::display;

/// The maximum length of a path in bytes (apk: `PATH_MAX` minus its own suffix).
const MAX_PATH: usize = 4096 - 10;
const XATTR: &[u8] = b"SCHILY.xattr.";
const CHECKSUM: &[u8] = b"APK-TOOLS.checksum.SHA1";
/// Empty files that keep a directory in a package. apk does not install them.
const KEEP: &[u8] = b".keep_";

/// A path of a package.
#[derive(Clone, Debug)]
pub struct File {
    /// The path relative to the root, without leading or trailing slash.
    pub path: Box<[u8]>,
    /// The kind of file.
    pub kind: FileKind,
    /// The permission bits, at most `0o7777`.
    pub mode: u16,
    /// The name of the owner; may be empty.
    pub user: Arc<str>,
    /// The name of the group; may be empty.
    pub group: Arc<str>,
    /// The owner's id if the root has no user of that name.
    pub uid: u32,
    /// The group's id if the root has no group of that name.
    pub gid: u32,
    /// The modification time in seconds since 1970.
    pub mtime: i64,
    /// The extended attributes.
    pub xattrs: Xattrs,
    /// SHA-1 of the content or of a link's target, from the archive. The reader has verified it.
    pub checksum: Option<Digest>,
}

/// The kinds of files.
#[derive(Clone, Debug)]
pub enum FileKind {
    /// A regular file.
    Regular(Content),
    /// Another name of an earlier file, given by its index.
    HardLink(usize),
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
}

impl File {
    /// Returns the digest of all extended attributes that the database stores (io.c,
    /// `apk_fileinfo_hash_xattr`).
    pub fn xattr_checksum(&self) -> Option<Digest> {
        xattr_checksum(&self.xattrs, Algorithm::Sha1)
    }
}

/// Returns the digest of extended attributes, or `None` if there are none.
pub fn xattr_checksum(xattrs: &Xattrs, algorithm: Algorithm) -> Option<Digest> {
    if xattrs.is_empty() {
        return None;
    }
    let mut hasher = Hasher::new(algorithm);
    for (name, value) in xattrs {
        for part in [name, value] {
            hasher.update(&(part.len() as u32).to_be_bytes());
            hasher.update(part);
        }
    }
    Some(hasher.finish())
}

/// The place of the files' contents.
pub(super) enum Contents {
    /// The decompressed tar archive. Contents are slices of it.
    Tar(Content),
    /// A decompressed tar archive whose files were verified earlier.
    CheckedTar(Content),
    /// A blob to which the contents are copied one after another.
    Spooled(SpoolWriter),
}

/// Offset and length in the tar archive or blob, and the digest if it was requested.
type Place = (u64, u64, Option<Digest>);

/// A reader that turns members of the data stream into files.
pub(super) struct FileReader {
    files: Vec<File>,
    /// Index of each regular file, and offset and length of its content in the tar archive or blob.
    ranges: Vec<(usize, u64, u64)>,
    by_path: FxHashMap<Box<[u8]>, usize>,
    names: FxHashMap<Vec<u8>, Arc<str>>,
    contents: Contents,
    position: u64,
}

impl FileReader {
    pub(super) fn new(contents: Contents) -> Self {
        Self {
            files: Vec::new(),
            ranges: Vec::new(),
            by_path: FxHashMap::default(),
            names: FxHashMap::default(),
            contents,
            position: 0,
        }
    }

    /// Returns all files, with their contents.
    pub(super) fn finish(self) -> Vec<File> {
        let Self { mut files, ranges, contents, .. } = self;
        let blob = match contents {
            Contents::Tar(tar) | Contents::CheckedTar(tar) => tar,
            Contents::Spooled(blob) => blob.finish(),
        };
        for (place, offset, length) in ranges {
            files[place].kind = FileKind::Regular(blob.slice(offset, length).unwrap_or_else(Content::empty));
        }
        files
    }

    /// Reads one member.
    pub(super) fn take(&mut self, member: &Member, content: &mut dyn Read) -> Result<(), PackageError> {
        let path = clean_path(&member.path).map_err(|problem| bad(&member.path, problem))?;
        if path.is_empty() {
            // apk does not record the root directory.
            return Ok(());
        }
        let (directory, name) = split(path);
        let is_directory = member.kind == MemberKind::Directory;
        if !is_directory && name.len() > KEEP.len() && name.starts_with(KEEP) {
            return Ok(());
        }
        let promised = checksum(member)?;
        let place = self.files.len();
        let mut found = None;
        let kind = match member.kind {
            MemberKind::File => {
                let (offset, length, digest) = self.content(member, content, promised.is_some())?;
                self.ranges.push((place, offset, length));
                found = digest;
                FileKind::Regular(Content::empty())
            }
            MemberKind::HardLink => FileKind::HardLink(self.link_target(member)?),
            MemberKind::Symlink => {
                let target: Box<[u8]> = member.link_target.as_slice().into();
                if target.is_empty() || target.len() >= MAX_PATH || target.contains(&0) {
                    return Err(bad(path, "a symbolic link without a possible target"));
                }
                found = Some(Digest::of(Algorithm::Sha1, &target));
                FileKind::Symlink(target)
            }
            MemberKind::CharacterDevice { major, minor } => FileKind::CharacterDevice { major, minor },
            MemberKind::BlockDevice { major, minor } => FileKind::BlockDevice { major, minor },
            MemberKind::Directory => FileKind::Directory,
            MemberKind::Fifo => FileKind::Fifo,
            // apk does not install members of unknown types.
            MemberKind::Other(_) => return Ok(()),
        };
        if let (Some(expected), Some(found)) = (&promised, found)
            && *expected != found
        {
            return Err(PackageError::File { path: display(path), expected: expected.clone(), found });
        }
        let checksum = match &kind {
            // A hard link has the checksum of its target.
            FileKind::HardLink(of) => self.files[*of].checksum.clone(),
            FileKind::Regular(_) | FileKind::Symlink(_) => promised,
            _ => None,
        };
        if !is_directory && !directory.is_empty() && !self.is_directory(directory) {
            return Err(bad(path, "the archive does not have its directory before it"));
        }
        let file = File {
            path: path.into(),
            kind,
            mode: (member.mode & 0o7777) as u16,
            user: self.name(&member.user),
            group: self.name(&member.group),
            uid: number(member.uid, path)?,
            gid: number(member.gid, path)?,
            mtime: i64::try_from(member.mtime).map_err(|_| bad(path, "impossible time"))?,
            xattrs: xattrs(member),
            checksum,
        };
        if let Some(&before) = self.by_path.get(path) {
            return self.again(before, file);
        }
        self.by_path.insert(path.into(), place);
        self.files.push(file);
        Ok(())
    }

    /// Handles a path that occurs twice. Only a directory may; its later entry determines the
    /// permissions.
    fn again(&mut self, before: usize, file: File) -> Result<(), PackageError> {
        match (&self.files[before].kind, &file.kind) {
            (FileKind::Directory, FileKind::Directory) => {
                self.files[before] = file;
                Ok(())
            }
            _ => Err(bad(&file.path, "the archive has it twice")),
        }
    }

    fn is_directory(&self, path: &[u8]) -> bool {
        self.by_path.get(path).is_some_and(|&place| matches!(self.files[place].kind, FileKind::Directory))
    }

    /// Stores the content of a file. Returns its place and digest.
    fn content(&mut self, member: &Member, input: &mut dyn Read, hash: bool) -> Result<Place, PackageError> {
        let part = |tar: &Content| {
            let content = tar.slice(member.offset, member.size);
            content.ok_or_else(|| PackageError::from(io::Error::from(io::ErrorKind::UnexpectedEof)))
        };
        let blob = match &mut self.contents {
            Contents::Tar(tar) => {
                let content = part(tar)?;
                let bytes = content.bytes().map_err(PackageError::Io)?;
                let digest = hash.then(|| Digest::of(Algorithm::Sha1, &bytes));
                return Ok((member.offset, member.size, digest));
            }
            Contents::CheckedTar(tar) => return part(tar).map(|_| (member.offset, member.size, None)),
            Contents::Spooled(blob) => blob,
        };
        let offset = self.position;
        let mut hasher = hash.then(|| Hasher::new(Algorithm::Sha1));
        let mut buffer = vec![0; 64 << 10];
        loop {
            let n = match input.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            if let Some(hasher) = &mut hasher {
                hasher.update(&buffer[..n]);
            }
            blob.write_all(&buffer[..n]).map_err(PackageError::Io)?;
            self.position += n as u64;
        }
        Ok((offset, self.position - offset, hasher.map(Hasher::finish)))
    }

    /// Returns the index of a hard link's target, which must be an earlier file of this package.
    fn link_target(&self, member: &Member) -> Result<usize, PackageError> {
        let target = clean_path(&member.link_target).map_err(|problem| bad(&member.path, problem))?;
        let place = self.by_path.get(target).copied();
        let place = place.filter(|&place| !matches!(self.files[place].kind, FileKind::Directory));
        let place = place
            .ok_or_else(|| bad(&member.path, &format!("a hard link to {}, which the archive does not have", display(target))))?;
        Ok(match self.files[place].kind {
            FileKind::HardLink(first) => first,
            _ => place,
        })
    }

    /// Returns a name, shared between the files that have it. A name that is not UTF-8 becomes
    /// empty.
    fn name(&mut self, bytes: &[u8]) -> Arc<str> {
        if let Some(name) = self.names.get(bytes) {
            return Arc::clone(name);
        }
        let name: Arc<str> = std::str::from_utf8(bytes).unwrap_or_default().into();
        self.names.insert(bytes.to_vec(), Arc::clone(&name));
        name
    }
}

fn bad(path: &[u8], problem: &str) -> PackageError {
    PackageError::Entry { path: display(path), problem: problem.to_owned() }
}

fn number(id: u64, path: &[u8]) -> Result<u32, PackageError> {
    u32::try_from(id).ok().filter(|&id| id != u32::MAX).ok_or_else(|| bad(path, "impossible owner"))
}

/// Removes a trailing slash. Fails unless the text alone shows that the path is below the root.
fn clean_path(path: &[u8]) -> Result<&[u8], &'static str> {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    if path == b"." || path == b"./" {
        return Ok(b"");
    }
    let bad_part = |part: &[u8]| matches!(part, b"" | b"." | b"..") || part.len() > 255;
    if path.len() >= MAX_PATH || path.split(|&c| c == b'/').any(bad_part) {
        return Err("not a path below the root");
    }
    // A line feed would start another record of the database.
    if path.iter().any(|&c| c == 0 || c == b'\n') {
        return Err("a path that no database can hold");
    }
    Ok(path)
}

fn split(path: &[u8]) -> (&[u8], &[u8]) {
    path.iter().rposition(|&c| c == b'/').map_or((b"", path), |i| (&path[..i], &path[i + 1..]))
}

fn checksum(member: &Member) -> Result<Option<Digest>, PackageError> {
    let Some(value) = member.record(CHECKSUM) else { return Ok(None) };
    let digest = std::str::from_utf8(value).ok().and_then(|hex| Digest::from_hex(Algorithm::Sha1, hex));
    digest.map(Some).ok_or_else(|| bad(&member.path, "its checksum is none"))
}

fn xattrs(member: &Member) -> Xattrs {
    let records = member.records.iter();
    records.filter_map(|(key, value)| Some((key.strip_prefix(XATTR)?.into(), value.as_slice().into()))).collect()
}
