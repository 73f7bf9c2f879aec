//! The files that a user names: reports, lock files, archives, and every other output that is not a
//! tree.
//!
//! In: a path as the user wrote it, and bytes. Out: the file, complete or not at all.
//! [`OutputFile::prepare`] decides on the method before any work is done:
//!
//! - A regular file, or a file that does not exist yet, is written beside its place and renamed. If
//!   the path is a symbolic link, this happens at the link's target.
//! - A device, a FIFO or a descriptor (`-`, `/dev/stdout`) is written into.
//! - Everything else is refused.

mod place;
mod stream;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Seek, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};
use rustix::process::{Gid, Uid};
use tempfile::NamedTempFile;

pub use place::{Identity, names_standard_output};

use self::place::{Located, What, locate};
use self::stream::{Stream, wait_for_reader};
use super::error::OutputError;
use super::ownership::Caller;
use crate::cancel::Cancel;
use crate::reporter::Reporter;

/// A file that the user requested. The path is checked, and nothing is written yet.
pub struct OutputFile {
    name: PathBuf,
    place: Place,
    identity: Option<Identity>,
}

enum Place {
    /// A regular file or nothing. The new file is written beside it and renamed to this path.
    Beside(PathBuf),
    /// A regular file in a directory where no name can be added. It is overwritten once all bytes
    /// are available.
    Inside(File),
    /// A FIFO, already open if a process reads it.
    Fifo(PathBuf, Option<Stream>),
    /// A device or a descriptor of this process.
    Stream(Stream),
    /// The caller's writer.
    Writer(Box<dyn Write + Send>),
}

impl OutputFile {
    /// Locates the file and checks that it can be written. Creates nothing permanent.
    pub fn prepare(path: &Path) -> Result<Self, OutputError> {
        let name = path.to_owned();
        let failed = |action| move |error| OutputError::File { path: path.to_owned(), action, error };
        let Located { path: real, what, identity } = locate(path)?;
        let place = match what {
            What::Absent => {
                probe(path, &real)?;
                Place::Beside(real)
            }
            What::Regular(found) => {
                let forbidden = if may_replace(&real, &found) {
                    probe(path, &real).err()
                } else {
                    Some(OutputError::File {
                        path: name.clone(),
                        action: "replace it",
                        error: io::ErrorKind::PermissionDenied.into(),
                    })
                };
                match forbidden {
                    None => Place::Beside(real),
                    Some(problem) if is_forbidden(&problem) => {
                        Place::Inside(OpenOptions::new().write(true).open(&real).map_err(failed("write it"))?)
                    }
                    Some(problem) => return Err(problem),
                }
            }
            What::Fifo => {
                let opened = Stream::fifo(&real).map_err(failed("open it"))?;
                Place::Fifo(real, opened)
            }
            What::Device => Place::Stream(Stream::device(&real).map_err(failed("open it"))?),
            What::Descriptor(number) => Place::Stream(Stream::descriptor(number).map_err(failed("write to it"))?),
        };
        Ok(Self { name, place, identity })
    }

    /// Returns a file that writes to the caller's writer. `name` is for messages.
    pub fn writer(name: &str, out: Box<dyn Write + Send>) -> Self {
        Self { name: name.into(), place: Place::Writer(out), identity: None }
    }

