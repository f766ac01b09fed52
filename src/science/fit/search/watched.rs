//! Wraps a solver of argmin: it stops when told to, and keeps the point that it has reached.

use argmin::core::{Error, KV, Problem, Solver, State, TerminationReason, TerminationStatus};

/// Asks `over` once per iteration, and ends as [`TerminationReason::Timeout`] when it says yes.
///
/// An error from the objective would stop the search too, but would lose the point reached.
pub(crate) struct Watched<S, F> {
    /// What searches.
    pub(crate) solver: S,
    /// Whether time, or whatever else is limited, is used up.
    pub(crate) over: F,
}

impl<O, I: State, S: Solver<O, I>, F: Fn() -> bool> Solver<O, I> for Watched<S, F> {
    fn name(&self) -> &str {
        self.solver.name()
    }

    fn init(&mut self, problem: &mut Problem<O>, state: I) -> Result<(I, Option<KV>), Error> {
        self.solver.init(problem, state)
    }

    fn next_iter(&mut self, problem: &mut Problem<O>, state: I) -> Result<(I, Option<KV>), Error> {
        self.solver.next_iter(problem, state)
    }

    fn terminate(&mut self, state: &I) -> TerminationStatus {
        match self.solver.terminate(state) {
            TerminationStatus::NotTerminated if (self.over)() => {
                TerminationStatus::Terminated(TerminationReason::Timeout)
            }
            status => status,
        }
    }
}
