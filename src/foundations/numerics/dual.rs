//! Numbers that carry their derivatives along: a formula written once gives its value and its slopes.

use std::ops::{Add, Div, Mul, Sub};

use super::math;

/// What a formula needs of its numbers. Of `f64` it gives the same bits as the plain operators.
pub trait Real:
    Copy + From<f64> + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// Natural logarithm.
    #[must_use]
    fn ln(self) -> Self;
    /// Square root.
    #[must_use]
    fn sqrt(self) -> Self;
    /// Hyperbolic sine.
    #[must_use]
    fn sinh(self) -> Self;
    /// Hyperbolic cosine.
    #[must_use]
    fn cosh(self) -> Self;
    /// Hyperbolic tangent.
    #[must_use]
    fn tanh(self) -> Self;
    /// Itself, above zero, to a power.
    #[must_use]
    fn pow(self, exponent: Self) -> Self;
}

impl Real for f64 {
    fn ln(self) -> Self {
        math::ln(self)
    }

    fn sqrt(self) -> Self {
        self.sqrt()
    }

    fn sinh(self) -> Self {
        math::sinh(self)
    }

    fn cosh(self) -> Self {
        math::cosh(self)
    }

    fn tanh(self) -> Self {
        math::tanh(self)
    }

    fn pow(self, exponent: Self) -> Self {
        math::pow(self, exponent)
    }
}

/// A value with its partial derivatives by `N` variables: of one number, or of several side by side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dual<V, const N: usize> {
    /// The value.
    pub value: V,
    /// One derivative a variable.
    pub slopes: [V; N],
}

impl<V: Real, const N: usize> Dual<V, N> {
    /// The variable with this index.
    #[inline(always)]
    #[must_use]
    pub fn variable(value: V, index: usize) -> Self {
        let mut slopes = [V::from(0.0); N];
        slopes[index] = V::from(1.0);
        Self { value, slopes }
    }

    /// What depends on no variable.
    #[inline(always)]
    #[must_use]
    pub fn constant(value: V) -> Self {
        Self { value, slopes: [V::from(0.0); N] }
    }

    /// A function of this number, by its value and its derivative here.
    #[inline(always)]
    fn chain(self, value: V, slope: V) -> Self {
        let mut slopes = self.slopes;
        for own in &mut slopes {
            *own = *own * slope;
        }
        Self { value, slopes }
    }

    /// A function of two numbers, by its value and its two partial derivatives.
    #[inline(always)]
    fn combine(self, other: Self, value: V, (by_self, by_other): (V, V)) -> Self {
        let mut slopes = self.slopes;
        for (own, theirs) in slopes.iter_mut().zip(other.slopes) {
            *own = *own * by_self + theirs * by_other;
        }
        Self { value, slopes }
    }
}

impl<V: Real, const N: usize> From<f64> for Dual<V, N> {
    #[inline(always)]
    fn from(value: f64) -> Self {
        Self::constant(value.into())
    }
}

impl<V: Real, const N: usize> Add for Dual<V, N> {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.combine(other, self.value + other.value, (1.0.into(), 1.0.into()))
    }
}

impl<V: Real, const N: usize> Sub for Dual<V, N> {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.combine(other, self.value - other.value, (1.0.into(), (-1.0).into()))
    }
}

impl<V: Real, const N: usize> Mul for Dual<V, N> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.combine(other, self.value * other.value, (other.value, self.value))
    }
}

impl<V: Real, const N: usize> Div for Dual<V, N> {
    type Output = Self;

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let (value, inverse) = (self.value / other.value, V::from(1.0) / other.value);
        self.combine(other, value, (inverse, (V::from(0.0) - value) / other.value))
    }
}

impl<V: Real, const N: usize> Real for Dual<V, N> {
    #[inline(always)]
    fn ln(self) -> Self {
        self.chain(self.value.ln(), V::from(1.0) / self.value)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        let root = self.value.sqrt();
        self.chain(root, V::from(0.5) / root)
    }

    #[inline(always)]
    fn sinh(self) -> Self {
        self.chain(self.value.sinh(), self.value.cosh())
    }

    #[inline(always)]
    fn cosh(self) -> Self {
        self.chain(self.value.cosh(), self.value.sinh())
    }

    #[inline(always)]
    fn tanh(self) -> Self {
        let value = self.value.tanh();
        self.chain(value, V::from(1.0) - value * value)
    }

    #[inline(always)]
    fn pow(self, exponent: Self) -> Self {
        let value = self.value.pow(exponent.value);
        let slopes = (value * exponent.value / self.value, value * self.value.ln());
        self.combine(exponent, value, slopes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundations::numerics::{Lanes, with_widest_simd};

    /// A formula with every operation.
    fn formula<R: Real>(x: R, y: R) -> R {
        let mixed = (x * y + R::from(0.5)) / (y - R::from(0.1));
        mixed.ln() * x.sqrt() + y.sinh() * x.tanh() - x.pow(y) * x.cosh()
    }

    #[test]
    fn slopes_are_those_of_finite_differences_and_values_those_of_plain_numbers() {
        let (x, y) = (1.7, 0.8);
        let dual = formula(Dual::<f64, 2>::variable(x, 0), Dual::variable(y, 1));
        assert_eq!(dual.value, formula(x, y));
        let step = 1e-5;
        let by_x = (formula(x + step, y) - formula(x - step, y)) / (2.0 * step);
        let by_y = (formula(x, y + step) - formula(x, y - step)) / (2.0 * step);
        assert!((dual.slopes[0] - by_x).abs() < 1e-9, "{:?} {by_x}", dual.slopes);
        assert!((dual.slopes[1] - by_y).abs() < 1e-9, "{:?} {by_y}", dual.slopes);
    }
    #[test]
    fn numbers_side_by_side_have_the_slopes_of_each() {
        let all: [(f64, f64); Lanes::COUNT] =
            std::array::from_fn(|i| (0.3 + 0.4 * i as f64, 2.0 - 0.2 * i as f64));
        let (x, y) = (Lanes(all.map(|(x, _)| x)), Lanes(all.map(|(_, y)| y)));
        let found = with_widest_simd(
            #[inline(always)]
            || formula(Dual::<Lanes, 2>::variable(x, 0), Dual::variable(y, 1)),
        );
        for (i, (x, y)) in all.into_iter().enumerate() {
            let expected = formula(Dual::<f64, 2>::variable(x, 0), Dual::variable(y, 1));
            let pairs = [(found.value, expected.value)];
            let slopes = found.slopes.into_iter().zip(expected.slopes);
            for (found, expected) in pairs.into_iter().chain(slopes) {
                assert!((found.0[i] / expected - 1.0).abs() < 1e-13, "{i}: {found:?} {expected}");
            }
        }
    }
}
