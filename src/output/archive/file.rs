//! The file that an archive becomes: written beside its place under another name, and renamed when it is whole.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::{Times, write};
use crate::cancel::Cancel;
use crate::output::directory::Written;
use crate::output::error::OutputError;
use crate::output::packing::{Packer, Packing};
use crate::reporter::Reporter;
use crate::tree::Tree;

/// A place for an archive, checked. Dropped before it is whole, it leaves nothing behind, and what was there stays.
pub struct ArchiveFile {
    path: PathBuf,
    out: Out,
}

enum Out {
    /// A file beside the place.
    Beside(NamedTempFile),
    /// A pipe, a terminal, a device: there is nothing to rename.
    Stream(Box<dyn Write + Send>),
}

impl ArchiveFile {
    /// Checks that a file can be made there; one that is there is replaced in the end.
    pub fn prepare(path: &Path) -> Result<Self, OutputError> {
        let place = |action| move |error| OutputError::Place { out: path.to_owned(), action, error };
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => return Err(OutputError::NotAFile { out: path.to_owned() }),
            Ok(found) if found.file_type().is_fifo() || found.file_type().is_char_device() => {
                let file = OpenOptions::new().write(true).open(path).map_err(place("open it"))?;
                return Ok(Self { path: path.to_owned(), out: Out::Stream(Box::new(file)) });
            }
            _ => {}
        }
        // Behind a link the file itself is replaced.
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let parent = match real.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => return Err(OutputError::NotAFile { out: path.to_owned() }),
        };
        let Some(name) = real.file_name() else { return Err(OutputError::NotAFile { out: path.to_owned() }) };
        let mut prefix = std::ffi::OsString::from(".");
        // Names end at 255 bytes.
        prefix.push(if name.len() > 200 { "archive".as_ref() } else { name });
        prefix.push(".rootstrap-");
        let made = tempfile::Builder::new().prefix(&prefix).permissions(Permissions::from_mode(0o666)).tempfile_in(parent);
        let file = made.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => OutputError::unreachable(path, parent),
            // The error names the file, which nobody asked for.
            kind => place("create a file beside it")(kind.into()),
        })?;
        Ok(Self { path: real, out: Out::Beside(file) })
    }

    /// An archive that goes to a writer, as it is made; `name` is for messages.
    pub fn stream(name: &str, out: Box<dyn Write + Send>) -> Self {
        Self { path: name.into(), out: Out::Stream(out) }
    }

    /// Writes a tree, and lets the file appear.
    pub fn write(
        self,
        tree: &Tree,
        times: Times,
        packing: Packing,
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<Written, OutputError> {
        self.fill(packing, cancel, |out| write(tree, times, out, reporter, cancel))
    }

    /// Lets `fill` write, and the file appear.
    pub(in crate::output) fn fill<T>(
        mut self,
        packing: Packing,
        cancel: &Cancel,
        fill: impl FnOnce(Packer<Sink<'_>>) -> Result<(Packer<Sink<'_>>, T), OutputError>,
    ) -> Result<T, OutputError> {
        let path = self.path.clone();
        let failed = |action| move |error| OutputError::Place { out: path, action, error };
        let sink = match &mut self.out {
            Out::Beside(beside) => Sink::File(beside.as_file_mut()),
            Out::Stream(out) => Sink::Stream(BufWriter::with_capacity(1 << 16, &mut **out)),
        };
        let (packer, filled) = fill(Packer::new(sink, packing))?;
        packer.finish().map_err(failed.clone()("write it"))?;
        if cancel.is_raised() {
            return Err(OutputError::Cancelled);
        }
        if let Out::Beside(beside) = self.out {
            beside.persist(&self.path).map_err(|error| failed("rename the finished file to it")(error.error))?;
        }
        Ok(filled)
    }
}

/// Where the bytes of an archive go.
pub(in crate::output) enum Sink<'a> {
    File(&'a mut File),
    Stream(BufWriter<&'a mut (dyn Write + Send)>),
}

impl Write for Sink<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(data),
            Self::Stream(out) => out.write(data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stream(out) => out.flush(),
        }
    }
}
