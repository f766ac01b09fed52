//! Symmetric 2 x 2 matrices, which act on complex numbers as vectors of the plane.

use std::ops::{Add, AddAssign, Mul};

use num_complex::Complex64;

/// `z -> round z + skew conj(z)`: the matrix `round I + [[a, b], [b, -a]]`, `a + i b = skew`.
///
/// `round` is the mean of the two eigenvalues. The modulus of `skew` is half their difference, and its
/// argument twice the angle of the larger one's eigenvector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Symmetric2 {
    pub(crate) round: f64,
    pub(crate) skew: Complex64,
}

impl Symmetric2 {
    pub(crate) const ZERO: Self = Self { round: 0.0, skew: Complex64::ZERO };
    pub(crate) const ONE: Self = Self { round: 1.0, skew: Complex64::ZERO };

    /// `z z^T`.
    pub(crate) fn square_of(z: Complex64) -> Self {
        Self { round: 0.5 * z.norm_sqr(), skew: z * z * 0.5 }
    }

    /// The inverse; not finite if there is none.
    pub(crate) fn inverse(self) -> Self {
        let determinant = self.round * self.round - self.skew.norm_sqr();
        Self { round: self.round / determinant, skew: -self.skew / determinant }
    }

    /// `outer self outer`.
    pub(crate) fn between(self, outer: Self) -> Self {
        let Self { round: s, skew: h } = outer;
        let Self { round: p, skew: q } = self;
        Self {
            round: p * (s * s + h.norm_sqr()) + 2.0 * s * (h * q.conj()).re,
            skew: h * (2.0 * s * p) + q * (s * s) + q.conj() * h * h,
        }
    }

    pub(crate) fn trace(self) -> f64 {
        2.0 * self.round
    }

    /// The trace of `self other`.
    pub(crate) fn trace_with(self, other: Self) -> f64 {
        2.0 * (self.round * other.round + (self.skew * other.skew.conj()).re)
    }
}

impl Add for Symmetric2 {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { round: self.round + other.round, skew: self.skew + other.skew }
    }
}

impl AddAssign for Symmetric2 {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Mul<f64> for Symmetric2 {
    type Output = Self;

    fn mul(self, factor: f64) -> Self {
        Self { round: self.round * factor, skew: self.skew * factor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Matrix = [[f64; 2]; 2];

    fn matrix(s: Symmetric2) -> Matrix {
        [[s.round + s.skew.re, s.skew.im], [s.skew.im, s.round - s.skew.re]]
    }

    fn product(a: Matrix, b: Matrix) -> Matrix {
        let entry = |i: usize, j: usize| a[i][0] * b[0][j] + a[i][1] * b[1][j];
        [[entry(0, 0), entry(0, 1)], [entry(1, 0), entry(1, 1)]]
    }

    fn assert_same(a: Matrix, b: Matrix) {
        let pairs = a.as_flattened().iter().zip(b.as_flattened());
        assert!(pairs.clone().all(|(a, b)| (a - b).abs() < 1e-14), "{a:?} {b:?}");
    }

    #[test]
    fn they_are_the_matrices_that_they_stand_for() {
        let a = Symmetric2 { round: 1.3, skew: Complex64::new(0.4, -0.7) };
        let b = Symmetric2 { round: -0.6, skew: Complex64::new(0.2, 0.9) };
        assert_same(matrix(b.between(a)), product(matrix(a), product(matrix(b), matrix(a))));
        assert_same(product(matrix(a), matrix(a.inverse())), matrix(Symmetric2::ONE));
        assert_same(
            matrix(Symmetric2::square_of(Complex64::new(3.0, 2.0))),
            [[9.0, 6.0], [6.0, 4.0]],
        );
        let both = product(matrix(a), matrix(b));
        assert!((a.trace_with(b) - both[0][0] - both[1][1]).abs() < 1e-14);
        assert_eq!(a.trace(), 2.6);
        assert_same(
            matrix(a + b * 2.0),
            matrix(Symmetric2 { round: 0.1, skew: Complex64::new(0.8, 1.1) }),
        );
    }
}
