//! The order of the units of one realisation, and where it may be cut.
//!
//! First come the methods that fit each bin for itself: bin by bin, so that the methods of a bin
//! share its design. Then those that fit all bins together, one after another: the bins of each
//! are one **piece**, which no shard may cut.

use std::ops::Range;

/// The order of the units of one realisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitOrder {
    bins: usize,
    /// Methods that fit each bin for itself.
    alone: Vec<usize>,
    /// Methods that fit all bins of a configuration together.
    together: Vec<usize>,
}

/// What a range of units of one realisation asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work<'a> {
    /// Places of bins that methods fit each for itself, with the methods, in order.
    pub alone: Vec<(usize, &'a [usize])>,
    /// Methods that fit all bins.
    pub together: &'a [usize],
}

impl UnitOrder {
    /// The order for so many bins and methods, each of which couples bins or does not.
    pub(super) fn new(bins: usize, couples_bins: &[bool]) -> Self {
        let those = |couples| {
            (0..couples_bins.len()).filter(move |method| couples_bins[*method] == couples).collect()
        };
        Self { bins, alone: those(false), together: those(true) }
    }

    /// Units of a realisation.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.bins as u64 * (self.alone.len() + self.together.len()) as u64
    }

    /// Units of the methods that fit each bin for itself: they come first.
    #[must_use]
    pub fn units_alone(&self) -> u64 {
        self.bins as u64 * self.alone.len() as u64
    }

    /// Methods that fit each bin for itself.
    #[must_use]
    pub fn alone(&self) -> &[usize] {
        &self.alone
    }

    /// Methods that fit all bins of a configuration together.
    #[must_use]
    pub fn together(&self) -> &[usize] {
        &self.together
    }

    /// The place of the bin and the method of a unit.
    #[must_use]
    pub fn at(&self, unit: u64) -> (usize, usize) {
        let alone = self.alone.len().max(1) as u64;
        match unit.checked_sub(self.units_alone()) {
            None => ((unit / alone) as usize, self.alone[(unit % alone) as usize]),
            Some(rest) => {
                let bins = self.bins as u64;
                ((rest % bins) as usize, self.together[(rest / bins) as usize])
            }
        }
    }

    /// The unit of the bin at a place and a method: the inverse of [`Self::at`].
    #[must_use]
    pub fn unit_of(&self, position: usize, method: usize) -> Option<u64> {
        let place = |methods: &[usize]| methods.iter().position(|m| *m == method);
        let alone = |place| (position * self.alone.len() + place) as u64;
        let together = |place| self.units_alone() + (place * self.bins + position) as u64;
        place(&self.alone).map(alone).or_else(|| place(&self.together).map(together))
    }

    /// How many units the piece has that begins at this unit; none if no piece does.
    #[must_use]
    pub fn piece_at(&self, unit: u64) -> Option<u64> {
        let begins = unit < self.units() && self.may_cut_at(unit);
        begins.then_some(if unit < self.units_alone() { 1 } else { self.bins as u64 })
    }

    /// Pieces of a realisation.
    #[must_use]
    pub fn pieces(&self) -> u64 {
        self.units_alone() + self.together.len() as u64
    }

    /// The first unit of a piece; that of the piece after the last is the number of units.
    #[must_use]
    pub fn first_unit(&self, piece: u64) -> u64 {
        let alone = self.units_alone();
        piece.min(alone) + piece.saturating_sub(alone) * self.bins as u64
    }

    /// Whether a piece begins at this unit.
    #[must_use]
    pub fn may_cut_at(&self, unit: u64) -> bool {
        unit.saturating_sub(self.units_alone()).is_multiple_of(self.bins as u64)
    }

    /// How many of the units before `unit` are of a method.
    #[must_use]
    pub fn units_before(&self, unit: u64, method: usize) -> u64 {
        let (bins, alone) = (self.bins as u64, self.alone.len() as u64);
        let place = |methods: &[usize]| methods.iter().position(|m| *m == method);
        match (place(&self.alone), place(&self.together)) {
            (Some(place), _) => unit.saturating_sub(place as u64).div_ceil(alone).min(bins),
            (_, Some(place)) => {
                unit.saturating_sub(self.units_alone() + place as u64 * bins).min(bins)
            }
            (None, None) => 0,
        }
    }

    /// What a range of units, cut between pieces, asks for.
    #[must_use]
    pub fn work(&self, units: &Range<u64>) -> Work<'_> {
        let (alone, methods) = (self.units_alone(), self.alone.len().max(1) as u64);
        let (start, end) = (units.start.min(alone), units.end.min(alone));
        let at_bin = |bin: u64| {
            let within =
                |unit: u64| (unit.max(bin * methods) - bin * methods).min(methods) as usize;
            (bin as usize, &self.alone[within(start)..within(end)])
        };
        let bins = if start < end { start / methods..end.div_ceil(methods) } else { 0..0 };
        let place = |unit: u64| (unit.saturating_sub(alone) / self.bins as u64) as usize;
        Work {
            alone: bins.map(at_bin).collect(),
            together: &self.together[place(units.start)..place(units.end)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The units that a range of them asks for, in order.
    fn listed(order: &UnitOrder, units: &Range<u64>) -> Vec<(usize, usize)> {
        let work = order.work(units);
        let alone = work.alone.iter().flat_map(|(bin, m)| m.iter().map(move |m| (*bin, *m)));
        let together = work.together.iter().flat_map(|m| (0..order.bins).map(move |bin| (bin, *m)));
        alone.chain(together).collect()
    }

    proptest! {
        #[test]
        fn any_cut_between_pieces_asks_for_every_unit_once_and_in_order(
            bins in 1usize..8,
            couples in prop::collection::vec(any::<bool>(), 1..6),
            cuts in prop::collection::vec(0.0..1.0, 0..5),
        ) {
            let order = UnitOrder::new(bins, &couples);
            let mut pieces: Vec<u64> =
                cuts.iter().map(|cut| (cut * order.pieces() as f64) as u64).collect();
            pieces.extend([0, order.pieces()]);
            pieces.sort_unstable();
            let mut found = Vec::new();
            for pair in pieces.windows(2) {
                let units = order.first_unit(pair[0])..order.first_unit(pair[1]);
                prop_assert!(order.may_cut_at(units.start) && order.may_cut_at(units.end));
                found.extend(listed(&order, &units));
            }
            let expected: Vec<_> = (0..order.units()).map(|unit| order.at(unit)).collect();
            prop_assert_eq!(&found, &expected);
            let mut each_once = found;
            each_once.sort_unstable();
            each_once.dedup();
            prop_assert_eq!(each_once.len(), bins * couples.len());
        }

        #[test]
        fn units_are_counted_without_listing_them(
            bins in 1usize..8,
            couples in prop::collection::vec(any::<bool>(), 1..6),
        ) {
            let order = UnitOrder::new(bins, &couples);
            let mut counts = vec![0; couples.len()];
            for unit in 0..order.units() {
                for (method, count) in counts.iter().enumerate() {
                    prop_assert_eq!(order.units_before(unit, method), *count);
                }
                counts[order.at(unit).1] += 1;
            }
            for unit in 0..order.units() {
                let (position, method) = order.at(unit);
                prop_assert_eq!(order.unit_of(position, method), Some(unit));
            }
            let mut unit = 0;
            while let Some(length) = order.piece_at(unit) {
                let within = (unit + 1..unit + length).any(|unit| order.piece_at(unit).is_some());
                prop_assert!(!within);
                unit += length;
            }
            prop_assert_eq!(unit, order.units());
            let borders = (0..=order.units()).filter(|unit| order.may_cut_at(*unit)).count() as u64;
            prop_assert_eq!(borders, order.pieces() + 1);
        }
    }
}
