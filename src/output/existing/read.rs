//! Reads a root as a tree: the results of `stat` and the extended attributes of each path. Contents
//! stay on disk.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use rustix::fs::{AtFlags, FileType, Stat, fstat, fstatfs, lgetxattr, llistxattr, major, minor, readlinkat, statat};
use rustix::io::Errno;

use super::Base;
use super::beneath::{self, FileBelow};
use crate::output::error::OutputError;
use crate::output::ownership::{Caller, Ownership, ROOTLESS_XATTR, read_rootless_record};
use crate::output::remove::list;
use crate::package::{Content, Owner, Xattrs};
use crate::tree::{Metadata, Node, NodeId, NodeKind, Tree, display};

/// File systems that hold no files but show the state of the system (names from `linux/magic.h`).
const SHOWS_STATE: [u64; 19] = [
    0x9fa0,      // PROC_SUPER_MAGIC
    0x6265_6572, // SYSFS_MAGIC
    0x1cd1,      // DEVPTS_SUPER_MAGIC
    0x0027_e0eb, // CGROUP_SUPER_MAGIC
    0x6367_7270, // CGROUP2_SUPER_MAGIC
    0x6462_6720, // DEBUGFS_MAGIC
    0x7472_6163, // TRACEFS_MAGIC
    0x7363_6673, // SECURITYFS_MAGIC
    0xcafe_4a11, // BPF_FS_MAGIC
    0xde5e_81e4, // EFIVARFS_MAGIC
    0x1980_0202, // MQUEUE_MAGIC
    0x6165_676c, // PSTOREFS_MAGIC
    0x6265_6570, // CONFIGFS_MAGIC
    0x6573_5543, // FUSE_CTL_SUPER_MAGIC
    0x4249_4e4d, // BINFMTFS_MAGIC
    0x0187,      // AUTOFS_SUPER_MAGIC
    0x6e73_6673, // NSFS_MAGIC
    0x9584_58f6, // HUGETLBFS_MAGIC
    0xf97c_ff8c, // SELINUX_MAGIC
];

struct Reader<'a> {
    root: &'a Arc<OwnedFd>,
    ownership: Ownership,
    caller: Caller,
    base: Base,
    /// Nodes of more than one name, by device and inode.
    linked: FxHashMap<(u64, u64), NodeId>,
}

pub(super) fn read(root: &Arc<OwnedFd>, ownership: Ownership) -> Result<Base, OutputError> {
    let base = Base { tree: Tree::new(), mounts: FxHashSet::default() };
    let caller = Caller::this_process();
    let mut reader = Reader { root, ownership, caller, base, linked: FxHashMap::default() };
    let failed = |path: &[u8], action| {
        let path = display(path);
        move |error: Errno| OutputError::Read { path: format!("/{path}"), action, error: error.into() }
    };
    // The directories to read, each with its file system. The code does not recurse: a root may be
    // deep, and the number of handles is limited.
    let mut pending: Vec<(NodeId, Vec<u8>, u64)> = vec![(Tree::ROOT, Vec::new(), 0)];
    while let Some((id, path, above)) = pending.pop() {
        let directory = beneath::directory(root.as_fd(), &path).map_err(failed(&path, "open it"))?;
        let stat = fstat(&directory).map_err(failed(&path, "look at it"))?;
        let metadata = reader.metadata(&stat, directory.as_fd(), c".").map_err(failed(&path, "read its attributes"))?;
        reader.base.tree.node_mut(id).metadata = metadata;
        if id != Tree::ROOT && stat.st_dev != above {
            reader.base.mounts.insert(id);
            let found = fstatfs(&directory).map_err(failed(&path, "look at its file system"))?;
            if SHOWS_STATE.contains(&u64::from(found.f_type as u32)) {
                continue;
            }
        }
        for name in list(directory.as_fd()).map_err(failed(&path, "list it"))? {
            let bytes = name.to_bytes();
            let below = if path.is_empty() { bytes.to_vec() } else { [&path, &b"/"[..], bytes].concat() };
            if let Some(child) = reader.entry(id, directory.as_fd(), &name, &below).map_err(failed(&below, "read it"))? {
                pending.push((child, below, stat.st_dev));
            }
        }
    }
    Ok(reader.base)
}

