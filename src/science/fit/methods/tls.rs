//! Total least squares: the temperatures, and so the Planck functions, have errors too.

use num_complex::Complex64;

use crate::foundations::numerics::{ScratchVec, fused, with_widest_simd};
use crate::science::fit::linear::least_squares::Factorization;
use crate::science::fit::linear::system::Unusable;
use crate::science::fit::linear::vector::{axpy, dot};
use crate::science::fit::linear::weighted::root_weights;
use crate::science::fit::method::{Method, MethodInfo, MethodOption, Registered};
use crate::science::fit::outcome::{Outcome, Solution};
use crate::science::fit::problem::{Problem, VarianceScale};
use crate::science::fit::residual::{residuals, weighted_sum};
use crate::science::fit::weighted_fit::direct;
use crate::science::instrument::planck::fill_planck_slopes;

/// Times a step is halved before the objective counts as flat.
const HALVINGS: usize = 20;
/// A step this small, over the length of the solution, that no longer helps, is rounding.
const ROUNDING: f64 = 1e-7;
/// Part of the objective that rounding hides, with its many terms: a step that promises less than
/// this and does not help is rounding too. It is some 1e-5 of the error bars.
const HIDDEN: f64 = 1e3 * f64::EPSILON;

/// Minimises the residual weighted by the effective variance.
#[derive(Debug)]
struct TotalLeastSquares {
    /// Standard errors of the temperatures, K, in the order of the emitters; the last is also for any
    /// after it.
    sigma_k: Vec<f64>,
    max_iterations: u64,
    tolerance: f64,
}

/// The option that sets the error of an emitter's temperatures.
const SIGMA_OPTION: MethodOption = MethodOption {
    name: "EMITTER_k",
    meaning: "standard error of each temperature of this emitter, K",
    default: 1e-3,
    least: 0.0,
    most: 1.0,
};

/// Its entry in the registry.
pub(crate) static TLS: Registered = Registered {
    info: MethodInfo {
        name: "tls",
        summary: "total least squares by the effective variance: temperatures have errors too",
        minimises: "sum_j |D_j - sum_i E_i P_ij|^2 / (E|noise_j|^2 + sum_i |E_i|^2 (dP_ij/dT \
                    EMITTER_k)^2): a stationary point, reached downhill from wls",
        error_bars: "to first order in the errors of the temperatures, from the effective \
                     variances; from the residual where only ratios of noise are known; errors \
                     of temperatures lie along a line, so that where they are all there is \
                     circles of 68 % and 95 % hold 71 % and 92 %",
        reference: "York 1966, Can. J. Phys. 44, 1079; Orear 1982, Am. J. Phys. 50, 912",
        weighted: true,
        couples_bins: false,
        options: &[
            SIGMA_OPTION,
            MethodOption {
                name: "max_iterations",
                meaning: "iterations after which it gives up",
                default: 200.0,
                least: 1.0,
                most: 1e6,
            },
            MethodOption {
                name: "tolerance",
                meaning: "length of the last step over that of the solution, each emitter by its \
                          standard error",
                default: 1e-11,
                least: 1e-14,
                most: 1e-3,
            },
        ],
        cost: 150,
    },
    build: |options| {
        Box::new(TotalLeastSquares {
            sigma_k: options.of_each_emitter(SIGMA_OPTION.name),
            max_iterations: options.get("max_iterations") as u64,
            tolerance: options.get("tolerance"),
        })
    },
};

impl Method for TotalLeastSquares {
    fn fit(&self, problem: &Problem) -> Outcome {
        let temperatures = problem.context.temperatures;
        let complete = temperatures.len() == problem.design.len()
            && temperatures.iter().all(|t| t.len() == problem.records());
        if !complete {
            return Outcome::Failed("tls needs the temperature of every emitter and record".into());
        }
        let errors = TemperatureErrors::new(problem, &self.sigma_k);
        match self.descend(&errors) {
            Err(why) => Outcome::Failed(why.to_string()),
            Ok((solution, None)) => Outcome::Converged(solution),
            Ok((solution, Some(why))) => Outcome::NotConverged(solution, why),
        }
    }
}

