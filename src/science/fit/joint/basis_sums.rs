//! Products of the columns of a basis with other columns, summed over the records.

use std::ops::Range;

use num_complex::Complex64;

use crate::foundations::numerics::fused;

use super::columns::{BLOCK, Block, LANES, total};

/// Columns of a basis that are multiplied at once: the sums of so many, real and imaginary, stay in registers.
const TILE: usize = 3;

/// The columns of a basis in a block of records, those of the same records beside each other.
pub(super) struct BasisBlock<const N: usize>([[[f64; LANES]; N]; BLOCK / LANES]);

impl<const N: usize> BasisBlock<N> {
    pub(super) const ZERO: Self = Self([[[0.0; LANES]; N]; BLOCK / LANES]);

    /// Takes some records of a basis, which stands column by column, each of so many rows; zero beyond them.
    #[inline(always)]
    pub(super) fn take(&mut self, basis: &[f64], rows: usize, records: &Range<usize>) {
        if records.len() < BLOCK {
            *self = Self::ZERO;
        }
        for (a, column) in basis.chunks_exact(rows).enumerate() {
            let (groups, rest) = column[records.clone()].as_chunks::<LANES>();
            for (to, from) in self.0.iter_mut().zip(groups) {
                to[a] = *from;
            }
            if let Some(to) = self.0.get_mut(groups.len()) {
                to[a][..rest.len()].copy_from_slice(rest);
            }
        }
    }
}

/// Partial sums of products with the columns of a basis.
#[derive(Clone)]
pub(super) struct BasisSums<const N: usize> {
    re: [[f64; LANES]; N],
    im: [[f64; LANES]; N],
}

impl<const N: usize> BasisSums<N> {
    pub(super) const ZERO: Self = Self { re: [[0.0; LANES]; N], im: [[0.0; LANES]; N] };

    /// Adds the products of a block of a real column.
    #[inline(always)]
    pub(super) fn add_real(&mut self, basis: &BasisBlock<N>, column: &Block) {
        let mut sums = self.re;
        for (basis, values) in basis.0.iter().zip(column.as_chunks::<LANES>().0) {
            for a in 0..N {
                for lane in 0..LANES {
                    sums[a][lane] = fused(basis[a][lane], values[lane], sums[a][lane]);
                }
            }
        }
        self.re = sums;
    }

    /// Adds the products of a block of a complex column.
    #[inline(always)]
    pub(super) fn add_complex(&mut self, basis: &BasisBlock<N>, re: &Block, im: &Block) {
        let mut first = 0;
        while first + TILE <= N {
            self.add_tile::<TILE>(basis, first, (re, im));
            first += TILE;
        }
        match N - first {
            2 => self.add_tile::<2>(basis, first, (re, im)),
            1 => self.add_tile::<1>(basis, first, (re, im)),
            _ => {}
        }
    }

    /// Adds the products of a complex column with some columns of the basis.
    #[inline(always)]
    fn add_tile<const T: usize>(
        &mut self,
        basis: &BasisBlock<N>,
        first: usize,
        (re, im): (&Block, &Block),
    ) {
        let (mut of_re, mut of_im) = ([[0.0; LANES]; T], [[0.0; LANES]; T]);
        for a in 0..T {
            (of_re[a], of_im[a]) = (self.re[first + a], self.im[first + a]);
        }
        let [re, im] = [re, im].map(|part| part.as_chunks::<LANES>().0);
        for ((basis, re), im) in basis.0.iter().zip(re).zip(im) {
            let Some(tile) = basis[first..].first_chunk::<T>() else { return };
            for a in 0..T {
                for lane in 0..LANES {
                    of_re[a][lane] = fused(tile[a][lane], re[lane], of_re[a][lane]);
                }
                for lane in 0..LANES {
                    of_im[a][lane] = fused(tile[a][lane], im[lane], of_im[a][lane]);
                }
            }
        }
        for a in 0..T {
            (self.re[first + a], self.im[first + a]) = (of_re[a], of_im[a]);
        }
    }

    /// The sums with each column of the basis.
    pub(super) fn totals(&self) -> [Complex64; N] {
        std::array::from_fn(|a| Complex64::new(total(&self.re[a]), total(&self.im[a])))
    }
}
