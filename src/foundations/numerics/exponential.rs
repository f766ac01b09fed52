//! `e^x - 1` and one over it for many `x`: what a fit spends its time in.
//!
//! No branch and no table, so that the compiler works on as many numbers side by side as the
//! vector registers of the processor hold; what is fused is written, so that the bits are the same in
//! every build and on every machine. Some twenty times as fast as `libm`, which takes one at a time.

use super::simd::fused;

/// Adding this to a number of less than 2^51 rounds it to a whole one, in the last bits.
pub(super) const ROUND: f64 = 6_755_399_441_055_744.0; // 1.5 * 2^52
/// The first bits of ln 2: times a whole number below 2^20 it is exact.
pub(super) const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
/// The rest of ln 2.
pub(super) const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Above this `e^x` is infinite.
const LARGEST: f64 = 709.782_712_893_384;
/// `B_2n / (2n)!` with Bernoulli's numbers, n from one to six: `r/2 coth(r/2) - 1` in powers of `r^2`.
/// The next term is below the rounding error for `r` up to half of ln 2.
const COTANGENT: [f64; 6] = [
    1.0 / 12.0,
    -1.0 / 720.0,
    1.0 / 30_240.0,
    -1.0 / 1_209_600.0,
    1.0 / 47_900_160.0,
    -691.0 / 1_307_674_368_000.0,
];

/// `scale / (e^x - 1)` for `x = a b` from zero to infinity, to two units in the last place (but where
/// `e^x` is above 1e300); NaN for NaN. For a negative `x` the result means nothing.
///
/// `e^x - 1 = 2^k (e^r - 1) + (2^k - 1)` where `x = k ln 2 + r`, `|r| <= ln 2 / 2`, and
/// `e^r - 1 = r / (r/2 coth(r/2) - r/2)`: an even function near one, whose series ends after a few
/// terms (Abramowitz & Stegun 1964, 4.5.67), less an odd one. Nothing is lost near zero, and one
/// division does for both.
#[inline(always)]
#[must_use]
pub fn over_exp_m1(scale: f64, (a, b): (f64, f64)) -> f64 {
    let Parts { x, off, half_exp_m1 } = Parts::of(a, b);
    let half_scale = 0.5 * scale;
    let value = fused(half_scale, off, half_scale) / half_exp_m1;
    if x > LARGEST { 0.0 } else { value }
}

/// `e^x - 1` for `x = a b` from zero to infinity, to two units in the last place; NaN for NaN. For a
/// negative `x` the result means nothing.
#[inline(always)]
#[must_use]
pub fn exp_m1((a, b): (f64, f64)) -> f64 {
    let Parts { x, off, half_exp_m1 } = Parts::of(a, b);
    let value = half_exp_m1 / fused(0.5, off, 0.5);
    if x > LARGEST { f64::INFINITY } else { value }
}

/// `e^x - 1` as `2 half_exp_m1 / (1 + off)`.
struct Parts {
    /// Rounded.
    x: f64,
    /// Kept apart from the one, since in `half_exp_m1` digits cancel.
    off: f64,
    half_exp_m1: f64,
}

impl Parts {
    #[inline(always)]
    fn of(a: f64, b: f64) -> Self {
        let x = a * b;
        let shifted = fused(x, std::f64::consts::LOG2_E, ROUND);
        let k = shifted - ROUND;
        // Of the product as it is: rounded, it would be off by as many units as x is large.
        let r = fused(k, -LN2_LOW, fused(a, b, -k * LN2_HIGH));
        let off = cotangent(r);
        // Half of 2^k, for 2^1024 is no number; its exponent is what was rounded into the last bits.
        let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(1022);
        let half = f64::from_bits(exponent << 52);
        let less = half - 0.5;
        Self { x, off, half_exp_m1: fused(half, r, less * off) + less }
    }
}

