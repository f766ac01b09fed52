//! The work of one array task: one shard, from the plan to its partial, by way of its journal.

use std::io::ErrorKind;
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rayon::ThreadPool;
use thiserror::Error;

use crate::data::DataError;
use crate::foundations::{FileError, RunDir};
use crate::plan::{BoundPlan, PlanError};
use crate::study::{Study, StudyError};

use super::aside::set_aside;
use super::attempt::{Attempt, now};
use super::ending::{Ending, Stopped, Summary};
use super::fit::{FittedUnits, Fitting};
use super::journal::{Identity, Journals, journals};
use super::partial::{Partial, PartialError, Provenance};
use super::programs::Programs;
use super::progress::{Counts, Progress};
use super::recorder::Recorder;
use super::results::Results;
use super::segment::{Campaigns, segments};
use super::stop::Stop;
use super::tally::Listener;
use super::timing::MethodTime;

/// A shard that could not be fitted.
#[derive(Debug, Error)]
pub enum TaskError {
    /// The plan or its inputs.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A data set.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A file that cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The settings in the plan.
    #[error(transparent)]
    Study(#[from] StudyError),
    /// A shard that the plan does not have.
    #[error(
        "{given} is {shard}, but the plan in {} has shards 0 to {}; \
         submit with --array=0-{}", root.display(), shards - 1, shards - 1
    )]
    NoSuchShard {
        /// Where the number comes from.
        given: &'static str,
        /// The number.
        shard: u32,
        /// Shards in the plan.
        shards: u32,
        /// The results folder.
        root: PathBuf,
    },
}

/// What every shard of a process shares.
#[derive(Debug)]
pub struct Worker<'a> {
    /// The results folder.
    pub run: &'a RunDir,
    /// The plan.
    pub plan: &'a BoundPlan,
    /// The study that the plan is for.
    pub study: Study,
    /// The worker threads.
    pub pool: &'a ThreadPool,
    /// How the programs are run that some methods are.
    pub programs: Programs,
    /// Slurm's job and task, for the provenance.
    pub job: Option<String>,
    /// Whoever asks this makes the shard in hand end early.
    pub stop: Stop,
    campaigns: Campaigns,
}

impl<'a> Worker<'a> {
    /// Checks that the inputs are those of the plan.
    ///
    /// # Errors
    /// If an input file changed.
    pub fn new(
        run: &'a RunDir,
        plan: &'a BoundPlan,
        pool: &'a ThreadPool,
        programs_at_once: usize,
        job: Option<String>,
    ) -> Result<Self, TaskError> {
        plan.check_inputs()?;
        let study = plan.study()?;
        let programs = Programs { at_once: programs_at_once, logs: run.program_logs() };
        let (stop, campaigns) = (Stop::default(), Campaigns::default());
        Ok(Self { run, plan, study, pool, programs, job, stop, campaigns })
    }

    /// The same, but whoever asks `stop` makes the shard in hand end early.
    #[must_use]
    pub fn obeying(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }

    /// Fits what is left of one shard and leaves its partial; does nothing if a sound one is there.
    ///
    /// # Errors
    /// If the shard is not in the plan, or a file cannot be used.
    pub fn run_shard(
        &mut self,
        shard: u32,
        progress: &Progress,
        listener: Listener,
    ) -> Result<Ending, TaskError> {
        let units = self.units(shard)?;
        let mut paths = journals(self.run)?.remove(&shard).unwrap_or_default();
        let damaged = match Partial::read(self.run, self.plan, shard) {
            Ok(_) => {
                // Left by a process that was killed right after it had written the partial.
                remove(&paths)?;
                return Ok(Ending::AlreadyDone);
            }
            Err(PartialError::Missing) => false,
            Err(_) => set_aside(self.run, &self.run.partial(shard)).map(|_| true)?,
        };
        let past = Journals::read(self.plan, &self.study, shard, &paths)?;
        for path in &past.foreign {
            set_aside(self.run, path)?;
        }
        paths.retain(|path| !past.foreign.contains(path));
        let attempt = Attempt::of_this_process(self.job.clone());
        let journal = self.run.journal(shard);
        let end = past.ends.get(&journal).copied().unwrap_or(0);
        let recorder = Recorder::open(&journal, Identity::new(self.plan, shard), &attempt, end)?;
        if end == 0 {
            paths.push(journal.clone());
        }
        let foreign = past.foreign.len() as u64;
        let mut task = Task { shard, units, attempt, past, journal, journals: paths };
        let fitted = self.fit(&task, &recorder, progress, listener);
        match fitted.and_then(|fitted| self.finish(&mut task, fitted)) {
            Ok(Some(summary)) => {
                let trouble = recorder.discard().err().map(|error| error.to_string());
                remove(&task.journals)?;
                Ok(Ending::Fitted(Summary {
                    set_aside: damaged,
                    foreign_journals: foreign,
                    journal_trouble: trouble,
                    ..summary
                }))
            }
            Ok(None) => Ok(Ending::Stopped(self.leave(&task, recorder)?)),
            Err(error) => {
                // What went wrong first is what is told.
                let _ = self.leave(&task, recorder);
                Err(error)
            }
        }
    }

