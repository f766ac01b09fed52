//! How long the units of each method take: for people, and for balancing the next plan.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::foundations::numerics::math::median;
use crate::study::Study;

/// How long the units of one method took in one shard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MethodTime {
    /// The method, as written in `fit.methods`.
    pub method: String,
    /// Its units in the shard.
    pub units: u64,
    /// The median of their times. The first method of a bin is charged with gathering its data;
    /// the bins of a method that couples them share its time equally.
    pub median_microseconds: f64,
}

/// Collects the times of units from any thread.
#[derive(Debug)]
pub(super) struct Timing {
    /// Microseconds, by method.
    by_method: Vec<Mutex<Vec<f64>>>,
}

impl Timing {
    pub(super) fn new(methods: usize) -> Self {
        Self { by_method: (0..methods).map(|_| Mutex::new(Vec::new())).collect() }
    }

    pub(super) fn add(&self, method: usize, time: Duration) {
        // A thread that panicked while it added a time has added it or not: both will do.
        let mut times = self.by_method[method].lock().unwrap_or_else(PoisonError::into_inner);
        times.push(1e6 * time.as_secs_f64());
    }

    /// The methods that have units here.
    pub(super) fn summary(self, study: &Study) -> Vec<MethodTime> {
        let times = self.by_method.into_iter().map(|times| times.into_inner());
        let times = times.map(|times| times.unwrap_or_else(PoisonError::into_inner));
        let row = |(choice, times): (&crate::study::MethodChoice, Vec<f64>)| MethodTime {
            method: choice.label.clone(),
            units: times.len() as u64,
            median_microseconds: median(&times),
        };
        study.methods.iter().zip(times).map(row).filter(|row| row.units > 0).collect()
    }
}
