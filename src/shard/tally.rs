//! Counts the units of each configuration, to know when one is done.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::study::Study;

use super::segment::Segment;

/// A configuration of which this shard's last unit is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConfigurationDone {
    /// How many configurations of the shard are done now.
    pub done: u64,
    /// How many configurations the shard has a part in.
    pub of: u64,
    /// Index of the configuration in the study.
    pub configuration: u64,
    /// Its units in this shard.
    pub units: u64,
    /// The thread that finished it.
    pub thread: usize,
}

/// Who wants to know when a configuration is done; called from any thread.
pub type Listener<'a> = &'a (dyn Fn(ConfigurationDone) + Sync);

/// Counts the units of each configuration, to know when one is done.
pub(super) struct Tally {
    first: u64,
    expected: Vec<u64>,
    counted: Vec<AtomicU64>,
    done: AtomicU64,
}

impl Tally {
    pub(super) fn new(study: &Study, segments: &[Segment]) -> Self {
        let start = segments.first().map_or(0, |segment| segment.units.start);
        let end = segments.last().map_or(start, |segment| segment.units.end);
        let (methods, per_realisation) = (study.methods.len() as u64, study.order.units());
        let first = start / per_realisation * methods;
        let last = end.div_ceil(per_realisation) * methods;
        let units = |c| study.units_before(end, c) - study.units_before(start, c);
        let expected: Vec<u64> = (first..last).map(units).collect();
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
