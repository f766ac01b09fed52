//! Counts the units of each configuration, to know when one is done.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::study::Study;

use super::results::Results;

/// A configuration of which this shard's last unit is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConfigurationDone {
    /// How many configurations of the shard are done now.
    pub done: u64,
    /// In how many configurations units of the shard were left to be fitted.
    pub of: u64,
    /// Index of the configuration in the study.
    pub configuration: u64,
    /// Its units in this shard that were left to be fitted.
    pub units: u64,
    /// The thread that finished it.
    pub thread: usize,
}

/// Who wants to know when a configuration is done; called from any thread.
pub type Listener<'a> = &'a (dyn Fn(ConfigurationDone) + Sync);

/// Counts the units of each configuration, to know when one is done.
pub(super) struct Tally {
    first: u64,
    /// Units that are left to be fitted.
    expected: Vec<u64>,
    counted: Vec<AtomicU64>,
    done: AtomicU64,
}

impl Tally {
    /// For the units of a shard, some of which are done already.
    pub(super) fn new(study: &Study, units: &Range<u64>, done: &Results) -> Self {
        let (methods, per_realisation) = (study.methods.len() as u64, study.order.units());
        let first = units.start / per_realisation * methods;
        let last = units.end.div_ceil(per_realisation) * methods;
        let planned = |c| study.units_before(units.end, c) - study.units_before(units.start, c);
        let mut expected: Vec<u64> = (first..last).map(planned).collect();
        for (unit, _) in done.iter() {
            expected[(study.configuration_of(study.unit(unit)) - first) as usize] -= 1;
        }
        let counted = expected.iter().map(|_| AtomicU64::new(0)).collect();
        Self { first, expected, counted, done: AtomicU64::new(0) }
    }

    /// Counts a unit; says so if it was the last of its configuration.
    pub(super) fn count(&self, configuration: u64) -> Option<ConfigurationDone> {
        let index = (configuration - self.first) as usize;
        let counted = self.counted[index].fetch_add(1, Ordering::Relaxed) + 1;
        (counted == self.expected[index]).then(|| ConfigurationDone {
            done: self.done.fetch_add(1, Ordering::Relaxed) + 1,
            of: self.expected.iter().filter(|units| **units > 0).count() as u64,
            configuration,
            units: counted,
            thread: rayon::current_thread_index().unwrap_or(0),
        })
    }
}
