//! The derivative of some records of a residual by a parameter, and the columns that it is made of.

use std::ops::Range;

use num_complex::Complex64;

use crate::foundations::numerics::{fused, with_widest_simd};

use super::columns::{Column, Columns};
use super::state::{Coefficient, Slope};

/// The derivative by a parameter of some records: a factor times a real or a complex column.
pub(super) struct Derivative<'c> {
    pub(super) factor: Complex64,
    pub(super) re: &'c [f64],
    /// Without meaning where it is real.
    pub(super) im: &'c [f64],
    pub(super) is_complex: bool,
}

/// The derivative by a parameter of some records, from the columns at the places on which it acts. What has to
/// be worked out for it stands in `scratch` then.
#[inline(always)]
pub(super) fn derivative<'c>(
    (action, places): (&[(Coefficient, Slope)], &[usize]),
    columns: &'c Columns,
    records: &Range<usize>,
    scratch: (&'c mut [f64], &'c mut [f64]),
) -> Derivative<'c> {
    let column = |place: usize| columns.get(place, records.len());
    let (re, im) = scratch;
    match (action, places) {
        ([(_, Slope::Same(slope))], &[place]) => {
            let Column { factor, re, im } = column(place);
            let is_complex = im.is_some();
            Derivative { factor: factor * slope, re, im: im.unwrap_or(re), is_complex }
        }
        ([(_, Slope::Each(slope))], &[place]) => {
            let Column { factor, re: own_re, im: own_im } = column(place);
            let slope = &slope[records.clone()];
            multiply(re, own_re, slope);
            if let Some(own_im) = own_im {
                multiply(im, own_im, slope);
            }
            Derivative { factor, re, im, is_complex: own_im.is_some() }
        }
        ([(_, Slope::Each(by_a)), (_, Slope::Each(by_b)), (_, Slope::Each(by_c))], &[a, b, c]) => {
            let slopes = [by_a, by_b, by_c].map(|slope| &slope[records.clone()]);
            add_three([a, b, c].map(column), slopes, (re, im));
            Derivative { factor: Complex64::ONE, re, im, is_complex: true }
        }
        _ => {
            re.fill(0.0);
            im.fill(0.0);
            for ((_, slope), &place) in action.iter().zip(places) {
                add_scaled(&column(place), slope, records, re, im);
            }
            Derivative { factor: Complex64::ONE, re, im, is_complex: true }
        }
    }
}

#[inline(always)]
fn multiply(out: &mut [f64], a: &[f64], b: &[f64]) {
    out.iter_mut().zip(a.iter().zip(b)).for_each(|(out, (a, b))| *out = a * b);
}

/// The sum of two complex columns and one that is real but for a factor, each times slopes: what a
/// parameter of the bolometer does.
#[inline(always)]
fn add_three(
    [a, b, c]: [Column; 3],
    [by_a, by_b, by_c]: [&[f64]; 3],
    out: (&mut [f64], &mut [f64]),
) {
    let (re, im) = out;
    let (a_im, b_im) = (a.im.unwrap_or(a.re), b.im.unwrap_or(b.re));
    let Complex64 { re: by_re, im: by_im } = c.factor;
    let of_a = a.re.iter().zip(a_im).zip(by_a);
    let of_b = b.re.iter().zip(b_im).zip(by_b);
    let of_c = c.re.iter().zip(by_c);
    for ((re, im), ((((ar, ai), s), ((br, bi), t)), (c, u))) in
        re.iter_mut().zip(im).zip(of_a.zip(of_b).zip(of_c))
    {
        let scaled = c * u;
        *re = fused(*ar, *s, fused(*br, *t, by_re * scaled));
        *im = fused(*ai, *s, fused(*bi, *t, by_im * scaled));
    }
}

/// Adds a column, times a slope, to real and imaginary parts.
#[inline(always)]
fn add_scaled(
    column: &Column,
    slope: &Slope,
    records: &Range<usize>,
    re: &mut [f64],
    im: &mut [f64],
) {
    match (column.im, slope) {
        (Some(own_im), Slope::Same(slope)) => {
            re.iter_mut().zip(column.re).for_each(|(re, own)| *re += own * slope);
            im.iter_mut().zip(own_im).for_each(|(im, own)| *im += own * slope);
        }
        (Some(own_im), Slope::Each(slope)) => {
            let slope = &slope[records.clone()];
            let columns = column.re.iter().zip(own_im).zip(slope);
            for ((re, im), ((own_re, own_im), slope)) in re.iter_mut().zip(im).zip(columns) {
                *re += own_re * slope;
                *im += own_im * slope;
            }
        }
        (None, Slope::Same(slope)) => {
            let factor = column.factor * slope;
            for ((re, im), own) in re.iter_mut().zip(im).zip(column.re) {
                *re += factor.re * own;
                *im += factor.im * own;
            }
        }
        (None, Slope::Each(slope)) => {
            let (slope, factor) = (&slope[records.clone()], column.factor);
            for (((re, im), own), slope) in re.iter_mut().zip(im).zip(column.re).zip(slope) {
                let scaled = own * slope;
                *re += factor.re * scaled;
                *im += factor.im * scaled;
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
