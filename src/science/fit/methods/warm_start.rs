//! The search of `lbfgs`, each bin from where the one before it ended.

use num_complex::Complex64;

use super::lbfgs::{Lbfgs, OPTIONS};
use crate::science::fit::method::{Method, MethodInfo, Registered};
use crate::science::fit::outcome::Outcome;
use crate::science::fit::problem::Problem;

/// Minimises the objective of `wls` bin by bin, as the legacy scripts do.
#[derive(Debug)]
struct WarmStart {
    search: Lbfgs,
}

/// Its entry in the registry.
pub(crate) static WARM_START: Registered = Registered {
    info: MethodInfo {
        name: "warm_start",
        summary: "L-BFGS search bin by bin, each from the emissivities of the last one that \
                  converged, the first from zero; for comparison with lbfgs",
        minimises: "sum_j |D_j - sum_i E_i P_ij|^2 / E|noise_j|^2",
        error_bars: "as wls, from the curvature at the minimum",
        reference: "Liu & Nocedal 1989, Math. Programming 45, 503",
        weighted: true,
        couples_bins: true,
        options: OPTIONS,
        cost: 33,
    },
    build: |options| Box::new(WarmStart { search: Lbfgs::new(options) }),
};

impl Method for WarmStart {
    fn fit(&self, problem: &Problem) -> Outcome {
        self.search.fit(problem)
    }

    fn fit_coupled(&self, bins: &[Problem]) -> Vec<Outcome> {
        let mut start: Option<Vec<Complex64>> = None;
        let next = |bin: &Problem| {
            let outcome = self.search.fit_from(bin, start.as_deref());
            // A point on the way somewhere, or none at all, is nothing to start from.
            if let Outcome::Converged(solution) = &outcome {
                start = Some(solution.emissivity.clone());
            }
            outcome
        };
        bins.iter().map(next).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::fit::tests::{Owned, build_with, coupled, largest_error, solution};
    use crate::science::fit::{Constraint, OptionValues, Status};

    #[test]
    fn every_bin_ends_at_the_solution_of_wls() {
        // The columns of each bin are fainter than those of the one before, as at high frequency.
        let bins: Vec<Owned> =
            (0..6).map(|seed| Owned::new(seed, 60, 0.3, 0.1 * seed as f64)).collect();
        let fitted = |name: &str, constraint| {
            let method = build_with(name, &[]);
            coupled(&bins, constraint, |bins| method.fit_coupled(bins))
        };
        for constraint in [Constraint::None, Constraint::Kirchhoff] {
            for (found, wls) in
                fitted("warm_start", constraint).into_iter().zip(fitted("wls", constraint))
            {
                let (found, wls) = (solution(found), solution(wls));
                let largest = largest_error(&wls.emissivity, &[Complex64::ZERO; 7]);
                assert!(largest_error(&found.emissivity, &wls.emissivity) < 1e-8 * largest);
                assert_eq!((found.sigma, found.condition), (wls.sigma, wls.condition));
            }
        }
    }

    #[test]
    fn a_bin_starts_where_the_last_one_that_converged_ended() {
        let mut bins = vec![Owned::new(1, 60, 0.0, 0.0); 3];
        bins[1].variance[5] = 0.0;
        let mut one_iteration = OptionValues::defaults(&WARM_START.info);
        one_iteration.set(&WARM_START.info, "max_iterations", 1.0).unwrap();
        for constraint in [Constraint::None, Constraint::Kirchhoff] {
            let method = build_with("warm_start", &[]);
            let outcomes = coupled(&bins, constraint, |bins| method.fit_coupled(bins));
            assert!(outcomes[1].reason().unwrap().contains("record 5"));
            let ends = [0, 2].map(|bin| outcomes[bin].solution().unwrap().emissivity.clone());
            assert!(largest_error(&ends[0], &ends[1]) < 1e-11);
            bins[2].with(constraint, |p| {
                assert_eq!(method.fit(p), build_with("lbfgs", &[]).fit(p), "one bin is from zero");
                let hurried = Lbfgs::new(&one_iteration);
                assert_eq!(hurried.fit_from(p, None).status(), Status::NotConverged);
                assert_eq!(hurried.fit_from(p, Some(&ends[0])).status(), Status::Converged);
            });
        }
    }
}
