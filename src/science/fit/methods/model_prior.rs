//! A Gaussian prior around a model: the maximum a posteriori.

use num_complex::Complex64;

use super::wls::WeightedLeastSquares;
use crate::foundations::numerics::math::modulus;
use crate::science::fit::linear::system::Unusable;
use crate::science::fit::linear::weighted::root_weights;
use crate::science::fit::method::{Method, MethodInfo, MethodOption, Registered};
use crate::science::fit::outcome::{Outcome, Solution};
use crate::science::fit::problem::{Problem, VarianceScale};
use crate::science::fit::residual::chi_square;
use crate::science::fit::weighted_fit::{self, direct};

/// Minimises the weighted residual plus the weighted distance from the model.
#[derive(Debug)]
struct ModelPrior {
    relative_width: f64,
    floor: f64,
}

/// Its entry in the registry.
pub(crate) static MODEL_PRIOR: Registered = Registered {
    info: MethodInfo {
        name: "map",
        summary: "Gaussian prior around data.model (wls outside its band), or a simulation's model",
        minimises: "sum_j |D_j - sum_i E_i P_ij|^2 / E|noise_j|^2 + sum_i |E_i - M_i|^2 / s_i^2, \
                    s_i = relative_width max(|M_i|, floor max|M|)",
        error_bars: "of the posterior: right if the truth is drawn from the prior",
        reference: "Tarantola 2005, Inverse Problem Theory, sec. 3.2",
        weighted: true,
        couples_bins: false,
        options: &[
            MethodOption {
                name: "relative_width",
                meaning: "sqrt(E|E_i - M_i|^2) of the prior, over |M_i|",
                default: 0.1,
                least: 1e-8,
                most: 1e8,
            },
            MethodOption {
                name: "floor",
                meaning: "least |M_i| that sets a width, over the largest |M_i| of the bin",
                default: 0.01,
                least: 1e-8,
                most: 1.0,
            },
        ],
        cost: 13,
    },
    build: |options| {
        Box::new(ModelPrior {
            relative_width: options.get("relative_width"),
            floor: options.get("floor"),
        })
    },
};

impl Method for ModelPrior {
    fn fit(&self, problem: &Problem) -> Outcome {
        if is_beyond_the_model(problem) {
            // Outside the model's band nothing is known beforehand: a prior of infinite width.
            return WeightedLeastSquares.fit(problem);
        }
        match self.posterior(problem, direct) {
            Err(why) => Outcome::Failed(why),
            Ok(fit) => Outcome::Converged(Solution {
                rss: chi_square(problem, &fit.emissivity),
                emissivity: fit.emissivity,
                sigma: fit.unit_sigma,
                condition: fit.condition,
            }),
        }
    }

    fn covariance(&self, problem: &Problem) -> Option<Vec<f64>> {
        if is_beyond_the_model(problem) {
            return WeightedLeastSquares.covariance(problem);
        }
        let of_joined = |joined: &Problem| Ok(joined.weighted()?.factored.unit_covariance());
        self.posterior(problem, of_joined).ok()
    }
}

/// Whether the bin lies outside of the band of the model.
fn is_beyond_the_model(problem: &Problem) -> bool {
    problem.context.model.is_some_and(|m| m.iter().all(|e| *e == Complex64::ZERO))
}

impl ModelPrior {
    /// What a solver makes of the data and the prior together.
    fn posterior<T>(
        &self,
        problem: &Problem,
        solve: impl FnOnce(&Problem) -> Result<T, Unusable>,
    ) -> Result<T, String> {
        let model = model(problem)?;
        let factor = variance_factor(problem)?;
        let known: Vec<f64> = problem.variance.iter().map(|v| v * factor).collect();
        let measured = Problem { variance: &known, ..*problem };
        // Checked here, where a record still has its own number.
        root_weights(measured.variance).map_err(|why| why.to_string())?;
        let prior = (model, &self.widths(model)[..]);
        with_prior(&measured, prior, solve).map_err(|why| why.to_string())
    }

    /// Standard deviation of the prior of each emitter.
    fn widths(&self, model: &[Complex64]) -> Vec<f64> {
        let sizes: Vec<f64> = model.iter().map(|&m| modulus(m)).collect();
        let least = self.floor * sizes.iter().fold(0.0, |a: f64, &b| a.max(b));
        sizes.iter().map(|size| self.relative_width * size.max(least)).collect()
    }
}

fn model<'a>(problem: &Problem<'a>) -> Result<&'a [Complex64], String> {
    let model = problem.context.model.ok_or("there is no model to start from: set data.model")?;
    if model.len() != problem.design.len() {
        return Err(format!("the model has {} of {} emitters", model.len(), problem.design.len()));
    }
    if model.iter().any(|m| !m.is_finite()) {
        return Err("data.model is not finite at this bin".into());
    }
    Ok(model)
}

/// What turns the variances into those of the noise, from the residual of a fit without the prior.
fn variance_factor(problem: &Problem) -> Result<f64, String> {
    if problem.scale == VarianceScale::Absolute {
        return Ok(1.0);
    }
    let fit = direct(problem).map_err(|why| why.to_string())?;
    Ok(weighted_fit::variance_factor(problem, &fit))
}

