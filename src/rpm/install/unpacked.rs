//! A verified package with the contents of its selected files.

use crate::ecosystem::FileOptions;
use crate::package::{Content, Entry, Spool};
use crate::rpm::database::FileState;
use crate::rpm::files::{File, FilesError};
use crate::rpm::package::{Package, PackageError, Trust};
use crate::rpm::payload::PayloadError;
use crate::rpm::tag::Tag;

use super::selection;

/// A verified package, unpacked.
#[derive(Clone, Debug)]
pub struct Unpacked {
    /// The package.
    pub package: Package,
    /// The files, in the header's order.
    pub files: Vec<File>,
    /// The state that each file will have.
    pub states: Vec<FileState>,
    /// The content of each selected regular file. Each hard link of a file has it.
    pub contents: Vec<Option<Content>>,
    id: String,
}

/// An error while opening a package.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The package file is invalid or not trusted.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The header's list of files is invalid.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The payload does not match the header.
    #[error(transparent)]
    Payload(#[from] PayloadError),
}

impl UnpackError {
    /// Returns the I/O error if reading or spooling failed, which is not an error of the package
    /// itself. Otherwise returns the error unchanged.
    pub fn into_io(self) -> Result<std::io::Error, Self> {
        match self {
            Self::Package(PackageError::Read(error)) | Self::Payload(PayloadError::Spool(error)) => Ok(error),
            error => Err(error),
        }
    }
}

impl Unpacked {
    /// Verifies a package and unpacks the files that the options select.
    pub fn open(content: &Content, trust: Trust<'_>, options: &FileOptions, spool: &Spool) -> Result<Self, UnpackError> {
        let mut package = Package::open(content, trust)?;
        let files = package.files()?;
        let states = selection::select(&files, options);
        let contents = package.unpack(&files, spool, |file| selection::is_wanted(file, options))?;
        package.release_payload();
        let id = package.identity().id();
        Ok(Self { package, files, states, contents, id })
    }

    /// Returns name, version and architecture as one string.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the time of the build, in seconds since 1970.
    pub fn build_time(&self) -> i64 {
        self.package.header().u32(Tag::BUILD_TIME).map_or(0, i64::from)
    }

    /// Returns the files to be installed as entries, without ghosts. Hard links become separate
    /// files.
    pub fn entries(&self) -> Vec<Entry> {
        let installed = |&(place, file): &(usize, &File)| self.states[place] == FileState::Normal && file.in_payload();
        self.files
            .iter()
            .enumerate()
            .filter(installed)
            .filter_map(|(place, file)| file.entry(self.contents[place].clone().unwrap_or_else(Content::empty), None).ok())
            .collect()
    }
}
