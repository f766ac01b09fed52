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
    /// More shards than pieces.
    #[error(
        "--shards is {shards}, but there are only {pieces} pieces of work; use --shards {pieces} \
         or fewer"
    )]
    TooMany {
        /// As asked.
        shards: u32,
        /// What there is: units, or configurations whose method fits all bins together.
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
    pub fn new(study: &Study, shards: u32) -> Result<Self, ShardsError> {
        let pieces = study.pieces();
        if shards == 0 {
            return Err(ShardsError::None);
        }
        if u64::from(shards) > pieces {
            return Err(ShardsError::TooMany { shards, pieces });
        }
        let costs = Costs::new(study);
        let total = costs.before(pieces);
        let count = u64::from(shards);
        let mut cuts = Vec::with_capacity(shards as usize + 1);
        cuts.push(0);
        for shard in 1..count {
            let target = total * u128::from(shard) / u128::from(count);
            let cut = costs.first_piece_at(target, pieces);
            // Every shard has a piece: at least one after the last cut, one left for each to come.
            let least = cuts[cuts.len() - 1] + 1;
            cuts.push(cut.clamp(least, pieces - (count - shard)));
        }
        cuts.push(pieces);
        Ok(Self { cuts: cuts.into_iter().map(|piece| study.first_unit(piece)).collect() })
    }

    /// Whether the cuts are in order, between pieces, and cover the units of a study: true of
    /// every plan that this program wrote.
    #[must_use]
    pub fn cover(&self, study: &Study) -> bool {
        let may_cut = |unit: &u64| study.order.may_cut_at(unit % study.order.units());
        self.cuts.len() >= 2
            && self.cuts[0] == 0
            && self.cuts[self.cuts.len() - 1] == study.units()
            && self.cuts.windows(2).all(|pair| pair[0] < pair[1])
            && self.cuts.iter().all(may_cut)
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

/// The cost of all pieces before a piece, in closed form.
struct Costs {
    /// Cost of the methods before each of those that fit each bin for itself, at one bin; the
    /// last is that of all.
    alone: Vec<u128>,
    /// The same of those that fit all bins together, at all bins.
    together: Vec<u128>,
    bins: u128,
}

impl Costs {
    fn new(study: &Study) -> Self {
        let before = |methods: &[usize], factor: u128| {
            let mut sums = vec![0];
            for method in methods {
                let cost = u128::from(study.methods[*method].cost());
                sums.push(sums[sums.len() - 1] + factor * cost);
            }
            sums
        };
        let (order, bins) = (&study.order, study.bins.len() as u128);
        Self { alone: before(order.alone(), 1), together: before(order.together(), bins), bins }
    }

    fn before(&self, piece: u64) -> u128 {
        let (methods, together) = (self.alone.len() - 1, self.together.len() - 1);
        let (all_alone, all_together) = (self.alone[methods], self.together[together]);
        let (bins, methods) = (self.bins as u64, methods as u64);
        let pieces_alone = bins * methods;
        let per_realisation = pieces_alone + together as u64;
        let (realisation, rest) = (piece / per_realisation, piece % per_realisation);
        let within = match rest.checked_sub(pieces_alone) {
            Some(method) => self.bins * all_alone + self.together[method as usize],
            None => u128::from(rest / methods) * all_alone + self.alone[(rest % methods) as usize],
        };
        u128::from(realisation) * (self.bins * all_alone + all_together) + within
    }

    /// The first piece before which at least `target` is spent.
    fn first_piece_at(&self, target: u128, pieces: u64) -> u64 {
        let (mut low, mut high) = (0, pieces);
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
        let assignments = [
            format!("method={PROGRAMS}"),
            format!("fit.methods={methods}"),
            format!("study.trials={trials}"),
        ];
        Study::new(&Config::load(None, &assignments).unwrap()).unwrap()
    }

    /// Programs fit all bins of a configuration in one piece.
    const PROGRAMS: &str = r#"[{name="p",command=["p"]},{name="q",command=["q"]}]"#;
    const SOME: [&str; 3] =
        [r#"["ols","wls","lbfgs"]"#, r#"["p","ols","q","wls"]"#, r#"["p","q"]"#];

    fn piece_cost(study: &Study, piece: u64) -> u128 {
        let units = study.first_unit(piece)..study.first_unit(piece + 1);
        units.map(|unit| u128::from(study.methods[study.unit(unit).method].cost())).sum()
    }

    proptest! {
        #[test]
        fn every_unit_is_in_exactly_one_shard(
            methods in 0usize..3,
            trials in 1u64..50,
            shards in 1u32..600,
        ) {
            let study = study(SOME[methods], trials);
            let shards = Shards::new(&study, shards.min(study.pieces() as u32)).unwrap();
            prop_assert!(shards.cover(&study));
            let sum: u64 = (0..shards.len()).map(|s| {
                let units = shards.units(s).unwrap();
                units.end - units.start
            }).sum();
            prop_assert_eq!(sum, study.units());
            prop_assert_eq!(shards.units(shards.len()), None);
        }

        #[test]
        fn shards_cost_the_same_to_within_one_piece(
            methods in 0usize..2,
            trials in 1u64..50,
            shards in 1u32..100,
        ) {
            let study = study(SOME[methods], trials);
            let costs = Costs::new(&study);
            let cuts = Shards::new(&study, shards).unwrap().cuts;
            let piece = |unit| (0..=study.pieces()).find(|p| study.first_unit(*p) == unit).unwrap();
            let pieces: Vec<u64> = cuts.into_iter().map(piece).collect();
            let dearest = (0..study.order.pieces()).map(|p| piece_cost(&study, p)).max().unwrap();
            let mean = costs.before(study.pieces()) / u128::from(shards);
            for pair in pieces.windows(2) {
                let cost = costs.before(pair[1]) - costs.before(pair[0]);
                prop_assert!(cost <= mean + dearest + 1);
                prop_assert!(cost + dearest + 1 >= mean);
            }
        }
    }

    #[test]
    fn the_closed_form_is_the_sum() {
        for methods in SOME {
            let study = study(methods, 2);
            let costs = Costs::new(&study);
            let mut sum = 0;
            for piece in 0..study.pieces() {
                assert_eq!(costs.before(piece), sum);
                sum += piece_cost(&study, piece);
            }
            assert_eq!(costs.before(study.pieces()), sum);
        }
    }

    #[test]
    fn impossible_numbers_of_shards_are_refused() {
        let ols = study(r#"["ols"]"#, 1);
        assert_eq!(Shards::new(&ols, 0), Err(ShardsError::None));
        let error = Shards::new(&ols, 258).unwrap_err();
        assert!(error.to_string().contains("use --shards 257"), "{error}");
        assert_eq!(Shards::new(&ols, 257).unwrap().len(), 257);
        let error = Shards::new(&study(r#"["p"]"#, 3), 4).unwrap_err();
        assert!(error.to_string().contains("only 3 pieces"), "{error}");
    }

    #[test]
    fn a_cut_within_a_piece_is_no_plan() {
        let study = study(r#"["p"]"#, 2);
        let cuts = |cuts: &[u64]| Shards { cuts: cuts.to_vec() }.cover(&study);
        assert!(cuts(&[0, 257, 514]));
        assert!(!cuts(&[0, 100, 514]));
        assert!(!cuts(&[0, 257]));
    }
}
