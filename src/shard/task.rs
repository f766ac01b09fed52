//! The work of one array task: one shard, from the plan to its partial.

use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, Utc};
use rayon::ThreadPool;
use thiserror::Error;

use crate::data::DataError;
use crate::foundations::{FileError, RunDir, files};
use crate::plan::{BoundPlan, PlanError};
use crate::study::{Study, StudyError};

use super::fit::fit_segments;
use super::heartbeat::{Heartbeat, host_name};
use super::partial::{Partial, PartialError, Provenance};
use super::programs::Programs;
use super::progress::{Counts, Progress};
use super::segment::{Campaigns, segments};
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

/// How a shard ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// A sound partial of this plan was there already; nothing was done.
    AlreadyDone,
    /// It was fitted now.
    Fitted(Summary),
}

/// The figures of a fitted shard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Units by status, and the time spent in them.
    pub counts: Counts,
    /// Reading or simulating the data sets.
    pub preparing: Duration,
    /// Fitting, spectra included.
    pub fitting: Duration,
    /// A damaged partial was in the way and was moved aside.
    pub set_aside: bool,
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
        Ok(Self { run, plan, study, pool, programs, job, campaigns: Campaigns::default() })
    }

    /// Fits one shard and leaves its partial; does nothing if a sound one is there.
    ///
    /// # Errors
    /// If the shard is not in the plan, or a file cannot be used.
    pub fn run_shard(
        &mut self,
        shard: u32,
        progress: &Progress,
        listener: Listener,
    ) -> Result<Ending, TaskError> {
        let shards = &self.plan.plan.shards;
        let units = shards.units(shard).ok_or_else(|| TaskError::NoSuchShard {
            given: "the shard",
            shard,
            shards: shards.len(),
            root: self.run.root().to_path_buf(),
        })?;
        let set_aside = match Partial::read(self.run, self.plan, shard) {
            Ok(_) => return Ok(Ending::AlreadyDone),
            Err(PartialError::Missing) => false,
            Err(_) => {
                self.set_aside(shard)?;
                true
            }
        };
        Heartbeat::of_this_process(0).write(self.run, shard)?;
        let fitted = self.fit_and_write(shard, units, progress, listener);
        // However it ended: only a task that was killed leaves its sign of life.
        Heartbeat::remove(self.run, shard);
        fitted.map(|summary| Ending::Fitted(Summary { set_aside, ..summary }))
    }

    fn fit_and_write(
        &mut self,
        shard: u32,
        units: Range<u64>,
        progress: &Progress,
        listener: Listener,
    ) -> Result<Summary, TaskError> {
        let (started, clock, before) = (Utc::now(), Instant::now(), progress.counts());
        let (config, study, campaigns) = (&self.plan.plan.config, &self.study, &mut self.campaigns);
        let segments = self.pool.install(|| segments(config, study, &units, campaigns))?;
        let preparing = clock.elapsed();
        let programs = &self.programs;
        let fit = || fit_segments(study, &segments, programs, progress, listener);
        let fitted = self.pool.install(fit);
        let wall = clock.elapsed();
        let counts = progress.counts().since(&before);
        let provenance = self.provenance(shard, started, wall, counts.unit_time, fitted.times);
        Partial { results: fitted.results, provenance }
            .write(self.run, self.plan, shard, &units)?;
        Ok(Summary { counts, preparing, fitting: wall - preparing, set_aside: false })
    }

    fn provenance(
        &self,
        shard: u32,
        started: DateTime<Utc>,
        wall: Duration,
        unit_time: Duration,
        times: Vec<MethodTime>,
    ) -> Provenance {
        let text = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
        Provenance {
            shard,
            host: host_name(),
            process: std::process::id(),
            job: self.job.clone(),
            threads: self.pool.current_num_threads(),
            started: text(started),
            finished: text(Utc::now()),
            wall_seconds: wall.as_secs_f64(),
            unit_seconds: unit_time.as_secs_f64(),
            times,
        }
    }

    /// Moves whatever stands in the place of a partial out of the way, under a free name.
    fn set_aside(&self, shard: u32) -> Result<(), FileError> {
        let (from, folder) = (self.run.partial(shard), self.run.set_aside());
        files::make_folder(&folder)?;
        let free = (1..)
            .map(|attempt| folder.join(format!("shard-{shard:05}.bin.{attempt}")))
            .find(|path| !path.exists())
            .unwrap_or_else(|| folder.join("shard.bin"));
        std::fs::rename(&from, free).map_err(|e| FileError::new("move aside", &from, e))
    }
}
