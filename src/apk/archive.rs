//! Concatenated gzip streams and the tars in them: how apk keeps indexes and packages.
//!
//! In: the bytes of a file. Out: the streams one after another, each with the range of bytes that it takes (which is what signatures
//! and digests are made over), and the members of a tar. Nothing is held whole, and nothing is judged: names may be anything.

#[cfg(test)]
mod tests;

use std::io::{self, BufRead, Read, Seek};
use std::ops::Range;

/// Splits a file into its gzip streams.
#[derive(Debug)]
pub struct GzipStreams<R> {
    input: Counting<R>,
}

impl<R: BufRead> GzipStreams<R> {
    /// From the beginning of `input`.
    pub fn new(input: R) -> Self {
        Self { input: Counting { inner: input, count: 0 } }
    }

    /// Gives what the next stream holds to `read`, then skips what that left, so that the stream's check has been made. The range that
    /// the stream took of the input, and what `read` gave; `None` at the end.
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

    /// How many bytes of the input were taken.
    pub fn position(&self) -> u64 {
        self.input.count
    }

    /// The input, where the last stream ended.
    pub fn into_inner(self) -> R {
        self.input.inner
    }
}

/// A reader that knows how far it came.
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

/// What a tar says of one of its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The path as it is written; bytes, not text, and not to be trusted.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: MemberKind,
    /// Permissions, without the type.
    pub mode: u32,
    /// Owner, by number.
    pub uid: u64,
    /// Group, by number.
    pub gid: u64,
    /// Owner, by name; empty where none is told.
    pub user: Vec<u8>,
    /// Group, by name; empty where none is told.
    pub group: Vec<u8>,
    /// Seconds since 1970.
    pub mtime: u64,
    /// Where in the tar its content begins.
    pub offset: u64,
    /// Bytes of content.
    pub size: u64,
    /// Where a link leads; empty for others.
    pub link_target: Vec<u8>,
    /// Records of the extended (PAX) header before it, in their order.
    pub records: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The kinds of members.
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
    /// A type of this letter, which apk does not know.
    Other(u8),
}

impl Member {
    /// The value of an extended header's record, the last if there are several.
    pub fn record(&self, key: &[u8]) -> Option<&[u8]> {
        self.records.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_slice())
    }
}

/// Gives each member of a tar, with its content, to `each`. A tar may end without a mark (apk cuts it where another follows).
///
/// `E` is made of the reader's errors too; damage of the tar is one of kind `InvalidData` or `Other`.
pub fn read_tar<E: From<io::Error>>(
    input: &mut dyn Read,
    mut each: impl FnMut(&Member, &mut dyn Read) -> Result<(), E>,
) -> Result<(), E> {
    let mut archive = tar::Archive::new(input);
    // An index that was signed later has an end mark before nothing, or between its parts.
    archive.set_ignore_zeros(true);
    read_members(archive.entries()?, &mut each)
}

/// The same of a tar that is known to be whole: what `each` does not read is not read at all.
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
    // A number that is not told is nought.
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
    // What the extended header says goes before the plain one.
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
