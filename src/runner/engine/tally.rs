//! Counts the units of each configuration, to know when one is done.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::runner::plan::Layout;
use crate::runner::store::Results;

/// A configuration of which this shard's last unit is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConfigurationDone {
    /// How many configurations of the shard are done now.
    pub done: u64,
    /// In how many configurations units of the shard were left.
    pub of: u64,
    /// Its number.
    pub configuration: u64,
    /// Its units in this shard that were left.
    pub units: u64,
    /// The thread that finished it.
    pub thread: usize,
}

/// Who wants to know when a configuration is done; called from any thread.
pub type Listener<'a> = &'a (dyn Fn(ConfigurationDone) + Sync);

/// Counts the units of each configuration, to know when one is done.
pub(super) struct Tally {
    first: u64,
    /// Units that are left.
    expected: Vec<u64>,
    counted: Vec<AtomicU64>,
    done: AtomicU64,
}

impl Tally {
    /// For the units of a shard, some of which are done already.
    pub(super) fn new(layout: &Layout, units: &Range<u64>, done: &Results) -> Self {
        let (columns, per_block) = (layout.columns() as u64, layout.order().units());
        let first = units.start / per_block * columns;
        let last = units.end.div_ceil(per_block) * columns;
        let planned = |c| layout.units_before(units.end, c) - layout.units_before(units.start, c);
        let mut expected: Vec<u64> = (first..last).map(planned).collect();
        for (unit, _) in done.iter() {
            expected[(layout.configuration_of(unit) - first) as usize] -= 1;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::plan::layout::tests::layout;
    use crate::runner::store::Envelope;

    #[test]
    fn every_configuration_is_told_once_with_its_units() {
        let layout = layout(4, 6, &[true, false, true, false]);
        for units in [0..layout.units(), 3..18, 11..12, 12..18, 18..31] {
            // Some units are done before.
            for step in [usize::MAX, 5, 2] {
                let mut done = Results::none(&units);
                for unit in units.clone().skip(1).step_by(step) {
                    done.put(unit, [Envelope::example(unit, "")]);
                }
                let tally = Tally::new(&layout, &units, &done);
                let left: Vec<u64> = units.clone().filter(|unit| !done.has(*unit)).collect();
                let count = |unit: &u64| tally.count(layout.configuration_of(*unit));
                let heard: Vec<ConfigurationDone> = left.iter().filter_map(count).collect();
                assert_eq!(heard.iter().map(|told| told.units).sum::<u64>(), left.len() as u64);
                let order: Vec<u64> = heard.iter().map(|told| told.done).collect();
                assert_eq!(order, (1..=heard.len() as u64).collect::<Vec<_>>());
                assert!(heard.iter().all(|told| told.of == heard.len() as u64));
            }
        }
    }
}
