//! Huber's M-estimator: quadratic for small residuals, linear for large ones.

use crate::science::fit::method::{Method, MethodInfo, MethodOption, OptionValues, Registered};
use crate::science::fit::outcome::Outcome;
use crate::science::fit::problem::Problem;
use crate::science::fit::robust::irls::{self, Loss, MAX_ITERATIONS, TOLERANCE};
use crate::science::fit::robust::whitened::StoppingCriteria;

/// Threshold with 95 % of the efficiency of least squares for complex Gaussian noise.
///
/// There `u = |r|^2/variance` is exponentially distributed with mean one. With a threshold `k`,
/// `E|psi|^2 = 1 - exp(-k^2)` and `c = E[w + u w'] = 1 - exp(-k^2) + k sqrt(pi)/2 erfc(k)`; the
/// efficiency is `c^2 / E|psi|^2`. (For real data it would be the well-known 1.345.)
pub(crate) const THRESHOLD: f64 = 1.061_467;

/// Minimises `sum_j rho(u_j)`, `rho(u) = u` below `k^2` and `2 k sqrt(u) - k^2` above.
#[derive(Debug)]
struct Huber {
    loss: HuberLoss,
    limits: StoppingCriteria,
}

/// Its entry in the registry.
pub(crate) static HUBER: Registered = Registered {
    info: MethodInfo {
        name: "huber",
        summary: "robust: residuals beyond a threshold count by their modulus, not its square",
        minimises: "sum_j rho(|r_j|^2 / E|noise_j|^2), rho(u) = min(u, 2 k sqrt(u) - k^2) with the \
                    branch by sqrt(u) < k",
        error_bars: "sandwich formula for M-estimators, from the residuals",
        reference: "Huber 1981, Robust Statistics, chapter 7",
        weighted: true,
        couples_bins: false,
        options: &[
            MethodOption {
                name: "threshold",
                meaning: "k, in standard deviations of one complex record; the default is 95 % \
                          efficient for Gaussian noise",
                default: THRESHOLD,
                least: 0.01,
                most: 1e9,
            },
            MAX_ITERATIONS,
            TOLERANCE,
        ],
        cost: 90,
    },
    build: |options: &OptionValues| {
        Box::new(Huber {
            loss: HuberLoss { threshold: options.get("threshold") },
            limits: irls::limits(options),
        })
    },
};

impl Method for Huber {
    fn fit(&self, problem: &Problem) -> Outcome {
        irls::fit(problem, &[&self.loss], self.limits)
    }
}

/// Convex, so that its minimum is the only one: the others start from it.
#[derive(Debug)]
pub(crate) struct HuberLoss {
    /// Where the quadratic part ends, in standard deviations of a record.
    pub(crate) threshold: f64,
}

impl Loss for HuberLoss {
    #[inline(always)]
    fn weight(&self, u: f64) -> f64 {
        let modulus = u.sqrt();
        if modulus <= self.threshold { 1.0 } else { self.threshold / modulus }
    }

    fn fall(&self, u: f64) -> f64 {
        let modulus = u.sqrt();
        if modulus <= self.threshold { 0.0 } else { -0.5 * self.threshold / modulus }
    }
}
