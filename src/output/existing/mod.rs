//! A root that is there already: read as the base below the model, and changed to what the model has become, wholly or not at all.
//!
//! In: a directory; later the tree that was read from it, and the same tree changed. Out: the directory changed likewise. Nothing of it is
//! touched before all that comes is written beside its place; from then on the change is finished, by this run or by the next. No link
//! is followed, so nothing outside of it is read or changed.

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

/// A root that is there already, locked: nobody else changes it as long as this lives.
#[derive(Debug)]
pub struct ExistingRoot {
    path: PathBuf,
    root: OwnedFd,
    ownership: Ownership,
    recovered: Option<Recovered>,
    /// The package manager's lock.
    locks: Vec<OwnedFd>,
}

/// What became of a change that an earlier run did not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// It was finished.
    Finished,
    /// It was taken back.
    TakenBack,
}

/// What a root holds.
#[derive(Clone, Debug)]
pub struct Base {
    /// All of it. The files' contents are read when they are asked for.
    pub tree: Tree,
    /// The directories that are the roots of other file systems.
    mounts: FxHashSet<NodeId>,
}

/// What was done to a root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Names that came, or came in place of others; what is in a new directory is not counted.
    pub came: usize,
    /// Names that went.
    pub went: usize,
    /// What of the tree is not on the disk, sorted by path.
    pub missing: Vec<NotApplied>,
}

impl ExistingRoot {
    /// Opens a root and locks it: the directory itself, and the first of `lock_files` whose directory is there, as the root's own package
    /// manager does. A change that an earlier run did not end is finished or taken back.
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

    /// What became of a change that an earlier run did not end, if there was one.
    pub fn recovered(&self) -> Option<Recovered> {
        self.recovered
    }

    /// All that the root holds. Below other file systems too, but not below those that show the state of the system (`/proc`).
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

/// Reads a root as a tree for somebody who only looks: it is neither locked nor mended, and so may be one that nobody can write to.
pub fn look_at(path: &Path, ownership: Ownership) -> Result<Tree, OutputError> {
    let failed = |error: Errno| OutputError::Root { root: path.to_owned(), action: "open it", error: error.into() };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, path, flags, Mode::empty()).map_err(failed)?;
    Ok(read::read(&Arc::new(root), ownership)?.tree)
}

/// Closing the handles is not enough: a process that was just started may hold copies of them for a moment.
impl Drop for ExistingRoot {
    fn drop(&mut self) {
        self.unlock();
    }
}
