//! Emissivities that something outside of this program found, in the terms of its own methods.

use num_complex::Complex64;

use super::outcome::Solution;
use super::problem::Problem;
use super::residual::chi_square;
use super::weighted_fit::direct;

/// The solution that these emissivities (one per emitter) and error bars (likewise) make.
///
/// `rss` is weighted by the inverse of the noise variance, and `condition` is that of the weighted
/// design, NaN where it cannot be solved: so the values stand beside those of `wls`.
#[must_use]
pub fn external_solution(
    problem: &Problem,
    emissivity: Vec<Complex64>,
    sigma: Vec<f64>,
) -> Solution {
    Solution {
        rss: chi_square(problem, &emissivity),
        condition: direct(problem).map_or(f64::NAN, |fit| fit.condition),
        emissivity,
        sigma,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::fit::Constraint;
    use crate::science::fit::tests::{Owned, solution};

    #[test]
    fn the_values_of_wls_have_its_residual_and_condition() {
        let owned = Owned::new(1, 60, 1.0, 0.0);
        for constraint in [Constraint::None, Constraint::Kirchhoff] {
            let wls = solution(owned.fit("wls", constraint));
            let emissivity = wls.emissivity.clone();
            let sigma = wls.sigma.clone();
            let same = owned.with(constraint, |p| external_solution(p, emissivity, sigma));
            assert!((same.rss / wls.rss - 1.0).abs() < 1e-12, "{} {}", same.rss, wls.rss);
            assert_eq!(Solution { rss: wls.rss, ..same }, wls);
        }
    }

    #[test]
    fn a_design_that_cannot_be_solved_has_no_condition() {
        let mut owned = Owned::new(1, 60, 0.0, 0.0);
        owned.design[3] = owned.design[2].clone();
        let truth = owned.truth.clone();
        let found =
            owned.with(Constraint::None, |p| external_solution(p, truth, vec![f64::NAN; 7]));
        assert!(found.condition.is_nan() && found.rss > 0.0, "{found:?}");
    }
}
