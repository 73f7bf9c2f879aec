//! Resource limits of a scriptlet.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The limits of one scriptlet. All but the time are exact, so the same scriptlet stops at the same
/// place on every machine. The time limit is a last resort against work that cannot be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Steps: instructions of Lua's virtual machine, and equivalent work of library functions.
    pub steps: u64,
    /// Memory for Lua's values, in bytes.
    pub memory: usize,
    /// Printed output, in bytes.
    pub output: usize,
    /// Data in files open for writing, in bytes. Each new name counts as 4 KiB.
    pub written: u64,
    /// Number of forks.
    pub forks: usize,
    /// Elapsed time.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: 200_000_000,
            memory: 64 << 20,
            output: 1 << 20,
            written: 256 << 20,
            forks: 256,
            time: Duration::from_mins(1),
        }
    }
}

/// A limit that a scriptlet exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exceeded {
    /// More steps than allowed.
    #[error("more than {0} steps")]
    Steps(u64),
    /// More memory than allowed.
    #[error("more than {0} bytes of memory")]
    Memory(usize),
    /// More output than allowed.
    #[error("more than {0} bytes of output")]
    Output(usize),
    /// More written to files than allowed.
    #[error("more than {0} bytes written")]
    Written(u64),
    /// More time than allowed.
    #[error("more than {0:?}")]
    Time(Duration),
}

/// A counter of the resources that a scriptlet uses, including the repeated runs after forks.
pub(super) struct Meter {
    limits: Limits,
    steps: Cell<u64>,
    written: Cell<u64>,
    began: Instant,
    exceeded: Cell<Option<Exceeded>>,
    /// True if this run has ended. The script must not catch the error that ends it.
    stopped: Cell<bool>,
}

impl Meter {
    pub(super) fn new(limits: Limits) -> Rc<Self> {
        Rc::new(Self {
            limits,
            steps: Cell::new(0),
            written: Cell::new(0),
            began: Instant::now(),
            exceeded: Cell::new(None),
            stopped: Cell::new(false),
        })
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// Returns the first limit that was exceeded.
    pub(super) fn exceeded(&self) -> Option<Exceeded> {
        self.exceeded.get()
    }

    /// Reports whether the run must unwind, even if the script catches errors.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.get() || self.exceeded.get().is_some()
    }

    /// Ends this run, or allows the next one.
    pub(super) fn set_stopped(&self, stopped: bool) {
        self.stopped.set(stopped);
    }

    /// Counts `steps`. Returns false if the run must stop.
    pub(super) fn spend(&self, steps: u64) -> bool {
        self.steps.set(self.steps.get().saturating_add(steps));
        if self.steps.get() > self.limits.steps {
            self.exceed(Exceeded::Steps(self.limits.steps));
        }
        !self.is_stopped()
    }

    /// Checks the elapsed time. Returns false if the run must stop.
    pub(super) fn check_time(&self) -> bool {
        if self.began.elapsed() > self.limits.time {
            self.exceed(Exceeded::Time(self.limits.time));
        }
        !self.is_stopped()
    }

    /// Counts written bytes. Returns false if the run must stop.
    pub(super) fn write(&self, bytes: u64) -> bool {
        self.written.set(self.written.get().saturating_add(bytes));
        if self.written.get() > self.limits.written {
            self.exceed(Exceeded::Written(self.limits.written));
        }
        !self.is_stopped()
    }

    /// Records a limit, if it is the first one that was exceeded.
    pub(super) fn exceed(&self, limit: Exceeded) {
        if self.exceeded.get().is_none() {
            self.exceeded.set(Some(limit));
        }
    }
}
