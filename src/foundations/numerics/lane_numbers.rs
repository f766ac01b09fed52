//! Numbers of several records side by side, for formulas that are written once for any numbers.

use std::ops::{Add, Div, Mul, Sub};

use super::dual::Real;
use super::exponential::exp_m1;
use super::logarithm;

/// One number of each of some records. Each is what it would be beside any others.
///
/// Formulas of these belong within `with_widest_simd`. Logarithms and powers are those of numbers above zero,
/// hyperbolic functions those of numbers that are not below: of others they are NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lanes(pub [f64; Lanes::COUNT]);

impl Lanes {
    /// How many there are.
    pub const COUNT: usize = 8;

    #[inline(always)]
    fn map(self, of: impl Fn(f64) -> f64) -> Self {
        let mut all = self.0;
        for value in &mut all {
            *value = of(*value);
        }
        Self(all)
    }

    #[inline(always)]
    fn with(self, other: Self, of: impl Fn(f64, f64) -> f64) -> Self {
        let mut all = self.0;
        for (value, other) in all.iter_mut().zip(other.0) {
            *value = of(*value, other);
        }
        Self(all)
    }
}

/// `e^x - 1` of what is not below zero, else NaN.
#[inline(always)]
fn exp_m1_of(x: f64) -> f64 {
    let value = exp_m1((x, 1.0));
    if x >= 0.0 { value } else { f64::NAN }
}

impl From<f64> for Lanes {
    #[inline(always)]
    fn from(value: f64) -> Self {
        Self([value; Self::COUNT])
    }
}

impl Add for Lanes {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }
}

impl Sub for Lanes {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.with(other, |a, b| a - b)
    }
}

impl Mul for Lanes {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.with(other, |a, b| a * b)
    }
}

impl Div for Lanes {
    type Output = Self;

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.with(other, |a, b| a / b)
    }
}

impl Real for Lanes {
    #[inline(always)]
    fn ln(self) -> Self {
        self.map(logarithm::ln)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.map(f64::sqrt)
    }

    #[inline(always)]
    fn sinh(self) -> Self {
        self.map(|x| {
            let power = exp_m1_of(x);
            0.5 * (power + power / (1.0 + power))
        })
    }

    #[inline(always)]
    fn cosh(self) -> Self {
        self.map(|x| {
            let power = 1.0 + exp_m1_of(x);
            0.5 * (power + 1.0 / power)
        })
    }

    #[inline(always)]
    fn tanh(self) -> Self {
        self.map(|x| {
            let square = exp_m1_of(2.0 * x);
            if square == f64::INFINITY { 1.0 } else { square / (square + 2.0) }
        })
    }

    #[inline(always)]
    fn pow(self, exponent: Self) -> Self {
        self.with(exponent, |x, y| {
            let x = y * logarithm::ln(x);
            let power = 1.0 + exp_m1_of(x.abs());
            if x < 0.0 { 1.0 / power } else { power }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundations::numerics::{math, with_widest_simd};

    fn assert_all(name: &str, found: Lanes, expected: impl Fn(usize) -> f64) {
        for (i, found) in found.0.into_iter().enumerate() {
            let expected = expected(i);
            assert!(
                (found - expected).abs() <= 1e-14 * expected.abs(),
                "{name}: {found} {expected}"
            );
        }
    }

    #[test]
    fn each_function_is_that_of_plain_numbers() {
        let x = [1e-3, 0.02, 0.3, 0.9, 1.0, 1.7, 8.0, 30.0];
        let y = [0.1, 1.2, -3.0, 2.0, 0.0, 1.17, -1.0, 5.0];
        let of = |f: fn(Lanes) -> Lanes| {
            with_widest_simd(
                #[inline(always)]
                || f(Lanes(x)),
            )
        };
        assert_all("ln", of(Real::ln), |i| math::ln(x[i]));
        assert_all("sqrt", of(Real::sqrt), |i| x[i].sqrt());
        assert_all("sinh", of(Real::sinh), |i| math::sinh(x[i]));
        assert_all("cosh", of(Real::cosh), |i| math::cosh(x[i]));
        assert_all("tanh", of(Real::tanh), |i| math::tanh(x[i]));
        assert_all("pow", Lanes(x).pow(Lanes(y)), |i| math::pow(x[i], y[i]));
        let x = Lanes(x);
        assert_all("of four operations", (x + x * x - Lanes::from(2.0)) / x, |i| {
            1.0 + x.0[i] - 2.0 / x.0[i]
        });
    }

    #[test]
    fn what_has_no_value_is_no_number() {
        let below = Lanes::from(-1.0);
        for found in [below.ln(), below.sinh(), below.cosh(), below.tanh(), below.pow(below)] {
            assert!(found.0.iter().all(|value| value.is_nan()), "{found:?}");
        }
        assert_eq!(Lanes::from(800.0).tanh(), Lanes::from(1.0));
    }
}
