//! The wish that work ends early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::why::Why;

/// The wish that work ends early: what is in hand is finished, nothing new is begun. Who wishes it
/// (a signal) and who obeys share one of these.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Stop {
    /// Asks to stop, for good.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// What is set when somebody asks: a signal handler can set this and no more.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.asked.clone()
    }

    /// Where a signal handler leaves the number of its signal, before it sets the flag.
    #[must_use]
    pub fn signal(&self) -> Arc<AtomicUsize> {
        self.signal.clone()
    }

    /// Who asked, as a journal keeps it.
    #[must_use]
    pub fn why(&self) -> Why {
        Why::Asked { signal: self.signal.load(Ordering::Relaxed) as u32 }
    }
}
