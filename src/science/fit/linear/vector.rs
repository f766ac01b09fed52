//! Sums over records, in one fixed order.
//!
//! Sixteen partial sums run side by side, so that the compiler can use whatever vector registers
//! the processor has, while the order of every addition is written here: the same bits everywhere.
//!
//! Products and sums are fused, so these are for loops within `with_widest_simd`; for vectors of a few
//! elements, anywhere, there are [`short_dot`] and [`short_norm`].

use crate::foundations::numerics::fused;

const LANES: usize = 16;

/// Sum of `a[i] * b[i]`. Slices of one length.
#[inline(always)]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    debug_assert_eq!(a.len(), b.len());
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            lanes[lane] = fused(a[lane], b[lane], lanes[lane]);
        }
    }
    let rest = a_rest.iter().zip(b_rest).fold(0.0, |sum, (a, b)| fused(*a, *b, sum));
    sum_of_lanes(lanes) + rest
}

/// Writes two vectors less columns of `rows` elements, each times a factor of its own for either vector. What
/// is read of a column serves both, and they are written once.
#[inline(always)]
pub(crate) fn subtract_columns(
    (columns, rows): (&[f64], usize),
    factors: [&[f64]; 2],
    from: [&[f64]; 2],
    out: [&mut [f64]; 2],
) {
    let [out_re, out_im] = out;
    let whole = rows / LANES * LANES;
    for start in (0..whole).step_by(LANES) {
        let (mut re, mut im) = ([0.0; LANES], [0.0; LANES]);
        re.copy_from_slice(&from[0][start..][..LANES]);
        im.copy_from_slice(&from[1][start..][..LANES]);
        let factors = factors[0].iter().zip(factors[1]);
        for (column, (of_re, of_im)) in columns.chunks_exact(rows).zip(factors) {
            let column = &column[start..][..LANES];
            for lane in 0..LANES {
                re[lane] = fused(-of_re, column[lane], re[lane]);
            }
            for lane in 0..LANES {
                im[lane] = fused(-of_im, column[lane], im[lane]);
            }
        }
        out_re[start..][..LANES].copy_from_slice(&re);
        out_im[start..][..LANES].copy_from_slice(&im);
    }
    for row in whole..rows {
        let factors = factors[0].iter().zip(factors[1]);
        let (mut re, mut im) = (from[0][row], from[1][row]);
        for (column, (of_re, of_im)) in columns.chunks_exact(rows).zip(factors) {
            re = fused(-of_re, column[row], re);
            im = fused(-of_im, column[row], im);
        }
        (out_re[row], out_im[row]) = (re, im);
    }
}

/// `y += factor * x`, then `dot(y, z)`, in one pass. Slices of one length.
#[inline(always)]
pub(crate) fn axpy_then_dot(y: &mut [f64], factor: f64, x: &[f64], z: &[f64]) -> f64 {
    debug_assert!(x.len() == y.len() && z.len() == y.len());
    let (x_blocks, x_rest) = x.as_chunks::<LANES>();
    let (z_blocks, z_rest) = z.as_chunks::<LANES>();
    let (y_blocks, y_rest) = y.as_chunks_mut::<LANES>();
    let mut lanes = [0.0; LANES];
    for ((y, x), z) in y_blocks.iter_mut().zip(x_blocks).zip(z_blocks) {
        // In a copy: otherwise the compiler loads and stores every element separately.
        let mut moved = *y;
        for lane in 0..LANES {
            moved[lane] = fused(factor, x[lane], moved[lane]);
        }
        *y = moved;
        for lane in 0..LANES {
            lanes[lane] = fused(moved[lane], z[lane], lanes[lane]);
        }
    }
    let rest = y_rest.iter_mut().zip(x_rest).zip(z_rest).fold(0.0, |sum, ((y, x), z)| {
        *y = fused(factor, *x, *y);
        fused(*y, *z, sum)
    });
    sum_of_lanes(lanes) + rest
}

/// `y += factor * x`, then `dot(y, y)`, in one pass. Slices of one length.
#[inline(always)]
pub(crate) fn axpy_then_norm_sqr(y: &mut [f64], factor: f64, x: &[f64]) -> f64 {
    debug_assert_eq!(x.len(), y.len());
    let (x_blocks, x_rest) = x.as_chunks::<LANES>();
    let (y_blocks, y_rest) = y.as_chunks_mut::<LANES>();
    let mut lanes = [0.0; LANES];
    for (y, x) in y_blocks.iter_mut().zip(x_blocks) {
        let mut moved = *y;
        for lane in 0..LANES {
            moved[lane] = fused(factor, x[lane], moved[lane]);
        }
        *y = moved;
        for lane in 0..LANES {
            lanes[lane] = fused(moved[lane], moved[lane], lanes[lane]);
        }
    }
    let rest = y_rest.iter_mut().zip(x_rest).fold(0.0, |sum, (y, x)| {
        *y = fused(factor, *x, *y);
        fused(*y, *y, sum)
    });
    sum_of_lanes(lanes) + rest
}

#[inline(always)]
fn sum_of_lanes(lanes: [f64; LANES]) -> f64 {
    // Hidden from the compiler, which would otherwise pair up the lanes in the loop before as well, and
    // leave the wider registers empty.
    let mut lanes = std::hint::black_box(lanes);
    let mut width = LANES / 2;
    while width > 0 {
        let (low, high) = lanes.split_at_mut(width);
        low.iter_mut().zip(high).for_each(|(low, high)| *low += *high);
        width /= 2;
    }
    lanes[0]
}

