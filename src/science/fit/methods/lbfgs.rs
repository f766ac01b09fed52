//! The search that the legacy scripts make, done well: L-BFGS with the exact gradient.

use std::sync::Arc;

use argmin::core::{
    CostFunction, Error, Executor, Gradient, IterState, State, TerminationReason, TerminationStatus,
};
use argmin::solver::quasinewton::LBFGS;
use num_complex::Complex64;

use crate::foundations::numerics::{ScratchVec, with_widest_simd};
use crate::science::fit::deadline::Deadline;
use crate::science::fit::linear::least_squares::DirectFit;
use crate::science::fit::linear::system::System;
use crate::science::fit::linear::vector::{axpy, dot};
use crate::science::fit::linear::weighted::WeightedSystem;
use crate::science::fit::method::{Method, MethodInfo, MethodOption, OptionValues, Registered};
use crate::science::fit::outcome::{Outcome, Solution};
use crate::science::fit::problem::Problem;
use crate::science::fit::search::exact_step::ExactStep;
use crate::science::fit::search::watched::Watched;
use crate::science::fit::weighted_fit::sigma;

/// Past steps that the search remembers.
const MEMORY: usize = 10;

/// Minimises the objective of `wls` by a limited-memory quasi-Newton search from zero.
#[derive(Debug)]
pub(crate) struct Lbfgs {
    max_iterations: u64,
    /// Length of the gradient below which the search has converged; at the start, with data and
    /// columns of unit length, it is about one.
    tolerance: f64,
}

type SearchState = IterState<Vec<f64>, Vec<f64>, (), (), (), f64>;

/// Its entry in the registry.
pub(crate) static LBFGS: Registered = Registered {
    info: MethodInfo {
        name: "lbfgs",
        summary: "L-BFGS search from zero with the exact gradient, for comparison with wls",
        minimises: "sum_j |D_j - sum_i E_i P_ij|^2 / E|noise_j|^2",
        error_bars: "as wls, from the curvature at the minimum",
        reference: "Liu & Nocedal 1989, Math. Programming 45, 503",
        weighted: true,
        couples_bins: false,
        options: OPTIONS,
        cost: 33,
    },
    build: |options| Box::new(Lbfgs::new(options)),
};

/// The options of the search.
pub(crate) const OPTIONS: &[MethodOption] = &[
    MethodOption {
        name: "max_iterations",
        meaning: "iterations after which it gives up",
        default: 500.0,
        least: 1.0,
        most: 1e6,
    },
    MethodOption {
        name: "tolerance",
        meaning: "length of the gradient at convergence; about 1 at a start from zero",
        default: 1e-12,
        least: 1e-15,
        most: 1.0,
    },
];

impl Method for Lbfgs {
    fn fit(&self, problem: &Problem) -> Outcome {
        self.fit_from(problem, None)
    }
}

impl Lbfgs {
    pub(crate) fn new(options: &OptionValues) -> Self {
        Self {
            max_iterations: options.get("max_iterations") as u64,
            tolerance: options.get("tolerance"),
        }
    }

    /// Searches from these emissivities, one per emitter; from zero if there are none.
    pub(crate) fn fit_from(&self, problem: &Problem, start: Option<&[Complex64]>) -> Outcome {
        let of_problem = |weighted: Arc<WeightedSystem>| {
            // The direct solution is used for nothing but the error bars and the condition number.
            Ok((System::new(&problem.equations(), Some(&weighted.root))?, weighted.factored.fit()))
        };
        let (system, direct) = match problem.weighted().and_then(of_problem) {
            Ok(found) => found,
            Err(why) => return Outcome::Failed(why.to_string()),
        };
        let (normal, unit) = system.clone().with_unit_data();
        let start = match start {
            None => vec![0.0; 2 * system.unknowns()],
            Some(emissivity) => {
                let scaled: Vec<_> =
                    system.scaled(emissivity).into_iter().map(|x| x / unit).collect();
                scaled.iter().map(|x| x.re).chain(scaled.iter().map(|x| x.im)).collect()
            }
        };
        match self.search(&normal, start, problem.context.deadline) {
            Err(why) => Outcome::Failed(format!("the search broke off: {why}")),
            Ok(state) => self.conclude(problem, &system, unit, &direct, &state),
        }
    }

