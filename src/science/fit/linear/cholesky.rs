//! Cholesky factors of symmetric matrices, positive definite.

use super::vector::{axpy, dot};
use crate::foundations::numerics::with_widest_simd;

/// `A = L L^T`: L row by row, as wide as A.
#[derive(Debug, Clone)]
pub(crate) struct Cholesky {
    size: usize,
    rows: Vec<f64>,
}

impl Cholesky {
    /// Factors a matrix, given row by row, of which the lower triangle is read; none if it is not positive
    /// definite.
    pub(crate) fn new(mut rows: Vec<f64>, size: usize) -> Option<Self> {
        let is_positive = with_widest_simd(
            #[inline(always)]
            || {
                for i in 0..size {
                    let (done, rest) = rows.split_at_mut(i * size);
                    let row = &mut rest[..size];
                    for k in 0..i {
                        let other = &done[k * size..][..=k];
                        row[k] = (row[k] - dot(&row[..k], &other[..k])) / other[k];
                    }
                    let square = row[i] - dot(&row[..i], &row[..i]);
                    if !(square > 0.0 && square.is_finite()) {
                        return false;
                    }
                    row[i] = square.sqrt();
                    row[i + 1..].fill(0.0);
                }
                true
            },
        );
        is_positive.then_some(Self { size, rows })
    }

    /// L, row by row.
    pub(crate) fn into_rows(self) -> Vec<f64> {
        self.rows
    }

    /// Replaces b by `L^-1 b`.
    pub(crate) fn solve_lower(&self, b: &mut [f64]) {
        with_widest_simd(
            #[inline(always)]
            || {
                for i in 0..self.size {
                    let row = &self.rows[i * self.size..][..=i];
                    b[i] = (b[i] - dot(&row[..i], &b[..i])) / row[i];
                }
            },
        );
    }

    /// Replaces each column of b, `[unknown][column]`, by `L^-1` of it: as fast as a few single ones.
    pub(crate) fn solve_lower_columns(&self, b: &mut [f64]) {
        let width = b.len() / self.size.max(1);
        with_widest_simd(
            #[inline(always)]
            || {
                for i in 0..self.size {
                    let (done, rest) = b.split_at_mut(i * width);
                    let row = &mut rest[..width];
                    let own = &self.rows[i * self.size..][..=i];
                    for (factor, other) in own.iter().zip(done.chunks_exact(width)) {
                        axpy(row, -factor, other);
                    }
                    let inverse = 1.0 / own[i];
                    row.iter_mut().for_each(|value| *value *= inverse);
                }
            },
        );
    }

    /// Replaces b by `L^-T b`.
    pub(crate) fn solve_upper(&self, b: &mut [f64]) {
        for i in (0..self.size).rev() {
            let row = &self.rows[i * self.size..][..=i];
            b[i] /= row[i];
            let known = b[i];
            b[..i].iter_mut().zip(row).for_each(|(b, l)| *b -= known * l);
        }
    }

    /// Replaces b by `A^-1 b`.
    pub(crate) fn solve(&self, b: &mut [f64]) {
        self.solve_lower(b);
        self.solve_upper(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundations::numerics::math::cos;

    #[test]
    fn the_factor_solves_what_it_was_made_of() {
        for size in [1, 2, 7, 40] {
            let value = |i: usize, k: usize| cos((i * i + 3 * k) as f64 * 0.37);
            let entry = |i: usize, k: usize| {
                let own = if i == k { 0.1 } else { 0.0 };
                (0..size).map(|m| value(i, m) * value(k, m)).sum::<f64>() + own
            };
            let matrix: Vec<f64> = (0..size * size).map(|at| entry(at / size, at % size)).collect();
            let factor = Cholesky::new(matrix.clone(), size).unwrap();
            let truth: Vec<f64> = (0..size).map(|i| value(i, 5)).collect();
            let row = |i: usize| &matrix[i * size..][..size];
            let mut b: Vec<f64> = (0..size).map(|i| dot(row(i), &truth)).collect();
            // Both ways to solve for several at once.
            let mut columns: Vec<f64> = b.iter().flat_map(|b| [*b, 2.0 * b]).collect();
            factor.solve_lower_columns(&mut columns);
            let mut lower = b.clone();
            factor.solve_lower(&mut lower);
            for (found, lower) in columns.chunks_exact(2).zip(&lower) {
                assert!((found[0] - lower).abs() < 1e-12 && (found[1] - 2.0 * lower).abs() < 1e-12);
            }
            factor.solve(&mut b);
            let error = b.iter().zip(&truth).fold(0.0, |e: f64, (b, t)| e.max((b - t).abs()));
            assert!(error < 1e-10, "{size}: {error}");
        }
    }

    #[test]
    fn what_is_not_positive_has_no_factor() {
        assert!(Cholesky::new(vec![1.0, 0.0, 2.0, 1.0], 2).is_none());
        assert!(Cholesky::new(vec![f64::NAN], 1).is_none());
    }
}
