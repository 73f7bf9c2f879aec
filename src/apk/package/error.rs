//! Errors of package files.

use std::io;

use super::info::InfoError;
use crate::apk::signature::SignatureError;
use crate::digest::Digest;

/// A package file that cannot be opened. Every variant but [`Self::Io`] means that the file itself
/// is invalid.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The file cannot be read, or its content cannot be stored.
    #[error(transparent)]
    Io(io::Error),
    /// A stream or the archive in it is damaged or truncated.
    #[error("damaged package: {0}")]
    Damaged(#[source] io::Error),
    /// The file lacks the streams of a package.
    #[error("not an apk package: {what}")]
    NotAPackage {
        /// The missing part.
        what: &'static str,
    },
    /// The control stream is longer than any valid one.
    #[error("the control stream is longer than {limit} bytes")]
    TooLong {
        /// The maximum size in bytes.
        limit: u64,
    },
    /// The package differs from the one in the index.
    #[error("the package is not the one in the index: expected {expected}, found {found}")]
    Identity {
        /// The digest in the index.
        expected: Digest,
        /// The digest of the file.
        found: Digest,
    },
    /// No trusted key signed the package.
    #[error("the package: {0}")]
    Signature(#[source] SignatureError),
    /// `.PKGINFO` is malformed.
    #[error(transparent)]
    Info(#[from] InfoError),
    /// The package has files but no digest for them.
    #[error(".PKGINFO has no `datahash`: nothing tells whether the files are whole")]
    NoDataHash,
    /// The data stream differs from the digest in `.PKGINFO`.
    #[error("the files are not what .PKGINFO promises: expected {expected}, found {found}")]
    DataHash {
        /// The digest in `.PKGINFO`.
        expected: Digest,
        /// The digest of the stream.
        found: Digest,
    },
    /// A file differs from its own checksum.
    #[error("{path} is not what the package promises: expected {expected}, found {found}")]
    File {
        /// The path.
        path: String,
        /// The digest in the archive.
        expected: Digest,
        /// The digest of the content.
        found: Digest,
    },
    /// An entry of the archive cannot be installed.
    #[error("{path}: {problem}")]
    Entry {
        /// The path.
        path: String,
        /// The error.
        problem: String,
    },
}

/// Classifies errors of the decompressor and the tar reader as damage of the package; other errors
/// come from the disk.
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
