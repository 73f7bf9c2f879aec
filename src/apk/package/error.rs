//! Why a package file is refused.

use std::io;

use super::info::InfoError;
use crate::apk::signature::SignatureError;
use crate::digest::Digest;

/// Why a package file is refused. Every kind but [`Self::Io`] means that the file is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// It cannot be read, or what it holds cannot be kept.
    #[error(transparent)]
    Io(io::Error),
    /// A stream or the archive in it is damaged or cut off.
    #[error("damaged package: {0}")]
    Damaged(#[source] io::Error),
    /// It has not the streams of a package.
    #[error("not an apk package: {what}")]
    NotAPackage {
        /// What is missing.
        what: &'static str,
    },
    /// Its control stream is longer than any package's.
    #[error("the control stream is longer than {limit} bytes")]
    TooLong {
        /// As much as is read.
        limit: u64,
    },
    /// It is not the package that the index tells of.
    #[error("the package is not the one in the index: expected {expected}, found {found}")]
    Identity {
        /// As the index says.
        expected: Digest,
        /// As it is.
        found: Digest,
    },
    /// Nobody trusted signed it.
    #[error("the package: {0}")]
    Signature(#[source] SignatureError),
    /// `.PKGINFO` is wrong.
    #[error(transparent)]
    Info(#[from] InfoError),
    /// It has files, and nothing tells whether they are whole.
    #[error(".PKGINFO has no `datahash`: nothing tells whether the files are whole")]
    NoDataHash,
    /// The data stream is not what `.PKGINFO` promises.
    #[error("the files are not what .PKGINFO promises: expected {expected}, found {found}")]
    DataHash {
        /// As `.PKGINFO` says.
        expected: Digest,
        /// As it is.
        found: Digest,
    },
    /// A file is not what its own checksum promises.
    #[error("{path} is not what the package promises: expected {expected}, found {found}")]
    File {
        /// The path.
        path: String,
        /// As the archive says.
        expected: Digest,
        /// As it is.
        found: Digest,
    },
    /// An entry of the archive cannot be installed.
    #[error("{path}: {problem}")]
    Entry {
        /// The path.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// What the decompressor or the archive's reader says is about the package; the rest is about the disk.
impl From<io::Error> for PackageError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof | io::ErrorKind::Other => {
                Self::Damaged(error)
            }
            _ => Self::Io(error),
        }
    }
}
