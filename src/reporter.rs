//! The trait through which the library tells of its progress. The library itself never prints.

/// A part of the work that takes noticeable time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Getting and reading repository metadata.
    Metadata,
    /// Choosing packages.
    Resolve,
    /// Downloading, verifying and inflating packages.
    Fetch,
    /// Merging packages, scriptlets, finishing steps, databases.
    Install,
    /// Writing the finished tree.
    Write,
}

impl Phase {
    /// The phase's name as `--stats` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Resolve => "solve",
            Self::Fetch => "fetch",
            Self::Install => "install",
            Self::Write => "write",
        }
    }
}

/// Hears of progress, from any thread. Every method has an empty default.
pub trait Reporter: Send + Sync {
    /// A phase begins; `items` and `bytes` are how much there will be, when that is known.
    fn begin(&self, phase: Phase, items: Option<u64>, bytes: Option<u64>) {
        let _ = (phase, items, bytes);
    }

    /// More of the phase is done.
    fn advance(&self, phase: Phase, items: u64, bytes: u64) {
        let _ = (phase, items, bytes);
    }

    /// The phase is over; `summary` is what it did, in words for a person.
    fn finish(&self, phase: Phase, summary: &str) {
        let _ = (phase, summary);
    }

    /// Something that the user should know, though the run goes on.
    fn warn(&self, message: &str) {
        let _ = message;
    }
}

/// Hears nothing.
pub struct Silent;

impl Reporter for Silent {}
