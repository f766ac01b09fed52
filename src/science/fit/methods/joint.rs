//! The joint fit as a method: without the records of a whole data set, nothing is shared.

use super::wls::WeightedLeastSquares;
use crate::science::fit::joint;
use crate::science::fit::method::{Method, MethodInfo, Registered};
use crate::science::fit::outcome::Outcome;
use crate::science::fit::problem::Problem;

/// What is fitted where there are bins alone, without the housekeeping of their records. The fit itself is
/// [`crate::science::fit::joint::fit`].
#[derive(Debug)]
struct BinsAlone;

/// Its entry in the registry.
pub(crate) static JOINT: Registered = Registered {
    info: MethodInfo {
        name: joint::NAME,
        summary: "the parameters that all bins share (bolometer, thermometers, drift, harmonics, \
                  vibrations, temperatures of plateaus) together with the emissivities, each about \
                  what is known of it; [fit.options.joint] says which are free",
        minimises: "sum_k min_E sum_j |r_kj|^2 + sum_m x_m^2 / 2, r the residuals of the corrected \
                    spectra in standard deviations, x the parameters in prior standard errors",
        error_bars: "of the posterior, with the shared parameters free",
        reference: "Golub & Pereyra 1973, SIAM J. Numer. Anal. 10, 413; Kaufman 1975, BIT 15, 49; \
                    Fixsen et al. 1994, ApJ 420, 457",
        weighted: true,
        couples_bins: true,
        options: &[],
        cost: 60,
    },
    build: |_| Box::new(BinsAlone),
};

impl Method for BinsAlone {
    fn fit(&self, problem: &Problem) -> Outcome {
        WeightedLeastSquares.fit(problem)
    }
}
