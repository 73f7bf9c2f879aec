//! Names of a tree as members of an archive. A member is a header, preceded by pax records for
//! values that do not fit the header, and followed by the content.

use std::io::{self, Read, Write};

use rustc_hash::FxHashMap;
use tar::{Builder, EntryType, Header};

use super::Times;
use crate::output::error::OutputError;
use crate::output::ownership::{NotApplied, Reason, Wanted, number, reserved};
use crate::package::Content;
use crate::tree::{Metadata, Node, NodeId, NodeKind, display};

/// The size of a block, to which members are padded, in bytes.
const BLOCK: u64 = 512;
/// The largest value of seven octal digits: the field of owners and device numbers.
const SEVEN_DIGITS: u32 = 0o777_7777;
/// The largest value of eleven octal digits: the field of lengths and times.
const ELEVEN_DIGITS: u64 = 0o777_7777_7777;
/// The size of the fields for a name and a link's target, in bytes.
const NAME: usize = 100;

/// An archive under construction.
pub(in crate::output) struct Archive<W: Write> {
    builder: Builder<W>,
    times: Times,
    /// The first name of each node that is not a directory.
    first_names: FxHashMap<NodeId, Vec<u8>>,
    not_applied: Vec<NotApplied>,
}

impl<W: Write> Archive<W> {
    pub(in crate::output) fn new(out: W, times: Times) -> Self {
        Self { builder: Builder::new(out), times, first_names: FxHashMap::default(), not_applied: Vec::new() }
    }

    /// Adds a name of the tree. `path` has no slash before or after it, and is empty for the root.
    /// If a node is not a directory and has several names, every later name becomes a hard link to
    /// the first.
    pub(in crate::output) fn add(&mut self, path: &[u8], id: NodeId, node: &Node) -> Result<(), OutputError> {
        self.add_at(path, id, node, self.time(&node.metadata))
    }

    /// Does the same as `add`, with a given time.
    pub(in crate::output) fn add_at(&mut self, path: &[u8], id: NodeId, node: &Node, time: i64) -> Result<(), OutputError> {
        let metadata = &node.metadata;
        // A directory's name ends in a slash, as readers of the oldest form need it.
        let slash: &[u8] = if node.is_directory() { if path.is_empty() { b"./" } else { b"/" } } else { b"" };
        let mut member = Member::new(&[path, slash].concat(), metadata, time)?;
        if !node.is_directory() {
            if let Some(first) = self.first_names.get(&id) {
                member.header.set_entry_type(EntryType::Link);
                let first = first.clone();
                member.target(&first);
                return self.put(member, path);
            }
            self.first_names.insert(id, path.to_vec());
        }
        let mut content = None;
        match &node.kind {
            NodeKind::Directory(_) => member.header.set_entry_type(EntryType::Directory),
            NodeKind::File(bytes) => {
                member.header.set_entry_type(EntryType::Regular);
                member.size(bytes.len());
                content = Some(bytes);
            }
            NodeKind::Symlink(target) => {
                member.header.set_entry_type(EntryType::Symlink);
                // Links have no mode of their own on Linux.
                member.header.set_mode(0o777);
                member.target(target);
            }
            &NodeKind::CharacterDevice { major, minor } => member.device(EntryType::Char, major, minor, path)?,
            &NodeKind::BlockDevice { major, minor } => member.device(EntryType::Block, major, minor, path)?,
            NodeKind::Fifo => member.header.set_entry_type(EntryType::Fifo),
            NodeKind::Socket => {
                // The format has no type for sockets. A server creates its socket again.
                self.miss(path, Wanted::Socket);
                return Ok(());
            }
        }
        for (name, value) in &metadata.xattrs {
            if let Some(reason @ Reason::Overlay) = reserved(name) {
                let wanted = Wanted::Xattr { name: name.clone(), value: value.clone() };
                self.not_applied.push(NotApplied { path: [b"/", path].concat(), wanted, reason, recorded: false });
                continue;
            }
            // A record's key is UTF-8 and ends at the first `=`.
            match std::str::from_utf8(name).ok().filter(|name| !name.contains('=')) {
                Some(name) => member.records.push((format!("SCHILY.xattr.{name}"), value.to_vec())),
                None => self.miss(path, Wanted::Xattr { name: name.clone(), value: value.clone() }),
            }
        }
        self.put(member, path)?;
        content.map_or(Ok(()), |content| self.content(content, path))
    }

    /// Adds an empty file of mode 0 without owner, with which OCI images mark removed names.
    pub(in crate::output) fn add_mark(&mut self, path: &[u8]) -> Result<(), OutputError> {
        let mut member = Member::new(path, &Metadata::root(0), self.times.epoch)?;
        member.header.set_entry_type(EntryType::Regular);
        self.put(member, path)
    }

    /// Ends the archive. Returns the writer, and the parts that the archive could not hold.
    pub(in crate::output) fn finish(self) -> Result<(W, Vec<NotApplied>), OutputError> {
        let out = self.builder.into_inner().map_err(|error| OutputError::Archive { path: "the end".to_owned(), error })?;
        let mut not_applied = self.not_applied;
        not_applied.sort_unstable();
        Ok((out, not_applied))
    }

