//! An existing root: read as the base tree of the model, and changed to match the new tree,
//! completely or not at all.
//!
//! In: a directory; later the tree that was read from it, with changes. Out: the directory with the
//! same changes. Existing files are not changed until all new nodes are written beside their
//! places. From then on the change is finished, by this run or by the next. No link is followed, so
//! nothing outside the root is read or changed.

mod apply;
mod beneath;
mod changes;
mod journal;
mod moves;
mod read;
#[cfg(test)]
mod tests;

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashSet;
use rustix::fs::{CWD, FlockOperation, Mode, OFlags, flock, openat};
use rustix::io::Errno;

use super::error::OutputError;
use super::ownership::{NotApplied, Ownership};
use crate::tree::{NodeId, Tree, display};

/// A locked existing root: no other process changes it during the life of this value.
#[derive(Debug)]
pub struct ExistingRoot {
    path: PathBuf,
    root: OwnedFd,
    ownership: Ownership,
    recovered: Option<Recovered>,
    /// The held lock files of the package manager.
    locks: Vec<OwnedFd>,
}

/// The result of recovering an interrupted change of an earlier run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// It was finished.
    Finished,
    /// It was rolled back.
    TakenBack,
}

/// The content of a root.
#[derive(Clone, Debug)]
pub struct Base {
    /// The whole tree. The contents of files are read on demand.
    pub tree: Tree,
    /// The directories that are the roots of other file systems.
    mounts: FxHashSet<NodeId>,
}

/// Statistics of a changed root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The number of added or replaced names, without those inside a new directory.
    pub came: usize,
    /// The number of removed names.
    pub went: usize,
    /// The parts of the tree that are not on disk, sorted by path.
    pub missing: Vec<NotApplied>,
}

impl ExistingRoot {
    /// Opens a root and locks it. Like the root's own package manager, it also locks the first of
    /// `lock_files` whose directory exists. An interrupted change of an earlier run is finished or
    /// rolled back.
    pub fn open(path: &Path, ownership: Ownership, lock_files: &[&str]) -> Result<Self, OutputError> {
        let failed = |action| move |error: Errno| OutputError::Root { root: path.to_owned(), action, error: error.into() };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, path, flags, Mode::empty()).map_err(failed("open it"))?;
        let busy = |lock: &str| OutputError::Busy { root: path.to_owned(), lock: lock.to_owned() };
        if flock(&root, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
            return Err(busy("/"));
        }
        let mut locks = Vec::new();
        for name in lock_files {
            let (directory, last) = crate::tree::split(name.as_bytes());
            let Ok(directory) = beneath::directory(root.as_fd(), directory) else { continue };
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let lock =
                openat(&directory, last, flags, Mode::RUSR | Mode::WUSR).map_err(failed("open the package manager's lock"))?;
            match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => locks.push(lock),
                Err(Errno::WOULDBLOCK) => return Err(busy(name)),
                Err(error) => return Err(failed("lock it")(error)),
            }
            break;
        }
        let mut existing = Self { path: path.to_owned(), root, ownership, recovered: None, locks };
        existing.recovered = existing.recover()?;
        Ok(existing)
    }

    /// Returns the result of recovering an interrupted change, if there was one.
    pub fn recovered(&self) -> Option<Recovered> {
        self.recovered
    }

    /// Reads the whole root. Includes other file systems below it, but not those that show the
    /// state of the system (`/proc`).
    pub fn read(&self) -> Result<Base, OutputError> {
        // A handle of its own: the tree may outlive the lock.
        let root = beneath::directory(self.root.as_fd(), b"");
        let root = root.map_err(|error| OutputError::Read { path: "/".to_owned(), action: "open it", error: error.into() })?;
        read::read(&Arc::new(root), self.ownership)
    }

    fn unlock(&self) {
        for lock in self.locks.iter().chain([&self.root]) {
            let _ = flock(lock, FlockOperation::Unlock);
        }
    }

    fn unfinished(&self, path: &[u8], action: &'static str, error: Errno) -> OutputError {
        OutputError::Unfinished { root: self.path.clone(), path: display(path), action, error: error.into() }
    }
}

/// Reads a root as a tree, for inspection only. The root is neither locked nor recovered, so it may
/// be read-only.
pub fn look_at(path: &Path, ownership: Ownership) -> Result<Tree, OutputError> {
    let failed = |error: Errno| OutputError::Root { root: path.to_owned(), action: "open it", error: error.into() };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, path, flags, Mode::empty()).map_err(failed)?;
    Ok(read::read(&Arc::new(root), ownership)?.tree)
}

/// Closing the handles is not enough: a child process that has just started may hold copies of them
/// for a moment.
impl Drop for ExistingRoot {
    fn drop(&mut self) {
        self.unlock();
    }
}