    /// Returns the path as the user wrote it.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Returns the identity, which is equal for two paths of one file. `None` for a character
    /// device, which several outputs may share.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Reports whether the file already has exactly this content. Only regular files are read.
    pub fn holds(&self, data: &[u8]) -> bool {
        let Place::Beside(path) = &self.place else { return false };
        let is_as_long = fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == data.len() as u64);
        is_as_long && fs::read(path).is_ok_and(|there| there == data)
    }

    /// Writes the complete file.
    pub fn write(self, data: &[u8], reporter: &dyn Reporter, cancel: &Cancel) -> Result<(), OutputError> {
        let mut open = self.open(reporter, cancel)?;
        if let Err(error) = open.write_all(data) {
            return Err(open.failed("write it", error));
        }
        open.finish()
    }

    /// Opens the file for writing. Waits for the reader of a FIFO until `cancel` is raised.
    pub fn open<'a>(mut self, reporter: &dyn Reporter, cancel: &'a Cancel) -> Result<OpenFile<'a>, OutputError> {
        let name = std::mem::take(&mut self.name);
        let failed = |action| {
            let path = name.clone();
            move |error| OutputError::File { path, action, error }
        };
        let out = match std::mem::replace(&mut self.place, Place::Writer(Box::new(io::sink()))) {
            Place::Beside(path) => Out::Beside(beside(&path).map_err(failed("create a file beside it"))?, path),
            Place::Inside(file) => Out::Inside(tempfile::tempfile().map_err(failed("create a temporary file"))?, file),
            Place::Fifo(_, Some(stream)) | Place::Stream(stream) => Out::Stream(buffered(stream)),
            Place::Fifo(path, None) => match wait_for_reader(&path, &name, reporter, cancel) {
                Ok(Some(stream)) => Out::Stream(buffered(stream)),
                Ok(None) => return Err(OutputError::Cancelled),
                Err(error) => return Err(failed("open it")(error)),
            },
            Place::Writer(out) => Out::Writer(BufWriter::with_capacity(BUFFER, out)),
        };
        Ok(OpenFile { name, out, cancel })
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if let Place::Fifo(path, None) = &self.place {
            // A reader that arrived meanwhile gets an end of file and does not wait forever.
            let _ = Stream::fifo(path);
        }
    }
}

const BUFFER: usize = 1 << 16;

fn buffered(stream: Stream) -> BufWriter<Stream> {
    BufWriter::with_capacity(BUFFER, stream)
}

/// A file that is being written. If it is dropped before [`OpenFile::finish`], a regular file stays
/// as it was.
pub struct OpenFile<'a> {
    name: PathBuf,
    out: Out,
    cancel: &'a Cancel,
}

enum Out {
    Beside(NamedTempFile, PathBuf),
    Inside(File, File),
    Stream(BufWriter<Stream>),
    Writer(BufWriter<Box<dyn Write + Send>>),
}

impl OpenFile<'_> {
    /// Publishes the file with everything that was written.
    pub fn finish(mut self) -> Result<(), OutputError> {
        if let Err(error) = self.flush() {
            return Err(self.failed("write it", error));
        }
        if self.cancel.is_raised() {
            return Err(OutputError::Cancelled);
        }
        let Self { name, out, .. } = self;
        let failed = |action| {
            let path = name.clone();
            move |error| OutputError::File { path, action, error }
        };
        match out {
            Out::Beside(file, path) => {
                keep_metadata(&path, file.as_file()).map_err(failed("replace it"))?;
                file.persist(&path).map(drop).map_err(|error| failed("rename the finished file to it")(error.error))
            }
            Out::Inside(mut spool, mut file) => overwrite(&mut spool, &mut file).map_err(failed("write it")),
            Out::Stream(_) | Out::Writer(_) => Ok(()),
        }
    }

    /// Returns the error of a failed write.
    pub(super) fn failed(&self, action: &'static str, error: io::Error) -> OutputError {
        if self.cancel.is_raised() {
            return OutputError::Cancelled;
        }
        OutputError::File { path: self.name.clone(), action, error }
    }

    fn writer(&mut self) -> &mut dyn Write {
        match &mut self.out {
            Out::Beside(file, _) => file.as_file_mut(),
            Out::Inside(spool, _) => spool,
            Out::Stream(out) => out,
            Out::Writer(out) => out,
        }
    }

    fn stop(&self) -> io::Result<()> {
        // Not `Interrupted`, which `write_all` tries again.
        if self.cancel.is_raised() { Err(io::Error::other("stopped")) } else { Ok(()) }
    }
}

