//! Creates one node under its parent's handle with few system calls, as the tree describes it.
//!
//! Every node is new (`O_EXCL`) and no link is followed (`O_NOFOLLOW`). The directories above have
//! mode 0700 and belong to the caller until they are complete; the topmost one until the whole tree
//! is complete. So no other user can interfere. The kernel dictates the order of calls: `chown`
//! clears capabilities and set-user-id, writing clears both. So the order is content, owner,
//! attributes, mode, times.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags, chmodat, chownat, fchmod, fchown, fremovexattr,
    fsetxattr, futimens, lsetxattr, makedev, mkdirat, mknodat, openat, statat, symlinkat, utimensat,
};
use rustix::io::Errno;

use super::error::OutputError;
use super::ownership::{Caller, NotApplied, Ownership, ROOTLESS_XATTR, Reason, Wanted, number, reserved, rootless_record};
use crate::cancel::Cancel;
use crate::package::Content;
use crate::tree::{Metadata, Node, NodeKind, display};

/// The size of the buffer for contents that are not in memory, in bytes.
const BUFFER: usize = 256 * 1024;

/// The settings for creating nodes, the same for all nodes of a tree.
pub(super) struct Creator<'a> {
    pub(super) ownership: Ownership,
    pub(super) caller: Caller,
    /// The bits that `open`, `mkdir` and `mknod` remove from modes.
    pub(super) umask: u16,
    /// The time that replaces [`Metadata::NOW`], in seconds since 1970.
    pub(super) epoch: i64,
    pub(super) cancel: &'a Cancel,
    /// New nodes may inherit their group or mode from their directory. So every attribute is set,
    /// even if the default seems right.
    pub(super) inherits: bool,
}

/// A collector of the parts of one path that are not applied.
pub(super) struct Missed<'a> {
    /// The path, computed only if it is needed.
    pub(super) path: &'a dyn Fn() -> Vec<u8>,
    pub(super) list: &'a mut Vec<NotApplied>,
}

impl Missed<'_> {
    fn add(&mut self, wanted: Wanted, reason: Reason, recorded: bool) {
        self.list.push(NotApplied { path: (self.path)(), wanted, reason, recorded });
    }
}

/// The reason why a node was not created.
pub(super) enum Failure {
    /// The system refused.
    System(&'static str, Errno),
    /// The content could not be read.
    Content(std::io::Error),
    /// The user canceled.
    Cancelled,
}

impl Failure {
    /// Returns the error for a path.
    pub(super) fn at(self, path: &[u8]) -> OutputError {
        match self {
            Self::System(action, error) => OutputError::write(path, action, error),
            Self::Content(error) => OutputError::Content { path: display(path), error },
            Self::Cancelled => OutputError::Cancelled,
        }
    }
}

fn failed(action: &'static str) -> impl Fn(Errno) -> Failure {
    move |error| Failure::System(action, error)
}

/// The attributes of a node that `open` and `mkdir` do not set.
struct Extras<'a> {
    metadata: &'a Metadata,
    uid: u32,
    gid: u32,
    /// True if the owner is not the caller and is to be applied.
    chown: bool,
    /// True if the owner is not root and is to be recorded.
    record: bool,
}

impl Extras<'_> {
    fn owner(&self) -> Wanted {
        Wanted::Owner { uid: self.uid, gid: self.gid }
    }

    /// Reports whether only the times remain to be set once the node is created with its mode.
    fn is_plain(&self, umask: u16) -> bool {
        !self.chown && !self.record && self.metadata.xattrs.is_empty() && self.metadata.mode & (0o7000 | umask) == 0
    }
}

