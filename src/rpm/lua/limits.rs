//! How much a scriptlet may use before it is stopped.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The limits of one scriptlet. All but the time are exact, so the same scriptlet is stopped at the same place on every machine; the
/// time is only a last resort against work that cannot be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Steps: instructions of Lua's machine, and what its functions do, counted alike.
    pub steps: u64,
    /// Bytes that Lua's values may take.
    pub memory: usize,
    /// Bytes that the scriptlet may print.
    pub output: usize,
    /// Bytes that it may hold in files open for writing, and new names it may make (4 KiB each).
    pub written: u64,
    /// Processes that it may fork.
    pub forks: usize,
    /// Time on the clock.
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

/// A limit that a scriptlet reached.
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

/// Counts what a scriptlet uses, over all runs that its forks need.
pub(super) struct Meter {
    limits: Limits,
    steps: Cell<u64>,
    written: Cell<u64>,
    began: Instant,
    exceeded: Cell<Option<Exceeded>>,
    /// This run is over: nothing may catch the error that ends it.
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

    /// The first limit that was exceeded.
    pub(super) fn exceeded(&self) -> Option<Exceeded> {
        self.exceeded.get()
    }

    /// Whether the run is to unwind, whatever the script catches.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.get() || self.exceeded.get().is_some()
    }

    /// Ends this run, or begins the next.
    pub(super) fn set_stopped(&self, stopped: bool) {
        self.stopped.set(stopped);
    }

    /// Counts `steps`; false when the run must stop.
    pub(super) fn spend(&self, steps: u64) -> bool {
        self.steps.set(self.steps.get().saturating_add(steps));
        if self.steps.get() > self.limits.steps {
            self.exceed(Exceeded::Steps(self.limits.steps));
        }
        !self.is_stopped()
    }

    /// Looks at the clock; false when the run must stop.
    pub(super) fn check_time(&self) -> bool {
        if self.began.elapsed() > self.limits.time {
            self.exceed(Exceeded::Time(self.limits.time));
        }
        !self.is_stopped()
    }

    /// Counts bytes written; false when the run must stop.
    pub(super) fn write(&self, bytes: u64) -> bool {
        self.written.set(self.written.get().saturating_add(bytes));
        if self.written.get() > self.limits.written {
            self.exceed(Exceeded::Written(self.limits.written));
        }
        !self.is_stopped()
    }

    /// Notes the first limit that was exceeded.
    pub(super) fn exceed(&self, limit: Exceeded) {
        if self.exceeded.get().is_none() {
            self.exceeded.set(Some(limit));
        }
    }
}
