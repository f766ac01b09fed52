//! The columns that derivatives are made of: some records of them at a time, and those of all bins of a
//! data set as they are kept for the sums over bins.

use std::ops::Range;

use num_complex::Complex64;

use crate::foundations::numerics::{HugePageBuf, ScratchVec};

use super::state::Coefficient;

/// Records that are worked on together, so that what is made of them stays in the nearest cache.
pub(super) const BLOCK: usize = 128;
/// Numbers that are worked on side by side.
pub(super) const LANES: usize = 8;
/// A number for each record of a block.
pub(super) type Block = [f64; BLOCK];

/// Whole blocks of some numbers.
#[inline(always)]
pub(super) fn blocks(values: &[f64]) -> &[Block] {
    values.as_chunks().0
}

/// The sum over lanes, in the one order that there is.
pub(super) fn total(lanes: &[f64; LANES]) -> f64 {
    let [a0, a1, a2, a3, a4, a5, a6, a7] = lanes;
    ((a0 + a4) + (a2 + a6)) + ((a1 + a5) + (a3 + a7))
}

/// Parts of a residual: real and imaginary.
const RESIDUAL: usize = 2;
/// Records in a group of [`KeptColumns`].
pub(super) const GROUP: usize = 16;

/// A number a record, group by group; zero beyond the last record.
pub(super) type ByGroup = Vec<[f64; GROUP]>;

/// The first numbers of a vector, zero where there are fewer than a group has.
#[inline(always)]
pub(super) fn group_of(values: &[f64]) -> [f64; GROUP] {
    match values.first_chunk() {
        Some(group) => *group,
        None => {
            let mut group = [0.0; GROUP];
            group[..values.len()].copy_from_slice(values);
            group
        }
    }
}

/// Where the column of a coefficient stands, and the factor by which it is multiplied.
#[derive(Debug, Clone, Copy)]
pub(super) struct ColumnPlace {
    pub(super) factor: Complex64,
    pub(super) first: usize,
    pub(super) is_complex: bool,
}

impl ColumnPlace {
    /// The places of all coefficients, in a bin of these emissivities.
    pub(super) fn of_all(coefficients: &[Coefficient], emissivity: &[Complex64]) -> Vec<Self> {
        let mut count = 0;
        let place = |coefficient: &Coefficient| {
            let factor = match coefficient {
                Coefficient::Temperature(emitter) => -emissivity[*emitter],
                _ => Complex64::ONE,
            };
            let first = count;
            count += parts_of(coefficient);
            Self { factor, first, is_complex: parts_of(coefficient) == 2 }
        };
        coefficients.iter().map(place).collect()
    }
}

/// Real columns, and parts of complex ones.
fn parts_of(coefficient: &Coefficient) -> usize {
    if matches!(coefficient, Coefficient::Temperature(_)) { 1 } else { 2 }
}

/// What coefficients multiply in the residual of some records: a real number times one factor, or a
/// complex number.
#[derive(Debug)]
pub(super) struct Columns {
    /// Real columns, and real and imaginary parts of complex ones, each of [`BLOCK`] records. What stands
    /// beyond the last record is some number.
    pub(super) values: ScratchVec,
    /// One a coefficient.
    pub(super) places: Vec<ColumnPlace>,
}

/// Some records of what a coefficient multiplies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column<'a> {
    pub(super) factor: Complex64,
    pub(super) re: &'a Block,
    pub(super) im: Option<&'a Block>,
}

impl Columns {
    /// Room for the columns of these coefficients.
    pub(super) fn new(coefficients: &[Coefficient], places: &[ColumnPlace]) -> Self {
        let parts: usize = coefficients.iter().map(parts_of).sum();
        let mut values = ScratchVec::with_len(parts * BLOCK);
        values.fill(0.0);
        Self { values, places: places.to_vec() }
    }

