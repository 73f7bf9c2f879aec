//! The destination file of an archive.

use std::io::Write;
use std::path::Path;

use super::{Times, write};
use crate::cancel::Cancel;
use crate::output::directory::Written;
use crate::output::error::OutputError;
use crate::output::file::{OpenFile, OutputFile};
use crate::output::packing::{Packer, Packing};
use crate::reporter::Reporter;
use crate::tree::Tree;

/// A checked destination for an archive. If it is dropped before the archive is complete, it leaves
/// nothing behind and the existing file stays.
pub struct ArchiveFile {
    file: OutputFile,
}

impl From<OutputFile> for ArchiveFile {
    fn from(file: OutputFile) -> Self {
        Self { file }
    }
}

impl ArchiveFile {
    /// Checks that the file can be created, as [`OutputFile::prepare`] does.
    pub fn prepare(path: &Path) -> Result<Self, OutputError> {
        OutputFile::prepare(path).map(Self::from)
    }

    /// Returns an archive that is written directly to a writer. `name` is for messages.
    pub fn stream(name: &str, out: Box<dyn Write + Send>) -> Self {
        OutputFile::writer(name, out).into()
    }

    /// Writes a tree and publishes the file.
    pub fn write(
        self,
        tree: &Tree,
        times: Times,
        packing: Packing,
        reporter: &dyn Reporter,
        cancel: &Cancel,
    ) -> Result<Written, OutputError> {
        self.fill(packing, reporter, cancel, |out| write(tree, times, out, reporter, cancel))
    }

    /// Calls `fill` to write the content, and publishes the file.
    pub(in crate::output) fn fill<T>(
        self,
        packing: Packing,
        reporter: &dyn Reporter,
        cancel: &Cancel,
        fill: impl FnOnce(Packer<OpenFile<'_>>) -> Result<(Packer<OpenFile<'_>>, T), OutputError>,
    ) -> Result<T, OutputError> {
        let path = self.file.name().to_owned();
        let opened = self.file.open(reporter, cancel)?;
        let stopped = |error| if cancel.is_raised() { OutputError::Cancelled } else { error };
        let (packer, result) = fill(Packer::new(opened, packing)).map_err(stopped)?;
        let (opened, _) = packer.finish().map_err(|error| stopped(OutputError::File { path, action: "write it", error }))?;
        opened.finish()?;
        Ok(result)
    }
}