    /// Returns the time of a node in the archive.
    pub(in crate::output) fn time(&self, metadata: &Metadata) -> i64 {
        let Times { epoch, clamp } = self.times;
        match metadata.mtime {
            Metadata::NOW => epoch,
            time if clamp => time.min(epoch),
            time => time,
        }
    }

    fn miss(&mut self, path: &[u8], wanted: Wanted) {
        let path = [b"/", path].concat();
        self.not_applied.push(NotApplied { path, wanted, reason: Reason::NotSupported, recorded: false });
    }

    fn put(&mut self, mut member: Member, path: &[u8]) -> Result<(), OutputError> {
        let failed = |error| OutputError::Archive { path: display(path), error };
        member.records.sort_unstable();
        let records = member.records.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
        self.builder.append_pax_extensions(records).map_err(failed)?;
        member.header.set_cksum();
        self.builder.get_mut().write_all(member.header.as_bytes()).map_err(failed)
    }

    fn content(&mut self, content: &Content, path: &[u8]) -> Result<(), OutputError> {
        let failed = |error| OutputError::Archive { path: display(path), error };
        let out = self.builder.get_mut();
        if let Some(bytes) = content.memory() {
            out.write_all(bytes).map_err(failed)?;
        } else {
            let unreadable = |error| OutputError::Content { path: display(path), error };
            let mut reader = content.reader();
            let mut left = content.len();
            let mut buffer = vec![0; 1 << 16];
            while left > 0 {
                let n = reader.read(&mut buffer).map_err(unreadable)?;
                if n == 0 {
                    return Err(unreadable(io::ErrorKind::UnexpectedEof.into()));
                }
                out.write_all(&buffer[..n]).map_err(failed)?;
                left = left.saturating_sub(n as u64);
            }
        }
        let padding = content.len().next_multiple_of(BLOCK) - content.len();
        out.write_all(&[0; BLOCK as usize][..padding as usize]).map_err(failed)
    }
}

/// A header, and pax records for values that do not fit it.
struct Member {
    header: Header,
    records: Vec<(String, Vec<u8>)>,
}

impl Member {
    fn new(path: &[u8], metadata: &Metadata, time: i64) -> Result<Self, OutputError> {
        let mut member = Self { header: Header::new_ustar(), records: Vec::new() };
        let header = &mut member.header;
        header.set_mode(u32::from(metadata.mode));
        header.set_size(0);
        // A device number of nothing is 0, and not empty, as tar(1) writes it.
        for set in [Header::set_device_major, Header::set_device_minor] {
            set(header, 0).map_err(|error| OutputError::Archive { path: display(path), error })?;
        }
        let (Some(uid), Some(gid)) = (number(&metadata.user), number(&metadata.group)) else {
            let owner = format!("{:?}:{:?}", metadata.user, metadata.group);
            return Err(OutputError::Owner { path: display(path), owner });
        };
        header.set_uid(u64::from(uid.min(SEVEN_DIGITS)));
        header.set_gid(u64::from(gid.min(SEVEN_DIGITS)));
        let unsigned = u64::try_from(time).unwrap_or(0);
        header.set_mtime(unsigned.min(ELEVEN_DIGITS));
        if uid > SEVEN_DIGITS {
            member.record("uid", uid.to_string());
        }
        if gid > SEVEN_DIGITS {
            member.record("gid", gid.to_string());
        }
        if unsigned > ELEVEN_DIGITS || time < 0 {
            member.record("mtime", time.to_string());
        }
        Ok(member.named(path))
    }

    fn record(&mut self, key: &str, value: impl Into<Vec<u8>>) {
        self.records.push((key.to_owned(), value.into()));
    }

    fn named(mut self, path: &[u8]) -> Self {
        if path.len() > NAME {
            self.record("path", path);
        }
        if let Some(ustar) = self.header.as_ustar_mut() {
            let kept = &path[..path.len().min(NAME)];
            ustar.name[..kept.len()].copy_from_slice(kept);
        }
        self
    }

    fn target(&mut self, target: &[u8]) {
        if target.len() > NAME {
            self.record("linkpath", target);
        }
        if let Some(ustar) = self.header.as_ustar_mut() {
            let kept = &target[..target.len().min(NAME)];
            ustar.linkname[..kept.len()].copy_from_slice(kept);
        }
    }

    fn size(&mut self, size: u64) {
        if size > ELEVEN_DIGITS {
            self.record("size", size.to_string());
        }
        self.header.set_size(size.min(ELEVEN_DIGITS));
    }

    fn device(&mut self, kind: EntryType, major: u32, minor: u32, path: &[u8]) -> Result<(), OutputError> {
        self.header.set_entry_type(kind);
        let too_large = || OutputError::Archive {
            path: display(path),
            error: io::Error::other(format!("no archive holds the device number {major}:{minor}")),
        };
        if major > SEVEN_DIGITS || minor > SEVEN_DIGITS {
            return Err(too_large());
        }
        self.header.set_device_major(major).and_then(|()| self.header.set_device_minor(minor)).map_err(|_| too_large())
    }
}
