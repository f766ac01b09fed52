//! Residuals: the data less the fitted spectrum.

use num_complex::Complex64;

use super::problem::Problem;
use crate::foundations::numerics::{ScratchVec, fused, with_widest_simd};
use crate::science::fit::linear::vector::sum;

/// Records that are worked on side by side.
const LANES: usize = 16;

/// `D_j - sum_i E_i P_ij` for every record, MJy/sr.
pub(super) fn residuals(problem: &Problem, emissivity: &[Complex64]) -> Vec<Complex64> {
    let mut residual = problem.data.to_vec();
    with_widest_simd(
        #[inline(always)]
        || {
            let fitted = emissivity.iter().zip(problem.design);
            let (blocks, rest) = residual.as_chunks_mut::<LANES>();
            let first_of_rest = blocks.len() * LANES;
            for (at, block) in blocks.iter_mut().enumerate() {
                let mut re = [0.0; LANES];
                let mut im = [0.0; LANES];
                for lane in 0..LANES {
                    (re[lane], im[lane]) = (block[lane].re, block[lane].im);
                }
                for (value, column) in fitted.clone() {
                    let planck = &column[at * LANES..][..LANES];
                    for lane in 0..LANES {
                        re[lane] = fused(-value.re, planck[lane], re[lane]);
                        im[lane] = fused(-value.im, planck[lane], im[lane]);
                    }
                }
                for lane in 0..LANES {
                    block[lane] = Complex64::new(re[lane], im[lane]);
                }
            }
            for (value, column) in fitted {
                for (residual, planck) in rest.iter_mut().zip(&column[first_of_rest..]) {
                    residual.re = fused(-value.re, *planck, residual.re);
                    residual.im = fused(-value.im, *planck, residual.im);
                }
            }
        },
    );
    residual
}

/// Adds each record's squared residual, in units of its noise variance, to its element of `sums`.
pub fn add_squared_residuals(problem: &Problem, emissivity: &[Complex64], sums: &mut [f64]) {
    let residual = residuals(problem, emissivity);
    for ((sum, residual), variance) in sums.iter_mut().zip(&residual).zip(problem.variance) {
        *sum += residual.norm_sqr() / variance;
    }
}

/// Each record's residual in standard deviations of the noise of its real and of its imaginary part: of
/// a model that holds, both are normal numbers of variance one.
#[must_use]
pub fn standard_residuals(problem: &Problem, emissivity: &[Complex64]) -> Vec<Complex64> {
    let of_noise = residuals(problem, emissivity).into_iter().zip(problem.variance);
    of_noise.map(|(residual, variance)| residual / (0.5 * variance).sqrt()).collect()
}

/// How far held-out records lie from what the emissivities predict: the root mean square residual in
/// standard deviations of the noise. One, if only noise is left.
#[must_use]
pub fn prediction_error(held_out: &Problem, emissivity: &[Complex64]) -> f64 {
    (chi_square(held_out, emissivity) / held_out.records() as f64).sqrt()
}

/// `sum_j |D_j - sum_i E_i P_ij|^2 / variance_j`.
pub(super) fn chi_square(problem: &Problem, emissivity: &[Complex64]) -> f64 {
    weighted_sum(&residuals(problem, emissivity), problem.variance)
}

/// `sum_j |rest_j|^2 / variance_j`.
pub(super) fn weighted_sum(residual: &[Complex64], variance: &[f64]) -> f64 {
    let mut terms = ScratchVec::with_len(residual.len());
    with_widest_simd(
        #[inline(always)]
        || {
            for ((term, residual), variance) in terms.iter_mut().zip(residual).zip(variance) {
                *term = fused(residual.re, residual.re, residual.im * residual.im) / variance;
            }
            sum(&terms)
        },
    )
}
