//! The least sum of moduli, `sum_j |r_j|`, to a proven accuracy.
//!
//! A primal-dual Newton method (Andersen, Christiansen, Conn & Overton 2000, SIAM J. Sci. Comput.
//! 22, 243). The minimum of the smoothed sum `sum_j s_j`, `s_j^2 = |r_j|^2 + epsilon^2`, is where
//! `y_j = r_j / s_j` is orthogonal to the design. Newton's steps for `s_j y_j = r_j`, `y` taken as
//! unknown too, go on converging when `epsilon` has become much smaller than the residuals; those
//! for `y_j = r_j / s_j` would not, and reweighting by `1 / s_j` alone takes thousands of rounds
//! where some records are fitted exactly: always where all residuals lie on one line, as at the
//! last bin, whose transform is real, and where the minimum is a corner.

use super::whitened::{StoppingCriteria, Termination, Whitened};
use crate::foundations::numerics::{ScratchVec, fused, math::median, with_widest_simd};
use crate::science::fit::linear::iterate::Iterate;
use crate::science::fit::linear::system::Unusable;
use crate::science::fit::linear::vector;

/// The smoothing goes down to this part of what a record is, on average, from the minimum.
const CENTRING: f64 = 0.1;

/// Times a step is halved before it counts as rounding.
const HALVINGS: usize = 40;

/// One complex number a record: real parts and imaginary parts.
type SplitComplex = [ScratchVec; 2];

/// Goes down until the minimum is proven to be near: the sum lies above it by no more than the
/// tolerance, relative to itself.
pub(crate) fn minimise(
    whitened: &Whitened,
    iterate: &mut Iterate,
    limits: StoppingCriteria,
) -> Result<Termination, Unusable> {
    let sizes = roots(&iterate.squares());
    let records = sizes.len() as f64;
    let least = whitened.rounding / records;
    let mut epsilon = median(&sizes).max(least);
    let mut dual = [0.0; 2].map(|value| filled(sizes.len(), value));
    for _ in 0..limits.iterations {
        dual = step(iterate, &dual, epsilon)?;
        let (sum, distance) = distance_from_minimum(iterate, &mut dual);
        if distance <= limits.tolerance * sum + whitened.rounding * records.sqrt() {
            return Ok(Termination::Converged);
        }
        if let Some(why) = whitened.problem().context.deadline.passed() {
            return Ok(Termination::Deadline(why));
        }
        epsilon = epsilon.min((CENTRING * distance / records).max(least));
    }
    Ok(Termination::IterationLimit(limits.iterations))
}

/// Roots of squared moduli of the residuals, which are in standard deviations: they do not overflow.
pub(crate) fn roots(squares: &[f64]) -> ScratchVec {
    let mut roots = ScratchVec::with_len(squares.len());
    with_widest_simd(
        #[inline(always)]
        || roots.iter_mut().zip(squares).for_each(|(root, square)| *root = square.sqrt()),
    );
    roots
}

fn filled(length: usize, value: f64) -> ScratchVec {
    let mut filled = ScratchVec::with_len(length);
    filled.fill(value);
    filled
}

/// What Newton's method sees of the residuals at one point.
struct Newton {
    /// `y` at the minimum of the smoothed sum: `r / s`.
    pull: SplitComplex,
    /// `M_j = (I - (y_j r_j^T + r_j y_j^T) / (2 s_j)) / s_j`: along the real axis, between both,
    /// and along the imaginary axis.
    curvature: [ScratchVec; 3],
}

impl Newton {
    fn new(residual: [&[f64]; 2], dual: &SplitComplex, epsilon: f64) -> Self {
        let records = residual[0].len();
        let mut pull = [0; 2].map(|_| ScratchVec::with_len(records));
        let mut curvature = [0; 3].map(|_| ScratchVec::with_len(records));
        let [pull_re, pull_im] = &mut pull;
        let [along, between, across] = &mut curvature;
        let least = epsilon * epsilon;
        with_widest_simd(
            #[inline(always)]
            || {
                let inputs =
                    residual[0].iter().zip(residual[1]).zip(&dual[0][..]).zip(&dual[1][..]);
                let pulls = pull_re.iter_mut().zip(pull_im.iter_mut());
                let bends = along.iter_mut().zip(between.iter_mut()).zip(across.iter_mut());
                for ((inputs, pulls), bends) in inputs.zip(pulls).zip(bends) {
                    let (((re, im), y_re), y_im) = inputs;
                    let inverse = 1.0 / fused(*re, *re, fused(*im, *im, least)).sqrt();
                    let (re, im) = (re * inverse, im * inverse);
                    (*pulls.0, *pulls.1) = (re, im);
                    *bends.0.0 = (1.0 - y_re * re) * inverse;
                    *bends.0.1 = -0.5 * (y_re * im + y_im * re) * inverse;
                    *bends.1 = (1.0 - y_im * im) * inverse;
                }
            },
        );
        Self { pull, curvature }
    }

