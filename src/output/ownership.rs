//! Owners of the written files, and records of owners that could not be applied.
//!
//! A tree that an ordinary user writes belongs to that user, who stands for `0:0`, as in a user
//! namespace with one id. Other owners of files and directories are recorded in the extended
//! attribute `user.rootlesscontainers`. umoci reads it when it packs an image, and `PRoot` when it
//! runs one (`rootlesscontainers.proto`: `uid = 1`, `gid = 2`). The containers/storage attribute
//! `user.containers.override_stat` is not written: fuse-overlayfs takes mode and type from it too,
//! and two records of one fact can differ.

use std::fs;

use rustix::io::Errno;
use rustix::process::{getegid, geteuid};

use crate::package::Owner;

/// Extended attribute for owners that could not be applied.
pub(super) const ROOTLESS_XATTR: &str = "user.rootlesscontainers";

/// The way in which the tree's owners are written to disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// By `chown`, as root. Owners that the system refuses anyway are recorded.
    Apply,
    /// Everything belongs to the caller, who stands for root. Other owners are recorded.
    Record,
    /// By `chown` inside a user namespace; ids that are not mapped are recorded.
    UserNamespace,
}

impl Ownership {
    /// Detects what this process can do. Real root applies owners, root of a user namespace applies
    /// mapped owners, every other user records them.
    pub fn detect() -> Self {
        if !geteuid().is_root() {
            return Self::Record;
        }
        let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        let initial = map.is_empty() || map.split_whitespace().eq(["0", "0", "4294967295"]);
        if initial { Self::Apply } else { Self::UserNamespace }
    }
}

/// A part of a path that is in the tree, but not on disk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotApplied {
    /// The path, absolute in the tree.
    pub path: Vec<u8>,
    /// The expected value.
    pub wanted: Wanted,
    /// The reason why it was not applied.
    pub reason: Reason,
    /// True if the owner is recorded in the attribute `user.rootlesscontainers`.
    pub recorded: bool,
}

/// The expected state of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// The owner and group.
    Owner {
        /// User id.
        uid: u32,
        /// Group id.
        gid: u32,
    },
    /// A device. The path does not exist on disk.
    Device {
        /// Block device, or else character device.
        block: bool,
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
        /// Permission bits.
        mode: u16,
        /// User id.
        uid: u32,
        /// Group id.
        gid: u32,
    },
    /// An extended attribute.
    Xattr {
        /// Full name.
        name: Box<[u8]>,
        /// Value.
        value: Box<[u8]>,
    },
    /// Permission bits.
    Mode(u16),
    /// The modification time, in seconds since 1970.
    Mtime(i64),
    /// A socket. The path does not exist on disk.
    Socket,
}

/// The reason why a part was not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Only root may do this.
    NotPermitted,
    /// The id is not mapped in this user namespace.
    NotMapped,
    /// The file system does not support it, or the system does not know the value.
    NotSupported,
    /// The attribute is reserved for recording owners; a package must not set it.
    Reserved,
    /// overlayfs reads it in its layers (`trusted.overlay.`, `user.overlay.`): a package could
    /// redirect overlayfs with it.
    Overlay,
}

/// Returns the reason why a package may not set an attribute, if there is one. The host would act
/// upon such attributes once the tree is one of its overlay layers.
pub(super) fn reserved(attribute: &[u8]) -> Option<Reason> {
    if attribute == ROOTLESS_XATTR.as_bytes() {
        Some(Reason::Reserved)
    } else if attribute.starts_with(b"trusted.overlay.") || attribute.starts_with(b"user.overlay.") {
        Some(Reason::Overlay)
    } else {
        None
    }
}

