//! Errors of repositories: the repository, the file, and the error.

use std::time::Duration;

use crate::digest::{Algorithm, Digest};
use crate::ecosystem::PackageError;
use crate::fetch::{FetchError, FoundSize, LocationError};
use crate::metadata::IndexError;

/// An error that makes a repository unusable.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// Two repositories have the same name.
    #[error("two repositories are called {repository}")]
    SameName {
        /// The name.
        repository: String,
    },
    /// A file of the repository cannot be fetched, or fails verification.
    #[error("repository {repository}: {error}")]
    Fetch {
        /// The repository.
        repository: String,
        /// The error of the fetch.
        error: FetchError,
    },
    /// The signature of the root document is missing or invalid.
    #[error("repository {repository}: {file} is not used: {error}")]
    Root {
        /// The repository.
        repository: String,
        /// The document.
        file: String,
        /// The location that the document came from.
        from: String,
        /// The error of the verification.
        error: PackageError,
    },
    /// The metadata names a file outside of the repository.
    #[error("repository {repository}: {error}")]
    Location {
        /// The repository.
        repository: String,
        /// The error of the location.
        error: LocationError,
    },
    /// A metadata file cannot be parsed.
    #[error("repository {repository}: {file} cannot be read: {error}")]
    Index {
        /// The repository.
        repository: String,
        /// The file, relative to the repository.
        file: String,
        /// The error and its position.
        error: IndexError,
    },
    /// The root document is older than one that an earlier run accepted.
    #[error("repository {repository}: {file} is older than what was seen before: made {found}, seen {seen}")]
    Older {
        /// The repository.
        repository: String,
        /// The document.
        file: String,
        /// The location that the document came from.
        from: String,
        /// The time or revision of the newest document accepted before.
        seen: String,
        /// The time or revision of this document.
        found: String,
    },
    /// The metadata are older than the allowed maximum.
    #[error("repository {repository}: {file} is {}, and may be {} old", age.map_or_else(|| "of an age that it does not tell".to_owned(), |age| format!("{} old", words(age))), words(*limit))]
    Stale {
        /// The repository.
        repository: String,
        /// The document.
        file: String,
        /// The age; `None` if the document does not state it.
        age: Option<Duration>,
        /// The maximum age.
        limit: Duration,
    },
    /// The root document lists no packages.
    #[error("repository {repository}: {document} names no list of packages")]
    NoPackages {
        /// The repository.
        repository: String,
        /// The root document.
        document: String,
    },
    /// A metadata file has no checksum, or only a weak one.
    #[error("repository {repository}: {file} has no checksum that can be trusted ({})", algorithm.map_or("none is known", Algorithm::name))]
    WeakChecksum {
        /// The repository.
        repository: String,
        /// The file, relative to the repository.
        file: String,
        /// The algorithm of its checksum.
        algorithm: Option<Algorithm>,
    },
    /// A metadata file decompresses to more or fewer bytes than expected.
    #[error("repository {repository}: {file}: expected {expected} bytes when inflated, found {found}")]
    OpenSize {
        /// The repository.
        repository: String,
        /// The file, relative to the repository.
        file: String,
        /// The expected number of bytes.
        expected: u64,
        /// The number of bytes found.
        found: FoundSize,
    },
    /// A metadata file decompresses to other bytes than expected.
    #[error("repository {repository}: {file}: expected {expected} when inflated, found {found}")]
    OpenChecksum {
        /// The repository.
        repository: String,
        /// The file, relative to the repository.
        file: String,
        /// The expected digest.
        expected: Digest,
        /// The digest of the decompressed bytes.
        found: Digest,
    },
}

/// Returns a duration in words.
pub(super) fn words(time: Duration) -> String {
    const HOUR: u64 = 3600;
    match time.as_secs() {
        seconds if seconds >= 48 * HOUR => format!("{} days", seconds / (24 * HOUR)),
        seconds if seconds >= 2 * HOUR => format!("{} hours", seconds / HOUR),
        seconds => format!("{seconds} seconds"),
    }
}

impl RepoError {
    /// Returns the name of the repository.
    pub fn repository(&self) -> &str {
        match self {
            Self::SameName { repository }
            | Self::Fetch { repository, .. }
            | Self::Root { repository, .. }
            | Self::Location { repository, .. }
            | Self::Index { repository, .. }
            | Self::Older { repository, .. }
            | Self::Stale { repository, .. }
            | Self::NoPackages { repository, .. }
            | Self::WeakChecksum { repository, .. }
            | Self::OpenSize { repository, .. }
            | Self::OpenChecksum { repository, .. } => repository,
        }
    }

    /// Reports whether verification failed, as opposed to a missing or unreadable file.
    pub fn is_verification(&self) -> bool {
        match self {
            Self::Fetch { error, .. } => error.is_verification(),
            Self::Root { error, .. } => error.is_verification(),
            Self::Older { .. }
            | Self::Stale { .. }
            | Self::WeakChecksum { .. }
            | Self::OpenSize { .. }
            | Self::OpenChecksum { .. } => true,
            Self::SameName { .. } | Self::Location { .. } | Self::Index { .. } | Self::NoPackages { .. } => false,
        }
    }
}
