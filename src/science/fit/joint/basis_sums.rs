//! Products of the columns of a basis with other columns, summed over the records.

use num_complex::Complex64;

use crate::foundations::numerics::fused;
use crate::science::fit::linear::vector::short_dot;

/// Numbers that are worked on side by side.
const LANES: usize = 8;
/// Columns of a basis that are multiplied at once: the sums of so many, real and imaginary, stay in registers.
const TILE: usize = 3;

/// Partial sums of products with the columns of a basis.
#[derive(Clone)]
pub(super) struct BasisSums<const N: usize> {
    re: [[f64; LANES]; N],
    im: [[f64; LANES]; N],
    /// Of the records that fill no group of lanes, real and imaginary part.
    rest: [[f64; 2]; N],
}

impl<const N: usize> BasisSums<N> {
    pub(super) const ZERO: Self =
        Self { re: [[0.0; LANES]; N], im: [[0.0; LANES]; N], rest: [[0.0; 2]; N] };

    /// Adds the products of some records of a real column.
    #[inline(always)]
    pub(super) fn add_real(&mut self, basis: &[&[f64]; N], column: &[f64]) {
        let (groups, rest) = column.as_chunks::<LANES>();
        let mut sums = self.re;
        for (at, values) in groups.iter().enumerate() {
            for a in 0..N {
                let vector = group(basis[a], at);
                for lane in 0..LANES {
                    sums[a][lane] = fused(vector[lane], values[lane], sums[a][lane]);
                }
            }
        }
        self.re = sums;
        self.add_rest(basis, rest, &[]);
    }

    /// Adds the products of some records of a complex column.
    #[inline(always)]
    pub(super) fn add_complex(&mut self, basis: &[&[f64]; N], re: &[f64], im: &[f64]) {
        let [(re, rest_re), (im, rest_im)] = [re, im].map(|part| part.as_chunks::<LANES>());
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
        self.add_rest(basis, rest_re, rest_im);
    }

    /// Adds the products of whole groups of a complex column with some columns of the basis.
    #[inline(always)]
    fn add_tile<const T: usize>(
        &mut self,
        basis: &[&[f64]; N],
        first: usize,
        (re, im): (&[[f64; LANES]], &[[f64; LANES]]),
    ) {
        let mut sums: [[[f64; LANES]; 2]; T] =
            std::array::from_fn(|a| [self.re[first + a], self.im[first + a]]);
        for (at, (re, im)) in re.iter().zip(im).enumerate() {
            for a in 0..T {
                let vector = group(basis[first + a], at);
                for lane in 0..LANES {
                    sums[a][0][lane] = fused(vector[lane], re[lane], sums[a][0][lane]);
                }
                for lane in 0..LANES {
                    sums[a][1][lane] = fused(vector[lane], im[lane], sums[a][1][lane]);
                }
            }
        }
        for (a, sums) in sums.into_iter().enumerate() {
            [self.re[first + a], self.im[first + a]] = sums;
        }
    }

    /// Adds the products of the last records, which fill no group of lanes.
    #[inline(always)]
    fn add_rest(&mut self, basis: &[&[f64]; N], re: &[f64], im: &[f64]) {
        if re.is_empty() {
            return;
        }
        for ([of_re, of_im], vector) in self.rest.iter_mut().zip(basis) {
            let vector = &vector[vector.len() - re.len()..];
            *of_re += short_dot(vector, re);
            *of_im += short_dot(vector, im);
        }
    }

    /// The sums with each column of the basis.
    pub(super) fn totals(&self) -> [Complex64; N] {
        let total = |[a0, a1, a2, a3, a4, a5, a6, a7]: [f64; LANES]| {
            ((a0 + a4) + (a2 + a6)) + ((a1 + a5) + (a3 + a7))
        };
        std::array::from_fn(|a| {
            let [re, im] = self.rest[a];
            Complex64::new(total(self.re[a]) + re, total(self.im[a]) + im)
        })
    }
}

/// A group of lanes of a vector.
#[inline(always)]
fn group(vector: &[f64], at: usize) -> [f64; LANES] {
    vector.as_chunks::<LANES>().0[at]
}
