//! The natural logarithm of many numbers: no branch and no table, as in [`exponential`](super::exponential).

use super::exponential::{LN2_HIGH, LN2_LOW, ROUND};
use super::simd::fused;

/// Bits of the square root of one half: where the mantissa's range begins.
const ROOT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;

/// `ln x` of a normal number above zero, to two units in the last place. Infinite for infinity; what it
/// gives for zero and for numbers below `1e-308` means nothing; NaN for negative numbers and NaN.
///
/// `x = 2^k (1 + f)`, the second factor between the roots of one half and of two, and
/// `ln(1 + f) = 2 artanh(s)` with `s = f / (2 + f)` (Abramowitz & Stegun 1964, 4.1.27), of which
/// `f - f^2/2` is taken apart, which is exact or nearly so.
#[inline(always)]
#[must_use]
pub fn ln(x: f64) -> f64 {
    let above = x.to_bits().wrapping_sub(ROOT_HALF);
    // The exponent with its sign, from the bits that it has when its bias is added.
    let exponent = (above.wrapping_add(1023 << 52) >> 52).wrapping_sub(1023);
    // A whole number stands in the last bits of that to which it is added.
    let k = f64::from_bits(ROUND.to_bits().wrapping_add(exponent)) - ROUND;
    let f = f64::from_bits(x.to_bits().wrapping_sub(exponent << 52)) - 1.0;
    let s = f / (2.0 + f);
    let half_square = 0.5 * f * f;
    let rest = fused(s, half_square + series(s * s), k * LN2_LOW);
    let value = fused(k, LN2_HIGH, f - (half_square - rest));
    if x > 0.0 { if x == f64::INFINITY { x } else { value } } else { f64::NAN }
}

/// `2 z/3 + 2 z^2/5 + ... + 2 z^9/19`: the next term is below the rounding error for z up to 0.0295.
#[inline(always)]
fn series(z: f64) -> f64 {
    const TERMS: [f64; 9] = [
        2.0 / 3.0,
        2.0 / 5.0,
        2.0 / 7.0,
        2.0 / 9.0,
        2.0 / 11.0,
        2.0 / 13.0,
        2.0 / 15.0,
        2.0 / 17.0,
        2.0 / 19.0,
    ];
    let mut sum = TERMS[8];
    for term in TERMS[..8].iter().rev() {
        sum = fused(sum, z, *term);
    }
    sum * z
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundations::numerics::math;
    use crate::foundations::numerics::with_widest_simd;

    #[test]
    fn every_argument_is_within_two_units_in_the_last_place() {
        let mut worst = (0, 0.0);
        let mut look = |x: f64| {
            // libm's is within one unit.
            let off = ln(x).to_bits().abs_diff(math::ln(x).to_bits());
            if off > worst.0 {
                worst = (off, x);
            }
        };
        // Over all magnitudes, and closely about one, where the logarithm is small.
        let power = |i: i32| math::exp(700.0 * f64::from(i) / 1e5);
        (-100_000..=100_000).for_each(|i| look(power(i)));
        (0..200_000).for_each(|i| look(0.5 + f64::from(i) * 1e-5));
        (1..50).for_each(|i| look(1.0 + f64::EPSILON * f64::from(1 << (i % 30))));
        println!("at most {} units in the last place, at {}", worst.0, worst.1);
        assert!(worst.0 <= 2, "{worst:?}");
    }

    #[test]
    fn the_ends_of_the_range() {
        assert_eq!(ln(1.0), 0.0);
        assert_eq!(ln(f64::INFINITY), f64::INFINITY);
        for none in [-1.0, 0.0, f64::NEG_INFINITY, f64::NAN] {
            assert!(ln(none).is_nan());
        }
        assert!((ln(f64::MIN_POSITIVE) / math::ln(f64::MIN_POSITIVE) - 1.0).abs() < 1e-15);
        assert!((ln(f64::MAX) / math::ln(f64::MAX) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn lanes_give_the_bits_of_one() {
        let x: Vec<f64> = (1..1000).map(|i| 0.37 * f64::from(i)).collect();
        let mut lanes = vec![0.0; x.len()];
        with_widest_simd(
            #[inline(always)]
            || {
                for (y, x) in lanes.iter_mut().zip(&x) {
                    *y = ln(*x);
                }
            },
        );
        assert!(lanes.iter().zip(&x).all(|(y, x)| y.to_bits() == ln(*x).to_bits()));
    }
}