    /// The column of a coefficient, by its place.
    #[inline(always)]
    pub(super) fn get(&self, coefficient: usize) -> Column<'_> {
        let ColumnPlace { factor, first, is_complex } = self.places[coefficient];
        let blocks = blocks(&self.values);
        Column { factor, re: &blocks[first], im: is_complex.then(|| &blocks[first + 1]) }
    }

    /// Keeps those of a block of records, and the residuals of all, in the space of a bin, as
    /// [`KeptColumns`] has it.
    #[inline(always)]
    pub(super) fn keep(
        &self,
        records: &Range<usize>,
        residual: &[ScratchVec; 2],
        kept: &mut [f64],
    ) {
        let own = (self.values.len() / BLOCK + RESIDUAL) * GROUP;
        let groups = kept[records.start / GROUP * own..].chunks_exact_mut(own);
        for (group, start) in groups.zip((0..records.len()).step_by(GROUP)) {
            let count = GROUP.min(records.len() - start);
            let (parts, last) =
                group.as_chunks_mut::<GROUP>().0.split_at_mut(own / GROUP - RESIDUAL);
            for (to, from) in parts.iter_mut().zip(self.values.chunks_exact(BLOCK)) {
                *to = group_of(&from[start..][..count]);
            }
            for (to, from) in last.iter_mut().zip(residual) {
                *to = group_of(&from[records.start + start..][..count]);
            }
        }
    }
}

/// The columns of all bins of a data set at one place of the search. The memory of others is used again:
/// that of a new page costs more than what is written to it.
#[derive(Debug, Default)]
pub(super) struct SetColumns {
    space: Option<HugePageBuf>,
    /// Numbers of a bin.
    of_bin: usize,
}

impl SetColumns {
    /// Room for so many bins and records, in the space of others if that is large enough.
    pub(super) fn renewed(
        self,
        bins: usize,
        (records, coefficients): (usize, &[Coefficient]),
    ) -> Self {
        let parts = coefficients.iter().map(parts_of).sum::<usize>() + RESIDUAL;
        let of_bin = records.div_ceil(GROUP) * GROUP * parts;
        let length = (bins * of_bin).div_ceil(2);
        Self { space: Some(HugePageBuf::in_place_of(self.space, length)), of_bin }
    }

    /// The space of so many bins, one after another.
    pub(super) fn split(&mut self, bins: usize) -> Vec<&mut [f64]> {
        let mut rest = self.space.as_mut().map_or(&mut [][..], HugePageBuf::numbers_mut);
        let mut split = Vec::with_capacity(bins);
        for _ in 0..bins {
            let (own, after) = rest.split_at_mut(self.of_bin);
            split.push(own);
            rest = after;
        }
        split
    }

    /// The columns of a bin, which stand at a place.
    pub(super) fn of_bin<'a>(&'a self, kept: &'a Kept) -> KeptColumns<'a> {
        let all = self.space.as_ref().map_or(&[][..], HugePageBuf::numbers);
        let values = &all[kept.at * self.of_bin..][..self.of_bin];
        let of_place = |place: &ColumnPlace| 1 + usize::from(place.is_complex);
        let parts = kept.places.iter().map(of_place).sum::<usize>() + RESIDUAL;
        KeptColumns { values, parts, places: &kept.places }
    }
}

/// Where the columns of a bin stand among those of its data set.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) at: usize,
    /// One a coefficient.
    pub(super) places: Vec<ColumnPlace>,
}

/// The columns of all records of a bin and the residual, of some that follow each other together: what is
/// read with them stands beside them in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeptColumns<'a> {
    /// `[group of records][part][record]`; zero beyond the last record.
    values: &'a [f64],
    parts: usize,
    places: &'a [ColumnPlace],
}

impl KeptColumns<'_> {
    /// Real and imaginary part of the column of a coefficient in a group of records.
    #[inline(always)]
    pub(super) fn group(&self, coefficient: usize, group: usize) -> [[f64; GROUP]; 2] {
        let ColumnPlace { factor, first, is_complex } = self.places[coefficient];
        let parts = self.values[(group * self.parts + first) * GROUP..].as_chunks::<GROUP>().0;
        if is_complex {
            return [parts[0], parts[1]];
        }
        let mut both = [[0.0; GROUP]; 2];
        for lane in 0..GROUP {
            both[0][lane] = factor.re * parts[0][lane];
            both[1][lane] = factor.im * parts[0][lane];
        }
        both
    }

    /// Real and imaginary part of the residual, weighted, in a group of records.
    #[inline(always)]
    pub(super) fn residual(&self, group: usize) -> [[f64; GROUP]; 2] {
        let first = (group + 1) * self.parts - RESIDUAL;
        let parts = self.values[first * GROUP..].as_chunks::<GROUP>().0;
        [parts[0], parts[1]]
    }
}