    fn search(
        &self,
        system: &System,
        start: Vec<f64>,
        deadline: Deadline,
    ) -> Result<SearchState, Error> {
        let solver = LBFGS::new(ExactStep::default(), MEMORY)
            .with_tolerance_grad(self.tolerance)?
            .with_tolerance_cost(0.0)?;
        let over = || deadline.passed().is_some();
        let result = Executor::new(HalfSumOfSquares { system }, Watched { solver, over })
            .configure(|state| state.param(start).max_iters(self.max_iterations))
            .timer(false)
            .run()?;
        Ok(result.state)
    }

    fn conclude(
        &self,
        problem: &Problem,
        system: &System,
        unit: f64,
        direct: &DirectFit,
        state: &SearchState,
    ) -> Outcome {
        // The last point, not that of least cost: near the minimum the costs differ by rounding only.
        let Some(end) = state.get_param().filter(|x| x.iter().all(|v| v.is_finite())) else {
            return Outcome::Failed("the search diverged to values that are not finite".into());
        };
        let end: Vec<f64> = end.iter().map(|x| x * unit).collect();
        let (re, im) = end.split_at(system.unknowns());
        let scaled: Vec<_> = re.iter().zip(im).map(|(&re, &im)| Complex64::new(re, im)).collect();
        let solution = Solution {
            emissivity: system.emissivities(&scaled),
            sigma: sigma(problem, direct),
            rss: residual_norm(system, re, im),
            condition: direct.condition,
        };
        match &state.termination_status {
            TerminationStatus::Terminated(TerminationReason::SolverConverged) => {
                Outcome::Converged(solution)
            }
            TerminationStatus::Terminated(TerminationReason::MaxItersReached) => {
                Outcome::NotConverged(
                    solution,
                    format!("stopped after {} iterations", self.max_iterations),
                )
            }
            TerminationStatus::Terminated(TerminationReason::Timeout) => {
                let why = problem.context.deadline.passed();
                Outcome::NotConverged(solution, why.unwrap_or_else(|| "stopped: no time".into()))
            }
            other => Outcome::NotConverged(solution, format!("stopped: {other}")),
        }
    }
}

/// Half the sum of squared residuals.
struct HalfSumOfSquares<'a> {
    system: &'a System,
}

impl CostFunction for HalfSumOfSquares<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, x: &Vec<f64>) -> Result<f64, Error> {
        let (re, im) = x.split_at(self.system.unknowns());
        Ok(0.5 * residual_norm(self.system, re, im))
    }
}

impl Gradient for HalfSumOfSquares<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, Error> {
        let system = self.system;
        let (re, im) = x.split_at(system.unknowns());
        let residuals = [residual(system, &system.re, re), residual(system, &system.im, im)];
        let mut slopes = Vec::with_capacity(x.len());
        with_widest_simd(
            #[inline(always)]
            || {
                for residual in &residuals {
                    for i in 0..re.len() {
                        slopes.push(-dot(system.column(i), residual));
                    }
                }
            },
        );
        Ok(slopes)
    }
}

/// `b - A x`.
fn residual(system: &System, b: &[f64], x: &[f64]) -> ScratchVec {
    let mut r = ScratchVec::with_len(b.len());
    r.copy_from_slice(b);
    with_widest_simd(
        #[inline(always)]
        || {
            for (i, &x) in x.iter().enumerate() {
                axpy(&mut r, -x, system.column(i));
            }
        },
    );
    r
}

fn residual_norm(system: &System, re: &[f64], im: &[f64]) -> f64 {
    let (re, im) = (residual(system, &system.re, re), residual(system, &system.im, im));
    with_widest_simd(
        #[inline(always)]
        || dot(&re, &re) + dot(&im, &im),
    )
}