impl Write for OpenFile<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.stop()?;
        if let Out::Stream(out) = &mut self.out {
            // The stream has to know of the stop while it waits for its reader.
            out.get_mut().stop_with(self.cancel);
        }
        self.writer().write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer().flush()
    }
}

/// Returns the directory of a located path, and the prefix of the name of a hidden file in it.
fn directory_and_prefix(path: &Path) -> (&Path, std::ffi::OsString) {
    let name = path.file_name().unwrap_or(OsStr::new("file"));
    let mut prefix = std::ffi::OsString::from(".");
    // Names end at 255 bytes.
    prefix.push(if name.len() > 200 { OsStr::new("file") } else { name });
    prefix.push(".rootstrap-");
    (path.parent().unwrap_or(Path::new("/")), prefix)
}

/// Creates the file that will be renamed. Its mode is 0666 without the bits of the umask.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let (directory, prefix) = directory_and_prefix(path);
    let made = tempfile::Builder::new().prefix(&prefix).permissions(Permissions::from_mode(0o666)).tempfile_in(directory);
    // The error names the hidden file, which means nothing to the user.
    made.map_err(|error| error.raw_os_error().map_or(error.kind().into(), io::Error::from_raw_os_error))
}

/// Checks that a file can be created beside a path.
fn probe(name: &Path, real: &Path) -> Result<(), OutputError> {
    beside(real).map(drop).map_err(|error| OutputError::Place { out: name.to_owned(), action: "create a file beside it", error })
}

/// Reports whether no name can be added to the directory of a regular file. Then the file itself
/// may be tried.
fn is_forbidden(problem: &OutputError) -> bool {
    let (OutputError::Place { error, .. } | OutputError::File { error, .. }) = problem else { return false };
    // Directories of procfs accept no new files.
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::NotFound)
}

/// Reports whether a rename may replace a regular file. It may not replace a mount point, a
/// protected file, or another user's file in a directory with the sticky bit.
fn may_replace(path: &Path, found: &fs::Metadata) -> bool {
    let fixed = StatxAttributes::MOUNT_ROOT | StatxAttributes::IMMUTABLE | StatxAttributes::APPEND;
    let attributes = statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::empty()).map(|found| found.stx_attributes);
    let Some(Ok(parent)) = path.parent().map(fs::metadata) else { return false };
    let caller = Caller::this_process().uid;
    let is_sticky = parent.mode() & 0o1000 != 0;
    let is_protected = is_sticky && caller != 0 && caller != parent.uid() && caller != found.uid();
    parent.dev() == found.dev() && !is_protected && attributes.is_ok_and(|attributes| !attributes.intersects(fixed))
}

/// Gives a new file the mode of the regular file that it replaces, and the owner if the caller may
/// set it. Fails if the existing node is not a regular file.
fn keep_metadata(path: &Path, file: &File) -> io::Result<()> {
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !there.is_file() {
        return Err(io::Error::other("what is there is not a regular file any more"));
    }
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (there.uid(), there.gid()) {
        let (owner, group) = (Uid::from_raw(there.uid()), Gid::from_raw(there.gid()));
        // An ordinary user keeps the group at most.
        let _ = rustix::fs::fchown(file, Some(owner), Some(group)).or_else(|_| rustix::fs::fchown(file, None, Some(group)));
    }
    file.set_permissions(Permissions::from_mode(there.mode() & 0o777))
}

/// Replaces the content of a file.
fn overwrite(spool: &mut File, file: &mut File) -> io::Result<()> {
    spool.rewind()?;
    // Files of procfs cannot be cut, and hold nothing.
    if file.metadata()?.len() > 0 {
        file.set_len(0)?;
    }
    io::copy(spool, file).map(drop)
}

/// Reports whether files of this type are written into.
fn is_device(kind: fs::FileType) -> bool {
    kind.is_char_device() || kind.is_block_device()
}