impl TotalLeastSquares {
    /// From the fit with exact temperatures, steps downhill until they no longer matter.
    ///
    /// Each step is the slope times the covariance of a fit with the present effective variances:
    /// always downhill, and close to Newton's where the errors of the temperatures are small.
    fn descend(&self, errors: &TemperatureErrors) -> Result<(Solution, Option<String>), Unusable> {
        let mut at = direct(errors.problem)?.emissivity;
        let mut end = Some(format!("stopped after {} iterations", self.max_iterations));
        for _ in 0..self.max_iterations {
            let step = errors.step(&at)?;
            let length = step.relative_length(&at);
            let (next, lower) = errors.walk(&at, &step.emissivity);
            if lower {
                at = next;
            }
            if length <= self.tolerance || (!lower && errors.hides(&step, &at, length)) {
                end = None;
                break;
            }
            if !lower {
                end = Some(
                    "no step, however short, lowers the objective: rounding hides the minimum"
                        .into(),
                );
                break;
            }
            if let Some(why) = errors.problem.context.deadline.passed() {
                end = Some(why);
                break;
            }
        }
        Ok((errors.solution(at)?, end))
    }
}

/// A problem with the errors of its Planck functions.
struct TemperatureErrors<'a> {
    problem: &'a Problem<'a>,
    /// Variance of each Planck function, (MJy/sr)^2, [emitter][record].
    planck_variance: Vec<ScratchVec>,
}

/// A change of the emissivities, and their standard errors, which say how long it is.
struct Step {
    emissivity: Vec<Complex64>,
    sigma: Vec<f64>,
}

impl Step {
    /// Emitters are compared by their standard errors: their own sizes may be close to zero.
    fn relative_length(&self, at: &[Complex64]) -> f64 {
        let length = self.square(at);
        if length > 0.0 { (self.square(&self.emissivity) / length).sqrt() } else { 0.0 }
    }

    /// In squared standard errors.
    fn square(&self, e: &[Complex64]) -> f64 {
        e.iter().zip(&self.sigma).map(|(e, sigma)| e.norm_sqr() / (sigma * sigma)).sum()
    }
}

/// The variance of the Planck function at some temperatures, each with a standard error in K.
fn variance(frequency_hz: f64, temperatures: &[f64], sigma_k: f64) -> ScratchVec {
    let mut variance = ScratchVec::with_len(temperatures.len());
    fill_planck_slopes(frequency_hz, temperatures, &mut variance);
    variance.iter_mut().for_each(|slope| *slope *= sigma_k * (sigma_k * *slope));
    variance
}

impl<'a> TemperatureErrors<'a> {
    fn new(problem: &'a Problem<'a>, sigma_k: &[f64]) -> Self {
        let hz = problem.context.frequency_hz;
        let sigma_of = |emitter| sigma_k.get(emitter).or(sigma_k.last()).copied().unwrap_or(0.0);
        let columns = problem.context.temperatures.iter().enumerate();
        let variance = columns.map(|(i, temperatures)| variance(hz, temperatures, sigma_of(i)));
        Self { problem, planck_variance: variance.collect() }
    }

    /// Whether rounding hides what a step that does not go down would gain.
    fn hides(&self, step: &Step, at: &[Complex64], length: f64) -> bool {
        length <= ROUNDING || step.square(&step.emissivity) <= HIDDEN * self.objective(at)
    }

    /// `E|noise_j|^2 + sum_i |E_i|^2 (dP_ij/dT sigma_T)^2`.
    fn effective_variance(&self, at: &[Complex64]) -> ScratchVec {
        let mut variance = ScratchVec::with_len(self.problem.variance.len());
        variance.copy_from_slice(self.problem.variance);
        with_widest_simd(
            #[inline(always)]
            || {
                for (e, column) in at.iter().zip(&self.planck_variance) {
                    axpy(&mut variance, e.norm_sqr(), column);
                }
            },
        );
        variance
    }

    fn objective(&self, at: &[Complex64]) -> f64 {
        weighted_sum(&residuals(self.problem, at), &self.effective_variance(at))
    }

