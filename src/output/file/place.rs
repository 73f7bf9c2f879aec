//! Resolves a path that the user names as an output. Links are followed one by one, so that a
//! dangling link has a target, and a link into `/proc/self/fd` is the descriptor that it stands
//! for.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::is_device;
use super::stream::Stream;
use crate::output::error::OutputError;

/// The maximal number of links that Linux follows in one path (`path_resolution(7)`).
const MOST_LINKS: usize = 40;
/// The descriptor of standard output.
const STANDARD_OUTPUT: i32 = 1;

/// The identity of a file: equal if two paths name the same file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A file that exists: its device and inode.
    Inode(u64, u64),
    /// A file that does not exist: device and inode of its directory, and its name.
    Name(u64, u64, OsString),
}

impl Identity {
    /// Returns the identity of a file that is read. `None` if there is no regular file.
    pub fn of_input(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|found| Self::Inode(found.dev(), found.ino()))
    }

    /// Returns the identity of a file that would be written. `None` if it cannot be written, and
    /// for character devices, which several outputs may share.
    pub fn of_output(path: &Path) -> Option<Self> {
        locate(path).ok().and_then(|located| located.identity)
    }
}

/// Reports whether a path is `-`, or leads to the standard output of this process (`/dev/stdout`).
pub fn names_standard_output(path: &Path) -> bool {
    locate(path).is_ok_and(|located| matches!(located.what, What::Descriptor(STANDARD_OUTPUT)))
}

/// A located file.
pub(super) struct Located {
    /// The path without links.
    pub path: PathBuf,
    pub what: What,
    pub identity: Option<Identity>,
}

/// The kind of file at a place.
pub(super) enum What {
    Absent,
    Regular(fs::Metadata),
    Fifo,
    Device,
    /// A descriptor of this process, open or not.
    Descriptor(i32),
}

/// Follows the links of a path. Fails for directories, for sockets, and if the directory of the
/// file does not exist.
pub(super) fn locate(given: &Path) -> Result<Located, OutputError> {
    let failed = |action| move |error| OutputError::File { path: given.to_owned(), action, error };
    if given == Path::new("-") {
        return Ok(of_descriptor(given, STANDARD_OUTPUT));
    }
    let mut path = given.to_owned();
    for _ in 0..MOST_LINKS {
        let Some(name) = path.file_name().filter(|_| !is_directory_by_name(&path)) else {
            return Err(OutputError::NotAFile { out: given.to_owned() });
        };
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let none = || OutputError::unreachable(given, parent);
        let directory = fs::canonicalize(parent).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => none(),
            _ => failed("open the directory it is in")(error),
        })?;
        if let Some(number) = descriptor(&directory, name) {
            return Ok(of_descriptor(given, number));
        }
        let place = directory.join(name);
        let found = match fs::symlink_metadata(&place) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let parent = fs::metadata(&directory).map_err(failed("look at the directory it is in"))?;
                let identity = Some(Identity::Name(parent.dev(), parent.ino(), name.to_owned()));
                return Ok(Located { path: place, what: What::Absent, identity });
            }
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Err(none()),
            Err(error) => return Err(failed("look at it")(error)),
        };
        if !found.is_symlink() {
            return classify(given, place, found);
        }
        path = directory.join(fs::read_link(&place).map_err(failed("follow it"))?);
    }
    Err(failed("follow it")(Errno::LOOP.into()))
}

fn classify(given: &Path, path: PathBuf, found: fs::Metadata) -> Result<Located, OutputError> {
    let kind = found.file_type();
    let identity = (!kind.is_char_device()).then(|| Identity::Inode(found.dev(), found.ino()));
    let what = match kind {
        kind if kind.is_dir() => return Err(OutputError::NotAFile { out: given.to_owned() }),
        kind if kind.is_file() => What::Regular(found),
        kind if kind.is_fifo() => What::Fifo,
        kind if is_device(kind) => What::Device,
        _ => {
            let error = io::Error::other("it is a socket");
            return Err(OutputError::File { path: given.to_owned(), action: "write to it", error });
        }
    };
    Ok(Located { path, what, identity })
}

fn of_descriptor(given: &Path, number: i32) -> Located {
    let found = Stream::descriptor(number).and_then(|stream| stream.metadata()).ok();
    let shown = found.filter(|found| !found.file_type().is_char_device());
    let identity = shown.map(|found| Identity::Inode(found.dev(), found.ino()));
    Located { path: given.to_owned(), what: What::Descriptor(number), identity }
}

/// Reports whether a path can only name a directory: it ends in a slash or a dot. `Path` hides
/// both.
fn is_directory_by_name(path: &Path) -> bool {
    let bytes = path.as_os_str().as_bytes();
    bytes.ends_with(b"/") || bytes.ends_with(b"/.") || bytes == b"."
}

/// Returns the descriptor of this process that a name in a directory stands for.
fn descriptor(directory: &Path, name: &OsStr) -> Option<i32> {
    let number = name.to_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
    let own = ["/proc/self/fd", "/proc/thread-self/fd"].into_iter().filter_map(|path| fs::canonicalize(path).ok());
    own.into_iter().any(|own| own == directory).then_some(number)
}
