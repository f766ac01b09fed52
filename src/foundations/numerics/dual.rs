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

    fn tanh(self) -> Self {
        math::tanh(self)
    }

    fn pow(self, exponent: Self) -> Self {
        math::pow(self, exponent)
    }
}

/// A value with its partial derivatives by `N` variables.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dual<const N: usize> {
    /// The value.
    pub value: f64,
    /// One derivative a variable.
    pub slopes: [f64; N],
}

impl<const N: usize> Dual<N> {
    /// The variable with this index.
    #[must_use]
    pub fn variable(value: f64, index: usize) -> Self {
        let mut slopes = [0.0; N];
        slopes[index] = 1.0;
        Self { value, slopes }
    }

    /// A function of this number, by its value and its derivative here.
    fn chain(self, value: f64, slope: f64) -> Self {
        Self { value, slopes: self.slopes.map(|own| own * slope) }
    }

    /// A function of two numbers, by its value and its two partial derivatives.
    fn combine(self, other: Self, value: f64, (by_self, by_other): (f64, f64)) -> Self {
        let slope = |i: usize| self.slopes[i] * by_self + other.slopes[i] * by_other;
        Self { value, slopes: std::array::from_fn(slope) }
    }
}

impl<const N: usize> From<f64> for Dual<N> {
    fn from(value: f64) -> Self {
        Self { value, slopes: [0.0; N] }
    }
}

impl<const N: usize> Add for Dual<N> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.combine(other, self.value + other.value, (1.0, 1.0))
    }
}

impl<const N: usize> Sub for Dual<N> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.combine(other, self.value - other.value, (1.0, -1.0))
    }
}

impl<const N: usize> Mul for Dual<N> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        self.combine(other, self.value * other.value, (other.value, self.value))
    }
}

impl<const N: usize> Div for Dual<N> {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        self.combine(other, value, (1.0 / other.value, -value / other.value))
    }
}

impl<const N: usize> Real for Dual<N> {
    fn ln(self) -> Self {
        self.chain(math::ln(self.value), 1.0 / self.value)
    }

    fn sqrt(self) -> Self {
        let root = self.value.sqrt();
        self.chain(root, 0.5 / root)
    }

    fn sinh(self) -> Self {
        self.chain(math::sinh(self.value), math::cosh(self.value))
    }

    fn tanh(self) -> Self {
        let value = math::tanh(self.value);
        self.chain(value, 1.0 - value * value)
    }

    fn pow(self, exponent: Self) -> Self {
        let value = math::pow(self.value, exponent.value);
        let slopes = (value * exponent.value / self.value, value * math::ln(self.value));
        self.combine(exponent, value, slopes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A formula with every operation.
    fn formula<R: Real>(x: R, y: R) -> R {
        let mixed = (x * y + R::from(0.5)) / (y - R::from(0.1));
        mixed.ln() * x.sqrt() + y.sinh() * x.tanh() - x.pow(y)
    }

    #[test]
    fn slopes_are_those_of_finite_differences_and_values_those_of_plain_numbers() {
        let (x, y) = (1.7, 0.8);
        let dual = formula(Dual::<2>::variable(x, 0), Dual::variable(y, 1));
        assert_eq!(dual.value, formula(x, y));
        let step = 1e-5;
        let by_x = (formula(x + step, y) - formula(x - step, y)) / (2.0 * step);
        let by_y = (formula(x, y + step) - formula(x, y - step)) / (2.0 * step);
        assert!((dual.slopes[0] - by_x).abs() < 1e-9, "{:?} {by_x}", dual.slopes);
        assert!((dual.slopes[1] - by_y).abs() < 1e-9, "{:?} {by_y}", dual.slopes);
    }
}