impl Creator<'_> {
    fn extras<'a>(&self, metadata: &'a Metadata) -> Extras<'a> {
        // The plan has refused owners without numbers.
        let (uid, gid) = (number(&metadata.user).unwrap_or(0), number(&metadata.group).unwrap_or(0));
        let records = self.ownership == Ownership::Record;
        Extras {
            metadata,
            uid,
            gid,
            chown: !records && (self.inherits || (uid, gid) != (self.caller.uid, self.caller.gid)),
            record: records && (uid, gid) != (0, 0),
        }
    }

    /// Creates a node that is not a directory.
    pub(super) fn create(
        &self,
        directory: BorrowedFd<'_>,
        name: &[u8],
        node: &Node,
        missed: &mut Missed<'_>,
    ) -> Result<(), Failure> {
        let metadata = &node.metadata;
        match &node.kind {
            NodeKind::File(content) => self.file(directory, name, content, metadata, missed),
            NodeKind::Symlink(target) => {
                symlinkat(&**target, directory, name).map_err(failed("create a symbolic link"))?;
                self.special(directory, name, metadata, false, missed)
            }
            NodeKind::Fifo => self.node(directory, name, FileType::Fifo, 0, metadata, missed),
            NodeKind::Socket => self.node(directory, name, FileType::Socket, 0, metadata, missed),
            &NodeKind::CharacterDevice { major, minor } => self.device(directory, name, (false, major, minor), metadata, missed),
            &NodeKind::BlockDevice { major, minor } => self.device(directory, name, (true, major, minor), metadata, missed),
            // Directories have their own functions, because they are finished when they are full.
            NodeKind::Directory(_) => Err(Failure::System("create a file", Errno::ISDIR)),
        }
    }

    fn file(
        &self,
        directory: BorrowedFd<'_>,
        name: &[u8],
        content: &Content,
        metadata: &Metadata,
        missed: &mut Missed<'_>,
    ) -> Result<(), Failure> {
        let extras = self.extras(metadata);
        let plain = extras.is_plain(self.umask);
        let mode = if plain { mode(metadata.mode) } else { Mode::RUSR | Mode::WUSR };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(directory, name, flags, mode).map_err(failed("create a file"))?;
        write_content(file.as_fd(), content, self.cancel)?;
        if !plain {
            Self::apply(file.as_fd(), &extras, missed)?;
        }
        self.stamp(futimens(&file, &self.times(metadata)), metadata, missed)
    }

    fn device(
        &self,
        directory: BorrowedFd<'_>,
        name: &[u8],
        (block, major, minor): (bool, u32, u32),
        metadata: &Metadata,
        missed: &mut Missed<'_>,
    ) -> Result<(), Failure> {
        let kind = if block { FileType::BlockDevice } else { FileType::CharacterDevice };
        match self.node(directory, name, kind, makedev(major, minor), metadata, missed) {
            Err(Failure::System(_, error)) if Reason::of(error).is_some() && is_absent(directory, name) => {
                let extras = self.extras(metadata);
                let wanted = Wanted::Device { block, major, minor, mode: metadata.mode, uid: extras.uid, gid: extras.gid };
                missed.add(wanted, Reason::of(error).unwrap_or(Reason::NotPermitted), false);
                Ok(())
            }
            result => result,
        }
    }

    fn node(
        &self,
        directory: BorrowedFd<'_>,
        name: &[u8],
        kind: FileType,
        device: u64,
        metadata: &Metadata,
        missed: &mut Missed<'_>,
    ) -> Result<(), Failure> {
        mknodat(directory, name, kind, Mode::RUSR | Mode::WUSR, device).map_err(failed("create a special file"))?;
        self.special(directory, name, metadata, true, missed)
    }

    /// Sets owner, attributes, mode and times of a node that cannot be opened: link, device, pipe,
    /// socket.
    fn special(
        &self,
        directory: BorrowedFd<'_>,
        name: &[u8],
        metadata: &Metadata,
        has_mode: bool,
        missed: &mut Missed<'_>,
    ) -> Result<(), Failure> {
        let extras = self.extras(metadata);
        if extras.record {
            missed.add(extras.owner(), Reason::NotPermitted, false);
        } else if extras.chown {
            let (uid, gid) = (Uid::from_raw(extras.uid), Gid::from_raw(extras.gid));
            match chownat(directory, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(()) => {}
                Err(error) => match Reason::of(error) {
                    Some(reason) => missed.add(extras.owner(), reason, false),
                    None => return Err(Failure::System("set the owner", error)),
                },
            }
        }
        for (attribute, value) in &metadata.xattrs {
            if let Some(reason) = reserved(attribute) {
                missed.add(Wanted::Xattr { name: attribute.clone(), value: value.clone() }, reason, false);
                continue;
            }
            // The system has no call by directory handle before Linux 6.13; `/proc` resolves the
            // handle.
            let mut full = format!("/proc/self/fd/{}/", std::os::fd::AsRawFd::as_raw_fd(&directory)).into_bytes();
            full.extend_from_slice(name);
            let result = lsetxattr(&*full, &**attribute, value, XattrFlags::empty());
            check_xattr(result, attribute, value, missed)?;
        }
        if has_mode {
            // `chmodat` follows links. This node is not a link: the previous call created it in a
            // directory that no other user can enter.
            chmodat(directory, name, mode(metadata.mode), AtFlags::empty()).map_err(failed("set the mode"))?;
        }
        let result = utimensat(directory, name, &self.times(metadata), AtFlags::SYMLINK_NOFOLLOW);
        self.stamp(result, metadata, missed)
    }

    /// Creates a directory that stays empty.
    pub(super) fn empty_directory(
        &self,
        parent: BorrowedFd<'_>,
        name: &[u8],
        metadata: &Metadata,
        missed: &mut Missed<'_>,
    ) -> Result<(), Failure> {
        if !self.extras(metadata).is_plain(self.umask) {
            let directory = self.open_new_directory(parent, name)?;
            return self.finish_directory(directory.as_fd(), metadata, missed);
        }
        mkdirat(parent, name, mode(metadata.mode)).map_err(failed("create a directory"))?;
        let result = utimensat(parent, name, &self.times(metadata), AtFlags::SYMLINK_NOFOLLOW);
        self.stamp(result, metadata, missed)
    }

    /// Creates a directory to be filled: mode 0700 and owned by the caller, whatever the tree says,
    /// until [`Creator::finish_directory`].
    pub(super) fn open_new_directory(&self, parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Failure> {
        mkdirat(parent, name, Mode::RWXU).map_err(failed("create a directory"))?;
        if self.umask & 0o700 != 0 {
            chmodat(parent, name, Mode::RWXU, AtFlags::empty()).map_err(failed("open a directory"))?;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(parent, name, flags, Mode::empty()).map_err(failed("open a directory"))
    }

    /// Sets the attributes of a filled directory, as the tree states them.
    pub(super) fn finish_directory(
        &self,
        directory: BorrowedFd<'_>,
        metadata: &Metadata,
        missed: &mut Missed<'_>,
    ) -> Result<(), Failure> {
        Self::apply(directory, &self.extras(metadata), missed)?;
        self.stamp(futimens(directory, &self.times(metadata)), metadata, missed)
    }

    /// Changes the attributes of an existing directory from `from` to `to`. Returns the attempted
    /// action together with the error if the system refuses it.
    pub(super) fn settle_directory(
        &self,
        directory: BorrowedFd<'_>,
        from: &Metadata,
        to: &Metadata,
        missed: &mut Missed<'_>,
    ) -> Result<(), (&'static str, Errno)> {
        let owners = |metadata: &Metadata| (number(&metadata.user), number(&metadata.group));
        let was_recorded = self.ownership == Ownership::Record && owners(from) != (Some(0), Some(0));
        let is_recorded = self.ownership == Ownership::Record && owners(to) != (Some(0), Some(0));
        let gone = from.xattrs.keys().filter(|name| !to.xattrs.contains_key(*name)).map(|name| &**name);
        for attribute in gone.chain((was_recorded && !is_recorded).then_some(ROOTLESS_XATTR.as_bytes())) {
            match fremovexattr(directory, attribute) {
                Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
                Err(error) => return Err(("remove an extended attribute", error)),
            }
        }
        match self.finish_directory(directory, to, missed) {
            Ok(()) => Ok(()),
            Err(Failure::System(action, error)) => Err((action, error)),
            Err(Failure::Content(_) | Failure::Cancelled) => Err(("finish it", Errno::INTR)),
        }
    }

    /// Restores the times of an open directory, as far as the system permits.
    pub(super) fn set_times(&self, directory: BorrowedFd<'_>, metadata: &Metadata) {
        let _ = futimens(directory, &self.times(metadata));
    }

    /// Sets owner, attributes and mode of an open file or directory.
    fn apply(file: BorrowedFd<'_>, extras: &Extras<'_>, missed: &mut Missed<'_>) -> Result<(), Failure> {
        let mut refused = extras.record.then_some(Reason::NotPermitted);
        if extras.chown
            && let Err(error) = fchown(file, Some(Uid::from_raw(extras.uid)), Some(Gid::from_raw(extras.gid)))
        {
            refused = Some(Reason::of(error).ok_or(Failure::System("set the owner", error))?);
        }
        if let Some(reason) = refused {
            let recorded = match rootless_record(extras.uid, extras.gid) {
                Some(record) => fsetxattr(file, ROOTLESS_XATTR, &record, XattrFlags::empty()).is_ok(),
                None => false,
            };
            missed.add(extras.owner(), reason, recorded);
        }
        for (name, value) in &extras.metadata.xattrs {
            if let Some(reason) = reserved(name) {
                missed.add(Wanted::Xattr { name: name.clone(), value: value.clone() }, reason, false);
                continue;
            }
            check_xattr(fsetxattr(file, &**name, value, XattrFlags::empty()), name, value, missed)?;
        }
        match fchmod(file, mode(extras.metadata.mode)) {
            Ok(()) => Ok(()),
            // Root without CAP_FOWNER gave the file to another owner, or the directory existed
            // before.
            Err(Errno::PERM) => {
                let wanted = Wanted::Mode(extras.metadata.mode);
                missed.add(wanted, Reason::NotPermitted, false);
                Ok(())
            }
            Err(error) => Err(Failure::System("set the mode", error)),
        }
    }

    fn seconds(&self, metadata: &Metadata) -> i64 {
        if metadata.mtime == Metadata::NOW { self.epoch } else { metadata.mtime }
    }

    /// Returns the tree's time for access and modification, so that the result does not depend on a
    /// clock.
    fn times(&self, metadata: &Metadata) -> Timestamps {
        let time = Timespec { tv_sec: self.seconds(metadata), tv_nsec: 0 };
        Timestamps { last_access: time, last_modification: time }
    }

    /// Handles the result of setting the time.
    fn stamp(&self, result: rustix::io::Result<()>, metadata: &Metadata, missed: &mut Missed<'_>) -> Result<(), Failure> {
        match result {
            Ok(()) => Ok(()),
            Err(Errno::PERM) => {
                let wanted = Wanted::Mtime(self.seconds(metadata));
                missed.add(wanted, Reason::NotPermitted, false);
                Ok(())
            }
            Err(error) => Err(Failure::System("set the time", error)),
        }
    }
}

fn is_absent(directory: BorrowedFd<'_>, name: &[u8]) -> bool {
    statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).is_err()
}

