//! Concatenated gzip streams and the tar archives in them: the format of apk's indexes and
//! packages.
//!
//! In: the bytes of a file. Out: the gzip streams, each with its range of bytes, which signatures
//! and digests cover; and the members of a tar archive. Streams are never held in memory as a
//! whole. Member names are not validated.

#[cfg(test)]
mod tests;

use std::io::{self, BufRead, Read, Seek};
use std::ops::Range;

/// A splitter of a file into its gzip streams.
#[derive(Debug)]
pub struct GzipStreams<R> {
    input: Counting<R>,
}

impl<R: BufRead> GzipStreams<R> {
    /// Creates a splitter that starts at the beginning of `input`.
    pub fn new(input: R) -> Self {
        Self { input: Counting { inner: input, count: 0 } }
    }

    /// Passes the decompressed content of the next stream to `read`, then skips the rest of the
    /// stream so that its CRC is verified.
    ///
    /// Returns the byte range of the stream within the input and the result of `read`. Returns
    /// `None` at the end of the input.
    pub fn next<T, E: From<io::Error>>(
        &mut self,
        read: impl FnOnce(&mut dyn Read) -> Result<T, E>,
    ) -> Result<Option<(Range<u64>, T)>, E> {
        if self.input.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let start = self.input.count;
        let mut stream = flate2::bufread::GzDecoder::new(&mut self.input);
        let got = read(&mut stream)?;
        io::copy(&mut stream, &mut io::sink())?;
        Ok(Some((start..self.input.count, got)))
    }

    /// Returns the number of input bytes consumed so far.
    pub fn position(&self) -> u64 {
        self.input.count
    }

    /// Returns the input, positioned at the end of the last stream.
    pub fn into_inner(self) -> R {
        self.input.inner
    }
}

/// A reader that counts the bytes that were consumed.
#[derive(Debug)]
struct Counting<R> {
    inner: R,
    count: u64,
}

impl<R: BufRead> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count += n as u64;
        Ok(n)
    }
}

impl<R: BufRead> BufRead for Counting<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.count += amount as u64;
        self.inner.consume(amount);
    }
}

/// The header of a tar member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The path as the archive writes it: untrusted bytes, not necessarily text.
    pub path: Vec<u8>,
    /// The kind of the member.
    pub kind: MemberKind,
    /// Permission bits, without the file type.
    pub mode: u32,
    /// Numeric id of the owner.
    pub uid: u64,
    /// Numeric id of the group.
    pub gid: u64,
    /// Name of the owner; empty if the header has none.
    pub user: Vec<u8>,
    /// Name of the group; empty if the header has none.
    pub group: Vec<u8>,
    /// Modification time in seconds since 1970.
    pub mtime: u64,
    /// Offset of the content within the tar archive, in bytes.
    pub offset: u64,
    /// Size of the content in bytes.
    pub size: u64,
    /// Target of a link; empty for other kinds.
    pub link_target: Vec<u8>,
    /// Records of the extended (PAX) header before the member, in their order.
    pub records: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The kinds of tar members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say all")]
pub enum MemberKind {
    File,
    HardLink,
    Symlink,
    CharacterDevice {
        major: u32,
        minor: u32,
    },
    BlockDevice {
        major: u32,
        minor: u32,
    },
    Directory,
    Fifo,
    /// A type flag that apk does not know.
    Other(u8),
}

impl Member {
    /// Returns the value of a record of the extended header, the last one if the key occurs several
    /// times.
    pub fn record(&self, key: &[u8]) -> Option<&[u8]> {
        self.records.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_slice())
    }
}

/// Calls `each` for every member of a tar archive, with the member's content. The archive may lack
/// the end-of-archive blocks: apk removes them where another archive follows.
///
/// I/O errors of the reader are converted to `E`. A malformed archive is an I/O error of the kind
/// `InvalidData` or `Other`.
pub fn read_tar<E: From<io::Error>>(
    input: &mut dyn Read,
    mut each: impl FnMut(&Member, &mut dyn Read) -> Result<(), E>,
) -> Result<(), E> {
    let mut archive = tar::Archive::new(input);
    // An index that was signed afterwards has end-of-archive blocks between its parts, or before an
    // empty part.
    archive.set_ignore_zeros(true);
    read_members(archive.entries()?, &mut each)
}

