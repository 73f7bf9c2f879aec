//! Paths below a directory, resolved name by name: neither a link nor `..` leads out of it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, fstat, openat};
use rustix::io::Errno;

use crate::package::Source;

/// Opens a directory given relative to `root`; the empty path and `/` are the root itself.
pub(super) fn directory(root: BorrowedFd<'_>, path: &[u8]) -> rustix::io::Result<OwnedFd> {
    let names: Vec<&[u8]> = path.split(|&c| c == b'/').filter(|name| !name.is_empty()).collect();
    if names.contains(&&b".."[..]) {
        return Err(Errno::INVAL);
    }
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Some((last, above)) = names.split_last() else {
        return openat(root, c".", flags | OFlags::RDONLY, Mode::empty());
    };
    let mut at: Option<OwnedFd> = None;
    for name in above {
        let next = openat(at.as_ref().map_or(root, AsFd::as_fd), *name, flags | OFlags::PATH, Mode::empty())?;
        at = Some(next);
    }
    openat(at.as_ref().map_or(root, AsFd::as_fd), *last, flags | OFlags::RDONLY, Mode::empty())
}

/// A regular file of a root, opened when it is read.
pub(super) struct FileBelow {
    pub(super) root: Arc<OwnedFd>,
    pub(super) path: Box<[u8]>,
    pub(super) inode: u64,
}

impl Source for FileBelow {
    fn open(&self) -> io::Result<File> {
        let (above, name) = crate::tree::split(&self.path);
        let above = directory(self.root.as_fd(), above)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(above, name, flags, Mode::empty())?;
        if fstat(&file)?.st_ino != self.inode {
            return Err(io::Error::other("it was replaced while the root was being changed"));
        }
        Ok(file.into())
    }
}