    fn units(&self, shard: u32) -> Result<Range<u64>, TaskError> {
        let shards = &self.plan.plan.shards;
        shards.units(shard).ok_or_else(|| TaskError::NoSuchShard {
            given: "the shard",
            shard,
            shards: shards.len(),
            root: self.run.root().to_path_buf(),
        })
    }

    /// Fits what is left, until it is asked to stop.
    fn fit(
        &mut self,
        task: &Task,
        recorder: &Recorder,
        progress: &Progress,
        listener: Listener,
    ) -> Result<Fitted, TaskError> {
        let (clock, before) = (Instant::now(), progress.counts());
        let done = &task.past.results;
        done.iter().for_each(|(_, result)| progress.unit_resumed(result.outcome.status()));
        let (config, study, campaigns) = (&self.plan.plan.config, &self.study, &mut self.campaigns);
        let segments =
            self.pool.install(|| segments(config, study, &task.units, done, campaigns))?;
        let preparing = clock.elapsed();
        let fitting = Fitting {
            study,
            units: task.units.clone(),
            done,
            segments: &segments,
            programs: &self.programs,
            stop: &self.stop,
            progress,
            listener,
            keeper: &|first, results| recorder.keep(first, results),
        };
        let units = self.pool.install(|| fitting.run());
        let counts = progress.counts().since(&before);
        Ok(Fitted { units, counts, preparing, wall: clock.elapsed() })
    }

    /// Writes the partial; none if units are still to be fitted.
    fn finish(&self, task: &mut Task, fitted: Fitted) -> Result<Option<Summary>, TaskError> {
        let Fitted { units, counts, preparing, wall } = fitted;
        let mut results = std::mem::replace(&mut task.past.results, Results::none(&(0..0)));
        for piece in units.pieces {
            results.put(piece.first, piece.results);
        }
        let Some(results) = results.complete() else { return Ok(None) };
        let provenance = self.provenance(task, wall, &counts, units.times);
        Partial { results, provenance }.write(self.run, self.plan, task.shard, &task.units)?;
        let (set_aside, foreign_journals, journal_trouble) = (false, 0, None);
        let fitting = wall - preparing;
        let summary =
            Summary { counts, preparing, fitting, set_aside, foreign_journals, journal_trouble };
        Ok(Some(summary))
    }

    /// Ends the journal of a shard that is not done, and says what stands in it.
    fn leave(&self, task: &Task, recorder: Recorder) -> Result<Stopped, TaskError> {
        let trouble = recorder.close().err().map(|error| error.to_string());
        // Not what was handed to the journal counts, but what can be read from it.
        let left = Journals::read(self.plan, &self.study, task.shard, &task.journals)?;
        let kept = left.results.done();
        if kept == 0 {
            remove(&task.journals)?;
        }
        let units = task.units.end - task.units.start;
        Ok(Stopped { shard: task.shard, kept, units, journal: task.journal.clone(), trouble })
    }

    fn provenance(
        &self,
        task: &Task,
        wall: Duration,
        counts: &Counts,
        times: Vec<MethodTime>,
    ) -> Provenance {
        let Attempt { host, process, job, started } = task.attempt.clone();
        Provenance {
            shard: task.shard,
            host,
            process,
            job,
            attempts: task.past.attempts.len() as u64 + 1,
            units_from_journal: counts.resumed,
            threads: self.pool.current_num_threads(),
            started,
            finished: now(),
            wall_seconds: wall.as_secs_f64(),
            unit_seconds: counts.unit_time.as_secs_f64(),
            times,
        }
    }
}

/// A shard in hand.
struct Task {
    shard: u32,
    units: Range<u64>,
    attempt: Attempt,
    /// What earlier attempts have left.
    past: Journals,
    /// The journal of this attempt.
    journal: PathBuf,
    /// It and those of earlier attempts.
    journals: Vec<PathBuf>,
}

/// What this attempt has done.
struct Fitted {
    units: FittedUnits,
    counts: Counts,
    preparing: Duration,
    wall: Duration,
}

/// Removes files; it is no error if somebody else did.
fn remove(paths: &[PathBuf]) -> Result<(), FileError> {
    for path in paths {
        match std::fs::remove_file(path) {
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            removed => removed.map_err(|e| FileError::new("remove", path, e))?,
        }
    }
    Ok(())
}
