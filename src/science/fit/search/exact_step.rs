//! The line search for a quadratic objective: one gradient gives the exact minimum.
//!
//! The general line searches compare values of the objective. Near the minimum of a sum over
//! noisy records those differ by less than their rounding errors, and the search then wanders
//! for ever. Along a line, the gradient of a quadratic is linear: two gradients say where it
//! crosses zero, to the last digit.

use argmin::core::{
    CostFunction, Error, Gradient, IterState, KV, Problem, Solver, State, TerminationReason,
};
use argmin::solver::linesearch::LineSearch;

use crate::science::fit::linear::vector::short_dot;

type LineState = IterState<Vec<f64>, Vec<f64>, (), (), (), f64>;

/// Steps to the minimum along a direction, in one iteration.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExactStep {
    direction: Vec<f64>,
}

impl LineSearch<Vec<f64>, f64> for ExactStep {
    fn search_direction(&mut self, direction: Vec<f64>) {
        self.direction = direction;
    }

    fn initial_step_length(&mut self, _: f64) -> Result<(), Error> {
        Ok(()) // The exact step needs no first guess.
    }
}

impl<O> Solver<O, LineState> for ExactStep
where
    O: CostFunction<Param = Vec<f64>, Output = f64>
        + Gradient<Param = Vec<f64>, Gradient = Vec<f64>>,
{
    fn name(&self) -> &str {
        "exact step"
    }

    fn next_iter(
        &mut self,
        problem: &mut Problem<O>,
        mut state: LineState,
    ) -> Result<(LineState, Option<KV>), Error> {
        let start = state.take_param().ok_or_else(|| Error::msg("no starting point"))?;
        let step_to = |t: f64| start.iter().zip(&self.direction).map(|(x, d)| x + t * d).collect();
        let slope_here = match state.get_gradient() {
            Some(gradient) => short_dot(gradient, &self.direction),
            None => short_dot(&problem.gradient(&start)?, &self.direction),
        };
        let slope_there = short_dot(&problem.gradient(&step_to(1.0))?, &self.direction);
        let curvature = slope_there - slope_here;
        let bends_upwards = curvature > 0.0; // false for NaN too
        if !bends_upwards {
            return Err(Error::msg(format!("the objective has curvature {curvature:e}")));
        }
        let end: Vec<f64> = step_to(-slope_here / curvature);
        let cost = problem.cost(&end)?;
        Ok((state.param(end).cost(cost).terminate_with(TerminationReason::SolverConverged), None))
    }
}
