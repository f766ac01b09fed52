//! The wish that work ends early.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::runner::store::{Left, Why};

/// Says how much time is left, given the number of the signal that came.
type Clock = dyn Fn(u32) -> Option<Left> + Send + Sync;

/// The wish that work ends early: what is in hand is finished, nothing new is begun. Who wishes it
/// (a signal) and who obeys share one of these.
#[derive(Clone, Default)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
    clock: Option<Arc<Clock>>,
    left: Arc<OnceLock<Option<Left>>>,
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop").field("asked", &self.asked).field("signal", &self.signal).finish()
    }
}

impl Stop {
    /// The same, but somebody is asked once how much time was left when the signal came.
    #[must_use]
    pub fn with_clock(self, clock: impl Fn(u32) -> Option<Left> + Send + Sync + 'static) -> Self {
        Self { clock: Some(Arc::new(clock)), ..self }
    }

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

    /// Who asked, and how much time was left, as a journal keeps it.
    #[must_use]
    pub fn why(&self) -> Why {
        let signal = self.signal.load(Ordering::Relaxed) as u32;
        let ask = || self.clock.as_ref().and_then(|clock| clock(signal));
        Why::Asked { signal, left: *self.left.get_or_init(ask) }
    }
}
