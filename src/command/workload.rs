//! A study of a command as the engine sees it: a configuration is a unit.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rayon::prelude::*;
use serde_json::Value;

use crate::foundations::files::listing::TemporaryFolder;
use crate::foundations::{Digest, FileError, Shown, counted};
use crate::runner::engine::{Mapping, ProgramFiles, Tried, Verb, Words, Work, WorkError, Workload};
use crate::runner::merge::Collector;
use crate::runner::plan::{BoundPlan, Input, LaunchSettings, Layout, Needs, Plan, PlanRequest};
use crate::runner::store::{Envelope, PlanError, RunDir};
use crate::settings::{Given, Reader, SettingsError};

use super::error::CommandError;
use super::products::{CommandPreview, CommandProducts};
use super::runner::{RunContext, run};
use super::settings::CommandSettings;
use super::stopping::Stopping;
use super::study::CommandStudy;
use super::vocabulary::WORDS as SETTINGS;

/// Its name in `workload`.
pub const NAME: &str = "command";

const WORDS: Words = Words {
    statuses: ["done", "", "failed", "not run"],
    phases: ["", ""],
    parts: ["", "run"],
    unit: "configuration",
    verb: Verb { plain: "run", done: "run", doing: "running" },
    column: "",
    not_counted: "what programs take is not counted, nor what they leave, which a task holds until its \
                  shard is done",
    grows: "values on its axes, or cases",
};

/// Of a task, where the settings do not say: those of the array script.
const USUAL_PROCESSORS: u32 = 2;
/// Bytes of a result, where nobody can say how many a program will leave.
const SOME_BYTES: u64 = 4096;
/// The program itself, and what it has for each unit of a task besides its result.
const PROCESS: u64 = 12_000_000;
const OF_UNIT: u64 = 200;

/// A study of a command, with how its jobs are started.
#[derive(Debug)]
pub struct CommandWork {
    study: CommandStudy,
    launch: LaunchSettings,
    layout: Layout,
}

impl CommandWork {
    /// Reads what was given.
    ///
    /// # Errors
    /// If it cannot be understood.
    pub fn settings(given: &Given) -> Result<CommandSettings, SettingsError> {
        let reader = Reader { words: &SETTINGS };
        let table = reader.read::<CommandSettings>(given)?;
        reader.settings(given, table)
    }

    /// Checks settings against each other.
    ///
    /// # Errors
    /// The first thing that does not fit, with its mend.
    pub fn new(mut settings: CommandSettings) -> Result<Self, CommandError> {
        let launch = std::mem::take(&mut settings.slurm);
        let study = CommandStudy::new(&settings)?;
        let units = study.units();
        let layout = Layout::singles(units).ok_or_else(|| {
            CommandError::range("[[grid]]", counted(units, "configuration"), "fewer")
        })?;
        Ok(Self { study, launch, layout })
    }

    /// The study of a plan that stands in a folder.
    ///
    /// # Errors
    /// If its settings cannot be read, or do not fit together.
    pub fn of_plan(plan: &Plan, path: PathBuf) -> Result<Self, WorkError> {
        let unreadable = |e: serde_json::Error| PlanError::unreadable(&path, e.to_string());
        let settings = serde_json::from_value(plan.config.clone()).map_err(unreadable);
        Self::new(settings.map_err(WorkError::new)?).map_err(WorkError::new)
    }

    /// The study.
    #[must_use]
    pub fn study(&self) -> &CommandStudy {
        &self.study
    }

    /// The files that the results follow from, hashed.
    fn inputs(&self) -> Result<Vec<Input>, WorkError> {
        let files = self.study.input_files().map_err(WorkError::new)?;
        let hash = |path: PathBuf| Ok(Input { blake3: Digest::of_file(&path)?, path });
        files.into_iter().map(hash).collect::<Result<_, FileError>>().map_err(WorkError::new)
    }

    /// Runs one unit; none if it was asked to stop.
    fn unit(&self, unit: u64, work: &Work, scratch: &Path) -> Option<Envelope> {
        let stop = || work.stop.asked();
        run(&self.study, unit, &RunContext { stop: &stop, logs: &work.programs.logs, scratch })
    }
}

/// A folder for what is only needed while this process runs.
fn scratch() -> Result<TemporaryFolder, WorkError> {
    let made = TemporaryFolder::make(tempfile::Builder::new().prefix("otfhpc-"), None);
    let error = |e| WorkError::new(FileError::new("make a folder in", &std::env::temp_dir(), e));
    made.map_err(error)
}

impl Workload for CommandWork {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn planned(&self) -> Result<PlanRequest, WorkError> {
        let settings = serde_json::to_value(self.study.settings());
        Ok(PlanRequest {
            workload: NAME,
            config: settings.map_err(WorkError::new)?,
            inputs: self.inputs()?,
            seen: Value::Null,
            launch: self.launch.clone(),
            layout: self.layout.clone(),
        })
    }

    fn replanned(&self) -> Result<PlanRequest, WorkError> {
        self.planned()
    }

