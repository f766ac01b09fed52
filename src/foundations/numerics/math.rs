//! Elementary functions whose bits do not depend on the machine.
//!
//! The standard library calls the system's maths library, which picks an implementation by the
//! processor it runs on. Every result of this program must be the same everywhere, so all code
//! uses these functions instead; `clippy.toml` forbids the others.

use num_complex::Complex64;

/// `e^x`.
#[must_use]
pub fn exp(x: f64) -> f64 {
    libm::exp(x)
}

/// `e^x - 1`, accurate near zero.
#[must_use]
pub fn expm1(x: f64) -> f64 {
    libm::expm1(x)
}

/// Natural logarithm.
#[must_use]
pub fn ln(x: f64) -> f64 {
    libm::log(x)
}

/// Decimal logarithm.
#[must_use]
pub fn log10(x: f64) -> f64 {
    libm::log10(x)
}

/// `x^y`.
#[must_use]
pub fn pow(x: f64, y: f64) -> f64 {
    libm::pow(x, y)
}

/// Sine of `x` radians.
#[must_use]
pub fn sin(x: f64) -> f64 {
    libm::sin(x)
}

/// Cosine of `x` radians.
#[must_use]
pub fn cos(x: f64) -> f64 {
    libm::cos(x)
}

/// Hyperbolic sine.
#[must_use]
pub fn sinh(x: f64) -> f64 {
    libm::sinh(x)
}

/// Hyperbolic cosine.
#[must_use]
pub fn cosh(x: f64) -> f64 {
    libm::cosh(x)
}

/// Hyperbolic tangent.
#[must_use]
pub fn tanh(x: f64) -> f64 {
    libm::tanh(x)
}

/// `e^(i x)`.
#[must_use]
pub fn cis(x: f64) -> Complex64 {
    let (sin, cos) = libm::sincos(x);
    Complex64::new(cos, sin)
}

/// `|z|`, without overflow or underflow in between.
#[must_use]
pub fn modulus(z: Complex64) -> f64 {
    libm::hypot(z.re, z.im)
}

/// The median; of an even number of values, the mean of the two in the middle.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut keys: Vec<i64> = values.iter().map(|value| order_key(value.to_bits() as i64)).collect();
    let middle = keys.len() / 2;
    if keys.is_empty() {
        return f64::NAN;
    }
    let odd = keys.len() % 2 == 1;
    let value = |key: i64| f64::from_bits(order_key(key) as u64);
    let (below, &mut upper, _) = keys.select_nth_unstable(middle);
    if odd {
        return value(upper);
    }
    let lower = below.iter().copied().fold(i64::MIN, i64::max);
    0.5 * (value(lower) + value(upper))
}

/// Between the bits of a number and a whole number that has its place in the total order: whole
/// numbers are compared faster. It is its own inverse.
fn order_key(bits: i64) -> i64 {
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn by_sorting(mut values: Vec<f64>) -> f64 {
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let upper = values[middle];
        if values.len() % 2 == 1 { upper } else { 0.5 * (values[middle - 1] + upper) }
    }

    proptest! {
        #[test]
        fn the_median_is_what_sorting_finds(values in prop::collection::vec(-1e3..1e3, 1..600)) {
            prop_assert_eq!(median(&values).to_bits(), by_sorting(values.clone()).to_bits());
            let few: Vec<f64> = values.iter().map(|value: &f64| (value / 100.0).round()).collect();
            prop_assert_eq!(median(&few).to_bits(), by_sorting(few.clone()).to_bits());
        }
    }

    #[test]
    fn the_median_of_an_even_count_is_the_mean_of_the_middle() {
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&[5.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(&[-1.0, -3.0, -2.0, 4.0]), -1.5);
        assert_eq!(median(&[-0.0, f64::NEG_INFINITY, f64::INFINITY]), 0.0);
        assert!(median(&[1.0, f64::NAN, f64::NAN]).is_nan());
        assert!(median(&[]).is_nan());
    }
}
