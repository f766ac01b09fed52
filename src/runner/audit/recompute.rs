//! Fits what was drawn once more, and compares it with what the partial holds.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rayon::ThreadPool;

use crate::foundations::FileError;
use crate::runner::engine::{Profile, Programs, Stop, Work, WorkError, Workload};
use crate::runner::plan::BoundPlan;
use crate::runner::store::{Envelope, Partial, PartialError, Results, RunDir};

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
    /// What the plan is for.
    pub workload: &'a dyn Workload,
    /// The worker threads.
    pub pool: &'a ThreadPool,
    /// How programs are run.
    pub programs: Programs,
    /// Whoever asks this makes the shard in hand end early.
    pub stop: Stop,
}

impl Auditor<'_> {
    /// Recomputes what was drawn of a shard. Nothing is written. Whatever was not reached when it
    /// was asked to stop is not counted.
    ///
    /// # Errors
    /// If the data cannot be prepared.
    pub fn compare(&self, sampled: &Sampled) -> Result<Compared, WorkError> {
        let units = self.plan.shards.units(sampled.shard).unwrap_or(0..0);
        let partial = Partial::read(self.run, self.plan, sampled.shard).map_err(|problem| {
            let problem = match problem {
                PartialError::File(error) => error,
                // It was sound when the sample was drawn.
                problem => {
                    let path = self.run.partial(sampled.shard);
                    FileError::new("audit", &path, io::Error::other(problem.to_string()))
                }
            };
            WorkError::new(problem)
        })?;
        let at = |unit: u64| &partial.results[(unit - units.start) as usize];
        // What was not drawn counts as done.
        let (mut done, mut next) = (Results::none(&units), units.start);
        for piece in &sampled.pieces {
            done.put(next, (next..piece.start).map(|unit| at(unit).clone()));
            next = piece.end;
        }
        done.put(next, (next..units.end).map(|unit| at(unit).clone()));
        let compared = Mutex::new(Compared::default());
        let keeper = |first: u64, results: Vec<Envelope>, _: Duration| {
            let mut compared = compared.lock().unwrap_or_else(PoisonError::into_inner);
            for (unit, result) in (first..).zip(&results) {
                compared.units += 1;
                if !self.workload.is_same(result, at(unit)) {
                    compared.differing.push(unit);
                }
            }
        };
        let off = Profile::off();
        let work = Work::new(units.clone(), &done, &self.programs, (&self.stop, &off), &keeper);
        let work = work.again();
        self.pool.install(|| self.workload.run(&work))?;
        let mut compared = compared.into_inner().unwrap_or_else(PoisonError::into_inner);
        compared.differing.sort_unstable();
        Ok(compared)
    }
}
