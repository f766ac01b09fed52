//! The wish that work ends early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The wish that work ends early: what is in hand is finished, nothing new is begun. Who wishes it
/// (a signal) and who obeys share one of these.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks to stop, for good.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// What is set when somebody asks: a signal handler can set this and no more.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }
}
