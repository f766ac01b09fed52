//! Least absolute deviations: the sum of the residuals' moduli, to a proven accuracy.

use super::basis::Basis;
use super::method::{Method, MethodInfo, MethodOption, OptionValues, Registered};
use super::outcome::Outcome;
use super::problem::Problem;
use super::system::Unusable;
use super::vector;
use super::whitened::{Limits, Response, Stop, Whitened};
use crate::foundations::{
    math::{ln, median},
    spare::Spare,
    wide::widely,
};

/// Enough to estimate a scale from the residuals.
pub(super) const FOR_THE_SCALE: Limits = Limits { iterations: 500, tolerance: 1e-4 };

/// Width over which the error bars smooth the kink of the loss, in standard deviations of a
/// record. The mean of `1/|r|` over a finite sample has no variance; with the kink smoothed it
/// has, and the bias is of second order in this width.
const KINK: f64 = 0.3;

/// Factor by which the smoothing shrinks.
const SHRINK: f64 = 0.3;

/// Minimises `sum_j |r_j|`.
#[derive(Debug)]
struct LeastAbsoluteDeviations {
    limits: Limits,
}

/// How it is called and made.
pub(super) static LAD: Registered = Registered {
    info: MethodInfo {
        name: "lad",
        summary: "robust: least absolute deviations, each record by the inverse of its noise",
        minimises: "sum_j |D_j - sum_i E_i P_ij| / sqrt(E|noise_j|^2)",
        error_bars: "sandwich formula for M-estimators, from the residuals",
        reference: "Weiszfeld 1937, Tohoku Math. J. 43, 355; Lawson 1961",
        weighted: true,
        couples_bins: false,
        options: &[
            MethodOption {
                name: "max_iterations",
                meaning: "reweighted solutions after which it gives up",
                default: 5000.0,
                least: 1.0,
                most: 1e6,
            },
            MethodOption {
                name: "tolerance",
                meaning: "proven relative distance of the sum from its minimum at convergence",
                default: 1e-6,
                least: 1e-13,
                most: 1.0,
            },
        ],
        cost: 250,
    },
    build: |options: &OptionValues| {
        let limits = Limits {
            iterations: options.get("max_iterations") as u32,
            tolerance: options.get("tolerance"),
        };
        Box::new(LeastAbsoluteDeviations { limits })
    },
};

impl Method for LeastAbsoluteDeviations {
    fn fit(&self, problem: &Problem) -> Outcome {
        let whitened = match Whitened::new(problem) {
            Ok(whitened) if whitened.is_exact() => return whitened.exact(),
            Ok(whitened) => whitened,
            Err(why) => return Outcome::Failed(why.to_string()),
        };
        let mut basis = whitened.basis();
        match minimise(&whitened, &mut basis, self.limits) {
            Err(why) => Outcome::Failed(format!("after reweighting, {why}")),
            Ok(stop) => {
                let responses = responses(&roots(&basis.squares()));
                let emissivity = whitened.emissivities(&basis);
                stop.outcome(whitened.solution(emissivity, responses.into_iter()))
            }
        }
    }
}

/// Reweights by `1 / sqrt(|r|^2 + epsilon^2)` until the minimum is proven to be near.
///
/// At a fixed `epsilon` the iteration goes down to the minimum of the smoothed sum. Only when the
/// smoothing has become what keeps it from the true minimum is `epsilon` made smaller: small too
/// early, it would hold records that happen to be fitted almost exactly.
pub(super) fn minimise(
    whitened: &Whitened,
    basis: &mut Basis,
    limits: Limits,
) -> Result<Stop, Unusable> {
    let mut squares = basis.squares();
    let records = squares.len() as f64;
    let least = whitened.rounding / records;
    let mut epsilon = median(&roots(&squares)).max(least);
    for _ in 0..limits.iterations {
        let weights = weights(&squares, epsilon);
        basis.step(&weights)?;
        squares = basis.squares();
        let sizes = roots(&squares);
        let (sum, distance) = distance_from_minimum(&sizes, &weights);
        if distance <= limits.tolerance * sum + whitened.rounding * records.sqrt() {
            return Ok(Stop::Converged);
        }
        if let Some(why) = whitened.problem().context.deadline.passed() {
            return Ok(Stop::Deadline(why));
        }
        if smoothing_loss(&sizes, epsilon) > 0.5 * distance {
            epsilon = (SHRINK * epsilon).max(least);
        }
    }
    Ok(Stop::IterationLimit(limits.iterations))
}

/// Roots of squared moduli of the residuals, which are in standard deviations: they do not overflow.
fn roots(squares: &[f64]) -> Spare {
    mapped(
        squares,
        #[inline(always)]
        |square| square.sqrt(),
    )
}

/// `1 / sqrt(|r|^2 + epsilon^2)`.
fn weights(squares: &[f64], epsilon: f64) -> Spare {
    let least = epsilon * epsilon;
    mapped(
        squares,
        #[inline(always)]
        |square| 1.0 / (square + least).sqrt(),
    )
}

#[inline(always)]
fn mapped(values: &[f64], of: impl Fn(f64) -> f64) -> Spare {
    let mut out = Spare::taken(values.len());
    widely(
        #[inline(always)]
        || out.iter_mut().zip(values).for_each(|(out, value)| *out = of(*value)),
    );
    out
}

/// `sqrt(|r|^2 + epsilon^2)`.
#[inline(always)]
fn smoothed(size: f64, epsilon: f64) -> f64 {
    (size * size + epsilon * epsilon).sqrt()
}

/// The distance that [`distance_from_minimum`] would find at the minimum of the smoothed sum.
fn smoothing_loss(sizes: &[f64], epsilon: f64) -> f64 {
    let losses = mapped(
        sizes,
        #[inline(always)]
        |size| size - size * size / smoothed(size, epsilon),
    );
    vector::sum(&losses)
}

/// The sum of the moduli, and a bound of how far it lies above its minimum, by duality.
///
/// The minimum is at least `Re sum_j conj(y_j) D_j` for any `y` orthogonal to the design with all
/// `|y_j| <= 1`. The residuals times the weights that they were fitted with are orthogonal to the
/// design; divided by their largest modulus they are such a `y`, and `D_j` may be replaced by `r_j`.
fn distance_from_minimum(sizes: &[f64], weights: &[f64]) -> (f64, f64) {
    let mut moduli = Spare::taken(sizes.len());
    let (sum, dual, largest) = widely(
        #[inline(always)]
        || {
            for ((modulus, size), weight) in moduli.iter_mut().zip(sizes).zip(weights) {
                *modulus = weight * size;
            }
            (vector::sum(sizes), vector::dot(&moduli, sizes), vector::largest(&moduli).max(1.0))
        },
    );
    (sum, sum - dual / largest)
}

/// For the sandwich formula: `|psi| = 1`, and the derivative of the smoothed `psi`.
fn responses(moduli: &[f64]) -> Vec<Response> {
    let width = KINK * median(moduli) / ln(2.0).sqrt();
    let response = |size: &f64| {
        let smoothed = smoothed(*size, width);
        let part = size / smoothed;
        let shear = -0.5 * part * part / smoothed;
        Response { squared: 1.0, slope: 1.0 / smoothed + shear, shear }
    };
    moduli.iter().map(response).collect()
}