    fn words(&self) -> &'static Words {
        &WORDS
    }

    fn column_labels(&self) -> Vec<String> {
        vec![NAME.into()]
    }

    fn name_of(&self, configuration: u64) -> String {
        self.study.name_of(configuration)
    }

    fn place_of(&self, unit: u64) -> String {
        self.study.name_of(unit)
    }

    fn source_line(&self) -> String {
        let words = self.study.settings().command.run.join(" ");
        format!("{:<11}{}\n", "COMMAND", Shown(Path::new(&words)))
    }

    fn description(&self) -> Vec<(&'static str, String)> {
        let settings = self.study.settings();
        let axes = self.study.axes().iter();
        let axes: Vec<String> = axes.map(|a| format!("{} ({})", a.name(), a.len())).collect();
        let command = &settings.command;
        let limit = format!("{} s", command.timeout_seconds);
        let threads = counted(u64::from(command.threads), "thread");
        let mut lines = vec![
            ("grid", if axes.is_empty() { "no axes".into() } else { axes.join(" x ") }),
            ("units", counted(self.layout.units(), "configuration")),
            ("each", format!("one process, {threads}, at most {limit}")),
        ];
        let processors = self.launch.cpus_per_task.map_or(USUAL_PROCESSORS, NonZero::get);
        if command.threads > processors {
            let asked = format!("slurm.cpus_per_task={}", command.threads);
            let has = counted(u64::from(processors), "processor");
            lines.push(("", format!("on Slurm a task has {has}, fewer than that: set {asked}")));
        }
        lines
    }

    fn needs(&self, plan: &BoundPlan) -> Needs {
        let largest = plan.shards.live().into_iter().map(|s| plan.units_of(s)).max().unwrap_or(0);
        let units = largest.saturating_mul(OF_UNIT);
        Needs {
            what: "a task",
            of_task: Box::new(move |_| PROCESS.saturating_add(units)),
            of_merge: PROCESS.saturating_add(units),
            less_for_task: "fewer units",
            less_for_merge: "more shards",
        }
    }

    fn body_bytes(&self) -> u64 {
        SOME_BYTES
    }

    fn longest_unit(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.study.longest_seconds()).ok()
    }

    fn try_programs(&self, logs: &Path, patience: Duration) -> Result<Vec<Tried>, WorkError> {
        let (begun, scratch) = (Instant::now(), scratch()?);
        let stop = || begun.elapsed() > patience;
        let context =
            RunContext { stop: &stop, logs: &logs.join("tried"), scratch: scratch.path() };
        let problem = run(&self.study, 0, &context).and_then(|envelope| envelope.reason);
        Ok(vec![Tried { program: NAME.into(), problem }])
    }

    fn run(&self, work: &Work) -> Result<(), WorkError> {
        let scratch = scratch()?;
        let left: Vec<u64> = work.units.clone().filter(|unit| !work.done.has(*unit)).collect();
        let stopping = (!work.is_again).then(|| Stopping::new(&self.study, work.done));
        let next = AtomicU64::new(0);
        work.prepared();
        let runner = |_| {
            while !work.stop.asked()
                && let Some(&unit) = left.get(next.fetch_add(1, Ordering::Relaxed) as usize)
            {
                let begun = Instant::now();
                let left_out = stopping.as_ref().and_then(Stopping::why_not);
                let run = || left_out.or_else(|| self.unit(unit, work, scratch.path()));
                let Some(envelope) = work.profile.column(0, || Duration::ZERO, run) else { return };
                stopping.iter().for_each(|stopping| stopping.heed(&envelope));
                work.finish(unit, vec![envelope], begun.elapsed());
            }
        };
        // A unit's own threads are in the place of as many of ours.
        let threads = rayon::current_num_threads() / self.study.threads().max(1) as usize;
        let runners = work.programs.at_once.min(threads).clamp(1, left.len().max(1));
        (0..runners).into_par_iter().with_max_len(1).for_each(runner);
        Ok(())
    }

    fn programs(&self) -> Vec<ProgramFiles> {
        let files = self.study.input_files().unwrap_or_default();
        vec![ProgramFiles { name: NAME.into(), columns: vec![0], files }]
    }

    fn is_repeatable(&self, _column: usize) -> bool {
        self.study.is_repeatable()
    }

    fn is_same(&self, ours: &Envelope, theirs: &Envelope) -> bool {
        self.study.is_same(ours, theirs)
    }

    fn collector<'a>(
        &'a self,
        run: &'a RunDir,
        _plan: &'a BoundPlan,
    ) -> Result<Box<dyn Collector + 'a>, WorkError> {
        Ok(Box::new(CommandProducts::new(&self.study, run).map_err(WorkError::new)?))
    }

    fn previewer<'a>(
        &'a self,
        run: &'a RunDir,
    ) -> Result<Option<Box<dyn Collector + 'a>>, WorkError> {
        Ok(Some(Box::new(CommandPreview::new(&self.study, run).map_err(WorkError::new)?)))
    }

    fn extension(&self, old: &BoundPlan, new: &BoundPlan) -> Result<Mapping, Vec<String>> {
        let was = Self::of_plan(&old.plan, "plan.json".into());
        let was = was.map_err(|error| vec![error.to_string()])?;
        super::extension::to_larger((&was.study, &old.plan), (&self.study, &new.plan))
    }
}