/// `r/2 coth(r/2) - r/2 - 1`.
#[inline(always)]
fn cotangent(r: f64) -> f64 {
    let [a, b, c, d, e, f] = COTANGENT;
    // In pairs, so that one sum need not wait for another.
    let square = r * r;
    let fourth = square * square;
    let (low, middle, high) = (fused(b, square, a), fused(d, square, c), fused(f, square, e));
    fused(square, fused(fourth, fused(fourth, high, middle), low), -0.5 * r)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number as the unrounded sum of two: 106 bits.
    #[derive(Clone, Copy)]
    struct Double(f64, f64);

    impl Double {
        fn sum(a: f64, b: f64) -> Self {
            let s = a + b;
            let of_b = s - a;
            Self(s, (a - (s - of_b)) + (b - of_b))
        }

        fn plus(self, other: Self) -> Self {
            let s = Self::sum(self.0, other.0);
            Self::sum(s.0, s.1 + self.1 + other.1)
        }

        fn times(self, other: Self) -> Self {
            let p = self.0 * other.0;
            let rest = self.0.mul_add(other.0, -p);
            Self::sum(p, rest + self.0 * other.1 + self.1 * other.0)
        }

        fn over(self, n: f64) -> Self {
            let q = self.0 / n;
            let rest = (-q).mul_add(n, self.0) + self.1;
            Self::sum(q, rest / n)
        }
    }

    /// `e^x - 1` to 100 bits, by Taylor's series of `x / 2^m` and doublings:
    /// `e^2y - 1 = (e^y - 1)(e^y - 1 + 2)`.
    fn exp_m1(x: f64) -> Double {
        let halvings = (0..40).find(|m| x / f64::from(1u32 << m) < 0.1).unwrap();
        let y = Double(x / f64::from(1u32 << halvings), 0.0);
        let (mut term, mut sum) = (y, y);
        for n in 2..30 {
            term = term.times(y).over(f64::from(n));
            sum = sum.plus(term);
        }
        for _ in 0..halvings {
            sum = sum.times(sum.plus(Double(2.0, 0.0)));
        }
        sum
    }

    /// One over it, rounded: a step of Newton's.
    fn over(x: f64) -> f64 {
        let value = exp_m1(x);
        let guess = 1.0 / exp_m1(x).0;
        let product = value.times(Double(-guess, 0.0)).plus(Double(1.0, 0.0));
        guess + guess * product.0
    }

    fn units_in_the_last_place(found: f64, expected: f64) -> u64 {
        found.to_bits().abs_diff(expected.to_bits())
    }

    #[test]
    fn the_reference_is_right() {
        // 17 digits of mpmath.
        for (x, expected) in [
            (1e-9, 1.000_000_000_5e-9),
            (0.25, 0.284_025_416_687_741_5),
            (1.0, 1.718_281_828_459_045),
            (20.0, 485_165_194.409_790_3),
            (700.0, 1.014_232_054_735_004_5e304),
        ] {
            assert!(units_in_the_last_place(exp_m1(x).0, expected) <= 1, "{x}");
            assert!(units_in_the_last_place(over(x), 1.0 / expected) <= 2, "{x}");
        }
    }

    #[test]
    fn every_argument_is_within_two_units_in_the_last_place() {
        let mut worst = (0, 0.0);
        let mut look = |x: f64| {
            let off = units_in_the_last_place(over_exp_m1(1.0, (x, 1.0)), over(x));
            let off = off.max(units_in_the_last_place(super::exp_m1((x, 1.0)), exp_m1(x).0));
            if off > worst.0 {
                worst = (off, x);
            }
        };
        // Over all magnitudes, and closely where the light is.
        (0..200_000).for_each(|i| {
            look(1e-12 * crate::foundations::numerics::math::pow(6.9e14, f64::from(i) / 2e5))
        });
        (0..200_000).for_each(|i| look(100.0 * f64::from(i + 1) / 2e5));
        println!("at most {} units in the last place, at {}", worst.0, worst.1);
        assert!(worst.0 <= 2, "{worst:?}");
    }

    #[test]
    fn a_product_is_not_rounded() {
        let products: [(f64, f64); 4] =
            [(1.0 / 3.0, 7.1), (1e3 / 7.0, 0.1), (48.6, 1.0 / 2.7), (333.3, 2.0 / 3.0)];
        for (a, b) in products {
            // What rounding takes from the product moves the result by as much, relative to e^x.
            let lost = a.mul_add(b, -(a * b));
            let off_by = |found: f64, of_rounded: f64, slope: f64| {
                let expected = of_rounded * (1.0 + slope * lost);
                (found / expected - 1.0).abs() <= 2.0 * f64::EPSILON
            };
            let rounded = exp_m1(a * b).0;
            let slope = (rounded + 1.0) / rounded;
            assert!(off_by(super::exp_m1((a, b)), rounded, slope), "{a} {b}");
            assert!(off_by(over_exp_m1(1.0, (a, b)), 1.0 / rounded, -slope), "{a} {b}");
        }
    }

    #[test]
    fn the_ends_of_the_range() {
        assert_eq!(over_exp_m1(2.0, (0.0, 1.0)), f64::INFINITY);
        assert!((over_exp_m1(3.0, (1e-300, 1.0)) / 3e300 - 1.0).abs() < 1e-15);
        assert!((over_exp_m1(2.0, (LARGEST, 1.0)) / (2.0 / f64::MAX) - 1.0).abs() < 1e-12);
        for large in [LARGEST.next_up(), 1e4, 1e300, f64::INFINITY] {
            assert_eq!(over_exp_m1(2.0, (large, 1.0)), 0.0);
            assert_eq!(super::exp_m1((1.0, large)), f64::INFINITY);
        }
        assert_eq!(super::exp_m1((1.0, 0.0)), 0.0);
        assert!((super::exp_m1((LARGEST, 1.0)) / f64::MAX - 1.0).abs() < 1e-12);
        assert!(super::exp_m1((1.0, f64::NAN)).is_nan());
        assert!(over_exp_m1(1.0, (f64::NAN, 1.0)).is_nan());
    }
}
