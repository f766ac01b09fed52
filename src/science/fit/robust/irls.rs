//! Iteratively reweighted least squares: the core of the robust methods with a smooth loss.

use std::fmt;

use num_complex::Complex64;

use super::sum_of_moduli;
use super::whitened::{Influence, StoppingCriteria, Termination, Whitened};
use crate::foundations::numerics::{
    math::{ln, median},
    with_widest_simd,
};
use crate::science::fit::linear::iterate::Iterate;
use crate::science::fit::linear::symmetric::Symmetric2;
use crate::science::fit::linear::system::Unusable;
use crate::science::fit::method::{MethodOption, OptionValues};
use crate::science::fit::outcome::Outcome;
use crate::science::fit::problem::{Problem, VarianceScale};

/// A loss `rho(u)` of the squared modulus `u` of a residual in standard deviations.
///
/// The weight must not grow with `u`. Then the weighted sum of squares touches `sum rho` at the
/// current point and lies above it elsewhere, so that every iteration goes down.
pub(crate) trait Loss: fmt::Debug + Send + Sync {
    /// `rho'(u)`: the weight of the record, one for the least-squares loss `rho = u`.
    fn weight(&self, u: f64) -> f64;

    /// Replaces every `u` by its weight.
    fn weigh(&self, u: &mut [f64]) {
        with_widest_simd(
            #[inline(always)]
            || u.iter_mut().for_each(|u| *u = self.weight(*u)),
        );
    }

    /// `u rho''(u)`: how fast the weight falls, for the error bars.
    fn fall(&self, u: f64) -> f64;
}

/// Accurate enough to estimate a scale from the residuals.
const FOR_THE_SCALE: StoppingCriteria = StoppingCriteria { iterations: 200, tolerance: 1e-4 };

/// The option for the number of iterations after which it gives up.
pub(crate) const MAX_ITERATIONS: MethodOption = MethodOption {
    name: "max_iterations",
    meaning: "reweighted solutions after which it gives up",
    default: 500.0,
    least: 1.0,
    most: 1e6,
};

/// The option for the change at which it has converged.
pub(crate) const TOLERANCE: MethodOption = MethodOption {
    name: "tolerance",
    meaning: "change of the fitted spectrum in one iteration, in standard deviations of a record \
              (root of the sum over records), at convergence",
    default: 1e-8,
    least: 1e-14,
    most: 1.0,
};

/// The stopping criteria that the user set.
pub(crate) fn limits(options: &OptionValues) -> StoppingCriteria {
    StoppingCriteria {
        iterations: options.get(MAX_ITERATIONS.name) as u32,
        tolerance: options.get(TOLERANCE.name),
    }
}

/// Minimises a sequence of losses, each from the minimum of the one before; the result is that
/// of the last. A loss with several minima thus starts near the one that is right.
pub(crate) fn fit(problem: &Problem, losses: &[&dyn Loss], limits: StoppingCriteria) -> Outcome {
    let whitened = match Whitened::new(problem) {
        Ok(whitened) if whitened.is_exact() => return whitened.exact(),
        Ok(whitened) => whitened,
        Err(why) => return Outcome::Failed(why.to_string()),
    };
    match minimise(&whitened, losses, limits) {
        Ok(outcome) => outcome,
        Err(why) => Outcome::Failed(format!("after reweighting, {why}")),
    }
}

fn minimise(
    whitened: &Whitened,
    losses: &[&dyn Loss],
    limits: StoppingCriteria,
) -> Result<Outcome, Unusable> {
    let scale_squared = scale_squared(whitened)?;
    let mut iterate = whitened.starting_iterate();
    let mut stop = Termination::Converged;
    for loss in losses {
        stop = reweight_until_still(whitened, &mut iterate, *loss, scale_squared, limits)?;
        if matches!(stop, Termination::Deadline(_)) {
            break; // A later loss would start far from the right minimum.
        }
    }
    let Some(loss) = losses.last() else { return Ok(Outcome::Failed("no loss".into())) };
    let influences: Vec<Influence> =
        iterate.residuals().map(|residual| influence(*loss, residual, scale_squared)).collect();
    Ok(stop.outcome(whitened.solution(whitened.emissivities(&iterate), &influences)))
}

/// How a record with this residual acts on the estimate.
fn influence(loss: &dyn Loss, (re, im): (f64, f64), scale_squared: f64) -> Influence {
    let r = Complex64::new(re, im);
    let square = re * re + im * im;
    let u = square / scale_squared;
    let weight = loss.weight(u);
    let fall = loss.fall(u);
    // The square of the direction of the residual, if it has one.
    let twice = if square > 0.0 { r * r / square } else { Complex64::ZERO };
    let slope = Symmetric2 { round: weight + fall, skew: twice * fall };
    Influence { psi: r * weight, slope }
}

/// Reweights and solves until the fit no longer changes.
fn reweight_until_still(
    whitened: &Whitened,
    iterate: &mut Iterate,
    loss: &dyn Loss,
    scale_squared: f64,
    limits: StoppingCriteria,
) -> Result<Termination, Unusable> {
    let allowed = limits.tolerance * scale_squared.sqrt() + whitened.rounding;
    for _ in 0..limits.iterations {
        let mut weights = iterate.squares();
        weights.iter_mut().for_each(|u| *u /= scale_squared);
        loss.weigh(&mut weights);
        if iterate.step(&weights)? <= allowed {
            return Ok(Termination::Converged);
        }
        if let Some(why) = whitened.problem().context.deadline.passed() {
            return Ok(Termination::Deadline(why));
        }
    }
    Ok(Termination::IterationLimit(limits.iterations))
}

/// The factor that makes the given variances those of the noise.
///
/// Where only their ratios are known: from the residuals of the least absolute deviations, which
/// need no scale themselves and which outliers cannot carry away. `|r|^2` of complex Gaussian
/// noise is exponentially distributed, with a median of `ln 2` variances. The scale then stays
/// fixed, so that each iteration still goes down.
fn scale_squared(whitened: &Whitened) -> Result<f64, Unusable> {
    if whitened.problem().scale == VarianceScale::Absolute {
        return Ok(1.0);
    }
    let mut iterate = whitened.starting_iterate();
    sum_of_moduli::minimise(whitened, &mut iterate, FOR_THE_SCALE)?;
    let squares = iterate.squares();
    let records = squares.len() as f64;
    let freedom = whitened.plain.degrees_of_freedom.max(1) as f64 / records;
    // More than half of the records may be free of noise; rounding is the least that there is.
    let least = whitened.rounding * whitened.rounding / records;
    Ok((median(&squares) / ln(2.0) / freedom).max(least))
}
