//! A package that was verified, with those of its files unpacked that are to be installed.

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
    /// Its files, in the header's order.
    pub files: Vec<File>,
    /// What is to become of each.
    pub states: Vec<FileState>,
    /// The content of each regular file that is to be installed; of the names of one file each has it.
    pub contents: Vec<Option<Content>>,
    id: String,
}

/// Why a package is not used.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The package as a whole is not what it should be.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// Its header does not tell its files.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// Its payload is not what the header promises.
    #[error(transparent)]
    Payload(#[from] PayloadError),
}

impl UnpackError {
    /// Whether reading or keeping its bytes failed, and nothing is said of the package.
    pub fn into_io(self) -> Result<std::io::Error, Self> {
        match self {
            Self::Package(PackageError::Read(error)) | Self::Payload(PayloadError::Spool(error)) => Ok(error),
            error => Err(error),
        }
    }
}

impl Unpacked {
    /// Verifies a package and unpacks what the options do not leave out.
    pub fn open(content: &Content, trust: Trust<'_>, options: &FileOptions, spool: &Spool) -> Result<Self, UnpackError> {
        let mut package = Package::open(content, trust)?;
        let files = package.files()?;
        let states = selection::select(&files, options);
        let contents = package.unpack(&files, spool, |file| selection::is_wanted(file, options))?;
        package.release_payload();
        let id = package.identity().id();
        Ok(Self { package, files, states, contents, id })
    }

    /// Name, version and architecture in one.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it was built, in seconds since 1970.
    pub fn build_time(&self) -> i64 {
        self.package.header().u32(Tag::BUILD_TIME).map_or(0, i64::from)
    }

    /// The files that are to be installed, without ghosts, as entries; hard links as files of their own.
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