    /// The covariance times the slope downhill: the refit of the residual, plus the term that
    /// York's equations have and reweighting alone forgets, `E_i sum_j q_ij |r_j|^2 / v_j^2`.
    fn step(&self, at: &[Complex64]) -> Result<Step, Unusable> {
        let rest = residuals(self.problem, at);
        let variance = self.effective_variance(at);
        let factored = self.factored(&rest, &variance)?;
        let mut pulls = ScratchVec::with_len(rest.len());
        let mut slope = Vec::with_capacity(at.len());
        with_widest_simd(
            #[inline(always)]
            || {
                for ((pull, rest), variance) in pulls.iter_mut().zip(&rest).zip(&variance[..]) {
                    *pull = fused(rest.re, rest.re, rest.im * rest.im) / (variance * variance);
                }
                for (e, column) in at.iter().zip(&self.planck_variance) {
                    slope.push(e * dot(column, &pulls));
                }
            },
        );
        let refit = factored.fit();
        let pulled = factored.unit_covariance_times(&slope);
        Ok(Step {
            emissivity: refit.emissivity.iter().zip(pulled).map(|(a, b)| a + b).collect(),
            sigma: refit.unit_sigma,
        })
    }

    fn factored(&self, data: &[Complex64], variance: &[f64]) -> Result<Factorization, Unusable> {
        let problem = Problem { data, variance, ..*self.problem };
        Factorization::of(&problem.equations(), Some(&root_weights(variance)?))
    }

    /// Halves the step until it goes down; false if it never does.
    fn walk(&self, at: &[Complex64], step: &[Complex64]) -> (Vec<Complex64>, bool) {
        let start = self.objective(at);
        let mut factor = 1.0;
        for _ in 0..HALVINGS {
            let next: Vec<_> = at.iter().zip(step).map(|(e, d)| e + d * factor).collect();
            if self.objective(&next) < start {
                return (next, true);
            }
            factor *= 0.5;
        }
        (at.to_vec(), false)
    }

