//! Least absolute deviations: the sum of the residuals' moduli, to a proven accuracy.

use num_complex::Complex64;

use crate::foundations::numerics::math::{ln, median};
use crate::science::fit::linear::symmetric::Symmetric2;
use crate::science::fit::method::{Method, MethodInfo, MethodOption, OptionValues, Registered};
use crate::science::fit::outcome::Outcome;
use crate::science::fit::problem::Problem;
use crate::science::fit::robust::sum_of_moduli::minimise;
use crate::science::fit::robust::whitened::{Influence, StoppingCriteria, Whitened};

/// Width over which the error bars smooth the kink of the loss, in standard deviations of a
/// record. The mean of `1/|r|` over a finite sample has no variance; with the kink smoothed it
/// has.
const KINK: f64 = 0.3;

/// Minimises `sum_j |r_j|`.
#[derive(Debug)]
struct LeastAbsoluteDeviations {
    limits: StoppingCriteria,
}

/// Its entry in the registry.
pub(crate) static LAD: Registered = Registered {
    info: MethodInfo {
        name: "lad",
        summary: "robust: least absolute deviations, each record by the inverse of its noise",
        minimises: "sum_j |D_j - sum_i E_i P_ij| / sqrt(E|noise_j|^2)",
        error_bars: "sandwich formula for M-estimators, from the residuals; the density of those \
                     near zero from the ones within 0.3 standard deviations",
        reference: "Andersen, Christiansen, Conn & Overton 2000, SIAM J. Sci. Comput. 22, 243 (the \
                    search); Koenker 2005, Quantile Regression, sec. 3.4 (the error bars)",
        weighted: true,
        couples_bins: false,
        options: &[
            MethodOption {
                name: "max_iterations",
                meaning: "Newton steps after which it gives up; 6 to 30 are usual",
                default: 500.0,
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
        cost: 110,
    },
    build: |options: &OptionValues| {
        let limits = StoppingCriteria {
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
        let mut iterate = whitened.starting_iterate();
        match minimise(&whitened, &mut iterate, self.limits) {
            Err(why) => Outcome::Failed(why.to_string()),
            Ok(stop) => {
                let influences = influences(iterate.residuals());
                stop.outcome(whitened.solution(whitened.emissivities(&iterate), &influences))
            }
        }
    }
}

/// For the sandwich formula: `|psi| = 1`, and the derivative of `psi` with its kink smoothed.
///
/// The derivative of `psi(r) = r / |r|`, averaged over directions, is `1/(2|r|)`. Within a width h
/// it is replaced by `1/h`, as if `psi` were `r/h` there (Huber's). Where the density of `|r|^2` is
/// `f(0) + u f'(0)`, that leaves the expectation of `f(0)` as it is, since `int_0^h (1/h - 1/(2r))
/// r dr = 0`, and changes it by `pi f'(0) h^3 / 6`: for Gaussian noise by -0.5 % at this width. A
/// smoother `r / sqrt(|r|^2 + h^2)` has tails `h^2/r^3`, which cost 6 %. (For the density of
/// residuals at zero in general: Koenker 2005, Quantile Regression, sec. 3.4.)
fn influences(residuals: impl Iterator<Item = (f64, f64)>) -> Vec<Influence> {
    let residuals: Vec<Complex64> = residuals.map(|(re, im)| Complex64::new(re, im)).collect();
    let moduli: Vec<f64> = residuals.iter().map(|r| r.norm_sqr().sqrt()).collect();
    let width = KINK * median(&moduli) / ln(2.0).sqrt();
    residuals.iter().zip(&moduli).map(|(r, modulus)| influence(*r, *modulus, width)).collect()
}

fn influence(r: Complex64, modulus: f64, width: f64) -> Influence {
    let direction = if modulus > 0.0 { r / modulus } else { Complex64::ONE };
    let slope = if modulus < width {
        Symmetric2 { round: 1.0 / width, skew: Complex64::ZERO }
    } else {
        let round = 0.5 / modulus;
        Symmetric2 { round, skew: direction * direction * -round }
    };
    Influence { psi: direction, slope }
}
