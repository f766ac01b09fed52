//! The search that non-linear fitting programs make: Gauss-Newton steps, damped.
//!
//! The problem is linear, so that the steps need no damping and their prediction of the objective
//! always comes true: the damping falls from one iteration to the next, and the search ends at
//! the solution of `wls` to rounding. It shows what such a program would find, and how soon.

use std::convert::Infallible;

use num_complex::Complex64;

use crate::science::fit::linear::householder::{Qr, householder_qr};
use crate::science::fit::linear::least_squares::{Factorization, complex, solve_upper};
use crate::science::fit::linear::vector::{short_axpy, short_dot, short_norm};
use crate::science::fit::method::{Method, MethodInfo, MethodOption, Registered};
use crate::science::fit::outcome::Outcome;
use crate::science::fit::problem::Problem;
use crate::science::fit::weighted_fit::searched;

/// The first damping, in units of the largest diagonal element of `R^T R`, which is one.
const FIRST_DAMPING: f64 = 1e-3;

/// Minimises the objective of `wls` by damped Gauss-Newton steps from zero.
#[derive(Debug)]
struct LevenbergMarquardt {
    max_iterations: u64,
    tolerance: f64,
}

/// Its entry in the registry.
pub(crate) static LEVENBERG_MARQUARDT: Registered = Registered {
    info: MethodInfo {
        name: "levenberg_marquardt",
        summary: "damped Gauss-Newton steps from zero, for comparison with wls, at whose solution \
                  they end to rounding, the problem being linear",
        minimises: "sum_j |D_j - sum_i E_i P_ij|^2 / E|noise_j|^2",
        error_bars: "as wls, from the curvature at the minimum",
        reference: "Marquardt 1963, J. SIAM 11, 431; Nielsen 1999, IMM-REP-1999-05 (the damping)",
        weighted: true,
        couples_bins: false,
        options: &[
            MethodOption {
                name: "max_iterations",
                meaning: "steps, taken or refused, after which it gives up",
                default: 200.0,
                least: 1.0,
                most: 1e6,
            },
            MethodOption {
                name: "tolerance",
                meaning: "length of the gradient, in an orthonormal basis of the design, over \
                          that at the start, at convergence",
                default: 1e-16,
                least: 1e-30,
                most: 1.0,
            },
        ],
        cost: 16,
    },
    build: |options| {
        Box::new(LevenbergMarquardt {
            max_iterations: options.get("max_iterations") as u64,
            tolerance: options.get("tolerance"),
        })
    },
};

impl Method for LevenbergMarquardt {
    fn fit(&self, problem: &Problem) -> Outcome {
        searched(problem, |factored| Ok::<_, Infallible>(self.search(factored, problem)))
    }
}

impl LevenbergMarquardt {
    /// The emissivities at the end, and why it stopped short of the minimum if it did.
    fn search(
        &self,
        factored: &Factorization,
        problem: &Problem,
    ) -> (Vec<Complex64>, Option<String>) {
        let mut search = Descent::from_zero(factored);
        let small = self.tolerance * search.gradient_length();
        let mut iterations = 0;
        let stopped = loop {
            if search.gradient_length() <= small {
                break None;
            }
            if iterations == self.max_iterations {
                break Some(format!("stopped after {iterations} iterations"));
            }
            if let Some(why) = problem.context.deadline.passed() {
                break Some(why);
            }
            search.step();
            iterations += 1;
        };
        let [re, im] = &search.at;
        (factored.system().emissivities(&complex(re, im)), stopped)
    }
}

/// A point on the way, with what it leaves of the data.
struct Descent<'a> {
    /// Triangle of the design, columns of unit length one after another.
    r: &'a [f64],
    /// Scaled unknowns, real and imaginary part.
    at: [Vec<f64>; 2],
    /// `Q^T b - R x` of both: the residual in the basis of the design, where it is the gradient.
    residual: [Vec<f64>; 2],
    damping: f64,
    /// By what a refused step multiplies the damping.
    growth: f64,
}

impl<'a> Descent<'a> {
    fn from_zero(factored: &'a Factorization) -> Self {
        let (re, im) = factored.qt_b();
        Self {
            r: factored.r(),
            at: [vec![0.0; re.len()], vec![0.0; re.len()]],
            residual: [re.to_vec(), im.to_vec()],
            damping: FIRST_DAMPING,
            growth: 2.0,
        }
    }

    fn gradient_length(&self) -> f64 {
        short_norm(&self.residual.each_ref().map(|part| short_norm(part)))
    }