impl Reason {
    /// Returns the text for the report.
    pub fn text(self) -> &'static str {
        match self {
            Self::NotPermitted => "only root may do this",
            Self::NotMapped => "the id is not mapped in this user namespace",
            Self::NotSupported => "the file system, or the format, does not support it",
            Self::Reserved => "this attribute records owners that could not be applied",
            Self::Overlay => "this attribute tells overlayfs where else a file's content or name is",
        }
    }

    /// Returns the reason for a tolerated error; `None` for all other errors.
    pub(super) fn of(error: Errno) -> Option<Self> {
        match error {
            Errno::PERM | Errno::ACCESS => Some(Self::NotPermitted),
            Errno::INVAL => Some(Self::NotMapped),
            // An attribute that is longer than one can be, or that the inode has no room for.
            Errno::OPNOTSUPP | Errno::NOSYS | Errno::TOOBIG | Errno::RANGE => Some(Self::NotSupported),
            _ => None,
        }
    }
}

/// User and group of this process, which the files that it creates get.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Caller {
    pub(super) fn this_process() -> Self {
        Self { uid: geteuid().as_raw(), gid: getegid().as_raw() }
    }
}

/// Returns the number of an owner. `-1` is invalid, because `chown` takes it for "leave as it is".
pub(super) fn number(owner: &Owner) -> Option<u32> {
    match owner {
        Owner::Id(id) if *id != u32::MAX => Some(*id),
        _ => None,
    }
}

/// Returns the value of `user.rootlesscontainers`, or `None` for `0:0`, which needs no record. As
/// umoci does, an id of 0 is written as `-1` ("as it is"), because readers take the caller for
/// root.
pub(super) fn rootless_record(uid: u32, gid: u32) -> Option<Vec<u8>> {
    if uid == 0 && gid == 0 {
        return None;
    }
    let mut message = Vec::with_capacity(12);
    for (field, id) in [(1u8, uid), (2, gid)] {
        // Wire type 0 (varint); the ids are `uint32` of proto3.
        message.push(field << 3);
        let mut rest = if id == 0 { u32::MAX } else { id };
        while rest >= 0x80 {
            message.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        message.push(rest as u8);
    }
    Some(message)
}

/// Returns the owners in a value of `user.rootlesscontainers`; `None` if the value is invalid.
pub(super) fn read_rootless_record(mut message: &[u8]) -> Option<(u32, u32)> {
    let (mut uid, mut gid) = (0, 0);
    while let Some((&key, rest)) = message.split_first() {
        let (mut value, mut shift) = (0u64, 0);
        message = rest;
        loop {
            let (&byte, rest) = message.split_first()?;
            message = rest;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        // `-1` is "as it is": the caller, who stands for root.
        let id = u32::try_from(value & 0xffff_ffff).ok().map(|id| if id == u32::MAX { 0 } else { id })?;
        match key {
            0x08 => uid = id,
            0x10 => gid = id,
            _ => return None,
        }
    }
    Some((uid, gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_the_protobuf_that_umoci_reads() {
        assert_eq!(rootless_record(0, 0), None);
        // Values of umoci's own tests: 0x08 field 1, 0x10 field 2, -1 in five bytes.
        assert_eq!(rootless_record(1000, 8888).unwrap(), [0x08, 0xe8, 0x07, 0x10, 0xb8, 0x45]);
        assert_eq!(rootless_record(0, 8888).unwrap(), [0x08, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x10, 0xb8, 0x45]);
        assert_eq!(rootless_record(8888, 0).unwrap(), [0x08, 0xb8, 0x45, 0x10, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    }

    #[test]
    fn records_are_read_back() {
        for owners in [(1000, 8888), (0, 8888), (7, 0), (u32::MAX - 1, 1)] {
            assert_eq!(read_rootless_record(&rootless_record(owners.0, owners.1).unwrap()), Some(owners));
        }
        for wrong in
            [&[0x08][..], &[0x08, 0x80], &[0x1a, 0x00], &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]]
        {
            assert_eq!(read_rootless_record(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn minus_one_and_names_are_no_numbers() {
        assert_eq!(number(&Owner::Id(12)), Some(12));
        assert_eq!(number(&Owner::Id(u32::MAX)), None);
        assert_eq!(number(&Owner::named("mail")), None);
    }
}
