//! A lock on the path of a directory, whether the directory exists or not. Concurrent builds into
//! one path take turns.
//!
//! The lock is `flock` on the directory itself, or on its parent while the name does not exist. It
//! creates no file and needs no write permission, and the kernel releases it when its holder dies.
//! A build may put another directory in the place. So a process that gets the lock checks that the
//! name still refers to the locked directory.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, fstat, openat, statat};
use rustix::io::Errno;

use crate::cancel::Cancel;

/// The interval between two attempts to take the lock.
const LOOK: Duration = Duration::from_millis(20);

/// A held lock. It is released on drop.
pub(super) struct DirectoryLock {
    directory: OwnedFd,
}

impl DirectoryLock {
    /// Locks an open directory. Calls `wait` once if another process has the lock. Returns `None`
    /// if `cancel` is raised meanwhile.
    pub(super) fn of_directory(
        directory: BorrowedFd<'_>,
        wait: &mut dyn FnMut(),
        cancel: &Cancel,
    ) -> rustix::io::Result<Option<Self>> {
        let directory = readable(directory)?;
        Ok(take(&directory, &|| true, &mut Some(wait), cancel).map(|_| Self { directory }))
    }

    /// Locks the directory of a name in a directory, or the name itself while it does not exist.
    pub(super) fn of_name(
        holder: BorrowedFd<'_>,
        name: &CStr,
        wait: &mut dyn FnMut(),
        cancel: &Cancel,
    ) -> rustix::io::Result<Option<Self>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut wait = Some(wait);
        loop {
            let (directory, is_there) = match openat(holder, name, flags, Mode::empty()) {
                Ok(directory) => (directory, true),
                Err(Errno::NOENT) => (readable(holder)?, false),
                Err(error) => return Err(error),
            };
            let is_current = || {
                if is_there {
                    return is_still(holder, name, directory.as_fd());
                }
                statat(holder, name, AtFlags::SYMLINK_NOFOLLOW).err() == Some(Errno::NOENT)
            };
            match take(&directory, &is_current, &mut wait, cancel) {
                None => return Ok(None),
                Some(true) => return Ok(Some(Self { directory })),
                Some(false) => drop(Self { directory }),
            }
        }
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // A process that was just started may hold a copy of the descriptor for a moment.
        let _ = flock(&self.directory, FlockOperation::Unlock);
    }
}

/// Takes the lock. Returns `Some(false)` if the directory is no longer the one to lock, and `None`
/// if `cancel` is raised.
fn take(
    directory: &OwnedFd,
    is_current: &dyn Fn() -> bool,
    wait: &mut Option<&mut dyn FnMut()>,
    cancel: &Cancel,
) -> Option<bool> {
    loop {
        let locked = flock(directory, FlockOperation::NonBlockingLockExclusive);
        // A file system without locks has none to wait for.
        if locked != Err(Errno::WOULDBLOCK) || !is_current() {
            return Some(is_current());
        }
        if cancel.is_raised() {
            return None;
        }
        if let Some(wait) = wait.take() {
            wait();
        }
        std::thread::sleep(LOOK);
    }
}

/// Opens a directory again for reading, so that the lock belongs to this handle only.
pub(super) fn readable(directory: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    openat(directory, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Reports whether a name in a directory still refers to an open directory.
pub(super) fn is_still(holder: BorrowedFd<'_>, name: &CStr, directory: BorrowedFd<'_>) -> bool {
    match (statat(holder, name, AtFlags::SYMLINK_NOFOLLOW), fstat(directory)) {
        (Ok(there), Ok(held)) => (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino),
        _ => false,
    }
}
