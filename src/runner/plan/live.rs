//! The shards of a plan as they are now.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::layout::Layout;
use super::shards::Shards;

/// One shard that was cut into more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// The shard that is no longer fitted.
    pub shard: u32,
    /// Why.
    pub reason: String,
    /// Number of the first shard in its place; the others follow.
    pub first: u32,
    /// The first unit of each, and at the end the end of the last.
    pub cuts: Vec<u64>,
}

impl Split {
    /// The numbers of the parts.
    #[must_use]
    pub fn parts(&self) -> Range<u32> {
        self.first..self.first.saturating_add(self.cuts.len().saturating_sub(1) as u32)
    }
}

/// The shards of a plan as they are now: those it was cut into, without those that were cut once
/// more, and with what took their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveShards {
    /// By number.
    units: Vec<Range<u64>>,
    splits: Vec<Split>,
}

impl LiveShards {
    /// Those that the plan was cut into.
    pub(crate) fn new(shards: &Shards) -> Self {
        let units = (0..shards.len()).filter_map(|shard| shards.units(shard)).collect();
        Self { units, splits: Vec::new() }
    }

    /// How many numbers there are: they are 0 to one less.
    #[must_use]
    pub fn numbers(&self) -> u32 {
        self.units.len() as u32
    }

    /// The units of a shard, if there is or was such a shard.
    #[must_use]
    pub fn units(&self, shard: u32) -> Option<Range<u64>> {
        self.units.get(shard as usize).cloned()
    }

    /// The shards that are to be fitted, in the order of their units.
    #[must_use]
    pub fn live(&self) -> Vec<u32> {
        let split: BTreeSet<u32> = self.splits.iter().map(|split| split.shard).collect();
        let mut live: Vec<u32> = (0..self.numbers()).filter(|s| !split.contains(s)).collect();
        live.sort_by_key(|shard| self.units[*shard as usize].start);
        live
    }

    /// What is fitted for a shard: itself, or what took its place.
    #[must_use]
    pub fn in_place_of(&self, shard: u32) -> Vec<u32> {
        // However often a part was cut once more: no call within a call.
        let (mut found, mut open) = (Vec::new(), vec![shard]);
        while let Some(shard) = open.pop() {
            match self.split_of(shard) {
                None => found.push(shard),
                Some(split) => open.extend(split.parts().rev()),
            }
        }
        found
    }

    /// The shards that this one comes from, the nearest first.
    #[must_use]
    pub fn ancestors(&self, shard: u32) -> Vec<u32> {
        let parent = |shard: &u32| {
            self.splits.iter().find(|split| split.parts().contains(shard)).map(|split| split.shard)
        };
        std::iter::successors(parent(&shard), parent).collect()
    }

    /// The shards that are no longer fitted, each with what took its place.
    #[must_use]
    pub fn splits(&self) -> &[Split] {
        &self.splits
    }

    fn split_of(&self, shard: u32) -> Option<&Split> {
        self.splits.iter().find(|split| split.shard == shard)
    }

    /// How a shard can be cut into so many parts, or fewer, of which each has the same estimated
    /// cost to be done; none if there is only one piece left.
    #[must_use]
    pub fn cut(
        &self,
        layout: &Layout,
        shard: u32,
        is_done: impl Fn(u64) -> bool,
        parts: u32,
    ) -> Option<Vec<u64>> {
        let units = self.units(shard)?;
        let mut left = Vec::new();
        let mut unit = units.start;
        while unit < units.end {
            let length = layout.piece_at(unit)?;
            let cost = layout.cost_of(unit) * u128::from(length);
            left.extend((!is_done(unit)).then_some((unit, cost)));
            unit += length;
        }
        let total: u128 = left.iter().map(|(_, cost)| cost).sum();
        let mut cuts = vec![units.start];
        let (mut before, mut part) = (0, 0);
        for (unit, cost) in left {
            let this = before * u128::from(parts) / total.max(1);
            if this > part {
                cuts.push(unit);
                part = this;
            }
            before += cost;
        }
        cuts.push(units.end);
        (cuts.len() > 2).then_some(cuts)
    }

    /// Puts parts in the place of a shard.
    ///
    /// # Errors
    /// Says why they do not fit in there.
    pub(crate) fn put(&mut self, layout: &Layout, split: Split) -> Result<(), &'static str> {
        let Split { shard, first, cuts, .. } = &split;
        let units = self.units(*shard).ok_or("they cut a shard that the plan does not have")?;
        let ends = (cuts.first().copied(), cuts.last().copied());
        let fits = ends == (Some(units.start), Some(units.end))
            && cuts.len() > 2
            && cuts.windows(2).all(|pair| pair[0] < pair[1])
            && cuts.iter().all(|unit| layout.may_cut_at(*unit));
        if self.split_of(*shard).is_some() {
            return Err("they cut a shard twice");
        }
        if *first != self.numbers() {
            return Err("their numbers do not follow each other");
        }
        if !fits {
            return Err("the parts of a shard are not the shard");
        }
        self.units.extend(cuts.windows(2).map(|pair| pair[0]..pair[1]));
        self.splits.push(split);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::plan::layout::tests::layout;
    use proptest::prelude::*;

