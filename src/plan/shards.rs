//! Cuts the units of a study into shards of equal estimated cost.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::study::Study;

/// A number of shards that the study cannot be cut into.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ShardsError {
    /// None at all.
    #[error("--shards is 0: expected 1 or more")]
    None,
    /// More shards than units.
    #[error(
        "--shards is {shards}, but there are only {units} units; use --shards {units} or fewer"
    )]
    TooMany {
        /// As asked.
        shards: u32,
        /// What there is.
        units: u64,
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
    /// Cuts where the running cost passes equal fractions of the total: the same cuts, always.
    ///
    /// # Errors
    /// If there would be a shard without a unit.
    pub fn new(study: &Study, shards: u32) -> Result<Self, ShardsError> {
        let units = study.units();
        if shards == 0 {
            return Err(ShardsError::None);
        }
        if u64::from(shards) > units {
            return Err(ShardsError::TooMany { shards, units });
        }
        let costs = Costs::new(study);
        let total = costs.before(units);
        let count = u64::from(shards);
        let mut cuts = Vec::with_capacity(shards as usize + 1);
        cuts.push(0);
        for shard in 1..count {
            let target = total * u128::from(shard) / u128::from(count);
            let cut = costs.first_unit_at(target, units);
            // Every shard has a unit: at least one after the last cut, one left for each to come.
            let least = cuts[cuts.len() - 1] + 1;
            cuts.push(cut.clamp(least, units - (count - shard)));
        }
        cuts.push(units);
        Ok(Self { cuts })
    }

    /// Whether the cuts are in order and cover this many units: true of every plan that this
    /// program wrote.
    #[must_use]
    pub fn covers(&self, units: u64) -> bool {
        self.cuts.len() >= 2
            && self.cuts[0] == 0
            && self.cuts[self.cuts.len() - 1] == units
            && self.cuts.windows(2).all(|pair| pair[0] < pair[1])
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

/// The cost of all units before a unit, in closed form.
struct Costs {
    /// Cost of the methods before each method, at one bin; the last is that of all.
    methods_before: Vec<u128>,
    methods: u64,
}

impl Costs {
    fn new(study: &Study) -> Self {
        let mut sum = 0;
        let mut methods_before = vec![0];
        for method in &study.methods {
            sum += u128::from(method.info.cost);
            methods_before.push(sum);
        }
        Self { methods_before, methods: study.methods.len() as u64 }
    }

    fn before(&self, unit: u64) -> u128 {
        let bins = u128::from(unit / self.methods);
        bins * self.methods_before[self.methods as usize]
            + self.methods_before[(unit % self.methods) as usize]
    }

    /// The first unit before which at least `target` is spent.
    fn first_unit_at(&self, target: u128, units: u64) -> u64 {
        let (mut low, mut high) = (0, units);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.before(middle) < target { low = middle + 1 } else { high = middle }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::Config;
    use proptest::prelude::*;

    fn study(methods: &str, trials: u64) -> Study {
        let assignments = [format!("fit.methods={methods}"), format!("study.trials={trials}")];
        Study::new(&Config::load(None, &assignments).unwrap()).unwrap()
    }

    const ALL: &str = "[\"ols\",\"wls\",\"lbfgs\"]";

    proptest! {
        #[test]
        fn every_unit_is_in_exactly_one_shard(trials in 1u64..50, shards in 1u32..600) {
            let study = study(ALL, trials);
            let shards = Shards::new(&study, shards.min(study.units() as u32)).unwrap();
            prop_assert!(shards.covers(study.units()));
            let sum: u64 = (0..shards.len()).map(|s| {
                let units = shards.units(s).unwrap();
                units.end - units.start
            }).sum();
            prop_assert_eq!(sum, study.units());
            prop_assert_eq!(shards.units(shards.len()), None);
        }

        #[test]
        fn shards_cost_the_same_to_within_one_unit(trials in 1u64..50, shards in 1u32..100) {
            let study = study(ALL, trials);
            let costs = Costs::new(&study);
            let shards = Shards::new(&study, shards).unwrap();
            let cost = |s: u32| {
                let units = shards.units(s).unwrap();
                costs.before(units.end) - costs.before(units.start)
            };
            let dearest = study.methods.iter().map(|m| u128::from(m.info.cost)).max().unwrap();
            let mean = costs.before(study.units()) / u128::from(shards.len());
            for shard in 0..shards.len() {
                prop_assert!(cost(shard) <= mean + dearest + 1);
                prop_assert!(cost(shard) + dearest + 1 >= mean);
            }
        }
    }

    #[test]
    fn the_closed_form_is_the_sum() {
        let study = study(ALL, 2);
        let costs = Costs::new(&study);
        let mut sum = 0;
        for index in 0..study.units() {
            assert_eq!(costs.before(index), sum);
            sum += u128::from(study.methods[study.unit(index).method].info.cost);
        }
        assert_eq!(costs.before(study.units()), sum);
    }

    #[test]
    fn impossible_numbers_of_shards_are_refused() {
        let study = study("[\"ols\"]", 1);
        assert_eq!(Shards::new(&study, 0), Err(ShardsError::None));
        let error = Shards::new(&study, 258).unwrap_err();
        assert!(error.to_string().contains("use --shards 257"), "{error}");
        assert_eq!(Shards::new(&study, 257).unwrap().len(), 257);
    }
}
