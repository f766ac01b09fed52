//! Ordinary least squares: every record counts the same.

use crate::science::fit::linear::least_squares::{Factorization, solve};
use crate::science::fit::method::{Method, MethodInfo, Registered};
use crate::science::fit::outcome::{Outcome, Solution};
use crate::science::fit::problem::Problem;
use crate::science::fit::windows::Windowed;

/// Minimises `sum_j |D_j - sum_i E_i P_ij|^2`.
#[derive(Debug)]
struct OrdinaryLeastSquares;

/// Its entry in the registry.
pub(crate) static OLS: Registered = Registered {
    info: MethodInfo {
        name: "ols",
        summary: "ordinary least squares, every record counts the same",
        minimises: "sum_j |D_j - sum_i E_i P_ij|^2",
        error_bars: "from the residual, rss / (records - free emissivities)",
        reference: "Golub & Van Loan, Matrix Computations, 4th ed., sec. 5.3",
        weighted: false,
        couples_bins: false,
        options: &[],
        cost: 10,
    },
    build: |_| Box::new(OrdinaryLeastSquares),
};

impl Method for OrdinaryLeastSquares {
    fn fit(&self, problem: &Problem) -> Outcome {
        match solve(&problem.equations(), None) {
            Err(why) => Outcome::Failed(why.to_string()),
            Ok(fit) => Outcome::Converged(Solution {
                sigma: fit.sigma_from_residual(),
                emissivity: fit.emissivity,
                rss: fit.rss,
                condition: fit.condition,
            }),
        }
    }

    fn windowed(&self) -> Option<Windowed> {
        Some(Windowed::Alike)
    }

    fn covariance(&self, problem: &Problem) -> Option<Vec<f64>> {
        let factored = Factorization::of(&problem.equations(), None).ok()?;
        let factor = factored.rss() / factored.degrees_of_freedom() as f64;
        Some(factored.unit_covariance().iter().map(|value| value * factor).collect())
    }
}
