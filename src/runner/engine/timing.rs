//! How long the units of each column take: for people, and for balancing the next plan.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::foundations::numerics::math::median;
use crate::runner::store::ColumnTime;

/// Collects the times of units from any thread.
#[derive(Debug)]
pub(super) struct Timing {
    /// Microseconds.
    by_column: Vec<Mutex<Vec<f64>>>,
}

impl Timing {
    pub(super) fn new(columns: usize) -> Self {
        Self { by_column: (0..columns).map(|_| Mutex::new(Vec::new())).collect() }
    }

    pub(super) fn add(&self, column: usize, time: Duration) {
        // A thread that panicked while it added a time has added it or not: both will do.
        let mut times = self.by_column[column].lock().unwrap_or_else(PoisonError::into_inner);
        times.push(1e6 * time.as_secs_f64());
    }

    /// The columns that have units here.
    pub(super) fn summary(self, labels: Vec<String>) -> Vec<ColumnTime> {
        let times = self.by_column.into_iter().map(|times| times.into_inner());
        let times = times.map(|times| times.unwrap_or_else(PoisonError::into_inner));
        let row = |(label, times): (String, Vec<f64>)| ColumnTime {
            label,
            units: times.len() as u64,
            median_microseconds: median(&times),
        };
        labels.into_iter().zip(times).map(row).filter(|row| row.units > 0).collect()
    }
}
