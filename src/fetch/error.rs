//! Why a file cannot be had: which places were tried, and what was wrong at each.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::Location;
use crate::digest::Digest;

/// Why a file cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No place has it as it was promised.
    #[error("{name}: {}", Attempts(attempts))]
    Failed {
        /// What the file is called in messages.
        name: String,
        /// The places, in the order in which they were tried, each with what was wrong there last.
        attempts: Vec<Attempt>,
    },
    /// The cache directory cannot be read or written.
    #[error("the cache {} cannot be used: {error}", path.display())]
    Store {
        /// The cache directory or the file in it.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl FetchError {
    /// Whether a place had the file, but not as it was promised: its digest or its size is another.
    pub fn is_verification(&self) -> bool {
        match self {
            Self::Failed { attempts, .. } => attempts.iter().any(|attempt| attempt.reason.is_verification()),
            Self::Store { .. } | Self::Interrupted => false,
        }
    }

    /// Whether no place has such a file, as far as that can be known without the network where it is not to be used.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Failed { attempts, .. } => {
                attempts.iter().all(|attempt| matches!(attempt.reason, Reason::NotFound | Reason::Offline))
            }
            Self::Store { .. } | Self::Interrupted => false,
        }
    }

    /// Whether every place answered that it has no such file.
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Failed { attempts, .. } => attempts.iter().all(|attempt| matches!(attempt.reason, Reason::NotFound)),
            Self::Store { .. } | Self::Interrupted => false,
        }
    }
}

/// One place that was tried in vain.
#[derive(Debug)]
pub struct Attempt {
    /// The place.
    pub location: Location,
    /// What was wrong there.
    pub reason: Reason,
}

/// What was wrong at a place.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// There is no such file (HTTP 404 and 410 as well).
    #[error("not found")]
    NotFound,
    /// The server answered with this status.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// The bytes are others than promised.
    #[error("expected {expected}, found {found}, {size} bytes")]
    Checksum {
        /// The digest that was promised.
        expected: Digest,
        /// The digest that was found.
        found: Digest,
        /// How many bytes there are.
        size: u64,
    },
    /// There are more or fewer bytes than promised.
    #[error("expected {expected} bytes, found {found}")]
    Size {
        /// How many bytes were promised.
        expected: u64,
        /// How many there are.
        found: FoundSize,
    },
    /// No size was promised, and no such file is as large as this.
    #[error("it is larger than {limit} bytes")]
    TooLarge {
        /// How many bytes were allowed.
        limit: u64,
    },
    /// It leads from one address to the next without end.
    #[error("redirected too often")]
    Redirects,
    /// The connection failed.
    #[error("{message}")]
    Transport {
        /// What the connection's layers say, the outermost first.
        message: String,
    },
    /// The network may not be used, and the cache does not have it.
    #[error("not in the cache, and the network may not be used (offline)")]
    Offline,
    /// The file cannot be read.
    #[error("{0}")]
    Io(io::Error),
}

impl Reason {
    /// Whether the file was there, but not as it was promised.
    pub fn is_verification(&self) -> bool {
        matches!(self, Self::Checksum { .. } | Self::Size { .. })
    }

    /// Whether it may be another the next time.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Transport { .. } => true,
            // Request timeout, too many requests, and what a server or a proxy says when it is overloaded.
            Self::Status(status) => matches!(status, 408 | 425 | 429 | 500 | 502..=504),
            _ => false,
        }
    }
}

impl From<io::Error> for Reason {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound { Self::NotFound } else { Self::Io(error) }
    }
}

/// How many bytes were found; reading stops at the first that is too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundSize {
    /// As many as this.
    Exactly(u64),
    /// At least as many as this: the rest was not read.
    AtLeast(u64),
}

impl fmt::Display for FoundSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(size) => write!(f, "{size}"),
            Self::AtLeast(size) => write!(f, "{size} or more"),
        }
    }
}

/// The attempts in one line.
struct Attempts<'a>(&'a [Attempt]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no location is known");
        }
        for (place, Attempt { location, reason }) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{location}: {reason}")?;
        }
        Ok(())
    }
}
