//! The way to where the minimum is near, with a few of the bins.
//!
//! Far from the minimum a step need not be exact, and the bins of a band say much the same of the shared
//! parameters. So the search begins with every fourth of them, until its steps become shorter than what these
//! and all bins differ by; from there it goes on with all. Where that does not work, it begins with all.

use super::search::{Evaluation, Place, Search, Spare};

/// Of so many bins one is looked at.
const STRIDE: usize = 4;
/// Fewer bins of a data set than this would say too little.
const FEWEST: usize = 3;

impl Search<'_> {
    /// Evaluates all informative bins where the search begins: at a start, or at a place nearer to the minimum.
    /// With it are the steps that led there.
    ///
    /// # Errors
    /// As [`Search::begin`].
    pub(super) fn begin_near(
        &mut self,
        start: Place,
    ) -> Result<((Place, Evaluation), usize), String> {
        if let Some((place, steps, spare)) = self.approach(&start)
            && let Ok(evaluation) = self.begin(&place, spare)
        {
            return Ok(((place, evaluation), steps));
        }
        let evaluation = self.begin(&start, Spare::default())?;
        Ok(((start, evaluation), 0))
    }

    /// A place near the minimum of some of the bins, the steps that led there, and the space that it took, which
    /// is enough for all; none if these bins do not lead to any.
    fn approach(&self, start: &Place) -> Option<(Place, usize, Spare)> {
        let mut coarse = self.coarse()?;
        let evaluation = coarse.begin(start, Spare::default()).ok()?;
        let found = coarse.run((start.clone(), evaluation), 0, None).ok()?;
        let spare = found.evaluation.into_spare();
        // The step that is left costs nothing, and what is left after it is how some bins and all differ.
        let last = found.system?.eliminate(0.0)?.step();
        found.stopped.is_none().then(|| (found.place.moved(&last), found.iterations, spare))
    }

    /// The search with a few of the bins; none if they are too few, or if a parameter rests on the data alone.
    fn coarse(&self) -> Option<Self> {
        let is_known = self.parameters.prior_information().iter().all(|half| *half > 0.0);
        let suffices = |bins: &Vec<usize>| bins.len().div_ceil(STRIDE) >= FEWEST;
        if !is_known || !self.informative.iter().all(suffices) {
            return None;
        }
        let places = |bins: &Vec<usize>| bins.iter().step_by(STRIDE).copied().collect();
        let plateaus: usize =
            self.plateaus.iter().map(|(records, bodies)| records.len() * bodies.len()).sum();
        Some(Self {
            sets: self.sets,
            constraint: self.constraint,
            parameters: self.parameters,
            plateaus: self.plateaus.clone(),
            informative: self.informative.iter().map(places).collect(),
            // What is made for these serves for all later on.
            room: self.room.clone(),
            before: self.before.clone(),
            // The minima of some bins and of all differ by more than one standard error of each unknown.
            tolerance: (self.parameters.free.len() + plateaus) as f64,
            max_iterations: self.max_iterations,
            deadline: self.deadline,
        })
    }
}
