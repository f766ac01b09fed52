//! How far a run is: counters that any thread may raise and any thread may read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::runner::store::UnitStatus;

/// Counts finished units by status, and the time that they took.
#[derive(Debug, Default)]
pub struct Progress {
    by_status: [AtomicU64; UnitStatus::ALL.len()],
    resumed: AtomicU64,
    unit_nanos: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// In the order of [`UnitStatus::ALL`].
    pub by_status: [u64; UnitStatus::ALL.len()],
    /// How many of them an earlier attempt had finished.
    pub resumed: u64,
    /// Time spent in units, over all threads.
    pub unit_time: Duration,
}

impl Progress {
    /// Counts one unit.
    pub fn unit_done(&self, status: UnitStatus, time: Duration) {
        self.by_status[status as usize].fetch_add(1, Ordering::Relaxed);
        self.unit_nanos.fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
    }

    /// Counts one unit that an earlier attempt had finished.
    pub fn unit_resumed(&self, status: UnitStatus) {
        self.by_status[status as usize].fetch_add(1, Ordering::Relaxed);
        self.resumed.fetch_add(1, Ordering::Relaxed);
    }

    /// The counters now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            by_status: std::array::from_fn(|i| self.by_status[i].load(Ordering::Relaxed)),
            resumed: self.resumed.load(Ordering::Relaxed),
            unit_time: Duration::from_nanos(self.unit_nanos.load(Ordering::Relaxed)),
        }
    }
}

impl Counts {
    /// Finished units, however they ended.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.by_status.iter().sum()
    }

    /// Units finished now, not in an earlier attempt.
    #[must_use]
    pub fn fresh(&self) -> u64 {
        self.done().saturating_sub(self.resumed)
    }

    /// What was counted after an earlier moment.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            by_status: std::array::from_fn(|i| self.by_status[i] - earlier.by_status[i]),
            resumed: self.resumed - earlier.resumed,
            unit_time: self.unit_time - earlier.unit_time,
        }
    }

    /// Finished units that ended this way.
    #[must_use]
    pub fn of(&self, status: UnitStatus) -> u64 {
        self.by_status[status as usize]
    }
}
