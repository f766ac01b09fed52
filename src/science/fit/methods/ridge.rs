//! Ridge regression: trades a little bias for less noise.

use crate::foundations::numerics::math::pow;
use crate::science::fit::method::{Method, MethodInfo, Registered};
use crate::science::fit::outcome::Outcome;
use crate::science::fit::problem::Problem;
use crate::science::fit::spectral_filter::SingularBasis;

/// Decimal logarithms of the parameters tried, relative to the largest singular value squared:
/// from no shrinkage in double precision to next to nothing left.
const GRID: (f64, f64) = (-24.0, 2.0);
/// Two to the decade: the minimum is broad.
const STEPS: u32 = 52;
/// Each narrows the bracket to 0.618 of itself: one decade to 1e-8 of it.
const REFINEMENTS: usize = 40;
/// The golden section, (sqrt(5) - 1) / 2.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// Minimises the weighted residual plus a penalty on the scaled unknowns.
#[derive(Debug)]
struct Ridge;

/// Its entry in the registry.
pub(crate) static RIDGE: Registered = Registered {
    info: MethodInfo {
        name: "ridge",
        summary: "ridge regression, its parameter from generalised cross-validation",
        minimises: "sum_j |D_j - sum_i E_i P_ij|^2 / E|noise_j|^2 + lambda sum_i |E_i|^2 c_i^2, \
                    c_i^2 = sum_j P_ij^2 / E|noise_j|^2; under a constraint over the free \
                    emitters, P less the eliminated one's; lambda minimises N rss / (N - trace)^2",
        error_bars: "the noise part only: the bias from shrinking is not in them",
        reference: "Golub, Heath & Wahba 1979, Technometrics 21, 215",
        weighted: true,
        couples_bins: false,
        options: &[],
        cost: 15,
    },
    build: |_| Box::new(Ridge),
};

impl Method for Ridge {
    fn fit(&self, problem: &Problem) -> Outcome {
        match SingularBasis::new(problem) {
            Err(why) => Outcome::Failed(why.to_string()),
            Ok(singular_basis) => {
                let removed = removed(&singular_basis, best_parameter(&singular_basis));
                Outcome::Converged(singular_basis.solution(problem, &removed))
            }
        }
    }

    fn covariance(&self, problem: &Problem) -> Option<Vec<f64>> {
        let singular_basis = SingularBasis::new(problem).ok()?;
        let removed = removed(&singular_basis, best_parameter(&singular_basis));
        Some(singular_basis.covariance(problem, &removed))
    }
}

/// What a parameter takes from each direction: `lambda / (s^2 + lambda)`.
///
/// `parameter` is the decimal logarithm of lambda over the largest singular value squared.
fn removed(singular_basis: &SingularBasis, parameter: f64) -> Vec<f64> {
    let values = singular_basis.values();
    let lambda = pow(10.0, parameter) * values[0] * values[0];
    values.iter().map(|s| lambda / (s * s + lambda)).collect()
}

/// The parameter of least cross-validation: the best of a grid, so that no local minimum holds
/// it, refined between its neighbours.
fn best_parameter(singular_basis: &SingularBasis) -> f64 {
    let (first, last) = GRID;
    let step = (last - first) / f64::from(STEPS);
    let score =
        |parameter: f64| singular_basis.cross_validation(&removed(singular_basis, parameter));
    let best = (0..=STEPS)
        .map(|k| first + step * f64::from(k))
        .min_by(|&a, &b| score(a).total_cmp(&score(b)))
        .unwrap_or(first);
    golden_section(score, (best - step).max(first), (best + step).min(last))
}

/// The minimum of a function with one minimum between `a` and `b`.
fn golden_section(f: impl Fn(f64) -> f64, mut a: f64, mut b: f64) -> f64 {
    let (mut left, mut right) = (b - GOLDEN * (b - a), a + GOLDEN * (b - a));
    let (mut f_left, mut f_right) = (f(left), f(right));
    for _ in 0..REFINEMENTS {
        // Where both are equal, to the left: to less shrinkage.
        if f_left <= f_right {
            (b, right, f_right) = (right, left, f_left);
            left = b - GOLDEN * (b - a);
            f_left = f(left);
        } else {
            (a, left, f_left) = (left, right, f_right);
            right = a + GOLDEN * (b - a);
            f_right = f(right);
        }
    }
    0.5 * (a + b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::fit::Constraint;
    use crate::science::fit::tests::Owned;

    #[test]
    fn the_golden_section_finds_a_minimum() {
        let found = golden_section(|x| (x - 0.3) * (x - 0.3), -1.0, 1.0);
        assert!((found - 0.3).abs() < 1e-7, "{found}");
    }

    #[test]
    fn noise_free_data_are_not_shrunk_and_noise_is() {
        let parameter = |noise| {
            Owned::new(4, 80, noise, 0.0).with(Constraint::None, |problem| {
                best_parameter(&SingularBasis::new(problem).unwrap())
            })
        };
        assert!(parameter(0.0) < -15.0, "{}", parameter(0.0));
        assert!(parameter(10.0) > -6.0, "{}", parameter(10.0));
    }

    #[test]
    fn the_parameter_is_a_minimum_of_cross_validation() {
        Owned::new(5, 80, 3.0, 0.0).with(Constraint::Kirchhoff, |problem| {
            let singular_basis = SingularBasis::new(problem).unwrap();
            let best = best_parameter(&singular_basis);
            let score = |p: f64| singular_basis.cross_validation(&removed(&singular_basis, p));
            for step in [-1.0, -0.1, -1e-3, 1e-3, 0.1, 1.0] {
                assert!(score(best) <= score(best + step) * (1.0 + 1e-14), "{step}");
            }
        });
    }

    #[test]
    fn it_errs_less_than_wls_where_two_emitters_look_alike() {
        let error = |name: &str| -> f64 {
            let one = |seed| {
                let mut problem = Owned::new(seed, 60, 0.3, 0.0);
                problem.make_alike(2, 3, 1e-3);
                let fitted = problem.fit(name, Constraint::None);
                let found = &fitted.solution().unwrap().emissivity;
                found.iter().zip(&problem.truth).map(|(a, b)| (a - b).norm_sqr()).sum::<f64>()
            };
            (0..100).map(one).sum::<f64>().sqrt()
        };
        let (ridge, wls) = (error("ridge"), error("wls"));
        println!("ridge {ridge}, wls {wls}");
        assert!(ridge < 0.5 * wls, "ridge {ridge}, wls {wls}");
    }
}