/// Sum of the elements.
#[inline(always)]
pub(crate) fn sum(x: &[f64]) -> f64 {
    let (blocks, rest) = x.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for block in blocks {
        for lane in 0..LANES {
            lanes[lane] += block[lane];
        }
    }
    sum_of_lanes(lanes) + rest.iter().sum::<f64>()
}

/// The largest element, if that is above zero; else zero.
#[inline(always)]
pub(crate) fn largest(x: &[f64]) -> f64 {
    let (blocks, rest) = x.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for block in blocks {
        for lane in 0..LANES {
            lanes[lane] = if block[lane] > lanes[lane] { block[lane] } else { lanes[lane] };
        }
    }
    std::hint::black_box(lanes).iter().chain(rest).fold(0.0, |most, value| value.max(most))
}

/// `y += factor * x`. Slices of one length.
#[inline(always)]
pub(crate) fn axpy(y: &mut [f64], factor: f64, x: &[f64]) {
    debug_assert_eq!(x.len(), y.len());
    for (y, x) in y.iter_mut().zip(x) {
        *y = fused(factor, *x, *y);
    }
}

/// Euclidean norm, without overflow or underflow in between; NaN if any element is.
#[inline(always)]
pub(crate) fn norm(x: &[f64]) -> f64 {
    let squared = dot(x, x);
    // Within this range an element whose square underflows is too small to matter.
    if SAFE.contains(&squared) { squared.sqrt() } else { scaled_norm(x) }
}

/// As [`dot`], for vectors of a few elements.
pub(crate) fn short_dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// As [`axpy`], for vectors of a few elements.
pub(crate) fn short_axpy(y: &mut [f64], factor: f64, x: &[f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += factor * x);
}

/// As [`norm`], for vectors of a few elements.
pub(crate) fn short_norm(x: &[f64]) -> f64 {
    let squared = short_dot(x, x);
    if SAFE.contains(&squared) { squared.sqrt() } else { scaled_norm(x) }
}

/// Sums of squares in which nothing that matters overflowed or underflowed.
const SAFE: std::ops::Range<f64> = 1e-250..1e300;

#[cold]
fn scaled_norm(x: &[f64]) -> f64 {
    let largest =
        x.iter().fold(0.0, |m: f64, v| if v.abs() > m || v.is_nan() { v.abs() } else { m });
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    // By a power of two, which is exact.
    let unit = power_of_two_near(largest);
    let inverse = 1.0 / unit;
    let mut sum = 0.0;
    for block in x.chunks(64) {
        let mut scaled = [0.0; 64];
        for (s, v) in scaled.iter_mut().zip(block) {
            *s = v * inverse;
        }
        sum += short_dot(&scaled[..block.len()], &scaled[..block.len()]);
    }
    unit * sum.sqrt()
}

/// The largest power of two that is at most `x`, for a positive normal `x`.
fn power_of_two_near(x: f64) -> f64 {
    let power = f64::from_bits(x.to_bits() & 0x7ff0_0000_0000_0000);
    if power > 0.0 { power } else { f64::MIN_POSITIVE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn dot_agrees_with_the_plain_sum(x in prop::collection::vec(-1e3..1e3, 0..200)) {
            let plain: f64 = x.iter().map(|v: &f64| v * v).sum();
            prop_assert!((dot(&x, &x) - plain).abs() <= 1e-12 * plain);
            prop_assert!((norm(&x) - plain.sqrt()).abs() <= 1e-12 * plain.sqrt());
            let size: f64 = x.iter().map(|v| v.abs()).sum();
            prop_assert_eq!(largest(&x), x.iter().copied().fold(0.0, f64::max));
            prop_assert!((sum(&x) - x.iter().sum::<f64>()).abs() <= 1e-12 * size);
        }

        #[test]
        fn a_fused_pass_is_its_parts(x in prop::collection::vec(-1e3..1e3, 0..200)) {
            let z: Vec<f64> = x.iter().rev().copied().collect();
            let (mut y, mut same, mut plain) = (z.clone(), z.clone(), z.clone());
            axpy(&mut plain, 0.3, &x);
            let product = axpy_then_dot(&mut y, 0.3, &x, &z);
            let square = axpy_then_norm_sqr(&mut same, 0.3, &x);
            prop_assert_eq!(&y, &plain);
            prop_assert_eq!(&same, &plain);
            prop_assert_eq!(product, dot(&plain, &z));
            prop_assert_eq!(square, dot(&plain, &plain));
        }
    }

    #[test]
    fn the_norm_neither_overflows_nor_underflows() {
        assert!((norm(&[3e200, 4e200]) / 5e200 - 1.0).abs() < 1e-15);
        assert!((norm(&[3e-200, 4e-200]) / 5e-200 - 1.0).abs() < 1e-15);
        assert_eq!(norm(&[0.0, 0.0]), 0.0);
        assert!(norm(&[1.0, f64::NAN, 2.0]).is_nan());
        assert!(norm(&[f64::INFINITY]).is_infinite());
        assert!(norm(&[5e-324, 0.0]) > 0.0);
    }
}