    /// The `y` that belongs to the end of a full step, by which the residuals change: orthogonal
    /// to the design.
    fn dual_after(self, moved: &SplitComplex) -> SplitComplex {
        let Self { pull: mut dual, curvature: [along, between, across] } = self;
        let [re, im] = &mut dual;
        with_widest_simd(
            #[inline(always)]
            || {
                let bends = along.iter().zip(&between[..]).zip(&across[..]);
                let moved = moved[0].iter().zip(&moved[1][..]);
                for (((re, im), bends), moved) in
                    re.iter_mut().zip(im.iter_mut()).zip(bends).zip(moved)
                {
                    let ((along, between), across) = bends;
                    *re = fused(*along, *moved.0, fused(*between, *moved.1, *re));
                    *im = fused(*between, *moved.0, fused(*across, *moved.1, *im));
                }
            },
        );
        dual
    }
}

/// One step down, and a `y` that is orthogonal to the design.
fn step(
    iterate: &mut Iterate,
    dual: &SplitComplex,
    epsilon: f64,
) -> Result<SplitComplex, Unusable> {
    let newton = Newton::new(iterate.residual_parts(), dual, epsilon);
    let [along, between, across] = &newton.curvature;
    let change =
        iterate.newton_step([along, between, across], newton.pull.each_ref().map(|p| &p[..]));
    let Some(change) = change else { return reweight(iterate, epsilon) };
    let moved = iterate.residual_change(&change);
    let factor = down(iterate.residual_parts(), &moved, epsilon);
    iterate.advance(&change, factor);
    Ok(newton.dual_after(&moved))
}

/// The part of a step by which the smoothed sum goes down.
fn down(residual: [&[f64]; 2], moved: &SplitComplex, epsilon: f64) -> f64 {
    let least = epsilon * epsilon;
    let mut terms = ScratchVec::with_len(residual[0].len());
    let mut sum_at = |factor: f64| {
        with_widest_simd(
            #[inline(always)]
            || {
                let residual = residual[0].iter().zip(residual[1]);
                let moved = moved[0].iter().zip(&moved[1][..]);
                for ((term, residual), moved) in terms.iter_mut().zip(residual).zip(moved) {
                    let re = fused(factor, *moved.0, *residual.0);
                    let im = fused(factor, *moved.1, *residual.1);
                    *term = fused(re, re, fused(im, im, least)).sqrt();
                }
                vector::sum(&terms)
            },
        )
    };
    let start = sum_at(0.0);
    let mut factor = 1.0;
    for _ in 0..HALVINGS {
        if sum_at(factor) <= start {
            return factor;
        }
        factor *= 0.5;
    }
    0.0
}

/// The step where the normal equations of Newton's have too few digits: the least-squares solution
/// with the weights `1 / s_j`. It goes down too, and `r_j / s_j`, with the new `r_j`, is orthogonal
/// to the design.
fn reweight(iterate: &mut Iterate, epsilon: f64) -> Result<SplitComplex, Unusable> {
    let mut weights = iterate.squares();
    weights.iter_mut().for_each(|square| *square = 1.0 / (*square + epsilon * epsilon).sqrt());
    iterate.step(&weights)?;
    let mut dual = [0; 2].map(|_| ScratchVec::with_len(weights.len()));
    for (dual, residual) in dual.iter_mut().zip(iterate.residual_parts()) {
        dual.iter_mut().zip(residual).zip(&weights).for_each(|((y, r), weight)| *y = r * weight);
    }
    Ok(dual)
}

/// The sum of the moduli, and a bound of how far it lies above its minimum, by duality.
///
/// The minimum is at least `Re sum_j conj(y_j) D_j` for any `y` orthogonal to the design with all
/// `|y_j| <= 1`, and `D_j` may be replaced by `r_j`. What was found is divided by its largest
/// modulus, if that is more than one.
fn distance_from_minimum(iterate: &Iterate, dual: &mut SplitComplex) -> (f64, f64) {
    let [re, im] = iterate.residual_parts();
    let [y_re, y_im] = dual;
    let mut squares = ScratchVec::with_len(re.len());
    let largest = with_widest_simd(
        #[inline(always)]
        || {
            let parts = y_re.iter_mut().zip(y_im.iter_mut());
            for (square, (y_re, y_im)) in squares.iter_mut().zip(parts) {
                *square = fused(*y_re, *y_re, *y_im * *y_im);
            }
            vector::largest(&squares).sqrt().max(1.0)
        },
    );
    let sizes = roots(&iterate.squares());
    with_widest_simd(
        #[inline(always)]
        || {
            y_re.iter_mut().for_each(|y| *y /= largest);
            y_im.iter_mut().for_each(|y| *y /= largest);
            let sum = vector::sum(&sizes);
            (sum, sum - (vector::dot(y_re, re) + vector::dot(y_im, im)))
        },
    )
}
