//! Why a file cannot be had: which places were tried, and what was wrong at each.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

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
    /// What was wrong there, the last time.
    pub reason: Reason,
    /// How many times it was tried.
    pub tries: u32,
}

/// As a person reads it: the place, what was wrong, and how often it was tried where that was more than once.
impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.reason)?;
        if self.tries > 1 { write!(f, " (tried {} times)", self.tries) } else { Ok(()) }
    }
}

/// What was wrong at a place.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// There is no such file (HTTP 404 and 410 as well).
    #[error("not found")]
    NotFound,
    /// The server answered with another status than one that brings a file.
    #[error("the server answered with status {status}{}{}", meaning(*status), Wait(*retry_after))]
    Status {
        /// The status.
        status: u16,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The server was asked for the rest of a file and gave another part.
    #[error("asked for the bytes from {asked} on, the server gave others ({told})")]
    Range {
        /// The first byte that was asked for.
        asked: u64,
        /// What it says it gave.
        told: String,
    },
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
    /// The server is not who it should be, or speaks no TLS that can be trusted.
    #[error("no TLS that can be trusted: {message}")]
    Tls {
        /// What is wrong, as the connection's layers say it.
        message: String,
    },
    /// The server gives less than it has to.
    #[error("too slow: {found} bytes a second, at least {least} are asked for")]
    TooSlow {
        /// Bytes a second that a server has to give.
        least: u64,
        /// What it gave.
        found: u64,
    },
    /// It took too long, however fast it came.
    #[error("not there after {} seconds", limit.as_secs_f64())]
    TooLong {
        /// How long it may take.
        limit: Duration,
    },
    /// We cannot speak to any server in the way we were told to.
    #[error("{message}")]
    Setup {
        /// What is wrong.
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
            // After a wrong part the whole is asked for.
            Self::Transport { .. } | Self::TooSlow { .. } | Self::Range { .. } => true,
            // Request timeout, too many requests, and what a server or a proxy says when it is overloaded; and of a part that is not there.
            Self::Status { status, .. } => matches!(status, 408 | 416 | 425 | 429 | 500 | 502..=504),
            _ => false,
        }
    }

    /// Whether it tells of its server, not only of the one file.
    pub(super) fn is_fault(&self) -> bool {
        match self {
            Self::NotFound | Self::TooLarge { .. } | Self::Offline | Self::Io(_) | Self::Setup { .. } => false,
            Self::Status { status, .. } => *status != 416,
            _ => true,
        }
    }

    /// How long the server asks to be left alone.
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

/// What a status means that asks for something of us.
fn meaning(status: u16) -> &'static str {
    match status {
        401 => ", which wants a name and a password (~/.netrc)",
        403 => ", forbidden",
        407 => " of the proxy, which wants a name and a password",
        429 => ", too many requests",
        _ => "",
    }
}

/// How long a server asks to be left alone.
struct Wait(Option<Duration>);

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |wait| write!(f, ", asking to wait {} seconds", wait.as_secs()))
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
        for (place, attempt) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{attempt}")?;
        }
        Ok(())
    }
}
