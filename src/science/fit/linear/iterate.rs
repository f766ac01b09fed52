//! Least squares with one set of weights after another on the same records.
//!
//! The design is factored once, into an orthonormal basis Q of its columns and R; from then on the
//! unknowns are the coordinates z of the fitted spectrum Q z. A step with new weights W solves the
//! normal equations `Q^T W Q dz = Q^T W r`, r the residual at z. Their condition number is that of
//! the weights alone, not the square of the design's, and the next step corrects what an inexact
//! solution leaves. Where even that is too ill-conditioned, the step is taken by a QR factorisation.

use std::sync::Arc;

use super::gram::{WeightedProducts, weighted_products};
use super::householder::{Qr, householder_qr};
use super::least_squares::{check_rank, solve_upper};
use super::system::Unusable;
use super::vector::{axpy, dot, short_dot, subtract_columns};
use super::weighted::WeightedSystem;
use crate::foundations::numerics::{ScratchVec, fused, with_widest_simd};

/// The normal equations are used only if no pivot is smaller than this, relative to the largest.
const LEAST_PIVOT: f64 = 1e-10;

/// The fitted spectrum Q z with its residual.
#[derive(Debug)]
pub(crate) struct Iterate {
    rows: usize,
    /// Holds Q, column by column.
    weighted: Arc<WeightedSystem>,
    /// The data, in units of their standard deviation.
    data: [ScratchVec; 2],
    /// The coordinates of the fitted spectrum.
    point: [Vec<f64>; 2],
    /// The data less the fitted spectrum.
    residual: [ScratchVec; 2],
}

impl Iterate {
    /// The least-squares solution of a factored system, with its weighted data as they were before
    /// the factorisation.
    pub(crate) fn new(weighted: Arc<WeightedSystem>, data: [ScratchVec; 2]) -> Self {
        let (re, im) = weighted.factored.qt_b();
        let point = [re.to_vec(), im.to_vec()];
        let rows = data[0].len();
        let residual = data.clone();
        let mut iterate = Self { rows, weighted, data, point, residual };
        iterate.update_residual();
        iterate
    }

    /// The coordinates of the fitted spectrum, real and imaginary part.
    pub(crate) fn point(&self) -> (&[f64], &[f64]) {
        (&self.point[0], &self.point[1])
    }

    /// The residual of each record: real and imaginary part.
    pub(crate) fn residuals(&self) -> impl Iterator<Item = (f64, f64)> {
        self.residual[0].iter().copied().zip(self.residual[1].iter().copied())
    }

    /// The residuals as two vectors, real and imaginary part.
    pub(crate) fn residual_parts(&self) -> [&[f64]; 2] {
        self.residual.each_ref().map(|part| &part[..])
    }

    /// The squared moduli of the residuals.
    pub(crate) fn squares(&self) -> ScratchVec {
        let mut squares = ScratchVec::with_len(self.rows);
        let [re, im] = &self.residual;
        with_widest_simd(
            #[inline(always)]
            || {
                for ((square, re), im) in squares.iter_mut().zip(&re[..]).zip(&im[..]) {
                    *square = fused(*re, *re, im * im);
                }
            },
        );
        squares
    }

    /// Moves to the least-squares solution with these weights, and returns the length of the change
    /// of the fitted spectrum (root of the sum of squares over records).
    pub(crate) fn step(&mut self, weights: &[f64]) -> Result<f64, Unusable> {
        let change = match self.by_normal_equations(weights) {
            Some(change) => change,
            None => self.by_qr(weights)?,
        };
        self.advance(&change, 1.0);
        Ok(change.iter().map(|change| short_dot(change, change)).sum::<f64>().sqrt())
    }

    /// Moves by `factor * change`.
    pub(crate) fn advance(&mut self, change: &[Vec<f64>; 2], factor: f64) {
        for (point, change) in self.point.iter_mut().zip(change) {
            point.iter_mut().zip(change).for_each(|(point, change)| *point += factor * change);
        }
        self.update_residual();
    }

    /// By how much a full step changes the residuals: `-Q dz`.
    pub(crate) fn residual_change(&self, change: &[Vec<f64>; 2]) -> [ScratchVec; 2] {
        change.each_ref().map(|part| self.minus_q_times(part))
    }

