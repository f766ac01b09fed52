//! The derivative of some records of a residual by a parameter, and the columns that it is made of.

use num_complex::Complex64;

use crate::foundations::numerics::{fused, with_widest_simd};

use super::columns::{BLOCK, Block, Column, Columns, blocks};
use super::state::{Coefficient, Slope};

/// The derivative by a parameter of a block of records: a factor times a real or a complex column.
pub(super) struct Derivative<'c> {
    pub(super) factor: Complex64,
    pub(super) re: &'c Block,
    /// None where it is real.
    pub(super) im: Option<&'c Block>,
}

/// The derivative by a parameter of a block of records, the one at a place among all, from the columns at the
/// places on which it acts. What has to be worked out for it stands in `scratch` then.
#[inline(always)]
pub(super) fn derivative<'c>(
    (action, places): (&'c [(Coefficient, Slope)], &[usize]),
    columns: &'c Columns,
    at: usize,
    [re, im]: &'c mut [Block; 2],
) -> Derivative<'c> {
    match (action, places) {
        ([(_, Slope::Same(slope))], &[place]) => {
            let Column { factor, re, im } = columns.get(place);
            Derivative { factor: factor * slope, re, im }
        }
        ([(_, Slope::Each(slope))], &[place]) => {
            let Column { factor, re: own_re, im: own_im } = columns.get(place);
            let slope = &blocks(slope)[at];
            multiply(re, own_re, slope);
            if let Some(own_im) = own_im {
                multiply(im, own_im, slope);
            }
            Derivative { factor, re, im: own_im.map(|_| &*im) }
        }
        ([(_, Slope::Each(by_a)), (_, Slope::Each(by_b)), (_, Slope::Each(by_c))], &[a, b, c]) => {
            let slopes = [&blocks(by_a)[at], &blocks(by_b)[at], &blocks(by_c)[at]];
            add_three([columns.get(a), columns.get(b), columns.get(c)], slopes, (re, im));
            Derivative { factor: Complex64::ONE, re, im: Some(im) }
        }
        _ => {
            re.fill(0.0);
            im.fill(0.0);
            for ((_, slope), &place) in action.iter().zip(places) {
                add_scaled(&columns.get(place), slope, at, (re, im));
            }
            Derivative { factor: Complex64::ONE, re, im: Some(im) }
        }
    }
}

// In the loops below the compiler works on neighbours side by side only where one number follows the other.

#[inline(always)]
fn multiply(out: &mut Block, a: &Block, b: &Block) {
    for j in 0..BLOCK {
        out[j] = a[j] * b[j];
    }
}

/// The sum of two complex columns and one that is real but for a factor, each times slopes: what a
/// parameter of the bolometer does.
#[inline(always)]
fn add_three(
    [a, b, c]: [Column; 3],
    [by_a, by_b, by_c]: [&Block; 3],
    (re, im): (&mut Block, &mut Block),
) {
    let (a_im, b_im) = (a.im.unwrap_or(a.re), b.im.unwrap_or(b.re));
    let Complex64 { re: by_re, im: by_im } = c.factor;
    for j in 0..BLOCK {
        let scaled = c.re[j] * by_c[j];
        re[j] = fused(a.re[j], by_a[j], fused(b.re[j], by_b[j], by_re * scaled));
        im[j] = fused(a_im[j], by_a[j], fused(b_im[j], by_b[j], by_im * scaled));
    }
}

/// Adds a column, times a slope, to real and imaginary parts.
#[inline(always)]
fn add_scaled(column: &Column, slope: &Slope, at: usize, (re, im): (&mut Block, &mut Block)) {
    let same;
    let slope = match slope {
        Slope::Same(slope) => {
            same = [*slope; BLOCK];
            &same
        }
        Slope::Each(slope) => &blocks(slope)[at],
    };
    match column.im {
        Some(own_im) => {
            for j in 0..BLOCK {
                re[j] += column.re[j] * slope[j];
                im[j] += own_im[j] * slope[j];
            }
        }
        None => {
            let Complex64 { re: by_re, im: by_im } = column.factor;
            for j in 0..BLOCK {
                let scaled = column.re[j] * slope[j];
                re[j] += by_re * scaled;
                im[j] += by_im * scaled;
            }
        }
    }
}

/// Minus the fit: by the logarithm of the responsivity.
pub(super) fn negate([fit_re, fit_im]: [&[f64]; 2], (re, im): (&mut [f64], &mut [f64])) {
    with_widest_simd(
        #[inline(always)]
        || {
            re.iter_mut().zip(fit_re).for_each(|(out, fit)| *out = -fit);
            im.iter_mut().zip(fit_im).for_each(|(out, fit)| *out = -fit);
        },
    );
}

/// Minus the fit times `d ln rho / d tau = -i omega / (1 + i omega tau)`.
pub(super) fn by_time_constant(
    [fit_re, fit_im]: [&[f64]; 2],
    (taus, omega): (&[f64], f64),
    (re, im): (&mut [f64], &mut [f64]),
) {
    with_widest_simd(
        #[inline(always)]
        || {
            let given = fit_re.iter().zip(fit_im).zip(taus);
            for ((re, im), ((x, y), tau)) in re.iter_mut().zip(im).zip(given) {
                let angle = omega * tau;
                let factor = omega / (1.0 + angle * angle);
                *re = factor * fused(*x, angle, -y);
                *im = factor * fused(*y, angle, *x);
            }
        },
    );
}

/// Minus a correction term, as it stands in the corrected, weighted spectrum.
pub(super) fn by_term(
    term: &[Complex64],
    (root, inverse_rho): (&[f64], Option<&[Complex64]>),
    (re, im): (&mut [f64], &mut [f64]),
) {
    with_widest_simd(
        #[inline(always)]
        || {
            let records = re.iter_mut().zip(im).zip(term).zip(root);
            match inverse_rho {
                None => {
                    for (((re, im), value), root) in records {
                        *re = -root * value.re;
                        *im = -root * value.im;
                    }
                }
                Some(inverse) => {
                    for ((((re, im), value), root), inverse) in records.zip(inverse) {
                        let value = value * inverse;
                        *re = -root * value.re;
                        *im = -root * value.im;
                    }
                }
            }
        },
    );
}
