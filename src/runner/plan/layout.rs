//! How the units of a run are numbered, which of them are never parted, and what they cost: all that
//! the engine knows of the work.
//!
//! Units stand in equal **blocks**, a block being a grid of rows and columns (see [`UnitOrder`]). A
//! **configuration** is one column of one block. Everything is arithmetic: nothing is ever listed.

use std::ops::Range;

use super::order::UnitOrder;

/// Most units of a run.
const MOST_UNITS: u128 = 1 << 63;

/// A column of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Whether its rows are one piece.
    pub is_coupled: bool,
    /// What a unit of it costs, relative to other columns.
    pub cost: u32,
}

/// How the units of a run are numbered, which of them are never parted, and what they cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    blocks: u64,
    order: UnitOrder,
    /// By column.
    costs: Vec<u32>,
    /// Costs of the separate columns before each of them, at one row; the last is that of all.
    separate: Vec<u128>,
    /// The same of the coupled columns, of all rows.
    coupled: Vec<u128>,
}

/// Where a unit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitPlace {
    /// The block.
    pub block: u64,
    /// The row in its block.
    pub row: usize,
    /// The column in its block.
    pub column: usize,
}

impl Layout {
    /// So many blocks of so many rows; none if that is more units than can be numbered.
    #[must_use]
    pub fn new(blocks: u64, rows: usize, columns: &[Column]) -> Option<Self> {
        if u128::from(blocks).checked_mul((rows * columns.len()) as u128)? > MOST_UNITS {
            return None;
        }
        let is_coupled: Vec<bool> = columns.iter().map(|column| column.is_coupled).collect();
        let order = UnitOrder::new(rows, &is_coupled);
        let costs: Vec<u32> = columns.iter().map(|column| column.cost).collect();
        let running = |columns: &[usize], rows: u128| {
            let mut sums = vec![0];
            for column in columns {
                sums.push(sums[sums.len() - 1] + rows * u128::from(costs[*column]));
            }
            sums
        };
        let separate = running(order.separate(), 1);
        let coupled = running(order.coupled(), rows as u128);
        Some(Self { blocks, order, costs, separate, coupled })
    }

    /// So many configurations of one unit each, all of the same cost.
    #[must_use]
    pub fn singles(configurations: u64) -> Option<Self> {
        Self::new(configurations, 1, &[Column { is_coupled: false, cost: 1 }])
    }

    /// The order of the units of a block.
    #[must_use]
    pub fn order(&self) -> &UnitOrder {
        &self.order
    }

    /// Blocks.
    #[must_use]
    pub fn blocks(&self) -> u64 {
        self.blocks
    }

