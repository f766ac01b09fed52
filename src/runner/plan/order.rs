//! The order of the units of one block, and where it may be cut.
//!
//! A block is a grid of rows and columns. First come the columns whose rows are separate pieces: row
//! by row, so that what the columns of a row share is made once. Then the coupled columns, one after
//! another: all rows of each are one **piece**, which no shard may cut.

use std::ops::Range;

/// The order of the units of one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitOrder {
    rows: usize,
    /// Columns of which each row is a piece.
    separate: Vec<usize>,
    /// Columns of which all rows are one piece.
    coupled: Vec<usize>,
}

/// What a range of units of one block asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockWork<'a> {
    /// Rows, each with the separate columns that are asked for, in order.
    pub separate: Vec<(usize, &'a [usize])>,
    /// Coupled columns, with all of their rows.
    pub coupled: &'a [usize],
}

impl UnitOrder {
    /// The order for so many rows and columns, each of which couples its rows or does not.
    #[must_use]
    pub fn new(rows: usize, is_coupled: &[bool]) -> Self {
        let those = |coupled| {
            (0..is_coupled.len()).filter(move |column| is_coupled[*column] == coupled).collect()
        };
        Self { rows, separate: those(false), coupled: those(true) }
    }

    /// Units of a block.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.rows as u64 * (self.separate.len() + self.coupled.len()) as u64
    }

    /// Units of the separate columns: they come first.
    #[must_use]
    pub fn separate_units(&self) -> u64 {
        self.rows as u64 * self.separate.len() as u64
    }

    /// Columns of which each row is a piece.
    #[must_use]
    pub fn separate(&self) -> &[usize] {
        &self.separate
    }

    /// Columns of which all rows are one piece.
    #[must_use]
    pub fn coupled(&self) -> &[usize] {
        &self.coupled
    }

    /// The row and the column of a unit.
    #[must_use]
    pub fn at(&self, unit: u64) -> (usize, usize) {
        let separate = self.separate.len().max(1) as u64;
        match unit.checked_sub(self.separate_units()) {
            None => ((unit / separate) as usize, self.separate[(unit % separate) as usize]),
            Some(rest) => {
                let rows = self.rows as u64;
                ((rest % rows) as usize, self.coupled[(rest / rows) as usize])
            }
        }
    }

    /// The unit at a row and a column: the inverse of [`Self::at`].
    #[must_use]
    pub fn unit_of(&self, row: usize, column: usize) -> Option<u64> {
        let place = |columns: &[usize]| columns.iter().position(|m| *m == column);
        let separate = |place| (row * self.separate.len() + place) as u64;
        let coupled = |place| self.separate_units() + (place * self.rows + row) as u64;
        place(&self.separate).map(separate).or_else(|| place(&self.coupled).map(coupled))
    }

    /// How many units the piece has that begins at this unit; none if no piece does.
    #[must_use]
    pub fn piece_at(&self, unit: u64) -> Option<u64> {
        let begins = unit < self.units() && self.may_cut_at(unit);
        begins.then_some(if unit < self.separate_units() { 1 } else { self.rows as u64 })
    }

    /// Pieces of a block.
    #[must_use]
    pub fn pieces(&self) -> u64 {
        self.separate_units() + self.coupled.len() as u64
    }

    /// The first unit of a piece; that of the piece after the last is the number of units.
    #[must_use]
    pub fn first_unit(&self, piece: u64) -> u64 {
        let separate = self.separate_units();
        piece.min(separate) + piece.saturating_sub(separate) * self.rows as u64
    }

    /// Whether a piece begins at this unit.
    #[must_use]
    pub fn may_cut_at(&self, unit: u64) -> bool {
        unit.saturating_sub(self.separate_units()).is_multiple_of(self.rows as u64)
    }

    /// How many of the units before `unit` are of a column.
    #[must_use]
    pub fn units_before(&self, unit: u64, column: usize) -> u64 {
        let (rows, separate) = (self.rows as u64, self.separate.len() as u64);
        let place = |columns: &[usize]| columns.iter().position(|m| *m == column);
        match (place(&self.separate), place(&self.coupled)) {
            (Some(place), _) => unit.saturating_sub(place as u64).div_ceil(separate).min(rows),
            (_, Some(place)) => {
                unit.saturating_sub(self.separate_units() + place as u64 * rows).min(rows)
            }
            (None, None) => 0,
        }
    }

    /// What a range of units, cut between pieces, asks for.
    #[must_use]
    pub fn work(&self, units: &Range<u64>) -> BlockWork<'_> {
        let (separate, columns) = (self.separate_units(), self.separate.len().max(1) as u64);
        let (start, end) = (units.start.min(separate), units.end.min(separate));
        let at_row = |row: u64| {
            let within =
                |unit: u64| (unit.max(row * columns) - row * columns).min(columns) as usize;
            (row as usize, &self.separate[within(start)..within(end)])
        };
        let rows = if start < end { start / columns..end.div_ceil(columns) } else { 0..0 };
        let place = |unit: u64| (unit.saturating_sub(separate) / self.rows as u64) as usize;
        BlockWork {
            separate: rows.map(at_row).collect(),
            coupled: &self.coupled[place(units.start)..place(units.end)],
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
        let separate = work.separate.iter().flat_map(|(row, m)| m.iter().map(move |m| (*row, *m)));
        let coupled = work.coupled.iter().flat_map(|m| (0..order.rows).map(move |row| (row, *m)));
        separate.chain(coupled).collect()
    }

    proptest! {
        #[test]
        fn any_cut_between_pieces_asks_for_every_unit_once_and_in_order(
            rows in 1usize..8,
            couples in prop::collection::vec(any::<bool>(), 1..6),
            cuts in prop::collection::vec(0.0..1.0, 0..5),
        ) {
            let order = UnitOrder::new(rows, &couples);
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
            prop_assert_eq!(each_once.len(), rows * couples.len());
        }

        #[test]
        fn units_are_counted_without_listing_them(
            rows in 1usize..8,
            couples in prop::collection::vec(any::<bool>(), 1..6),
        ) {
            let order = UnitOrder::new(rows, &couples);
            let mut counts = vec![0; couples.len()];
            for unit in 0..order.units() {
                for (column, count) in counts.iter().enumerate() {
                    prop_assert_eq!(order.units_before(unit, column), *count);
                }
                counts[order.at(unit).1] += 1;
            }
            for unit in 0..order.units() {
                let (row, column) = order.at(unit);
                prop_assert_eq!(order.unit_of(row, column), Some(unit));
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
