//! Removes a hidden directory and everything below it, whatever its modes and however deep it is.
//!
//! The code follows no link and needs at most three handles. A directory that is not empty is
//! renamed into the top one and emptied there, so that there is neither recursion nor a long path.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, chmodat, openat, renameat_with, statat, unlinkat};
use rustix::io::Errno;

/// Opens a directory to work in it, without following a link.
pub(super) fn open_directory(parent: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    openat(parent, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Removes the directory `name` of `parent` and everything below it.
pub(super) fn remove_tree(parent: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<()> {
    let top = open_for_removal(parent, name)?;
    let mut moved = 0u64;
    loop {
        let names = list(top.as_fd())?;
        if names.is_empty() {
            break;
        }
        for entry in names {
            if is_gone_or_unlinked(top.as_fd(), &entry)? {
                continue;
            }
            let directory = open_for_removal(top.as_fd(), &entry)?;
            for inner in list(directory.as_fd())? {
                if !is_gone_or_unlinked(directory.as_fd(), &inner)? {
                    lift(directory.as_fd(), &inner, top.as_fd(), &mut moved)?;
                }
            }
            drop(directory);
            unlinkat(&top, &*entry, AtFlags::REMOVEDIR)?;
        }
    }
    drop(top);
    unlinkat(parent, name, AtFlags::REMOVEDIR)
}

/// Unlinks a node that is not a directory, or an empty directory. Returns `false` if a directory
/// remains because it is not empty.
fn is_gone_or_unlinked(directory: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<bool> {
    match unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(true),
        // Linux returns EISDIR, POSIX specifies EPERM.
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error),
    }
    if FileType::from_raw_mode(statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode) != FileType::Directory {
        return Err(Errno::PERM);
    }
    match unlinkat(directory, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Renames a directory into `top` under a free name.
fn lift(directory: BorrowedFd<'_>, name: &CStr, top: BorrowedFd<'_>, moved: &mut u64) -> rustix::io::Result<()> {
    // A directory that moves to another parent must be writable by its owner (its `..` changes).
    chmodat(directory, name, Mode::RWXU, AtFlags::empty())?;
    loop {
        let Ok(free) = CString::new(format!(".rootstrap-removed-{moved}")) else { return Err(Errno::INVAL) };
        *moved += 1;
        match renameat_with(directory, name, top, &*free, RenameFlags::NOREPLACE) {
            Err(Errno::EXIST) => {}
            result => return result,
        }
    }
}

fn open_for_removal(parent: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let metadata = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    // `chmodat` follows links. The type is checked before, and only the caller can access the
    // directory above.
    if FileType::from_raw_mode(metadata.st_mode) == FileType::Directory && metadata.st_mode & 0o700 != 0o700 {
        chmodat(parent, name, Mode::RWXU, AtFlags::empty())?;
    }
    open_directory(parent, name)
}

/// Returns the names in a directory, without `.` and `..`.
pub(super) fn list(directory: BorrowedFd<'_>) -> rustix::io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}
