//! Weighted least squares: every record counts by its noise.

use crate::science::fit::method::{Method, MethodInfo, Registered};
use crate::science::fit::outcome::Outcome;
use crate::science::fit::problem::Problem;
use crate::science::fit::weighted_fit::{covariance, direct, outcome};
use crate::science::fit::windows::Windowed;

/// Minimises `sum_j |D_j - sum_i E_i P_ij|^2 / variance_j`: the best linear unbiased estimate.
#[derive(Debug)]
pub(crate) struct WeightedLeastSquares;

/// Its entry in the registry.
pub(crate) static WLS: Registered = Registered {
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
        outcome(problem, &direct(problem))
    }

    fn windowed(&self) -> Option<Windowed> {
        Some(Windowed::Weighted)
    }

    fn covariance(&self, problem: &Problem) -> Option<Vec<f64>> {
        covariance(problem)
    }
}