/// Takes the prior for what it is: for each emitter one more record, which sees it alone, with a
/// Planck function of one. The constraint then applies to these records as to all others: that of
/// an eliminated emitter measures minus the sum of the rest.
fn with_prior<T>(
    problem: &Problem,
    (model, widths): (&[Complex64], &[f64]),
    solve: impl FnOnce(&Problem) -> Result<T, Unusable>,
) -> Result<T, Unusable> {
    let emitters = problem.design.len();
    let design: Vec<Vec<f64>> = (0..emitters)
        .map(|i| {
            let alone = (0..emitters).map(|k| if k == i { 1.0 } else { 0.0 });
            alone.chain(problem.design[i].iter().copied()).collect()
        })
        .collect();
    let columns: Vec<&[f64]> = design.iter().map(|column| &column[..]).collect();
    let data: Vec<Complex64> = model.iter().chain(problem.data).copied().collect();
    let squares = widths.iter().map(|s| s * s);
    let variance: Vec<f64> = squares.chain(problem.variance.iter().copied()).collect();
    let joined = Problem { design: &columns, data: &data, variance: &variance, ..*problem };
    solve(&joined)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::fit::Constraint;
    use crate::science::fit::tests::{Owned, gaussian, largest_error, solution};

    const METHOD: ModelPrior = ModelPrior { relative_width: 0.3, floor: 0.5 };

    /// A truth drawn from the prior; under the constraint, from the prior given that it holds.
    fn draw(
        model: &[Complex64],
        widths: &[f64],
        constraint: Constraint,
        seed: u64,
    ) -> Vec<Complex64> {
        let mut numbers = gaussian(seed);
        let mut offset: Vec<Complex64> = widths.iter().map(|s| numbers() * s).collect();
        if constraint == Constraint::Kirchhoff {
            let excess: Complex64 = offset.iter().sum();
            let total: f64 = widths.iter().map(|s| s * s).sum();
            offset.iter_mut().zip(widths).for_each(|(d, s)| *d -= excess * (s * s / total));
        }
        model.iter().zip(offset).map(|(m, d)| m + d).collect()
    }

    #[test]
    fn error_bars_are_honest_when_the_truth_is_drawn_from_the_prior() {
        let draws = 10_000;
        for constraint in [Constraint::None, Constraint::Kirchhoff] {
            let mut ratios = [0.0; 7];
            for seed in 0..draws {
                // 10,000 draws: one sigma of an rms is 0.5 %.
                // Noise that leaves about as much to the prior as to the data.
                let mut problem = Owned::new(3, 30, 0.0, 0.0);
                let model = problem.truth.clone();
                let truth = draw(&model, &METHOD.widths(&model), constraint, 2 * seed);
                problem.measure(&truth, 1.0, 2 * seed + 1);
                let found = solution(problem.with(constraint, |p| METHOD.fit(p)));
                for i in 0..7 {
                    let error = (found.emissivity[i] - truth[i]).norm_sqr();
                    ratios[i] += error / (found.sigma[i] * found.sigma[i]) / draws as f64;
                }
            }
            println!("{constraint}: {ratios:?}");
            assert!(ratios.iter().all(|r| (r.sqrt() - 1.0).abs() < 0.05), "{ratios:?}");
        }
    }

    #[test]
    fn its_solution_is_the_minimum() {
        let mut problem = Owned::new(3, 30, 0.0, 0.0);
        let model = problem.truth.clone();
        let widths = METHOD.widths(&model);
        problem.measure(&draw(&model, &widths, Constraint::None, 5), 1.0, 6);
        problem.with(Constraint::None, |p| {
            let found = solution(METHOD.fit(p)).emissivity;
            let objective = |e: &[Complex64]| {
                let off = |i: usize| (e[i] - model[i]).norm_sqr() / (widths[i] * widths[i]);
                chi_square(p, e) + (0..7).map(off).sum::<f64>()
            };
            for (emitter, step) in (0..14).map(|k| (k / 2, if k % 2 == 0 { 1e-4 } else { -1e-4 })) {
                let mut other = found.clone();
                other[emitter] += Complex64::new(step, -step);
                assert!(objective(&other) > objective(&found));
            }
        });
    }

    #[test]
    fn noise_free_data_outweigh_the_prior_and_no_model_is_a_reason() {
        let mut problem = Owned::new(3, 60, 0.0, 0.0);
        let truth = problem.truth.clone();
        problem.truth.iter_mut().for_each(|m| *m *= 1.2);
        for constraint in [Constraint::None, Constraint::Kirchhoff] {
            problem.with(constraint, |p| {
                let relative = Problem { scale: VarianceScale::Relative, ..*p };
                let error = largest_error(&solution(METHOD.fit(&relative)).emissivity, &truth);
                assert!(error < 1e-11, "{constraint}: {error}");
                let mut none = *p;
                none.context.model = None;
                let Outcome::Failed(why) = METHOD.fit(&none) else { panic!("no model was needed") };
                assert!(why.contains("data.model"), "{why}");
            });
        }
    }

    #[test]
    fn outside_the_band_of_the_model_nothing_is_known_beforehand() {
        let problem = Owned::new(5, 60, 1.0, 0.0);
        let nothing = [Complex64::ZERO; 7];
        problem.with(crate::science::fit::Constraint::Kirchhoff, |p| {
            let dark = Problem {
                context: crate::science::fit::Context { model: Some(&nothing), ..p.context },
                ..*p
            };
            assert_eq!(METHOD.fit(&dark), WeightedLeastSquares.fit(p));
        });
    }
}
