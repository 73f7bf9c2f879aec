//! The trait through which the library reports progress. The library itself never prints.

/// A part of the work that takes noticeable time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Downloading and reading repository metadata.
    Metadata,
    /// Selecting packages.
    Resolve,
    /// Downloading, verifying and decompressing packages.
    Fetch,
    /// Merging packages, running scriptlets and finishing steps, writing package databases.
    Install,
    /// Writing the finished tree.
    Write,
}

impl Phase {
    /// Returns the name that `--stats` prints.
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

/// A receiver of progress reports, which may come from any thread. Every method has an empty
/// default.
pub trait Reporter: Send + Sync {
    /// Reports that a phase begins. `items` and `bytes` are the expected totals, if known.
    fn begin(&self, phase: Phase, items: Option<u64>, bytes: Option<u64>) {
        let _ = (phase, items, bytes);
    }

    /// Reports progress in a phase: more items and bytes are done.
    fn advance(&self, phase: Phase, items: u64, bytes: u64) {
        let _ = (phase, items, bytes);
    }

    /// Reports that a phase is over. `summary` describes the result for the user.
    fn finish(&self, phase: Phase, summary: &str) {
        let _ = (phase, summary);
    }

    /// Warns the user; the run continues.
    fn warn(&self, message: &str) {
        let _ = message;
    }

    /// Reports whether the user requested details. Costly searches for details run only then.
    fn wants_details(&self) -> bool {
        false
    }

    /// Reports a detail to users who requested details.
    fn detail(&self, message: &str) {
        let _ = message;
    }
}

/// A reporter that ignores all reports.
pub struct Silent;

impl Reporter for Silent {}
