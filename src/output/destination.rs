//! The destination of a tree: OUT, checked before any work is done, and the hidden directory in
//! which the tree is written first.
//!
//! Usually the hidden directory is beside OUT and becomes OUT by one `rename`. The rename also
//! replaces an empty directory, so the root of the tree determines owner, mode and attributes. In
//! some cases OUT must stay the same directory: it is a mount point, the current directory, or in a
//! parent that the caller may not write to. Then the hidden directory is inside OUT and its names
//! are renamed up one by one. An error still undoes everything, but a kill or power failure during
//! these renames leaves a part.
//!
//! The hidden directory is locked (`flock`) as long as its process lives. An unlocked one was left
//! by a killed run; the next run to the same OUT removes it.

use std::ffi::{CStr, CString, OsStr};
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, RenameFlags, StatxAttributes, StatxFlags, chmodat, fchmod, fchown,
    flock, fremovexattr, fstat, mkdirat, openat, renameat, renameat_with, statat, statx, unlinkat,
};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};

use super::directory_lock::{DirectoryLock, is_still, readable};
use super::error::OutputError;
use super::ownership::Caller;
use super::remove::{list, open_directory, remove_tree};
use crate::cancel::Cancel;

const SUFFIX_LENGTH: usize = 6;
const ATTEMPTS: u32 = 100;
const LOST_AND_FOUND: &[u8] = b"lost+found";

/// A checked OUT with its hidden directory. If it is dropped without [`Destination::commit`], it
/// removes the written files.
pub(super) struct Destination {
    out: PathBuf,
    /// The directory that contains the hidden directory.
    holder: OwnedFd,
    hidden: CString,
    root: OwnedFd,
    placement: Placement,
    armed: bool,
}

/// The way in which the hidden directory becomes OUT.
enum Placement {
    /// It is renamed to this name beside it.
    Beside(CString),
    /// It is exchanged with the existing directory of this name, which is then removed.
    Exchange(CString),
    /// The names in the hidden directory move up into OUT, which contains it.
    Within,
}

impl Destination {
    /// Checks OUT and creates the hidden directory.
    pub(super) fn prepare(out: &Path) -> Result<Self, OutputError> {
        let place = |action| move |error: Errno| OutputError::Place { out: out.to_owned(), action, error: error.into() };
        let (real, exists) = resolve(out)?;
        if exists {
            let directory = open_path(&real).map_err(place("open it"))?;
            remove_stale(directory.as_fd(), &hidden_prefix(OsStr::new("")));
            let within = || Self::within(out, &real);
            if must_stay(directory.as_fd(), &real) {
                return within();
            }
            check_empty(out, directory.as_fd(), &[])?;
            return match Self::beside(out, &real) {
                Err(OutputError::Place { error, .. }) if is_forbidden(&error) => within(),
                result => result,
            };
        }
        Self::beside(out, &real)
    }

    fn beside(out: &Path, real: &Path) -> Result<Self, OutputError> {
        let place = |action| move |error: Errno| OutputError::Place { out: out.to_owned(), action, error: error.into() };
        let (Some(parent), Some(name)) = (real.parent(), real.file_name()) else {
            return Err(place("replace it")(Errno::BUSY));
        };
        let holder = open_path(parent).map_err(place("open the directory it is in"))?;
        remove_stale(holder.as_fd(), &hidden_prefix(name));
        let (hidden, root) = make_hidden(holder.as_fd(), &hidden_prefix(name)).map_err(place("create a directory beside it"))?;
        let name = CString::new(name.as_bytes()).map_err(|_| place("use this name")(Errno::INVAL))?;
        Ok(Self { out: out.to_owned(), holder, hidden, root, placement: Placement::Beside(name), armed: true })
    }

    /// Creates the hidden directory for the replacement of an existing directory, empty or not. If
    /// the existing directory has to stay, the hidden one is created in it, and the caller moves up
    /// the written names.
    pub(super) fn replace(out: &Path) -> Result<Self, OutputError> {
        let (real, _) = resolve(out)?;
        let place = |action| move |error: Errno| OutputError::Place { out: out.to_owned(), action, error: error.into() };
        let directory = open_path(&real).map_err(place("open it"))?;
        remove_stale(directory.as_fd(), &hidden_prefix(OsStr::new("")));
        if must_stay(directory.as_fd(), &real) {
            // The working directory of a shell in it would be removed.
            return Self::inside(out, directory);
        }
        match Self::beside(out, &real) {
            Err(OutputError::Place { error, .. }) if is_forbidden(&error) => Self::inside(out, directory),
            result => result,
        }
    }

