//! The derivative-free search of legacy scripts: the simplex of Nelder and Mead.
//!
//! It searches in an orthonormal basis, `y = R x` with R the triangle of the weighted, scaled
//! design, where the objective is `|y - Q^T b|^2` plus a constant: round. In the emissivities
//! themselves the objective is a valley as long as the condition number; the simplex collapses
//! across the valley long before it has walked along it, and ends anywhere. The constant is left
//! out: near the minimum it would hide the differences that the search lives by.

use std::cell::Cell;
use std::convert::Infallible;

use num_complex::Complex64;

use crate::foundations::numerics::math::modulus;
use crate::science::fit::deadline::Deadline;
use crate::science::fit::linear::least_squares::Factorization;
use crate::science::fit::linear::vector::short_norm;
use crate::science::fit::method::{Method, MethodInfo, MethodOption, Registered};
use crate::science::fit::outcome::Outcome;
use crate::science::fit::problem::Problem;
use crate::science::fit::search::simplex::Simplex;
use crate::science::fit::weighted_fit::searched;

/// Edge of the simplex of a restart over that of the one before.
const SHRINK: f64 = 1e-3;

/// Minimises the objective of `wls` by comparing its values, from zero.
#[derive(Debug)]
struct SimplexSearch {
    max_evaluations: u64,
    tolerance: f64,
}

/// Its entry in the registry.
pub(crate) static NELDER_MEAD: Registered = Registered {
    info: MethodInfo {
        name: "nelder_mead",
        summary: "derivative-free simplex search from zero, for comparison with wls; in an \
                  orthonormal basis: in the emissivities the simplex collapses before the minimum",
        minimises: "sum_j |D_j - sum_i E_i P_ij|^2 / E|noise_j|^2",
        error_bars: "as wls, from the curvature at the minimum",
        reference: "Nelder & Mead 1965, Computer J. 7, 308",
        weighted: true,
        couples_bins: false,
        options: &[
            MethodOption {
                name: "max_evaluations",
                meaning: "values of the objective, of real and imaginary part together, after \
                          which it gives up",
                default: 50_000.0,
                least: 100.0,
                most: 1e9,
            },
            MethodOption {
                name: "tolerance",
                meaning: "by how much a restart may move any emissivity, over the largest, at \
                          convergence",
                default: 1e-8,
                least: 1e-15,
                most: 1.0,
            },
        ],
        cost: 100,
    },
    build: |options| {
        Box::new(SimplexSearch {
            max_evaluations: options.get("max_evaluations") as u64,
            tolerance: options.get("tolerance"),
        })
    },
};

impl Method for SimplexSearch {
    fn fit(&self, problem: &Problem) -> Outcome {
        let budget = Budget {
            evaluations: Cell::new(0),
            most: self.max_evaluations,
            deadline: problem.context.deadline,
        };
        searched(problem, |factored| Ok::<_, Infallible>(self.search(factored, &budget)))
    }
}

/// The point of one search: real and imaginary part, in units of the length of the data.
type SplitPoint = [Vec<f64>; 2];

impl SimplexSearch {
    /// Restarts the search from the best point, with a smaller simplex, until that no longer
    /// helps; the emissivities, and why it stopped short of the minimum if it did.
    ///
    /// The design is real, so that the objective is a sum of one of the real parts and one of the
    /// imaginary parts: two searches in half the dimensions.
    fn search(
        &self,
        factored: &Factorization,
        budget: &Budget,
    ) -> (Vec<Complex64>, Option<String>) {
        let (target, unit) = unit_length(factored.qt_b());
        let emissivities = |at: &SplitPoint| {
            let [re, im] =
                at.each_ref().map(|part| part.iter().map(|y| y * unit).collect::<Vec<_>>());
            factored.emissivities(&re, &im)
        };
        let mut at = target.each_ref().map(|part| vec![0.0; part.len()]);
        let mut found = emissivities(&at);
        let mut edge = 1.0;
        loop {
            let before = (at.clone(), found);
            for (at, target) in at.iter_mut().zip(&target) {
                // The first values of a run are no more than those of an iteration.
                if budget.used_up(target.len()).is_none() {
                    descend(target, at, edge, budget);
                }
            }
            found = emissivities(&at);
            if let Some(why) = budget.used_up(target[0].len()) {
                return (found, Some(why));
            }
            // The point too: an emissivity that nothing determines is large and hides the others.
            let still = distance(&before.0, &at) <= self.tolerance
                && change(&before.1, &found) <= self.tolerance * change(&found, &[]);
            // A simplex as small as the rounding of its corners cannot move any more.
            if still || edge < f64::EPSILON {
                return (found, None);
            }
            edge *= SHRINK;
        }
    }
}

/// The data that the columns explain, divided by their length, and that length.
fn unit_length((re, im): (&[f64], &[f64])) -> (SplitPoint, f64) {
    let length = short_norm(&[short_norm(re), short_norm(im)]);
    let unit = if length > 0.0 { length } else { 1.0 };
    ([re, im].map(|part| part.iter().map(|value| value / unit).collect()), unit)
}

