//! Fits what was drawn once more, and compares it with what the partial holds.

use rayon::ThreadPool;

use crate::foundations::RunDir;
use crate::plan::BoundPlan;
use crate::shard::{
    Campaigns, Fitting, Partial, Profile, Programs, Progress, Results, Stop, TaskError, segments,
};
use crate::study::Study;

use super::sample::Sampled;

/// How the recomputed units of a shard compare with its partial.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compared {
    /// Units that were recomputed.
    pub units: u64,
    /// Those that differ.
    pub differing: Vec<u64>,
}

/// Fits once more.
#[derive(Debug)]
pub struct Auditor<'a> {
    /// The results folder.
    pub run: &'a RunDir,
    /// The plan.
    pub plan: &'a BoundPlan,
    /// The study that the plan is for.
    pub study: &'a Study,
    /// The worker threads.
    pub pool: &'a ThreadPool,
    /// How the programs are run that some methods are.
    pub programs: Programs,
    /// Whoever asks this makes the shard in hand end early.
    pub stop: Stop,
    /// The data sets that were prepared.
    pub campaigns: Campaigns,
}

impl Auditor<'_> {
    /// Recomputes what was drawn of a shard. Nothing is written. Whatever was not reached when it
    /// was asked to stop is not counted.
    ///
    /// # Errors
    /// If the data cannot be prepared.
    pub fn compare(&mut self, sampled: &Sampled) -> Result<Compared, TaskError> {
        let units = self.plan.shards.units(sampled.shard).unwrap_or(0..0);
        let Ok(partial) = Partial::read(self.run, self.plan, sampled.shard) else {
            return Ok(Compared::default());
        };
        let at = |unit: u64| &partial.results[(unit - units.start) as usize];
        // What was not drawn counts as done.
        let (mut done, mut next) = (Results::none(&units), units.start);
        for piece in &sampled.pieces {
            done.put(next, (next..piece.start).map(|unit| at(unit).clone()));
            next = piece.end;
        }
        done.put(next, (next..units.end).map(|unit| at(unit).clone()));
        let (config, campaigns) = (&self.plan.plan.config, &mut self.campaigns);
        let segments =
            self.pool.install(|| segments(config, self.study, &units, &done, campaigns))?;
        let fitting = Fitting {
            study: self.study,
            units: units.clone(),
            done: &done,
            segments: &segments,
            programs: &self.programs,
            stop: &self.stop,
            progress: &Progress::default(),
            listener: &|_| {},
            keeper: &|_, _| {},
            profile: &Profile::off(),
        };
        let mut compared = Compared::default();
        for piece in self.pool.install(|| fitting.run()).pieces {
            for (unit, result) in (piece.first..).zip(&piece.results) {
                compared.units += 1;
                if !result.has_bytes_of(at(unit)) {
                    compared.differing.push(unit);
                }
            }
        }
        compared.differing.sort_unstable();
        Ok(compared)
    }
}