    fn within(out: &Path, real: &Path) -> Result<Self, OutputError> {
        let place = |action| move |error: Errno| OutputError::Place { out: out.to_owned(), action, error: error.into() };
        let holder = open_path(real).map_err(place("open it"))?;
        // A new ext file system has this directory; it belongs to the file system, not to the tree.
        check_empty(out, holder.as_fd(), &[LOST_AND_FOUND])?;
        Self::inside(out, holder)
    }

    fn inside(out: &Path, holder: OwnedFd) -> Result<Self, OutputError> {
        let place = |action| move |error: Errno| OutputError::Place { out: out.to_owned(), action, error: error.into() };
        let (hidden, root) =
            make_hidden(holder.as_fd(), &hidden_prefix(OsStr::new(""))).map_err(place("create a directory in it"))?;
        Ok(Self { out: out.to_owned(), holder, hidden, root, placement: Placement::Within, armed: true })
    }

    /// Waits until no other process holds the lock on OUT, and takes it. OUT need not exist. Calls
    /// `wait` once if another process holds the lock.
    pub(super) fn lock(&self, wait: &mut dyn FnMut(), cancel: &Cancel) -> Result<DirectoryLock, OutputError> {
        let locked = match &self.placement {
            Placement::Beside(name) | Placement::Exchange(name) => {
                DirectoryLock::of_name(self.holder.as_fd(), name, wait, cancel)
            }
            Placement::Within => DirectoryLock::of_directory(self.holder.as_fd(), wait, cancel),
        };
        locked.map_err(|error| self.failed("lock it", error))?.ok_or(OutputError::Cancelled)
    }

    /// Checks again whether OUT is a directory that is not empty, and chooses the way to replace
    /// it. The result stays valid while the lock on OUT is held.
    pub(super) fn look_again(&mut self) -> Result<bool, OutputError> {
        let names = |directory: BorrowedFd<'_>| readable(directory).and_then(|directory| list(directory.as_fd()));
        let (name, there) = match &self.placement {
            Placement::Within => {
                let names = names(self.holder.as_fd()).map_err(|error| self.failed("read it", error))?;
                let is_ours = |name: &[u8]| name.starts_with(&hidden_prefix(OsStr::new("")));
                return Ok(names.iter().map(|name| name.to_bytes()).any(|name| name != LOST_AND_FOUND && !is_ours(name)));
            }
            Placement::Beside(name) | Placement::Exchange(name) => (name.clone(), open_directory(self.holder.as_fd(), name)),
        };
        let is_filled = match there {
            Ok(there) => !names(there.as_fd()).map_err(|error| self.failed("read it", error))?.is_empty(),
            Err(Errno::NOENT) => false,
            Err(error) => return Err(self.failed("open it", error)),
        };
        self.placement = if is_filled { Placement::Exchange(name) } else { Placement::Beside(name) };
        Ok(is_filled)
    }

    /// Returns OUT, if it stays and the caller fills it.
    pub(super) fn staying(&self) -> Option<BorrowedFd<'_>> {
        matches!(self.placement, Placement::Within).then(|| self.holder.as_fd())
    }

    /// Returns the hidden directory for the tree's root: empty, mode 0700, owned by the caller.
    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Reports whether the hidden directory itself becomes OUT. Otherwise OUT stays, and gets the
    /// root's mode, owner and times last.
    pub(super) fn replaces(&self) -> bool {
        !matches!(self.placement, Placement::Within)
    }

    /// Opens OUT, if it stays.
    pub(super) fn open_out(&self) -> Result<OwnedFd, OutputError> {
        readable(self.holder.as_fd()).map_err(|error| self.failed("open it", error))
    }

    /// Turns the hidden directory into OUT.
    pub(super) fn commit(&mut self) -> Result<(), OutputError> {
        match &self.placement {
            Placement::Beside(name) => {
                renameat(&self.holder, &*self.hidden, &self.holder, &**name).map_err(|error| match error {
                    Errno::NOTEMPTY | Errno::EXIST => {
                        OutputError::NotEmpty { out: self.out.clone(), found: "what appeared there meanwhile".to_owned() }
                    }
                    Errno::NOTDIR => OutputError::NotADirectory { out: self.out.clone() },
                    error => self.failed("rename the finished directory to it", error),
                })?;
            }
            Placement::Exchange(name) => {
                renameat_with(&self.holder, &*self.hidden, &self.holder, &**name, RenameFlags::EXCHANGE)
                    .map_err(|error| self.failed("exchange it for the finished directory", error))?;
                // The hidden name now refers to the replaced directory. If it cannot be removed,
                // the next run to the same OUT tries again.
                let _ = remove_tree(self.holder.as_fd(), &self.hidden);
            }
            Placement::Within => self.move_up()?,
        }
        self.armed = false;
        Ok(())
    }

    /// Flushes the whole tree to disk (after [`Destination::commit`], the new name too).
    pub(super) fn sync(&self) -> Result<(), OutputError> {
        rustix::fs::syncfs(&self.root).map_err(|error| self.failed("write it to the disk", error))
    }

    fn failed(&self, action: &'static str, error: Errno) -> OutputError {
        OutputError::Place { out: self.out.clone(), action, error: error.into() }
    }

    fn move_up(&self) -> Result<(), OutputError> {
        let names = list(self.root.as_fd()).map_err(|error| self.failed("read the hidden directory", error))?;
        for (done, name) in names.iter().enumerate() {
            if let Err(error) = move_name(self.root.as_fd(), name, self.holder.as_fd()) {
                for name in &names[..done] {
                    // A name that cannot move back stays visible: the error says that OUT has
                    // changed.
                    let _ = move_name(self.holder.as_fd(), name, self.root.as_fd());
                }
                return Err(self.failed("move the finished tree up into it", error));
            }
        }
        unlinkat(&self.holder, &*self.hidden, AtFlags::REMOVEDIR)
            .map_err(|error| self.failed("remove the hidden directory", error))
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        if self.armed {
            // The error cannot be reported any more; the next run to the same OUT tries again.
            let _ = remove_tree(self.holder.as_fd(), &self.hidden);
        }
        // Closing the handle is not enough: a child process that has just started may hold a copy
        // of it for a moment.
        let _ = flock(&self.root, FlockOperation::Unlock);
    }
}

