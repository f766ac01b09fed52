//! Weighted least squares: every record counts by its noise.

use super::least_squares::{DirectFit, solve};
use super::method::{Method, MethodInfo, Registered};
use super::outcome::{Outcome, Solution};
use super::problem::{Problem, VarianceScale};
use super::system::Unusable;

/// Minimises `sum_j |D_j - sum_i E_i P_ij|^2 / variance_j`: the best linear unbiased estimate.
#[derive(Debug)]
pub(super) struct WeightedLeastSquares;

/// How it is called and made.
pub(super) static WLS: Registered = Registered {
    info: MethodInfo {
        name: "wls",
        summary: "weighted least squares, each record by the inverse of its noise variance",
        minimises: "sum_j |D_j - sum_i E_i P_ij|^2 / E|noise_j|^2",
        error_bars: "from the given variances; from the residual where only their ratios are known",
        reference: "Aitken 1935, Proc. R. Soc. Edinburgh 55, 42",
        weighted: true,
        couples_bins: false,
        options: &[],
        cost: 12,
    },
    build: |_| Box::new(WeightedLeastSquares),
};

impl Method for WeightedLeastSquares {
    fn fit(&self, problem: &Problem) -> Outcome {
        match root_weights(problem).and_then(|root| solve(problem, Some(&root))) {
            Err(why) => Outcome::Failed(why.to_string()),
            Ok(fit) => Outcome::Converged(Solution {
                sigma: sigma(problem, &fit),
                emissivity: fit.emissivity,
                rss: fit.rss,
                condition: fit.condition,
            }),
        }
    }
}

/// Square roots of the weights: one over the standard deviation of each record.
pub(super) fn root_weights(problem: &Problem) -> Result<Vec<f64>, Unusable> {
    let root = |(record, &variance): (usize, &f64)| {
        if variance > 0.0 && variance.is_finite() {
            Ok(1.0 / variance.sqrt())
        } else {
            Err(Unusable::Variance { record, variance })
        }
    };
    problem.variance.iter().enumerate().map(root).collect()
}

/// Error bars of a weighted fit, by what is known of the variances.
pub(super) fn sigma(problem: &Problem, fit: &DirectFit) -> Vec<f64> {
    match problem.scale {
        VarianceScale::Absolute => fit.unit_sigma.clone(),
        VarianceScale::Relative => fit.sigma_from_residual(),
    }
}
