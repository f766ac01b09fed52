//! Tukey's biweight: records far away do not count at all.

use super::huber::{self, HuberLoss};
use crate::science::fit::method::{Method, MethodInfo, MethodOption, OptionValues, Registered};
use crate::science::fit::outcome::Outcome;
use crate::science::fit::problem::Problem;
use crate::science::fit::robust::irls::{self, Loss, MAX_ITERATIONS, TOLERANCE};
use crate::science::fit::robust::whitened::StoppingCriteria;

/// Where the weight reaches zero, with 95 % of the efficiency of least squares for complex
/// Gaussian noise: `u` is exponentially distributed, and `E[w + u w']^2 / E[w^2 u] = 0.95`,
/// integrated numerically. (For real data it would be the well-known 4.685.)
const CUTOFF: f64 = 3.622_498;

/// Minimises `sum_j rho(u_j)`, `rho(u) = c^2/3 (1 - (1 - u/c^2)^3)` below `c^2` and constant above.
#[derive(Debug)]
struct Tukey {
    loss: Biweight,
    limits: StoppingCriteria,
}

/// Its entry in the registry.
pub(crate) static TUKEY: Registered = Registered {
    info: MethodInfo {
        name: "tukey",
        summary: "robust: the biweight, which ignores residuals beyond a cutoff; starts from huber",
        minimises: "sum_j rho(|r_j|^2 / E|noise_j|^2), rho(u) = c^2/3 (1 - max(0, 1 - u/c^2)^3)",
        error_bars: "sandwich formula for M-estimators, from the residuals",
        reference: "Beaton & Tukey 1974, Technometrics 16, 147",
        weighted: true,
        couples_bins: false,
        options: &[
            MethodOption {
                name: "cutoff",
                meaning: "c, in standard deviations of one complex record; the default is 95 % \
                          efficient for Gaussian noise",
                default: CUTOFF,
                least: 1.0,
                most: 1e9,
            },
            MAX_ITERATIONS,
            TOLERANCE,
        ],
        cost: 135,
    },
    build: |options: &OptionValues| {
        Box::new(Tukey {
            loss: Biweight { cutoff: options.get("cutoff") },
            limits: irls::limits(options),
        })
    },
};

impl Method for Tukey {
    fn fit(&self, problem: &Problem) -> Outcome {
        // Not convex: from the Huber solution, the minimum found is that of the good records.
        irls::fit(problem, &[&HuberLoss { threshold: huber::THRESHOLD }, &self.loss], self.limits)
    }
}

#[derive(Debug)]
pub(crate) struct Biweight {
    /// Where the weight reaches zero, in standard deviations of a record.
    pub(crate) cutoff: f64,
}

impl Loss for Biweight {
    #[inline(always)]
    fn weight(&self, u: f64) -> f64 {
        let rest = (1.0 - u / (self.cutoff * self.cutoff)).max(0.0);
        rest * rest
    }

    fn fall(&self, u: f64) -> f64 {
        let part = u / (self.cutoff * self.cutoff);
        -2.0 * part * (1.0 - part).max(0.0)
    }
}