/// Returns the real path of OUT (not a link at its end), and whether it exists. Fails if OUT cannot
/// be a new directory.
fn resolve(out: &Path) -> Result<(PathBuf, bool), OutputError> {
    let place = |action: &'static str, error: io::Error| OutputError::Place { out: out.to_owned(), action, error };
    match fs::symlink_metadata(out) {
        Ok(metadata) => {
            let real = fs::canonicalize(out).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound if metadata.is_symlink() => OutputError::DanglingLink { out: out.to_owned() },
                _ => place("resolve it", error),
            })?;
            if real.is_dir() { Ok((real, true)) } else { Err(OutputError::NotADirectory { out: out.to_owned() }) }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = match out.parent() {
                Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
                Some(parent) => parent,
                None => return Err(place("use this path", error)),
            };
            let Some(name) = out.file_name() else { return Err(place("use this path", error)) };
            let parent = fs::canonicalize(parent).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => OutputError::unreachable(out, parent),
                _ => place("open the directory it is in", error),
            })?;
            Ok((parent.join(name), false))
        }
        // A name on the way is a file.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(OutputError::unreachable(out, out.parent().unwrap_or(Path::new("."))))
        }
        Err(error) => Err(place("look at it", error)),
    }
}

/// Reports whether an existing directory cannot be replaced by another: a mount point, the current
/// directory, or a directory that the sticky bit protects.
fn must_stay(directory: BorrowedFd<'_>, real: &Path) -> bool {
    let Ok(own) = fstat(directory) else { return true };
    let is_mount_root = statx(directory, c"", AtFlags::EMPTY_PATH, StatxFlags::empty())
        .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT));
    let is_current = fs::metadata(".").is_ok_and(|here| (here.dev(), here.ino()) == (own.st_dev, own.st_ino));
    let parent = real.parent().and_then(|parent| fs::metadata(parent).ok());
    let caller = Caller::this_process().uid;
    let is_protected = parent.is_none_or(|parent| {
        parent.dev() != own.st_dev || parent.mode() & 0o1000 != 0 && caller != 0 && caller != parent.uid() && caller != own.st_uid
    });
    is_mount_root || is_current || is_protected
}