    fn minus_q_times(&self, z: &[f64]) -> ScratchVec {
        let mut product = ScratchVec::with_len(self.rows);
        product.fill(0.0);
        with_widest_simd(
            #[inline(always)]
            || {
                for (column, factor) in self.weighted.q().chunks_exact(self.rows).zip(z) {
                    axpy(&mut product, -factor, column);
                }
            },
        );
        product
    }

    /// The step `dz` of Newton's method: `sum_j q_j q_j^T M_j dz = sum_j q_j pull_j`,
    /// `M_j` a symmetric 2 x 2 matrix in the plane of each record: along the real axis, between
    /// both, and along the imaginary axis. None if the equations are too ill-conditioned.
    pub(crate) fn newton_step(
        &mut self,
        curvature: [&[f64]; 3],
        pull: [&[f64]; 2],
    ) -> Option<[Vec<f64>; 2]> {
        let n = self.unknowns();
        let Self { rows, weighted, .. } = self;
        let columns = weighted.q();
        let [along, between, across] =
            curvature.map(|weights| weighted_products(columns, *rows, weights, None).gram);
        let mut joined = vec![0.0; 4 * n * n];
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            let upper = i.min(j) * n + i.max(j);
            joined[i * 2 * n + j] = along[upper];
            joined[i * 2 * n + n + j] = between[upper];
            joined[(n + i) * 2 * n + n + j] = across[upper];
        }
        let mut change = Vec::with_capacity(2 * n);
        with_widest_simd(
            #[inline(always)]
            || {
                for pull in pull {
                    for column in columns.chunks_exact(*rows) {
                        change.push(dot(column, pull));
                    }
                }
            },
        );
        cholesky(&mut joined, 2 * n)?;
        solve_cholesky(&joined, 2 * n, &mut change);
        let im = change.split_off(n);
        Some([change, im])
    }

    fn unknowns(&self) -> usize {
        self.point[0].len()
    }

    /// From the data, not from the last residual, so that rounding errors do not add up.
    fn update_residual(&mut self) {
        let Self { rows, weighted, data, point, residual } = self;
        let point = point.each_ref().map(|part| &part[..]);
        let data = data.each_ref().map(|part| &part[..]);
        let parts = residual.each_mut().map(|part| &mut part[..]);
        with_widest_simd(
            #[inline(always)]
            || subtract_columns((weighted.q(), *rows), point, data, parts),
        );
    }

    /// The step for these weights; none if the normal equations are too ill-conditioned.
    fn by_normal_equations(&mut self, weights: &[f64]) -> Option<[Vec<f64>; 2]> {
        let n = self.unknowns();
        let Self { rows, weighted, residual, .. } = self;
        let residual = residual.each_ref().map(|part| &part[..]);
        let products = weighted_products(weighted.q(), *rows, weights, Some(residual));
        let WeightedProducts { mut gram, with_vectors: [mut re, mut im] } = products;
        cholesky(&mut gram, n)?;
        solve_cholesky(&gram, n, &mut re);
        solve_cholesky(&gram, n, &mut im);
        Some([re, im])
    }

    fn by_qr(&self, weights: &[f64]) -> Result<[Vec<f64>; 2], Unusable> {
        let root: Vec<f64> = weights.iter().map(|weight| weight.sqrt()).collect();
        let weighted = |values: &[f64]| values.iter().zip(&root).map(|(v, w)| v * w).collect();
        let columns = self.weighted.q().chunks_exact(self.rows);
        let mut columns: Vec<f64> = columns.flat_map(|c| -> Vec<f64> { weighted(c) }).collect();
        let (mut re, mut im): (Vec<f64>, Vec<f64>) =
            (weighted(&self.residual[0]), weighted(&self.residual[1]));
        let Qr { r, qt_b, .. } = householder_qr(&mut columns, self.rows, [&mut re, &mut im]);
        let n = self.unknowns();
        check_rank(&r, n, self.rows)?;
        Ok(qt_b.map(|part| solve_upper(&r, n, &part)))
    }
}