/// Calls `each` for every member of a complete, seekable tar archive. Content that `each` does not
/// read is skipped by seeking.
pub fn read_whole_tar<E: From<io::Error>>(
    input: impl Read + Seek,
    mut each: impl FnMut(&Member, &mut dyn Read) -> Result<(), E>,
) -> Result<(), E> {
    let mut archive = tar::Archive::new(input);
    archive.set_ignore_zeros(true);
    read_members(archive.entries_with_seek()?, &mut each)
}

fn read_members<R: Read, E: From<io::Error>>(
    entries: tar::Entries<'_, R>,
    each: &mut dyn FnMut(&Member, &mut dyn Read) -> Result<(), E>,
) -> Result<(), E> {
    for entry in entries {
        let mut entry = entry?;
        let member = member(&mut entry)?;
        each(&member, &mut entry)?;
    }
    Ok(())
}

fn member(entry: &mut tar::Entry<'_, impl Read>) -> io::Result<Member> {
    let mut records = Vec::new();
    if let Some(extensions) = entry.pax_extensions()? {
        for extension in extensions {
            let extension = extension?;
            records.push((extension.key_bytes().to_vec(), extension.value_bytes().to_vec()));
        }
    }
    let header = entry.header();
    let raw = header.as_old();
    // A blank numeric field means 0.
    let blank = |field: &[u8]| field.iter().all(|byte| matches!(byte, 0 | b' '));
    let device = || Ok::<_, io::Error>((header.device_major()?.unwrap_or(0), header.device_minor()?.unwrap_or(0)));
    let kind = match header.entry_type() {
        tar::EntryType::Regular | tar::EntryType::Continuous => MemberKind::File,
        tar::EntryType::Link => MemberKind::HardLink,
        tar::EntryType::Symlink => MemberKind::Symlink,
        tar::EntryType::Char => device().map(|(major, minor)| MemberKind::CharacterDevice { major, minor })?,
        tar::EntryType::Block => device().map(|(major, minor)| MemberKind::BlockDevice { major, minor })?,
        tar::EntryType::Directory => MemberKind::Directory,
        tar::EntryType::Fifo => MemberKind::Fifo,
        other => MemberKind::Other(other.as_byte()),
    };
    let mut member = Member {
        path: entry.path_bytes().into_owned(),
        kind,
        mode: if blank(&raw.mode) { 0 } else { header.mode()? & 0o7777 },
        uid: if blank(&raw.uid) { 0 } else { header.uid()? },
        gid: if blank(&raw.gid) { 0 } else { header.gid()? },
        user: header.username_bytes().unwrap_or_default().to_vec(),
        group: header.groupname_bytes().unwrap_or_default().to_vec(),
        mtime: if blank(&raw.mtime) { 0 } else { header.mtime()? },
        offset: entry.raw_file_position(),
        size: entry.size(),
        link_target: entry.link_name_bytes().map(std::borrow::Cow::into_owned).unwrap_or_default(),
        records,
    };
    // The extended header takes precedence over the plain one.
    let number = |value: &[u8]| std::str::from_utf8(value).ok()?.split('.').next()?.parse::<u64>().ok();
    for (key, value) in &member.records {
        match key.as_slice() {
            b"uname" => member.user.clone_from(value),
            b"gname" => member.group.clone_from(value),
            b"uid" => member.uid = number(value).unwrap_or(member.uid),
            b"gid" => member.gid = number(value).unwrap_or(member.gid),
            b"mtime" => member.mtime = number(value).unwrap_or(member.mtime),
            _ => {}
        }
    }
    Ok(member)
}
