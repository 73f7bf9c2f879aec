//! Moves a change into place, rolls it back, and cleans up after it. Each operation can be repeated
//! after an interruption.
//!
//! A new node is beside its place as `PREFIX-N.new`, a removed one as `PREFIX-N.old`. Which of them
//! exist shows the progress of step N. A file that is replaced first gets its second name, and is
//! then replaced by rename, so that its own name is never missing.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, RenameFlags, chmodat, linkat, renameat, renameat_with, statat, unlinkat};
use rustix::io::Errno;

use super::beneath;
use super::journal::{Journal, JournalStep};
use crate::output::create::{Creator, Missed};
use crate::output::ownership::NotApplied;
use crate::output::remove::remove_tree;
use crate::tree::{Metadata, join};

/// The failed action, its path and the error.
pub(super) struct Failed {
    pub(super) path: Vec<u8>,
    pub(super) action: &'static str,
    pub(super) error: Errno,
}

impl Journal {
    /// Returns the temporary names of the new and of the removed node of a step, beside its place.
    pub(super) fn beside(&self, number: usize) -> (Vec<u8>, Vec<u8>) {
        let name = |suffix: &str| [&self.prefix.0[..], format!("-{number}.{suffix}").as_bytes()].concat();
        (name("new"), name("old"))
    }

    /// Moves every new node into place.
    pub(super) fn move_all(&self, root: BorrowedFd<'_>) -> Result<(), Failed> {
        self.each(root, "put it in its place", |directory, step, new, old| step.take_place(directory, new, old))
    }

    /// Moves every new node out of its place and restores the old one.
    pub(super) fn move_back(&self, root: BorrowedFd<'_>) -> Result<(), Failed> {
        self.each(root, "put back what was there", |directory, step, new, old| step.leave_place(directory, new, old))
    }

    /// Removes new nodes that are not in their places.
    pub(super) fn discard_new(&self, root: BorrowedFd<'_>) -> Result<(), Failed> {
        self.each(root, "remove what was prepared", |directory, _, new, _| remove(directory, new))
    }

    /// Deletes the removed nodes.
    pub(super) fn discard_old(&self, root: BorrowedFd<'_>) -> Result<(), Failed> {
        self.each(root, "remove what is replaced", |directory, _, _, old| remove(directory, old))
    }

    /// Sets the attributes of the touched directories: the new ones (`forward`), or the previous
    /// ones.
    pub(super) fn settle(
        &self,
        root: BorrowedFd<'_>,
        creator: &Creator<'_>,
        forward: bool,
        missed: &mut Vec<NotApplied>,
    ) -> Result<(), Failed> {
        // Lower directories first: a directory without owner permissions is closed last.
        for touched in self.directories.iter().rev() {
            let (from, to) = if forward { (touched.before(), touched.after()) } else { (touched.after(), touched.before()) };
            let path = &touched.path.0;
            let failed = |action, error| Failed { path: path.clone(), action, error };
            let directory = match beneath::directory(root, path) {
                Ok(directory) => directory,
                // The directory is closed to its owner, so its attributes were set before.
                Err(Errno::ACCESS) => continue,
                Err(error) => return Err(failed("open it", error)),
            };
            let full = || join(b"", path);
            let mut missed = Missed { path: &full, list: missed };
            let settled = creator.settle_directory(directory.as_fd(), &from, &to, &mut missed);
            settled.map_err(|(action, error)| failed(action, error))?;
        }
        Ok(())
    }