/// Replaces the upper half of a symmetric matrix by its Cholesky factor U, `A = U^T U`; none if a pivot
/// is too small.
fn cholesky(a: &mut [f64], n: usize) -> Option<()> {
    let largest = (0..n).map(|i| a[i * n + i]).fold(0.0, f64::max);
    for i in 0..n {
        for k in 0..i {
            let factor = a[k * n + i];
            for j in i..n {
                a[i * n + j] -= factor * a[k * n + j];
            }
        }
        let pivot = a[i * n + i];
        // Also false for what is no number.
        if !(pivot > LEAST_PIVOT * largest && pivot.is_finite()) {
            return None;
        }
        let root = pivot.sqrt();
        a[i * n + i..(i + 1) * n].iter_mut().for_each(|value| *value /= root);
    }
    Some(())
}

/// Solves `U^T U x = b` in place.
fn solve_cholesky(u: &[f64], n: usize, b: &mut [f64]) {
    for i in 0..n {
        b[i] /= u[i * n + i];
        for j in i + 1..n {
            b[j] -= u[i * n + j] * b[i];
        }
    }
    for i in (0..n).rev() {
        for j in i + 1..n {
            b[i] -= u[i * n + j] * b[j];
        }
        b[i] /= u[i * n + i];
    }
}

#[cfg(test)]
mod tests {
    use num_complex::Complex64;

    use super::super::least_squares::solve;
    use super::*;
    use crate::science::fit::Constraint;
    use crate::science::fit::robust::whitened::Whitened;
    use crate::science::fit::tests::Owned;

    /// The largest difference, relative to the largest value.
    fn difference(found: &[Complex64], expected: &[Complex64]) -> f64 {
        let largest = |values: Vec<f64>| values.into_iter().fold(0.0, f64::max);
        let differences = found.iter().zip(expected).map(|(f, e)| (f - e).norm_sqr().sqrt());
        let sizes = expected.iter().map(|e| e.norm_sqr().sqrt());
        largest(differences.collect()) / largest(sizes.collect())
    }

    /// One step from anywhere is the solution of the reweighted problem, however the design is
    /// scaled, and also where only few records count, for which the normal equations do not do.
    #[test]
    fn a_step_is_the_reweighted_solution() {
        for constraint in [Constraint::None, Constraint::Kirchhoff] {
            for (spread, least_weight) in [(0.0, 0.1), (6.0, 0.1), (2.0, 1e-9), (0.0, 0.0)] {
                let owned = Owned::new(5, 60, 0.1, spread);
                let weight =
                    |j: usize| if j.is_multiple_of(5) { 1.0 + j as f64 } else { least_weight };
                let weights: Vec<f64> = (0..60).map(weight).collect();
                owned.with(constraint, |problem| {
                    let whitened = Whitened::new(problem).unwrap();
                    let mut iterate = whitened.starting_iterate();
                    assert!(
                        difference(&whitened.emissivities(&iterate), &whitened.plain.emissivity)
                            < 1e-12
                    );
                    iterate.step(&weights).unwrap();
                    let root: Vec<f64> =
                        (0..60).map(|j| (weights[j] / problem.variance[j]).sqrt()).collect();
                    let direct = solve(&problem.equations(), Some(&root)).unwrap();
                    let found = whitened.emissivities(&iterate);
                    let error = difference(&found, &direct.emissivity);
                    assert!(error < 1e-8, "spread {spread}, least weight {least_weight}: {error}");
                    // A second step with the same weights moves nothing.
                    let size = problem.data.iter().map(Complex64::norm_sqr).sum::<f64>().sqrt();
                    assert!(iterate.step(&weights).unwrap() < 1e-9 * size);
                });
            }
        }
    }

    #[test]
    fn weights_that_leave_too_few_records_are_refused() {
        let owned = Owned::new(5, 60, 0.1, 0.0);
        let weights: Vec<f64> = (0..60).map(|j| if j < 5 { 1.0 } else { 0.0 }).collect();
        owned.with(Constraint::None, |problem| {
            let mut iterate = Whitened::new(problem).unwrap().starting_iterate();
            assert!(matches!(iterate.step(&weights), Err(Unusable::RankDeficient { .. })));
        });
    }
}
