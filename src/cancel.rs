//! Stopping early: a flag that a signal or another thread raises and that every long loop asks.
//!
//! In: SIGINT, SIGTERM or SIGHUP, or [`Cancel::raise`]. Out: [`Cancel::is_raised`], so that the loop returns and its guards clean
//! up. It never ends the process itself; a second signal does, as the system would have done at the first.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// A flag that says "stop, and leave nothing behind". Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    raised: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Cancel {
    /// A flag that only [`Cancel::raise`] raises.
    pub fn new() -> Self {
        Self::default()
    }

    /// A flag that the first SIGINT, SIGTERM or SIGHUP raises; the second one kills the process. For the command line, once.
    pub fn on_signals() -> io::Result<Self> {
        let cancel = Self::new();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // The order counts: the handler that kills looks at the flag before the one that sets it.
            flag::register_conditional_default(signal, Arc::clone(&cancel.raised))?;
            flag::register_usize(signal, Arc::clone(&cancel.signal), signal.unsigned_abs() as usize)?;
            flag::register(signal, Arc::clone(&cancel.raised))?;
        }
        Ok(cancel)
    }

    /// Asks everybody to stop.
    pub fn raise(&self) {
        self.raised.store(true, Ordering::Relaxed);
    }

    /// Whether to stop.
    pub fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Relaxed)
    }

    /// The signal that raised it, if one did: a shell expects the exit code 128 plus this number.
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