    fn grid() -> Layout {
        layout(6, 10, &[false, true, false])
    }

    fn split(shards: &LiveShards, shard: u32, cuts: Vec<u64>) -> Split {
        Split { shard, reason: "time limit".into(), first: shards.numbers(), cuts }
    }

    proptest! {
        #[test]
        fn however_often_shards_are_cut_every_unit_is_in_exactly_one_live_shard(
            count in 1u32..9,
            choices in proptest::collection::vec((any::<u32>(), 2u32..7, any::<u64>()), 0..8),
        ) {
            let layout = grid();
            let mut shards = LiveShards::new(&Shards::new(&layout, count).unwrap());
            for (choice, parts, done) in choices {
                let live = shards.live();
                let shard = live[choice as usize % live.len()];
                let is_done = |unit: u64| (done >> (unit % 64)) & 1 == 1;
                if let Some(cuts) = shards.cut(&layout, shard, is_done, parts) {
                    prop_assert!(cuts.len() <= parts as usize + 1);
                    let cut = split(&shards, shard, cuts);
                    let parts: Vec<u32> = cut.parts().collect();
                    shards.put(&layout, cut).unwrap();
                    prop_assert_eq!(shards.in_place_of(shard), parts.clone());
                    prop_assert_eq!(shards.ancestors(parts[0])[0], shard);
                }
            }
            let live = shards.live();
            let units: Vec<_> = live.iter().map(|shard| shards.units(*shard).unwrap()).collect();
            prop_assert_eq!(units[0].start, 0);
            prop_assert_eq!(units[units.len() - 1].end, layout.units());
            prop_assert!(units.windows(2).all(|pair| pair[0].end == pair[1].start));
            let of_all: Vec<u32> = (0..count).flat_map(|shard| shards.in_place_of(shard)).collect();
            prop_assert_eq!(of_all, live);
        }
    }

    #[test]
    fn what_is_left_is_cut_evenly_and_what_is_done_costs_nothing() {
        let layout = grid();
        let shards = LiveShards::new(&Shards::new(&layout, 1).unwrap());
        // The first half is done.
        let half = layout.units() / 2;
        let cuts = shards.cut(&layout, 0, |unit| unit < half, 3).unwrap();
        assert_eq!(cuts.len(), 4);
        assert!(cuts[1] > half, "{cuts:?}");
        let cost = |units: Range<u64>| -> u128 {
            units.filter(|unit| *unit >= half).map(|unit| layout.cost_of(unit)).sum()
        };
        let costs: Vec<u128> = cuts.windows(2).map(|pair| cost(pair[0]..pair[1])).collect();
        let dearest = 10 * (0..layout.units()).map(|unit| layout.cost_of(unit)).max().unwrap();
        assert!(costs.iter().all(|c| c.abs_diff(costs[0]) <= 2 * dearest), "{costs:?}");
        // One piece cannot be cut.
        assert_eq!(shards.cut(&layout, 0, |unit| unit > 0, 3), None);
        assert_eq!(shards.cut(&layout, 0, |_| true, 3), None);
    }

    #[test]
    fn parts_that_are_not_the_shard_are_refused() {
        let layout = grid();
        let mut shards = LiveShards::new(&Shards::new(&layout, 2).unwrap());
        let units = shards.units(1).unwrap();
        let good = shards.cut(&layout, 1, |_| false, 3).unwrap();
        for bad in [
            vec![units.start, units.end],
            vec![units.start, good[1]],
            vec![units.start, good[2], good[1], units.end],
            vec![0, good[1], units.end],
            vec![],
        ] {
            let bad = split(&shards, 1, bad);
            assert!(shards.put(&layout, bad).is_err());
        }
        let mut wrong_number = split(&shards, 1, good.clone());
        wrong_number.first += 1;
        assert!(shards.put(&layout, wrong_number).is_err());
        let nobody = split(&shards, 7, good.clone());
        assert!(shards.put(&layout, nobody).is_err());
        let good = split(&shards, 1, good);
        shards.put(&layout, good.clone()).unwrap();
        assert!(shards.put(&layout, Split { first: 5, ..good }).is_err(), "twice");
    }
}
