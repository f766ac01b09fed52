//! The weighted least-squares solution of a problem, which many methods start from or end at: its
//! outcome, its error bars, and searches for the same minimum.

use std::fmt::Display;

use num_complex::Complex64;

use super::linear::least_squares::{DirectFit, Factorization};
use super::linear::system::Unusable;
use super::outcome::{Outcome, Solution};
use super::problem::{Problem, VarianceScale};
use super::residual::chi_square;

/// The weighted solution.
pub(super) fn direct(problem: &Problem) -> Result<DirectFit, Unusable> {
    Ok(problem.weighted()?.factored.fit())
}

/// The covariance of the weighted solution, `[emitter][emitter]`.
pub(super) fn covariance(problem: &Problem) -> Option<Vec<f64>> {
    let weighted = problem.weighted().ok()?;
    let factored = &weighted.factored;
    let factor = match problem.scale {
        VarianceScale::Absolute => 1.0,
        VarianceScale::Relative => factored.rss() / factored.degrees_of_freedom() as f64,
    };
    Some(factored.unit_covariance().iter().map(|value| value * factor).collect())
}

/// The weighted solution as an outcome.
pub(super) fn outcome(problem: &Problem, fit: &Result<DirectFit, Unusable>) -> Outcome {
    match fit {
        Err(why) => Outcome::Failed(why.to_string()),
        Ok(fit) => Outcome::Converged(Solution {
            sigma: sigma(problem, fit),
            emissivity: fit.emissivity.clone(),
            rss: fit.rss,
            condition: fit.condition,
        }),
    }
}

/// The outcome of a search for the same minimum in the factored system. `search` returns the
/// emissivities that it found, and why it stopped if it did not reach the minimum.
pub(super) fn searched<E: Display>(
    problem: &Problem,
    search: impl FnOnce(&Factorization) -> Result<(Vec<Complex64>, Option<String>), E>,
) -> Outcome {
    let weighted = match problem.weighted() {
        Ok(weighted) => weighted,
        Err(why) => return Outcome::Failed(why.to_string()),
    };
    let factored = &weighted.factored;
    let (emissivity, stopped) = match search(factored) {
        Ok(found) => found,
        Err(why) => return Outcome::Failed(format!("the search broke off: {why}")),
    };
    // The direct solution only provides the error bars.
    let direct = factored.fit();
    let solution = Solution {
        rss: chi_square(problem, &emissivity),
        sigma: sigma(problem, &direct),
        emissivity,
        condition: direct.condition,
    };
    match stopped {
        None => Outcome::Converged(solution),
        Some(why) => Outcome::NotConverged(solution, why),
    }
}

/// Error bars of a weighted fit: absolute, or scaled by the residual where only ratios are known.
pub(super) fn sigma(problem: &Problem, fit: &DirectFit) -> Vec<f64> {
    match problem.scale {
        VarianceScale::Absolute => fit.unit_sigma.clone(),
        VarianceScale::Relative => fit.sigma_from_residual(),
    }
}

/// The factor that makes the variances of a bin those of the noise. Where only their ratios are known
/// it comes from the residual, but is no less than rounding errors.
pub(super) fn variance_factor(problem: &Problem, fit: &DirectFit) -> f64 {
    if problem.scale == VarianceScale::Absolute {
        return 1.0;
    }
    let root = problem.variance.iter().map(|v| 1.0 / v.sqrt());
    let power: f64 = problem.data.iter().zip(root).map(|(d, w)| d.norm_sqr() * w * w).sum();
    let rounding = f64::EPSILON * f64::EPSILON * power / problem.records() as f64;
    (fit.rss / fit.degrees_of_freedom as f64).max(rounding).max(f64::MIN_POSITIVE)
}
