//! The legacy form, which divides the model by the OTF, solved exactly.
//!
//! With `H` the emissivity of the first emitter, the external calibrator, `D/H - sum_i (E_i/H)
//! P_i = P_0` is linear in `u = 1/H` and `v_i = E_i/H`: a regression of the exact `P_0` on the
//! noisy `D`. Its normal equation for `v` is that of `wls` with H held fixed, so that
//! `E = E_wls + C_0 (H - H_wls) / C_00`, with C the covariance and C_0 its column of H. Along that
//! line the residual is `rss + |H - H_wls|^2 / C_00`, in units of the noise; the regression
//! minimises it over `|H|^2`, at `H = H_wls (1 + rss C_00 / |H_wls|^2)`. Hence
//!
//! `E = E_wls + C_0 rss / conj(H_wls)`
//!
//! which needs no complex design, and shows the bias: H grows by rss, which the noise makes.
//! The constraint `sum_i v_i = -1` is that of `wls`, divided by H: the same holds with its C.

use num_complex::Complex64;

use crate::science::fit::linear::least_squares::DirectFit;
use crate::science::fit::linear::system::Unusable;
use crate::science::fit::method::{Method, MethodInfo, Registered};
use crate::science::fit::outcome::{Outcome, Solution};
use crate::science::fit::problem::{Problem, VarianceScale};
use crate::science::fit::residual::chi_square;

/// Minimises the weighted residual of the form divided by the OTF.
#[derive(Debug)]
struct LegacyRegression;

/// Its entry in the registry.
pub(crate) static LEGACY_REGRESSION: Registered = Registered {
    info: MethodInfo {
        name: "legacy_regression",
        summary: "the legacy form divided by the OTF, H = E_0, solved exactly; biased: 1/H and \
                  E_i/H go to zero as noise grows, as the regressor D is noisy",
        minimises: "sum_j |D_j/H - sum_(i>0) (E_i/H) P_ij - P_0j|^2 / E|noise_j|^2 over 1/H, E_i/H",
        error_bars: "first-order propagation of the noise, from the given variances or the \
                     residual; the bias is not in them",
        reference: "Fixsen et al. 1994, ApJ 420, 457 (the form); Fuller 1987, Measurement Error \
                    Models, sec. 1.1 (the bias)",
        weighted: true,
        couples_bins: false,
        options: &[],
        cost: 13,
    },
    build: |_| Box::new(LegacyRegression),
};

impl Method for LegacyRegression {
    fn fit(&self, problem: &Problem) -> Outcome {
        match RegressionTerms::new(problem) {
            Err(why) => Outcome::Failed(why.to_string()),
            Ok(parts) if parts.wls.emissivity[0] == Complex64::ZERO => {
                Outcome::Failed("the OTF is zero: the legacy form divides by it".into())
            }
            Ok(parts) => {
                let emissivity = parts.emissivity();
                Outcome::Converged(Solution {
                    rss: chi_square(problem, &emissivity),
                    sigma: parts.sigma(problem.scale),
                    emissivity,
                    condition: parts.wls.condition,
                })
            }
        }
    }
}

/// What the solution is made of.
struct RegressionTerms {
    wls: DirectFit,
    /// Covariance of every emissivity with the first, for data of unit variance.
    covariance: Vec<f64>,
}

impl RegressionTerms {
    fn new(problem: &Problem) -> Result<Self, Unusable> {
        let weighted = problem.weighted()?;
        let factored = &weighted.factored;
        let mut first = vec![Complex64::ZERO; problem.design.len()];
        first[0] = Complex64::ONE;
        let covariance = factored.unit_covariance_times(&first).iter().map(|c| c.re).collect();
        Ok(Self { wls: factored.fit(), covariance })
    }

    fn emissivity(&self) -> Vec<Complex64> {
        let step = self.wls.rss / self.wls.emissivity[0].conj();
        self.wls.emissivity.iter().zip(&self.covariance).map(|(e, c)| e + step * c).collect()
    }

    /// `dE = dE_wls - C_0 rss conj(dH) / conj(H)^2 + C_0 d(rss) / conj(H)`: the three are
    /// uncorrelated for circular noise, and `E d(rss)^2` is the degrees of freedom.
    fn sigma(&self, scale: VarianceScale) -> Vec<f64> {
        let freedom = self.wls.degrees_of_freedom as f64;
        let noise = match scale {
            VarianceScale::Absolute => 1.0,
            VarianceScale::Relative => self.wls.rss / freedom,
        };
        let h2 = self.wls.emissivity[0].norm_sqr();
        let turned = self.wls.rss / h2;
        let variance = |(sigma, c): (&f64, &f64)| {
            let by_h = c * turned * c * turned * self.covariance[0];
            noise * (sigma * sigma + by_h + c * c * noise * freedom / h2)
        };
        self.wls.unit_sigma.iter().zip(&self.covariance).map(|x| variance(x).sqrt()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::fit::Constraint;
    use crate::science::fit::tests::{Owned, solution};

    /// The objective, as it is written, with `v` of all emitters but the first.
    fn objective(problem: &Problem, u: Complex64, v: &[Complex64]) -> f64 {
        let residual = |j: usize| {
            let others: Complex64 = v.iter().zip(&problem.design[1..]).map(|(v, p)| v * p[j]).sum();
            (problem.data[j] * u - others - problem.design[0][j]).norm_sqr() / problem.variance[j]
        };
        (0..problem.records()).map(residual).sum()
    }

    #[test]
    fn its_solution_is_the_minimum_of_the_form_as_written() {
        let problem = Owned::new(11, 60, 3.0, 0.0);
        for constraint in [Constraint::None, Constraint::Kirchhoff] {
            let found = solution(problem.fit("legacy_regression", constraint)).emissivity;
            problem.with(constraint, |p| {
                let u = found[0].inv();
                let v: Vec<_> = found[1..].iter().map(|e| e / found[0]).collect();
                let least = objective(p, u, &v);
                for step in [1e-4, -1e-4].map(|s| Complex64::new(s, 0.5 * s)) {
                    assert!(objective(p, u + step, &v) > least);
                    for i in 0..6 {
                        let mut other = v.clone();
                        other[i] += step;
                        if constraint == Constraint::Kirchhoff {
                            other[(i + 1) % 6] -= step; // Along the constraint.
                        }
                        assert!(objective(p, u, &other) > least, "{constraint} {i}");
                    }
                }
            });
        }
    }

    #[test]
    fn error_bars_agree_with_the_scatter_and_the_otf_is_biased_outwards() {
        let draws = 2000;
        let truth = Owned::new(1, 80, 0.0, 0.0).truth;
        let fits: Vec<Solution> = (0..draws)
            .map(|seed| {
                let mut problem = Owned::new(1, 80, 0.0, 0.0);
                problem.measure(&truth, 0.02, seed);
                solution(problem.fit("legacy_regression", Constraint::Kirchhoff))
            })
            .collect();
        for i in 0..7 {
            let mean = fits.iter().map(|f| f.emissivity[i]).sum::<Complex64>() / draws as f64;
            let scatter: f64 = fits.iter().map(|f| (f.emissivity[i] - mean).norm_sqr()).sum();
            let claimed: f64 = fits.iter().map(|f| f.sigma[i] * f.sigma[i]).sum();
            let ratio = (scatter / claimed).sqrt();
            println!("emitter {i}: {ratio}, bias {}", mean - truth[i]);
            assert!((ratio - 1.0).abs() < 0.05, "emitter {i}: {ratio}");
            assert!(i > 0 || mean.norm_sqr() > truth[0].norm_sqr());
        }
    }
}
