//! The members of a layer's archive, as other programs write them: pax records, GNU's long names,
//! whiteouts.
//!
//! In: the decompressed archive. Out: [`Member`]s with their contents. The input is untrusted:
//! paths with `..` are refused. The module parses pax records itself, because the tar crate's
//! iterator ends a record at the first newline, and attributes are binary.

use std::io::{self, Read, Write};

use tar::{EntryType, Header};

use crate::package::{Content, Owner, Spool, Xattrs};
use crate::tree::{Metadata, Node, NodeKind};

/// The maximal size of records in bytes. They are small: attributes are at most 64 KiB each.
const RECORDS_LIMIT: u64 = 4 << 20;
/// The prefix of a whiteout's name, and the name of a whiteout for everything in its directory
/// (image-spec, layer.md).
pub(super) const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";

/// A layer's entry for a path.
#[derive(Debug)]
pub(super) enum What {
    /// A node that exists. A directory is described without its content.
    Node(Box<Node>),
    /// A hard link to another path.
    HardLink(Vec<u8>),
    /// The path of the layers below is removed.
    Removed,
    /// The content of this directory in the layers below is removed.
    Emptied,
}

/// A path of a layer, without a slash before or after it.
#[derive(Debug)]
pub(super) struct LayerMember {
    pub(super) path: Vec<u8>,
    pub(super) what: What,
}

/// Reads all members of an archive; contents go to the spool.
pub(super) fn read(input: impl Read, spool: &Spool) -> io::Result<Vec<LayerMember>> {
    let mut archive = tar::Archive::new(input);
    let mut members = Vec::new();
    let mut described = Described::default();
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        let header = entry.header().clone();
        match header.entry_type() {
            EntryType::XGlobalHeader => {}
            EntryType::XHeader => described.records(&small(&mut entry)?)?,
            EntryType::GNULongName => described.path = Some(text(&small(&mut entry)?)),
            EntryType::GNULongLink => described.target = Some(text(&small(&mut entry)?)),
            _ => members.extend(member(&header, std::mem::take(&mut described), &mut entry, spool)?),
        }
    }
    Ok(members)
}

fn damaged(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

fn small(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut data = Vec::new();
    entry.take(RECORDS_LIMIT + 1).read_to_end(&mut data)?;
    if data.len() as u64 > RECORDS_LIMIT { Err(damaged("a header of this length")) } else { Ok(data) }
}

/// Returns the text up to the first NUL, with which GNU's long names end.
fn text(data: &[u8]) -> Vec<u8> {
    data.split(|&byte| byte == 0).next().unwrap_or_default().to_vec()
}

/// The records that precede a member and apply to it.
#[derive(Default)]
struct Described {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    uid: Option<u64>,
    gid: Option<u64>,
    mtime: Option<i64>,
    size: Option<u64>,
    xattrs: Xattrs,
}

impl Described {
    /// Parses pax records: `LENGTH KEY=VALUE\n`, where the length includes all of it.
    fn records(&mut self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            let bad = || damaged("a pax record that cannot be read");
            let space = data.iter().position(|&byte| byte == b' ').ok_or_else(bad)?;
            let length: usize = std::str::from_utf8(&data[..space]).ok().and_then(|text| text.parse().ok()).ok_or_else(bad)?;
            let record = data.get(space + 1..length).ok_or_else(bad)?;
            let (&end, record) = record.split_last().ok_or_else(bad)?;
            let equals = record.iter().position(|&byte| byte == b'=').filter(|_| end == b'\n').ok_or_else(bad)?;
            self.record(&record[..equals], &record[equals + 1..])?;
            data = &data[length..];
        }
        Ok(())
    }

    fn record(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        // Fractions of a second are dropped.
        let whole = || std::str::from_utf8(value).ok().and_then(|text| text.split('.').next());
        let number = || whole().and_then(|text| text.parse().ok()).ok_or_else(|| damaged("a number that is none"));
        match key {
            b"path" => self.path = Some(value.to_vec()),
            b"linkpath" => self.target = Some(value.to_vec()),
            b"uid" => self.uid = Some(number()?),
            b"gid" => self.gid = Some(number()?),
            b"size" => self.size = Some(number()?),
            b"mtime" => self.mtime = whole().and_then(|text| text.parse().ok()),
            _ if key.starts_with(b"GNU.sparse.") => return Err(damaged("sparse files are not understood")),
            _ => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    self.xattrs.insert(name.into(), value.into());
                }
            }
        }
        Ok(())
    }
}