    fn solution(&self, at: Vec<Complex64>) -> Result<Solution, Unusable> {
        let fit = self.factored(self.problem.data, &self.effective_variance(&at))?.fit();
        let rss = self.objective(&at);
        let noise = match self.problem.scale {
            VarianceScale::Absolute => 1.0,
            VarianceScale::Relative => (rss / fit.degrees_of_freedom as f64).sqrt(),
        };
        let sigma = fit.unit_sigma.iter().map(|sigma| sigma * noise).collect();
        Ok(Solution { emissivity: at, sigma, rss, condition: fit.condition })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::fit::Constraint;
    use crate::science::fit::tests::{Owned, build_with, gaussian, largest_error, solution};

    /// Every temperature with the same error.
    fn all(sigma_k: f64) -> Vec<(&'static str, f64)> {
        ["e0_k", "e1_k", "e2_k", "e3_k", "e4_k", "e5_k", "e6_k"].map(|name| (name, sigma_k)).into()
    }

    /// An emitter whose temperature is not known is no reason to trust the others less.
    #[test]
    fn each_emitter_has_an_error_of_its_own() {
        let problem = disturbed(3, 0.0);
        let fit = |options: &[(&'static str, f64)]| {
            let method = build_with("tls", options);
            solution(problem.with(crate::science::fit::Constraint::None, |p| method.fit(p)))
        };
        let exact = fit(&all(0.0));
        let mut options = all(0.0);
        options[3].1 = 0.5;
        let found = fit(&options);
        assert!(found.sigma[3] > 1.5 * exact.sigma[3], "{found:?} {exact:?}");
    }

    /// Data of true temperatures, a design of measured ones.
    fn disturbed(seed: u64, sigma_k: f64) -> Owned {
        let mut problem = Owned::new(21, 300, 0.0, 0.0);
        // Planck functions large enough that errors of mK are small beside them.
        problem.design.iter_mut().flatten().for_each(|planck| *planck *= 1e3);
        let truth = problem.truth.clone();
        problem.measure(&truth, 3.0, seed);
        let mut numbers = gaussian(seed + 1_000_000);
        for (column, temperatures) in problem.design.iter_mut().zip(&problem.temperatures) {
            let mut slopes = vec![0.0; temperatures.len()];
            fill_planck_slopes(3e11, temperatures, &mut slopes);
            for (planck, slope) in column.iter_mut().zip(slopes) {
                // The real part of a circular number of unit power has a variance of one half.
                let normal = numbers().re * 2f64.sqrt();
                *planck += slope * sigma_k * normal;
            }
        }
        problem
    }

    #[test]
    fn the_slope_of_the_objective_is_zero_at_the_solution() {
        for constraint in [Constraint::None, Constraint::Kirchhoff] {
            let problem = disturbed(5, 0.05);
            let method = build_with("tls", &all(0.05));
            problem.with(constraint, |p| {
                let found = solution(method.fit(p));
                let errors = TemperatureErrors::new(p, &[0.05; 8]);
                assert!((found.rss / errors.objective(&found.emissivity) - 1.0).abs() < 1e-14);
                for i in 0..7 {
                    for direction in [Complex64::ONE, Complex64::I] {
                        let h = 1e-3 * found.sigma[i];
                        let along = |h: f64| {
                            let mut e = found.emissivity.clone();
                            e[i] += direction * h;
                            if constraint == Constraint::Kirchhoff {
                                e[(i + 1) % 7] -= direction * h;
                            }
                            errors.objective(&e)
                        };
                        // In units where a step of sigma changes the objective by about one.
                        let slope = (along(h) - along(-h)) / 2e-3;
                        assert!(slope.abs() < 1e-6, "{constraint} {i}: {slope}");
                        assert!(along(100.0 * h) > found.rss && along(-100.0 * h) > found.rss);
                    }
                }
            });
        }
    }

    #[test]
    fn it_takes_away_the_bias_that_wls_has() {
        let (mut tls, mut wls) = ([Complex64::ZERO; 7], [Complex64::ZERO; 7]);
        let (mut scatter, mut claimed) = ([0.0; 7], [0.0; 7]);
        let method = build_with("tls", &all(0.1));
        let draws = 200;
        for seed in 0..draws {
            let problem = disturbed(seed, 0.1);
            let found = solution(problem.with(Constraint::None, |p| method.fit(p)));
            let plain = solution(problem.fit("wls", Constraint::None));
            for i in 0..7 {
                let error = found.emissivity[i] - problem.truth[i];
                tls[i] += error / draws as f64;
                wls[i] += (plain.emissivity[i] - problem.truth[i]) / draws as f64;
                scatter[i] += error.norm_sqr();
                claimed[i] += found.sigma[i] * found.sigma[i];
            }
        }
        let zero = [Complex64::ZERO; 7];
        let (tls, wls) = (largest_error(&tls, &zero), largest_error(&wls, &zero));
        let ratios: Vec<f64> = (0..7).map(|i| (scatter[i] / claimed[i]).sqrt()).collect();
        println!("mean error: tls {tls}, wls {wls}; scatter over sigma {ratios:?}");
        assert!(tls < 0.3 * wls, "tls {tls}, wls {wls}");
        assert!(ratios.iter().all(|r| (0.8..1.25).contains(r)), "{ratios:?}");
    }

    #[test]
    fn exact_temperatures_give_wls_and_missing_ones_a_reason() {
        let mut problem = Owned::new(2, 60, 1.0, 0.0);
        let method = build_with("tls", &all(0.0));
        let found = solution(problem.with(Constraint::None, |p| method.fit(p)));
        let wls = solution(problem.fit("wls", Constraint::None));
        assert!(largest_error(&found.emissivity, &wls.emissivity) < 1e-12);
        assert!(found.sigma.iter().zip(&wls.sigma).all(|(a, b)| (a / b - 1.0).abs() < 1e-12));
        problem.temperatures.pop();
        let outcome = problem.fit("tls", Constraint::None);
        assert!(outcome.reason().unwrap().contains("temperature of every emitter"));
    }
}
