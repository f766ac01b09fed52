//! Truncated singular value decomposition: leaves out the directions that noise would fill.

use crate::science::fit::method::{Method, MethodInfo, MethodOption, Registered};
use crate::science::fit::outcome::Outcome;
use crate::science::fit::problem::Problem;
use crate::science::fit::spectral_filter::SingularBasis;

/// Minimises the weighted residual within the span of the strong singular vectors.
#[derive(Debug)]
struct TruncatedSvd {
    rule: Rule,
}

/// How many directions are kept.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// Those whose singular value is more than this fraction of the largest.
    Cutoff(f64),
    /// As many as predict the data best.
    CrossValidation,
}

/// Its entry in the registry.
pub(crate) static TSVD: Registered = Registered {
    info: MethodInfo {
        name: "tsvd",
        summary: "truncated singular value decomposition of the weighted, column-scaled design",
        minimises: "sum_j |D_j - sum_i E_i P_ij|^2 / E|noise_j|^2 over the span of the singular \
                    vectors that are kept",
        error_bars: "the noise part only: the bias from what is left out is not in them",
        reference: "Hansen 1987, BIT 27, 534",
        weighted: true,
        couples_bins: false,
        options: &[
            MethodOption {
                name: "cutoff",
                meaning: "smallest singular value kept, over the largest",
                default: 1e-3,
                least: 0.0,
                most: 1.0,
            },
            MethodOption {
                name: "gcv",
                meaning: "1: generalised cross-validation replaces the cutoff; 0: it does not",
                default: 0.0,
                least: 0.0,
                most: 1.0,
            },
        ],
        cost: 13,
    },
    build: |options| {
        let rule = if options.get("gcv") >= 0.5 {
            Rule::CrossValidation
        } else {
            Rule::Cutoff(options.get("cutoff"))
        };
        Box::new(TruncatedSvd { rule })
    },
};

impl Method for TruncatedSvd {
    fn fit(&self, problem: &Problem) -> Outcome {
        match SingularBasis::new(problem) {
            Err(why) => Outcome::Failed(why.to_string()),
            Ok(singular_basis) => {
                let removed = truncation(&singular_basis, self.kept(&singular_basis));
                Outcome::Converged(singular_basis.solution(problem, &removed))
            }
        }
    }

    fn covariance(&self, problem: &Problem) -> Option<Vec<f64>> {
        let singular_basis = SingularBasis::new(problem).ok()?;
        let removed = truncation(&singular_basis, self.kept(&singular_basis));
        Some(singular_basis.covariance(problem, &removed))
    }
}

impl TruncatedSvd {
    /// Directions to keep: at least one, and none that is rounding alone.
    fn kept(&self, singular_basis: &SingularBasis) -> usize {
        let above =
            |limit: f64| singular_basis.values().iter().filter(|&&s| s > limit).count().max(1);
        let rank = above(singular_basis.rounding());
        match self.rule {
            Rule::Cutoff(fraction) => above(fraction * singular_basis.values()[0]).min(rank),
            Rule::CrossValidation => best_count(singular_basis, rank),
        }
    }
}

/// The count, up to the rank, of least cross-validation.
fn best_count(singular_basis: &SingularBasis, rank: usize) -> usize {
    let score = |kept: usize| singular_basis.cross_validation(&truncation(singular_basis, kept));
    (1..=rank).min_by(|&a, &b| score(a).total_cmp(&score(b))).unwrap_or(rank)
}

/// Takes everything from the directions after the first `kept`, and nothing from those.
fn truncation(singular_basis: &SingularBasis, kept: usize) -> Vec<f64> {
    (0..singular_basis.values().len()).map(|k| if k < kept { 0.0 } else { 1.0 }).collect()
}

#[cfg(test)]
mod tests {
    use crate::science::fit::Constraint;
    use crate::science::fit::tests::{Owned, build_with, largest_error};

    fn error(problem: &Owned, options: &[(&str, f64)]) -> f64 {
        let method = build_with("tsvd", options);
        let outcome = problem.with(Constraint::None, |p| method.fit(p));
        largest_error(&outcome.solution().unwrap().emissivity, &problem.truth)
    }

    #[test]
    fn with_nothing_left_out_it_is_wls_and_with_much_it_is_not() {
        let problem = Owned::new(9, 80, 0.0, 0.0);
        assert!(error(&problem, &[("cutoff", 0.0)]) < 1e-11);
        assert!(error(&problem, &[("gcv", 1.0)]) < 1e-11);
        assert!(error(&problem, &[("cutoff", 0.5)]) > 1e-3);
    }

    #[test]
    fn it_survives_emitters_that_cannot_be_told_apart() {
        let mut problem = Owned::new(9, 80, 0.0, 0.0);
        problem.make_alike(2, 3, 0.0);
        let method = build_with("tsvd", &[]);
        let outcome = problem.with(Constraint::None, |p| method.fit(p));
        let found = outcome.solution().unwrap();
        // Their sum is all that can be known, and it is shared evenly: the shortest solution.
        let sum = problem.truth[2] + problem.truth[3];
        assert!((found.emissivity[2] + found.emissivity[3] - sum).norm_sqr().sqrt() < 1e-11);
        assert!((found.emissivity[2] - found.emissivity[3]).norm_sqr().sqrt() < 1e-11);
        assert!(found.rss < 1e-20 && found.sigma.iter().all(|s| s.is_finite()));
    }

    #[test]
    fn leaving_out_the_noisy_direction_errs_less() {
        let (mut cut, mut full) = (0.0, 0.0);
        for seed in 0..100 {
            let mut problem = Owned::new(seed, 60, 0.3, 0.0);
            problem.make_alike(2, 3, 1e-3);
            cut += error(&problem, &[("cutoff", 1e-3)]);
            full += error(&problem, &[("cutoff", 0.0)]);
        }
        println!("truncated {cut}, full {full}");
        assert!(cut < 0.5 * full, "truncated {cut}, full {full}");
    }
}