fn mode(bits: u16) -> Mode {
    Mode::from_raw_mode(u32::from(bits & 0o7777))
}

fn check_xattr(result: rustix::io::Result<()>, name: &[u8], value: &[u8], missed: &mut Missed<'_>) -> Result<(), Failure> {
    match result {
        Ok(()) => Ok(()),
        // A label that the host's policy does not know is EINVAL, and no matter of mapped ids.
        Err(error) => match Reason::of(error).map(|reason| if error == Errno::INVAL { Reason::NotSupported } else { reason }) {
            Some(reason) => {
                let wanted = Wanted::Xattr { name: name.into(), value: value.into() };
                missed.add(wanted, reason, false);
                Ok(())
            }
            None => Err(Failure::System("set an extended attribute", error)),
        },
    }
}

fn write_content(file: BorrowedFd<'_>, content: &Content, cancel: &Cancel) -> Result<(), Failure> {
    if let Some(bytes) = content.memory() {
        return write_all(file, bytes);
    }
    let mut reader = content.reader();
    let mut buffer = vec![0; BUFFER.min(usize::try_from(content.len()).unwrap_or(BUFFER))];
    loop {
        if cancel.is_raised() {
            return Err(Failure::Cancelled);
        }
        match reader.read(&mut buffer).map_err(Failure::Content)? {
            0 => return Ok(()),
            n => write_all(file, &buffer[..n])?,
        }
    }
}

/// Writes bytes to a file that this process created.
pub(super) fn write_own(file: BorrowedFd<'_>, bytes: &[u8]) -> rustix::io::Result<()> {
    write_all(file, bytes).map_err(|failure| match failure {
        Failure::System(_, error) => error,
        Failure::Content(_) | Failure::Cancelled => Errno::IO,
    })
}

fn write_all(file: BorrowedFd<'_>, mut bytes: &[u8]) -> Result<(), Failure> {
    while !bytes.is_empty() {
        match rustix::io::write(file, bytes) {
            Ok(0) => return Err(Failure::System("write", Errno::NOSPC)),
            Ok(n) => bytes = &bytes[n..],
            Err(Errno::INTR) => {}
            Err(error) => return Err(Failure::System("write", error)),
        }
    }
    Ok(())
}
