//! Cancellation: a flag that a signal or another thread raises and that every long loop checks.
//!
//! Input: SIGINT, SIGTERM or SIGHUP, or [`Cancel::raise`]. Output: [`Cancel::is_raised`]. A loop
//! that sees the flag returns, and its guards clean up. The flag never ends the process. A second
//! signal ends it, as the system's default action would.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// A flag that means "stop, and leave nothing behind". Clones share the flag.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    raised: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Cancel {
    /// Returns a flag that only [`Cancel::raise`] raises.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a flag that the first SIGINT, SIGTERM or SIGHUP raises; the second one kills the
    /// process. Only the command line calls this, once.
    pub fn on_signals() -> io::Result<Self> {
        let cancel = Self::new();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // The order matters: the handler that kills the process must check the flag before the
            // other handler sets it.
            flag::register_conditional_default(signal, Arc::clone(&cancel.raised))?;
            flag::register_usize(signal, Arc::clone(&cancel.signal), signal.unsigned_abs() as usize)?;
            flag::register(signal, Arc::clone(&cancel.raised))?;
        }
        Ok(cancel)
    }

    /// Asks all holders of the flag to stop.
    pub fn raise(&self) {
        self.raised.store(true, Ordering::Relaxed);
    }

    /// Reports whether to stop.
    pub fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Relaxed)
    }

    /// Returns the signal that raised the flag, if a signal did. A shell expects the exit code 128
    /// plus this number.
    pub fn signal(&self) -> Option<i32> {
        i32::try_from(self.signal.load(Ordering::Relaxed)).ok().filter(|&signal| signal != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_raises_the_flag() {
        let cancel = Cancel::on_signals().unwrap();
        assert!(!cancel.is_raised() && cancel.signal().is_none());
        signal_hook::low_level::raise(SIGHUP).unwrap();
        assert!(cancel.is_raised());
        assert_eq!(cancel.signal(), Some(SIGHUP));
    }

    #[test]
    fn clones_share_the_flag() {
        let cancel = Cancel::new();
        cancel.clone().raise();
        assert!(cancel.is_raised());
    }
}
