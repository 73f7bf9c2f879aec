//! Errors of a fetch: the locations that were tried, and the error at each.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::Location;
use crate::digest::Digest;

/// An error that prevents a file from being fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No location has the file with the expected digest and size.
    #[error("{name}: {}", Attempts(attempts))]
    Failed {
        /// The name of the file in messages.
        name: String,
        /// The locations, in the order in which they were tried, each with its last error.
        attempts: Vec<Attempt>,
    },
    /// The cache directory cannot be read or written.
    #[error("the cache {} cannot be used: {error}", path.display())]
    Store {
        /// The cache directory or the file in it.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The user interrupted the run.
    #[error("interrupted")]
    Interrupted,
}

impl FetchError {
    /// Reports whether a location had the file, but with another digest or size than expected.
    pub fn is_verification(&self) -> bool {
        match self {
            Self::Failed { attempts, .. } => attempts.iter().any(|attempt| attempt.reason.is_verification()),
            Self::Store { .. } | Self::Interrupted => false,
        }
    }

    /// Reports whether no location has such a file. If the network is disabled, locations that
    /// could not be asked count as lacking it.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Failed { attempts, .. } => {
                attempts.iter().all(|attempt| matches!(attempt.reason, Reason::NotFound | Reason::Offline))
            }
            Self::Store { .. } | Self::Interrupted => false,
        }
    }

    /// Reports whether every location answered that it has no such file.
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Failed { attempts, .. } => attempts.iter().all(|attempt| matches!(attempt.reason, Reason::NotFound)),
            Self::Store { .. } | Self::Interrupted => false,
        }
    }
}

/// A location where the fetch failed.
#[derive(Debug)]
pub struct Attempt {
    /// The location.
    pub location: Location,
    /// The last error there.
    pub reason: Reason,
    /// The number of tries.
    pub tries: u32,
}

/// Displays the location, the error, and the number of tries if there was more than one.
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.reason)?;
        if self.tries > 1 { write!(f, " (tried {} times)", self.tries) } else { Ok(()) }
    }
}

/// The error at a location.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// There is no such file (also HTTP 404 and 410).
    #[error("not found")]
    NotFound,
    /// The server answered with a status that delivers no file.
    #[error("the server answered with status {status}{}{}", meaning(*status), Wait(*retry_after))]
    Status {
        /// The status.
        status: u16,
        /// The time of the server's `Retry-After` header.
        retry_after: Option<Duration>,
    },
    /// The server delivered another range than the requested one.
    #[error("asked for the bytes from {asked} on, the server gave others ({told})")]
    Range {
        /// The first requested byte.
        asked: u64,
        /// The range that the server says it delivered.
        told: String,
    },
    /// The file has another digest than expected.
    #[error("expected {expected}, found {found}, {size} bytes")]
    Checksum {
        /// The expected digest.
        expected: Digest,
        /// The digest of the received bytes.
        found: Digest,
        /// The number of bytes.
        size: u64,
    },
    /// The file has more or fewer bytes than expected.
    #[error("expected {expected} bytes, found {found}")]
    Size {
        /// The expected number of bytes.
        expected: u64,
        /// The number of bytes found.
        found: FoundSize,
    },
    /// The file has no expected size, and exceeds the limit for files of its kind.
    #[error("it is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// There are too many redirects.
    #[error("redirected too often")]
    Redirects,
    /// The connection failed.
    #[error("{message}")]
    Transport {
        /// The errors of the connection's layers, the outermost first.
        message: String,
    },
    /// The server's certificate is not trusted, or TLS failed.
    #[error("no TLS that can be trusted: {message}")]
    Tls {
        /// The errors of the connection's layers, the outermost first.
        message: String,
    },
    /// The server is slower than the minimum rate.
    #[error("too slow: {found} bytes a second, at least {least} are asked for")]
    TooSlow {
        /// The minimum rate, in bytes per second.
        least: u64,
        /// The measured rate, in bytes per second.
        found: u64,
    },
    /// The download exceeded the time limit.
    #[error("not there after {} seconds", limit.as_secs_f64())]
    TooLong {
        /// The time limit.
        limit: Duration,
    },
    /// The access settings are unusable, so no server can be contacted.
    #[error("{message}")]
    Setup {
        /// The reason.
        message: String,
    },
    /// The network is disabled, and the file is not in the cache.
    #[error("not in the cache, and the network may not be used (offline)")]
    Offline,
    /// The file cannot be read.
    #[error("{0}")]
    Io(io::Error),
}

impl Reason {
    /// Reports whether the file was there, but with another digest or size than expected.
    pub fn is_verification(&self) -> bool {
        matches!(self, Self::Checksum { .. } | Self::Size { .. })
    }

    /// Reports whether another try may succeed.
    pub fn is_transient(&self) -> bool {
        match self {
            // After a wrong range, the next try requests the whole file.
            Self::Transport { .. } | Self::TooSlow { .. } | Self::Range { .. } => true,
            // Request timeout, range not satisfiable, too many requests, and the statuses of
            // overloaded servers and proxies.
            Self::Status { status, .. } => matches!(status, 408 | 416 | 425 | 429 | 500 | 502..=504),
            _ => false,
        }
    }

    /// Reports whether the error concerns the server as a whole, not only this file.
    pub(super) fn is_fault(&self) -> bool {
        match self {
            Self::NotFound | Self::TooLarge { .. } | Self::Offline | Self::Io(_) | Self::Setup { .. } => false,
            Self::Status { status, .. } => *status != 416,
            _ => true,
        }
    }

    /// Returns the time that the server asks clients to wait before another request.
    pub(super) fn asked_to_wait(&self) -> Option<Duration> {
        match self {
            Self::Status { status: 429 | 503, retry_after } => *retry_after,
            _ => None,
        }
    }
}

impl From<io::Error> for Reason {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound { Self::NotFound } else { Self::Io(error) }
    }
}

/// Returns the explanation of a status that requires an action of the user.
fn meaning(status: u16) -> &'static str {
    match status {
        401 => ", which wants a name and a password (~/.netrc)",
        403 => ", forbidden",
        407 => " of the proxy, which wants a name and a password",
        429 => ", too many requests",
        _ => "",
    }
}

/// The time that a server asks clients to wait.
struct Wait(Option<Duration>);

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |wait| write!(f, ", asking to wait {} seconds", wait.as_secs()))
    }
}

/// The number of bytes found. Reading stops at the first excess byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundSize {
    /// Exactly this number of bytes.
    Exactly(u64),
    /// At least this number of bytes: the rest was not read.
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

/// The attempts, displayed in one line.
struct Attempts<'a>(&'a [Attempt]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no location is known");
        }
        for (place, attempt) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{attempt}")?;
        }
        Ok(())
    }
}
