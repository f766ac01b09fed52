//! Cuts units into shards of equal estimated cost.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::layout::Layout;

/// Most units of a shard: far more than a task has memory or time for.
pub(crate) const MOST_UNITS_OF_SHARD: u64 = 1 << 32;

/// A number of shards that the work cannot be cut into.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ShardsError {
    /// None at all.
    #[error("--shards is 0: expected 1 or more")]
    None,
    /// More units in a shard than a task can have.
    #[error(
        "--shards is {shards}, and a shard would have {units} units: expected {MOST_UNITS_OF_SHARD} \
         or fewer, as with more shards: --shards {enough}"
    )]
    TooFew {
        /// As asked.
        shards: u32,
        /// Units of the largest shard.
        units: u64,
        /// How many would do.
        enough: u64,
    },
    /// More shards than pieces.
    #[error(
        "--shards is {shards}, but there are only {pieces} pieces of work; use --shards {pieces} \
         or fewer"
    )]
    TooMany {
        /// As asked.
        shards: u32,
        /// What there is.
        pieces: u64,
    },
}

/// The cuts between shards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shards {
    /// The first unit of each shard, and at the end the number of units.
    cuts: Vec<u64>,
}

impl Shards {
    /// Cuts between pieces where the running cost passes equal fractions of the total: the same
    /// cuts, always.
    ///
    /// # Errors
    /// If there would be a shard without a unit.
    pub fn new(layout: &Layout, shards: u32) -> Result<Self, ShardsError> {
        let pieces = layout.pieces();
        if shards == 0 {
            return Err(ShardsError::None);
        }
        if u64::from(shards) > pieces {
            return Err(ShardsError::TooMany { shards, pieces });
        }
        let total = layout.cost_before(pieces);
        let count = u64::from(shards);
        let mut cuts = Vec::with_capacity(shards as usize + 1);
        cuts.push(0);
        for shard in 1..count {
            let target = total * u128::from(shard) / u128::from(count);
            let cut = first_piece_at(layout, target);
            // Every shard has a piece: at least one after the last cut, one left for each to come.
            let least = cuts[cuts.len() - 1] + 1;
            cuts.push(cut.clamp(least, pieces - (count - shard)));
        }
        cuts.push(pieces);
        let cut = Self { cuts: cuts.into_iter().map(|piece| layout.first_unit(piece)).collect() };
        match cut.most_units() {
            units if units > MOST_UNITS_OF_SHARD => {
                // Shards are equal in cost and not in units.
                let enough = (units / MOST_UNITS_OF_SHARD + 1) * count;
                Err(ShardsError::TooFew { shards, units, enough })
            }
            _ => Ok(cut),
        }
    }

    /// Units of the largest shard.
    #[must_use]
    pub(crate) fn most_units(&self) -> u64 {
        let units = self.cuts.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
        units.max().unwrap_or(0)
    }

    /// Whether the cuts are in order, between pieces, and cover all units: true of
    /// every plan that this program wrote.
    #[must_use]
    pub fn cover(&self, layout: &Layout) -> bool {
        self.cuts.len() >= 2
            && self.cuts[0] == 0
            && self.cuts[self.cuts.len() - 1] == layout.units()
            && self.cuts.windows(2).all(|pair| pair[0] < pair[1])
            && self.cuts.iter().all(|unit| layout.may_cut_at(*unit))
    }

    /// Number of shards.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.cuts.len().saturating_sub(1) as u32
    }

    /// Whether there is no shard at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The units of a shard, if there is such a shard.
    #[must_use]
    pub fn units(&self, shard: u32) -> Option<Range<u64>> {
        let shard = shard as usize;
        Some(*self.cuts.get(shard)?..*self.cuts.get(shard + 1)?)
    }
}

/// The first piece before which at least `target` is spent.
fn first_piece_at(layout: &Layout, target: u128) -> u64 {
    let (mut low, mut high) = (0, layout.pieces());
    while low < high {
        let middle = low + (high - low) / 2;
        if layout.cost_before(middle) < target { low = middle + 1 } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::plan::layout::tests::layout;
    use proptest::prelude::*;

    const SOME: [&[bool]; 3] = [&[false, false, false], &[true, false, true, false], &[true, true]];

    proptest! {
        #[test]
        fn every_unit_is_in_exactly_one_shard(
            columns in 0usize..3,
            blocks in 1u64..50,
            shards in 1u32..600,
        ) {
            let layout = layout(blocks, 257, SOME[columns]);
            let shards = Shards::new(&layout, shards.min(layout.pieces() as u32)).unwrap();
            prop_assert!(shards.cover(&layout));
            let sum: u64 = (0..shards.len()).map(|s| {
                let units = shards.units(s).unwrap();
                units.end - units.start
            }).sum();
            prop_assert_eq!(sum, layout.units());
            prop_assert_eq!(shards.units(shards.len()), None);
        }

        #[test]
        fn shards_cost_the_same_to_within_one_piece(
            columns in 0usize..2,
            blocks in 1u64..50,
            shards in 1u32..100,
        ) {
            let layout = layout(blocks, 257, SOME[columns]);
            let cuts = Shards::new(&layout, shards).unwrap().cuts;
            let piece =
                |unit| (0..=layout.pieces()).find(|p| layout.first_unit(*p) == unit).unwrap();
            let pieces: Vec<u64> = cuts.into_iter().map(piece).collect();
            let cost = |piece: u64| layout.cost_before(piece + 1) - layout.cost_before(piece);
            let dearest = (0..layout.order().pieces()).map(cost).max().unwrap();
            let mean = layout.cost_before(layout.pieces()) / u128::from(shards);
            for pair in pieces.windows(2) {
                let cost = layout.cost_before(pair[1]) - layout.cost_before(pair[0]);
                prop_assert!(cost <= mean + dearest + 1);
                prop_assert!(cost + dearest + 1 >= mean);
            }
        }
    }

    #[test]
    fn impossible_numbers_of_shards_are_refused() {
        let separate = layout(1, 257, &[false]);
        assert_eq!(Shards::new(&separate, 0), Err(ShardsError::None));
        let error = Shards::new(&separate, 258).unwrap_err();
        assert!(error.to_string().contains("use --shards 257"), "{error}");
        assert_eq!(Shards::new(&separate, 257).unwrap().len(), 257);
        let error = Shards::new(&layout(3, 257, &[true]), 4).unwrap_err();
        assert!(error.to_string().contains("only 3 pieces"), "{error}");
    }

    #[test]
    fn a_shard_of_more_units_than_a_task_can_have_is_refused_with_a_number_that_does() {
        let singles = Layout::singles(1 << 40).unwrap();
        let error = Shards::new(&singles, 3).unwrap_err();
        assert!(error.to_string().contains("as with more shards"), "{error}");
        let ShardsError::TooFew { enough, .. } = error else { panic!("{error}") };
        assert_eq!(Shards::new(&singles, enough as u32).unwrap().len(), enough as u32);
    }

    #[test]
    fn a_cut_within_a_piece_is_no_plan() {
        let layout = layout(2, 257, &[true]);
        let cuts = |cuts: &[u64]| Shards { cuts: cuts.to_vec() }.cover(&layout);
        assert!(cuts(&[0, 257, 514]));
        assert!(!cuts(&[0, 100, 514]));
        assert!(!cuts(&[0, 257]));
    }
}