fn is_forbidden(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

fn check_empty(out: &Path, directory: BorrowedFd<'_>, ignored: &[&[u8]]) -> Result<(), OutputError> {
    let names = readable(directory).and_then(|fd| list(fd.as_fd()));
    let names = names.map_err(|error| OutputError::Place { out: out.to_owned(), action: "read it", error: error.into() })?;
    match names.iter().find(|name| !ignored.contains(&name.to_bytes())) {
        Some(name) => Err(OutputError::NotEmpty { out: out.to_owned(), found: name.to_string_lossy().into_owned() }),
        None => Ok(()),
    }
}

/// Opens a handle that needs no permission to read the directory.
fn open_path(path: &Path) -> rustix::io::Result<OwnedFd> {
    openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

fn hidden_prefix(name: &OsStr) -> Vec<u8> {
    // The suffix takes 17 more bytes, and names are at most 255 bytes long.
    let name = name.as_bytes();
    let name = &name[..name.len().min(200)];
    if name.is_empty() { b".rootstrap-".to_vec() } else { [b".", name, b".rootstrap-"].concat() }
}

/// Creates and locks a hidden directory: empty, mode 0700, owned by the caller, with nothing
/// inherited from its parent.
fn make_hidden(holder: BorrowedFd<'_>, prefix: &[u8]) -> rustix::io::Result<(CString, OwnedFd)> {
    for attempt in 0..ATTEMPTS {
        let name = CString::new([prefix, &suffix(attempt)].concat()).map_err(|_| Errno::INVAL)?;
        match mkdirat(holder, &*name, Mode::RWXU) {
            Err(Errno::EXIST) => continue,
            result => result?,
        }
        // The umask may have removed the caller's own permissions.
        let opened = chmodat(holder, &*name, Mode::RWXU, AtFlags::empty()).and_then(|()| open_directory(holder, &name));
        let root = match opened {
            // Another run took it for a stale one, between these two calls.
            Err(Errno::NOENT) => continue,
            result => result?,
        };
        if flock(&root, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK)
            || !is_still(holder, &name, root.as_fd())
        {
            continue;
        }
        let clean = shed_inheritance(root.as_fd());
        if let Err(error) = clean {
            let _ = unlinkat(holder, &*name, AtFlags::REMOVEDIR);
            return Err(error);
        }
        return Ok((name, root));
    }
    Err(Errno::EXIST)
}

/// Removes what a new directory inherits from its parent: the group (set-group-id), that bit, and
/// access control lists. They would otherwise reach every node of the tree.
fn shed_inheritance(root: BorrowedFd<'_>) -> rustix::io::Result<()> {
    let caller = Caller::this_process();
    let found = fstat(root)?;
    if (found.st_uid, found.st_gid) != (caller.uid, caller.gid) {
        fchown(root, Some(Uid::from_raw(caller.uid)), Some(Gid::from_raw(caller.gid)))?;
    }
    for list in [c"system.posix_acl_default", c"system.posix_acl_access"] {
        match fremovexattr(root, list) {
            Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
            Err(error) => return Err(error),
        }
    }
    fchmod(root, Mode::RWXU)
}

/// Returns six letters or digits that other processes and earlier runs do not use. They need not be
/// secret, because the directory is created exclusively.
fn suffix(attempt: u32) -> [u8; SUFFIX_LENGTH] {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let process = u64::from(rustix::process::getpid().as_raw_nonzero().get().unsigned_abs());
    let mut seed = (now.tv_nsec as u64) ^ (now.tv_sec as u64).rotate_left(32) ^ process.rotate_left(48) ^ u64::from(attempt);
    std::array::from_fn(|_| {
        // One step of a linear congruential generator (Knuth's MMIX constants).
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        LETTERS[((seed >> 33) % 36) as usize]
    })
}

/// Removes hidden directories of earlier runs to the same OUT that no living process locks.
/// Directories that cannot be removed stay.
fn remove_stale(holder: BorrowedFd<'_>, prefix: &[u8]) {
    let Ok(names) = readable(holder).and_then(|fd| list(fd.as_fd())) else { return };
    for name in names {
        let Some(rest) = name.to_bytes().strip_prefix(prefix) else { continue };
        if rest.len() != SUFFIX_LENGTH || !rest.iter().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
            continue;
        }
        let Ok(found) = statat(holder, &*name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        if FileType::from_raw_mode(found.st_mode) != FileType::Directory || found.st_uid != Caller::this_process().uid {
            continue;
        }
        if found.st_mode & 0o500 != 0o500 && chmodat(holder, &*name, Mode::RWXU, AtFlags::empty()).is_err() {
            continue;
        }
        let Ok(directory) = open_directory(holder, &name) else { continue };
        if flock(&directory, FlockOperation::NonBlockingLockExclusive).is_ok() && is_still(holder, &name, directory.as_fd()) {
            let _ = remove_tree(holder, &name);
        }
    }
}

/// Renames `name` from one directory to another. The owner of a renamed directory needs write
/// permission on it, because its `..` changes.
fn move_name(from: BorrowedFd<'_>, name: &CStr, to: BorrowedFd<'_>) -> rustix::io::Result<()> {
    let rename = || renameat_with(from, name, to, name, RenameFlags::NOREPLACE);
    match rename() {
        Err(Errno::ACCESS) => {
            let mode = Mode::from_raw_mode(statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode & 0o7777);
            chmodat(from, name, mode | Mode::RWXU, AtFlags::empty())?;
            let renamed = rename();
            chmodat(if renamed.is_ok() { to } else { from }, name, mode, AtFlags::empty())?;
            renamed
        }
        result => result,
    }
}
