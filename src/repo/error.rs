//! Why a repository cannot be used: which one, which of its files, and what is wrong with it.

use std::time::Duration;

use crate::digest::{Algorithm, Digest};
use crate::ecosystem::PackageError;
use crate::fetch::{FetchError, FoundSize, LocationError};
use crate::metadata::IndexError;

/// Why a repository cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// Two repositories have the same name.
    #[error("two repositories are called {repository}")]
    SameName {
        /// The name.
        repository: String,
    },
    /// A file of the repository cannot be had, or is not what was promised.
    #[error("repository {repository}: {error}")]
    Fetch {
        /// The repository.
        repository: String,
        /// What was tried.
        error: FetchError,
    },
    /// The root document is not signed as it should be.
    #[error("repository {repository}: {file} is not used: {error}")]
    Root {
        /// The repository.
        repository: String,
        /// The document.
        file: String,
        /// Where it came from.
        from: String,
        /// Why not.
        error: PackageError,
    },
    /// The metadata names a file that is not the repository's.
    #[error("repository {repository}: {error}")]
    Location {
        /// The repository.
        repository: String,
        /// What it names.
        error: LocationError,
    },
    /// A metadata file cannot be read.
    #[error("repository {repository}: {file} cannot be read: {error}")]
    Index {
        /// The repository.
        repository: String,
        /// The file, relative to the repository.
        file: String,
        /// What is wrong with it, and where.
        error: IndexError,
    },
    /// The root document is older than one that was seen before.
    #[error("repository {repository}: {file} is older than what was seen before: made {found}, seen {seen}")]
    Older {
        /// The repository.
        repository: String,
        /// The document.
        file: String,
        /// Where it came from.
        from: String,
        /// Of when what was seen before is.
        seen: String,
        /// Of when this one is.
        found: String,
    },
    /// The metadata are older than they may be.
    #[error("repository {repository}: {file} is {}, and may be {} old", age.map_or_else(|| "of an age that it does not tell".to_owned(), |age| format!("{} old", words(age))), words(*limit))]
    Stale {
        /// The repository.
        repository: String,
        /// The document.
        file: String,
        /// How old it is; nothing where it does not tell.
        age: Option<Duration>,
        /// How old it may be.
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
    /// A metadata file has no checksum, or one that proves nothing.
    #[error("repository {repository}: {file} has no checksum that can be trusted ({})", algorithm.map_or("none is known", Algorithm::name))]
    WeakChecksum {
        /// The repository.
        repository: String,
        /// The file, relative to the repository.
        file: String,
        /// The algorithm of its checksum.
        algorithm: Option<Algorithm>,
    },
    /// A metadata file inflates to more or less than was promised.
    #[error("repository {repository}: {file}: expected {expected} bytes when inflated, found {found}")]
    OpenSize {
        /// The repository.
        repository: String,
        /// The file, relative to the repository.
        file: String,
        /// How many bytes were promised.
        expected: u64,
        /// How many there are.
        found: FoundSize,
    },
    /// A metadata file inflates to something else than was promised.
    #[error("repository {repository}: {file}: expected {expected} when inflated, found {found}")]
    OpenChecksum {
        /// The repository.
        repository: String,
        /// The file, relative to the repository.
        file: String,
        /// The digest that was promised.
        expected: Digest,
        /// The digest that was found.
        found: Digest,
    },
}

/// A time in the words of people.
pub(super) fn words(time: Duration) -> String {
    const HOUR: u64 = 3600;
    match time.as_secs() {
        seconds if seconds >= 48 * HOUR => format!("{} days", seconds / (24 * HOUR)),
        seconds if seconds >= 2 * HOUR => format!("{} hours", seconds / HOUR),
        seconds => format!("{seconds} seconds"),
    }
}

impl RepoError {
    /// The name of the repository.
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

    /// Whether something is not what was promised, rather than missing or unreadable.
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