fn distance(a: &SplitPoint, b: &SplitPoint) -> f64 {
    let part = |(a, b): (&Vec<f64>, &Vec<f64>)| -> f64 {
        short_norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>())
    };
    short_norm(&a.iter().zip(b).map(part).collect::<Vec<_>>())
}

/// The largest change of an emissivity; where there is none before, from zero.
fn change(after: &[Complex64], before: &[Complex64]) -> f64 {
    let before = before.iter().copied().chain(std::iter::repeat(Complex64::ZERO));
    after.iter().zip(before).fold(0.0, |most: f64, (a, b)| most.max(modulus(a - b)))
}

/// One run of the simplex from `at` and corners an `edge` away along each axis, until its values
/// of the objective differ by no more than those of a simplex of the next edge would.
///
/// It walks in steps away from `at`: the last digits of the point itself, far from zero, would be
/// too coarse for a small simplex, whose corners would then jump from one to the next for ever.
fn descend(target: &[f64], at: &mut [f64], edge: f64, budget: &Budget) {
    let rest: Vec<f64> = target.iter().zip(&*at).map(|(target, at)| target - at).collect();
    // The squared length of what a step leaves of the rest.
    let mut objective = |step: &[f64]| {
        budget.evaluations.set(budget.evaluations.get() + 1);
        rest.iter().zip(step).map(|(rest, step)| (rest - step) * (rest - step)).sum::<f64>()
    };
    let tolerance = (SHRINK * edge) * (SHRINK * edge);
    let mut simplex = Simplex::at_origin(rest.len(), edge, &mut objective);
    while simplex.spread() >= tolerance && budget.used_up(rest.len()).is_none() {
        simplex.step(&mut objective);
    }
    at.iter_mut().zip(simplex.best()).for_each(|(at, step)| *at += step);
}

/// What a search may use, and what it has used.
struct Budget {
    evaluations: Cell<u64>,
    most: u64,
    deadline: Deadline,
}

impl Budget {
    /// Why the search must stop, if there is not enough left for one more iteration in so many
    /// dimensions: two trials, and a new value at every corner but the best.
    fn used_up(&self, dimensions: usize) -> Option<String> {
        if self.evaluations.get() + dimensions as u64 + 2 > self.most {
            return Some(format!("stopped after {} evaluations", self.most));
        }
        self.deadline.passed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::fit::Constraint;
    use crate::science::fit::tests::{Owned, build_with, largest_error, solution};

    #[test]
    fn it_finds_the_truth_whatever_the_conditioning() {
        for fraction in [1.0, 1e-3, 1e-6, 1e-9] {
            for (seed, constraint) in
                (0..10).flat_map(|seed| [(seed, Constraint::None), (seed, Constraint::Kirchhoff)])
            {
                let mut problem = Owned::new(seed, 100, 0.0, 0.0);
                problem.make_alike(2, 3, fraction);
                let found = solution(problem.fit("nelder_mead", constraint));
                let largest = largest_error(&problem.truth, &[Complex64::ZERO; 7]);
                let error = largest_error(&found.emissivity, &problem.truth) / largest;
                // The direct solution, too, loses as many digits as two emitters share.
                assert!(error < 1e-10 + 1e-14 / fraction, "{fraction} {seed}: {error}");
            }
        }
    }

    #[test]
    fn its_residual_and_error_bars_are_those_of_wls() {
        let problem = Owned::new(4, 60, 1.0, 3.0);
        for constraint in [Constraint::None, Constraint::Kirchhoff] {
            let found = solution(problem.fit("nelder_mead", constraint));
            let wls = solution(problem.fit("wls", constraint));
            assert!((found.rss / wls.rss - 1.0).abs() < 1e-12);
            assert_eq!((found.sigma, found.condition), (wls.sigma, wls.condition));
        }
    }

    #[test]
    fn the_limit_of_evaluations_is_kept_and_leaves_a_point_on_the_way() {
        let problem = Owned::new(4, 60, 1.0, 0.0);
        let fit = |most: f64| {
            let method = build_with("nelder_mead", &[("max_evaluations", most)]);
            problem.with(Constraint::None, |p| method.fit(p))
        };
        let wls = solution(problem.fit("wls", Constraint::None));
        let mut last = f64::INFINITY;
        for most in [100.0, 500.0, 1000.0] {
            let Outcome::NotConverged(point, why) = fit(most) else { panic!("{most} were enough") };
            let used: f64 = why.split(' ').nth(2).unwrap().parse().unwrap();
            assert!(used <= most && used > most - 9.0, "{why}");
            assert!(point.rss < last && point.rss > wls.rss, "{} of {last}", point.rss);
            last = point.rss;
        }
    }

    #[test]
    fn no_data_are_no_trouble() {
        let mut problem = Owned::new(4, 60, 1.0, 0.0);
        problem.data.fill(Complex64::ZERO);
        let found = solution(problem.fit("nelder_mead", Constraint::None));
        assert_eq!(found.emissivity, [Complex64::ZERO; 7]);
    }
}