impl Reader<'_> {
    /// Adds a name to the tree. Returns the node's id if it is a directory that is to be read.
    fn entry(
        &mut self,
        parent: NodeId,
        directory: BorrowedFd<'_>,
        name: &CStr,
        path: &[u8],
    ) -> rustix::io::Result<Option<NodeId>> {
        let stat = match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            // The name was removed between the two calls.
            Err(Errno::NOENT) => return Ok(None),
            result => result?,
        };
        let impossible = |_| Errno::NAMETOOLONG;
        let file_type = FileType::from_raw_mode(stat.st_mode);
        if file_type == FileType::Directory {
            // The attributes of a directory are read with its content.
            return self.base.tree.insert(parent, name.to_bytes(), Node::directory(0)).map(Some).map_err(impossible);
        }
        let inode = (stat.st_dev, stat.st_ino);
        if stat.st_nlink > 1
            && let Some(&id) = self.linked.get(&inode)
        {
            return self.base.tree.link(parent, name.to_bytes(), id).map(|()| None).map_err(impossible);
        }
        let kind = match file_type {
            FileType::RegularFile => {
                let source = FileBelow { root: Arc::clone(self.root), path: path.into(), inode: stat.st_ino };
                NodeKind::File(Content::elsewhere(source, stat.st_size.unsigned_abs()))
            }
            FileType::Symlink => NodeKind::Symlink(readlinkat(directory, name, Vec::new())?.to_bytes().into()),
            FileType::CharacterDevice => NodeKind::CharacterDevice { major: major(stat.st_rdev), minor: minor(stat.st_rdev) },
            FileType::BlockDevice => NodeKind::BlockDevice { major: major(stat.st_rdev), minor: minor(stat.st_rdev) },
            FileType::Fifo => NodeKind::Fifo,
            FileType::Socket => NodeKind::Socket,
            _ => return Err(Errno::INVAL),
        };
        let metadata = self.metadata(&stat, directory, name)?;
        let node = Node { kind, metadata, package: None, digest: None };
        let id = self.base.tree.insert(parent, name.to_bytes(), node).map_err(impossible)?;
        if stat.st_nlink > 1 {
            self.linked.insert(inode, id);
        }
        Ok(None)
    }

    fn metadata(&self, stat: &Stat, directory: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<Metadata> {
        let mut xattrs = xattrs(directory, name)?;
        let (mut uid, mut gid) = (stat.st_uid, stat.st_gid);
        if self.ownership == Ownership::Record {
            // The caller stands for root, and other owners were recorded.
            (uid, gid) = (if uid == self.caller.uid { 0 } else { uid }, if gid == self.caller.gid { 0 } else { gid });
            let record = xattrs.remove(ROOTLESS_XATTR.as_bytes());
            (uid, gid) = record.and_then(|record| read_rootless_record(&record)).unwrap_or((uid, gid));
        }
        Ok(Metadata {
            mode: (stat.st_mode & 0o7777) as u16,
            mtime: stat.st_mtime,
            user: Owner::Id(uid),
            group: Owner::Id(gid),
            xattrs,
        })
    }
}

/// Returns the extended attributes of a name, without following a link.
fn xattrs(directory: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<Xattrs> {
    // The system has no call by directory handle before Linux 6.13; `/proc` resolves the handle.
    let mut path = format!("/proc/self/fd/{}/", directory.as_raw_fd()).into_bytes();
    path.extend_from_slice(name.to_bytes());
    let mut found = Xattrs::new();
    let mut names = [0u8; 4096];
    let length = match llistxattr(&*path, &mut names) {
        Err(Errno::OPNOTSUPP) | Ok(0) => return Ok(found),
        result => result?,
    };
    for attribute in names[..length].split(|&c| c == 0).filter(|attribute| !attribute.is_empty()) {
        let mut value = vec![0u8; 1 << 16];
        match lgetxattr(&*path, attribute, &mut value) {
            Ok(length) => drop(found.insert(attribute.into(), value[..length].into())),
            // The attribute was removed, or the caller may not read it.
            Err(Errno::NODATA | Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