/// Returns the path as a tree has it; empty for the root. Fails for paths that lead out.
fn clean(path: &[u8]) -> io::Result<Vec<u8>> {
    let mut names: Vec<&[u8]> = Vec::new();
    for name in path.split(|&byte| byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => return Err(damaged(&format!("the path {} leads out", crate::tree::display(path)))),
            name if name.contains(&0) => return Err(damaged("a path with a NUL in it")),
            name => names.push(name),
        }
    }
    Ok(names.join(&b'/'))
}

fn member(header: &Header, described: Described, content: &mut impl Read, spool: &Spool) -> io::Result<Option<LayerMember>> {
    let path = clean(&described.path.unwrap_or_else(|| header.path_bytes().into_owned()))?;
    let (directory, name) = match path.iter().rposition(|&byte| byte == b'/') {
        Some(at) => (&path[..=at], &path[at + 1..]),
        None => (&b""[..], &path[..]),
    };
    if name == OPAQUE {
        return Ok(Some(LayerMember { path: clean(directory)?, what: What::Emptied }));
    }
    if let Some(hidden) = name.strip_prefix(WHITEOUT) {
        // Names of the form `.wh..wh.…` belong to an old union file system.
        let is_removed = !hidden.is_empty() && !hidden.starts_with(WHITEOUT);
        let path = clean(&[directory, hidden].concat())?;
        return Ok(is_removed.then_some(LayerMember { path, what: What::Removed }));
    }
    if described.size.is_some_and(|size| header.entry_size().ok() != Some(size)) {
        return Err(damaged("files of 8 GiB and more are not understood"));
    }
    let target = || described.target.clone().or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
    let device = || Ok::<_, io::Error>((header.device_major()?.unwrap_or(0), header.device_minor()?.unwrap_or(0)));
    let kind = match header.entry_type() {
        EntryType::Regular | EntryType::Continuous => {
            let mut writer = spool.writer(header.entry_size()?);
            let copied = io::copy(content, &mut writer)?;
            if copied != header.entry_size()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            writer.flush()?;
            NodeKind::File(writer.finish())
        }
        EntryType::Link => {
            let target = clean(&target().unwrap_or_default())?;
            return Ok(Some(LayerMember { path, what: What::HardLink(target) }));
        }
        EntryType::Symlink => NodeKind::Symlink(target().unwrap_or_default().into()),
        EntryType::Char => device().map(|(major, minor)| NodeKind::CharacterDevice { major, minor })?,
        EntryType::Block => device().map(|(major, minor)| NodeKind::BlockDevice { major, minor })?,
        EntryType::Fifo => NodeKind::Fifo,
        EntryType::Directory => Node::directory(0).kind,
        other => return Err(damaged(&format!("a member of type {:?}", char::from(other.as_byte())))),
    };
    let id = |id: Option<u64>, plain: io::Result<u64>| -> io::Result<Owner> {
        let id = id.map_or(plain, Ok)?;
        u32::try_from(id).ok().filter(|&id| id != u32::MAX).map(Owner::Id).ok_or_else(|| damaged("an owner that is none"))
    };
    let metadata = Metadata {
        mode: (header.mode()? & 0o7777) as u16,
        mtime: described.mtime.map_or_else(|| header.mtime().map(|time| time as i64), Ok)?,
        user: id(described.uid, header.uid())?,
        group: id(described.gid, header.gid())?,
        xattrs: described.xattrs,
    };
    let node = Node { kind, metadata, package: None, digest: None };
    Ok(Some(LayerMember { path, what: What::Node(Box::new(node)) }))
}

/// Reports whether two contents have the same bytes.
pub(super) fn is_same(one: &Content, other: &Content) -> io::Result<bool> {
    if one.len() != other.len() {
        return Ok(false);
    }
    if let (Some(one), Some(other)) = (one.memory(), other.memory()) {
        return Ok(one == other);
    }
    Ok(one.bytes()? == other.bytes()?)
}