    /// Opens the directories that are closed to their owner, so that names can be added and
    /// removed.
    pub(super) fn open_directories(&self, root: BorrowedFd<'_>) -> Result<(), Failed> {
        for touched in self.directories.iter().filter(|touched| is_closed(&touched.before())) {
            let path = &touched.path.0;
            let (above, name) = crate::tree::split(path);
            let opened = if name.is_empty() {
                chmodat(root, c".", Mode::RWXU, AtFlags::empty())
            } else {
                // `chmodat` follows links. The node was a directory when it was read, and still is.
                beneath::directory(root, above).and_then(|above| {
                    let stat = statat(&above, name, AtFlags::SYMLINK_NOFOLLOW)?;
                    match FileType::from_raw_mode(stat.st_mode) {
                        FileType::Directory => chmodat(above, name, Mode::RWXU, AtFlags::empty()),
                        _ => Err(Errno::NOTDIR),
                    }
                })
            };
            opened.map_err(|error| Failed { path: path.clone(), action: "open it for writing", error })?;
        }
        Ok(())
    }

    fn each(
        &self,
        root: BorrowedFd<'_>,
        action: &'static str,
        mut act: impl FnMut(BorrowedFd<'_>, &JournalStep, &[u8], &[u8]) -> rustix::io::Result<()>,
    ) -> Result<(), Failed> {
        // Steps of one directory are adjacent.
        let mut open: Option<(&[u8], OwnedFd)> = None;
        for (number, step) in self.steps.iter().enumerate() {
            let failed = |error| Failed { path: [&step.directory.0, &b"/"[..], &step.name.0].concat(), action, error };
            let directory = match open.take() {
                Some((path, directory)) if path == step.directory.0 => directory,
                _ => beneath::directory(root, &step.directory.0).map_err(failed)?,
            };
            let (new, old) = self.beside(number);
            act(directory.as_fd(), step, &new, &old).map_err(failed)?;
            open = Some((&step.directory.0, directory));
        }
        Ok(())
    }
}

fn is_closed(metadata: &Metadata) -> bool {
    metadata.mode & 0o700 != 0o700
}

impl JournalStep {
    fn take_place(&self, directory: BorrowedFd<'_>, new: &[u8], old: &[u8]) -> rustix::io::Result<()> {
        let name = &*self.name.0;
        let there = file_type(directory, name)?;
        if !self.comes {
            return match there {
                Some(_) if file_type(directory, old)?.is_none() => renameat(directory, name, directory, old),
                _ => Ok(()),
            };
        }
        let Some(coming) = file_type(directory, new)? else { return Ok(()) };
        if let Some(there) = there.filter(|_| self.goes)
            && file_type(directory, old)?.is_none()
        {
            let linked = there != FileType::Directory
                && coming != FileType::Directory
                && linkat(directory, name, directory, old, AtFlags::empty()).is_ok();
            if !linked {
                renameat(directory, name, directory, old)?;
            }
        }
        if self.goes { renameat(directory, new, directory, name) } else { no_replace(directory, new, name) }
    }

    fn leave_place(&self, directory: BorrowedFd<'_>, new: &[u8], old: &[u8]) -> rustix::io::Result<()> {
        let name = &*self.name.0;
        let came = self.comes && file_type(directory, new)?.is_none();
        if came && file_type(directory, name)?.is_some() {
            no_replace(directory, name, new)?;
        }
        if file_type(directory, old)?.is_none() {
            return Ok(());
        }
        renameat(directory, old, directory, name)?;
        // `rename` does nothing to two names of one file.
        match unlinkat(directory, old, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            result => result,
        }
    }
}

/// Renames to a name that does not exist. Not every file system can check and rename in one call.
fn no_replace(directory: BorrowedFd<'_>, from: &[u8], to: &[u8]) -> rustix::io::Result<()> {
    match renameat_with(directory, from, directory, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL) if file_type(directory, to)?.is_none() => renameat(directory, from, directory, to),
        result => result,
    }
}

fn file_type(directory: BorrowedFd<'_>, name: &[u8]) -> rustix::io::Result<Option<FileType>> {
    match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

fn remove(directory: BorrowedFd<'_>, name: &[u8]) -> rustix::io::Result<()> {
    match file_type(directory, name)? {
        None => Ok(()),
        Some(FileType::Directory) => remove_tree(directory, &CString::new(name).map_err(|_| Errno::INVAL)?),
        Some(_) => unlinkat(directory, name, AtFlags::empty()),
    }
}