    /// Columns of a block.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.costs.len()
    }

    /// All units.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.blocks * self.order.units()
    }

    /// All configurations.
    #[must_use]
    pub fn configurations(&self) -> u64 {
        self.blocks * self.costs.len() as u64
    }

    /// All pieces: what no shard may cut.
    #[must_use]
    pub fn pieces(&self) -> u64 {
        self.blocks * self.order.pieces()
    }

    /// The first unit of a piece; that of the piece after the last is the number of units.
    #[must_use]
    pub fn first_unit(&self, piece: u64) -> u64 {
        let per_block = self.order.pieces();
        let (block, rest) = (piece / per_block, piece % per_block);
        block * self.order.units() + self.order.first_unit(rest)
    }

    /// How many units the piece has that begins at a unit; none if no piece does.
    #[must_use]
    pub fn piece_at(&self, unit: u64) -> Option<u64> {
        if unit < self.units() { self.order.piece_at(unit % self.order.units()) } else { None }
    }

    /// The pieces of some units, which are cut between pieces, in order.
    pub fn pieces_of(&self, units: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let piece_from = move |unit: u64| {
            let length = self.piece_at(unit).filter(|_| unit < units.end)?;
            Some(unit..unit + length)
        };
        let first = piece_from(units.start);
        std::iter::successors(first, move |piece| piece_from(piece.end))
    }

    /// Whether a piece begins at a unit, or the last one ends there.
    #[must_use]
    pub fn may_cut_at(&self, unit: u64) -> bool {
        self.order.may_cut_at(unit % self.order.units())
    }

    /// Where a unit stands.
    #[must_use]
    pub fn place(&self, unit: u64) -> UnitPlace {
        let per_block = self.order.units();
        let (row, column) = self.order.at(unit % per_block);
        UnitPlace { block: unit / per_block, row, column }
    }

    /// The column of a unit.
    #[must_use]
    pub fn column_of(&self, unit: u64) -> usize {
        self.place(unit).column
    }

    /// The configuration that a unit belongs to.
    #[must_use]
    pub fn configuration_of(&self, unit: u64) -> u64 {
        let UnitPlace { block, column, .. } = self.place(unit);
        self.configuration_at(block, column)
    }

    /// The configuration in a column of a block.
    #[must_use]
    pub fn configuration_at(&self, block: u64, column: usize) -> u64 {
        block * self.costs.len() as u64 + column as u64
    }

    /// How many of the units before a unit are of a configuration.
    #[must_use]
    pub fn units_before(&self, unit: u64, configuration: u64) -> u64 {
        let columns = self.costs.len() as u64;
        let (block, column) = (configuration / columns, (configuration % columns) as usize);
        let within = unit.saturating_sub(block * self.order.units());
        self.order.units_before(within.min(self.order.units()), column)
    }

    /// What a unit costs.
    #[must_use]
    pub fn cost_of(&self, unit: u64) -> u128 {
        u128::from(self.costs[self.column_of(unit)])
    }

    /// What all pieces before a piece cost, in closed form.
    #[must_use]
    pub fn cost_before(&self, piece: u64) -> u128 {
        let (columns, coupled) = (self.separate.len() - 1, self.coupled.len() - 1);
        let (all_separate, all_coupled) = (self.separate[columns], self.coupled[coupled]);
        let (separate_pieces, columns) = (self.order.separate_units(), columns as u64);
        let rows = u128::from(separate_pieces / columns.max(1));
        let per_block = self.order.pieces();
        let (block, rest) = (piece / per_block, piece % per_block);
        let within = match rest.checked_sub(separate_pieces) {
            Some(column) => rows * all_separate + self.coupled[column as usize],
            None => {
                let column = (rest % columns) as usize;
                u128::from(rest / columns) * all_separate + self.separate[column]
            }
        };
        u128::from(block) * (rows * all_separate + all_coupled) + within
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A layout for tests: columns of which those with `true` are coupled.
    pub(crate) fn layout(blocks: u64, rows: usize, coupled: &[bool]) -> Layout {
        let column = |(place, is_coupled): (usize, &bool)| Column {
            is_coupled: *is_coupled,
            cost: if *is_coupled { 10 } else { 1 } + place as u32,
        };
        let columns: Vec<Column> = coupled.iter().enumerate().map(column).collect();
        Layout::new(blocks, rows, &columns).unwrap()
    }

    proptest! {
        #[test]
        fn every_unit_is_in_one_piece_and_one_configuration(
            blocks in 1u64..4,
            rows in 1usize..6,
            coupled in prop::collection::vec(any::<bool>(), 1..5),
        ) {
            let layout = layout(blocks, rows, &coupled);
            let pieces: Vec<Range<u64>> = layout.pieces_of(0..layout.units()).collect();
            prop_assert_eq!(pieces.len() as u64, layout.pieces());
            let (mut unit, mut cost) = (0, 0);
            for (number, piece) in (0..).zip(&pieces) {
                prop_assert_eq!(piece.start, unit);
                prop_assert_eq!(layout.first_unit(number), unit);
                prop_assert_eq!(layout.cost_before(number), cost);
                prop_assert!(layout.may_cut_at(unit));
                cost += piece.clone().map(|unit| layout.cost_of(unit)).sum::<u128>();
                unit = piece.end;
            }
            prop_assert_eq!(unit, layout.units());
            prop_assert_eq!(layout.cost_before(layout.pieces()), cost);
            let mut counts = vec![0; layout.configurations() as usize];
            for unit in 0..layout.units() {
                let configuration = layout.configuration_of(unit);
                prop_assert_eq!(layout.units_before(unit, configuration), counts[configuration as usize]);
                counts[configuration as usize] += 1;
            }
            prop_assert!(counts.iter().all(|count| *count == rows as u64));
        }
    }

    #[test]
    fn more_units_than_can_be_numbered_are_no_layout() {
        assert_eq!(Layout::singles(u64::MAX), None);
        assert_eq!(Layout::new(1 << 62, 257, &[Column { is_coupled: true, cost: 1 }]), None);
        let most = Layout::singles(1 << 63).unwrap();
        assert_eq!((most.units(), most.pieces()), (1 << 63, 1 << 63));
    }
}