    /// Tries a step; takes it if it goes down, and damps the next one by how well the prediction
    /// came true.
    fn step(&mut self) {
        let step = self.damped_step();
        let moved = step.each_ref().map(|part| self.image(part));
        // Reductions of half the sum of squares. The actual one from the change, not as the
        // difference of two sums, which cancels near the minimum.
        let (mut actual, mut predicted) = (0.0, 0.0);
        for ((step, moved), residual) in step.iter().zip(&moved).zip(&self.residual) {
            actual += short_dot(residual, moved) - 0.5 * short_dot(moved, moved);
            predicted += 0.5 * (self.damping * short_dot(step, step) + short_dot(residual, moved));
        }
        let gain = actual / predicted;
        let goes_down = gain > 0.0; // false for NaN too
        if !goes_down {
            self.damping *= self.growth;
            self.growth *= 2.0;
            return;
        }
        for part in 0..2 {
            short_axpy(&mut self.at[part], 1.0, &step[part]);
            short_axpy(&mut self.residual[part], -1.0, &moved[part]);
        }
        let short = 2.0 * gain - 1.0;
        self.damping *= (1.0 - short * short * short).max(1.0 / 3.0);
        self.growth = 2.0;
    }

    /// Minimises `|R h - rest|^2 + damping |h|^2`: least squares with one more row per unknown.
    fn damped_step(&self) -> [Vec<f64>; 2] {
        let n = self.at[0].len();
        let root = self.damping.sqrt();
        let mut columns = vec![0.0; 2 * n * n];
        for (i, column) in columns.chunks_exact_mut(2 * n).enumerate() {
            column[..n].copy_from_slice(&self.r[i * n..(i + 1) * n]);
            column[n + i] = root;
        }
        let extended = |part: &Vec<f64>| [&part[..], &vec![0.0; n]].concat();
        let [mut re, mut im] = self.residual.each_ref().map(extended);
        let Qr { r, qt_b, .. } = householder_qr(&mut columns, 2 * n, [&mut re, &mut im]);
        qt_b.map(|part| solve_upper(&r, n, &part))
    }

    /// `R h`.
    fn image(&self, h: &[f64]) -> Vec<f64> {
        let mut image = vec![0.0; h.len()];
        for (column, &h) in self.r.chunks_exact(h.len()).zip(h) {
            short_axpy(&mut image, h, column);
        }
        image
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::fit::Constraint;
    use crate::science::fit::tests::{Owned, build_with, largest_error, solution};

    #[test]
    fn it_ends_at_the_solution_of_wls_to_rounding() {
        for fraction in [1.0, 1e-3, 1e-6, 1e-9, 1e-11] {
            for (seed, constraint) in
                (0..10).flat_map(|seed| [(seed, Constraint::None), (seed, Constraint::Kirchhoff)])
            {
                let mut problem = Owned::new(seed, 100, 1.0, 0.0);
                problem.make_alike(2, 3, fraction);
                let found = solution(problem.fit("levenberg_marquardt", constraint));
                let wls = solution(problem.fit("wls", constraint));
                let largest = largest_error(&wls.emissivity, &[Complex64::ZERO; 7]);
                let error = largest_error(&found.emissivity, &wls.emissivity) / largest;
                assert!(error < 1e-14 * found.condition, "{fraction} {seed}: {error}");
                // The residual is what is left of terms as many times larger.
                let rounding = 1e-13 + 1e-15 / fraction;
                assert!((found.rss / wls.rss - 1.0).abs() < rounding);
                assert_eq!((found.sigma, found.condition), (wls.sigma, wls.condition));
            }
        }
    }

    #[test]
    fn on_a_linear_problem_every_step_is_taken_and_the_damping_falls() {
        Owned::new(4, 60, 1.0, 0.0).with(Constraint::Kirchhoff, |p| {
            let weighted = p.weighted().unwrap();
            let mut search = Descent::from_zero(&weighted.factored);
            for _ in 0..5 {
                let length = search.gradient_length();
                let damping = search.damping;
                search.step();
                assert!(search.gradient_length() < 0.1 * length);
                assert!((search.damping / damping * 3.0 - 1.0).abs() < 1e-12);
            }
        });
    }

    #[test]
    fn limits_leave_a_point_on_the_way_and_a_reason() {
        let mut problem = Owned::new(4, 60, 1.0, 0.0);
        problem.make_alike(2, 3, 1e-6);
        problem.with(Constraint::None, |p| {
            let few = build_with("levenberg_marquardt", &[("max_iterations", 3.0)]).fit(p);
            assert_eq!(few.reason(), Some("stopped after 3 iterations"));
            let wls = build_with("wls", &[]).fit(p);
            assert!(few.solution().unwrap().rss > wls.solution().unwrap().rss);
        });
        problem.data.fill(Complex64::ZERO);
        let found = solution(problem.fit("levenberg_marquardt", Constraint::None));
        assert_eq!(found.emissivity, [Complex64::ZERO; 7]);
    }
}
