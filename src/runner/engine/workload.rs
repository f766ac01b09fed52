//! What the engine must know of the work. All else (what a unit computes, what its result is, what is
//! made of all results) it leaves to the workload.

use std::error::Error;
use std::fmt::{self, Debug, Formatter};
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use crate::runner::merge::Collector;
use crate::runner::plan::{BoundPlan, Layout, Needs, PlanRequest};
use crate::runner::store::{Envelope, RunDir, UnitStatus};

use super::work::Work;

/// A kind of work that can be cut into shards: how its units are numbered, how they are run, and what
/// becomes of their results.
///
/// A unit's result must be a function of the plan and its inputs alone: no time, thread, host or order
/// may reach it. The engine keeps it as bytes, in an [`Envelope`].
pub trait Workload: Debug + Send + Sync {
    /// Its units: how many, which are never parted, what they cost.
    fn layout(&self) -> &Layout;

    /// What is to be planned. Input is read as far as it must be, and hashed.
    ///
    /// # Errors
    /// If an input cannot be used.
    fn planned(&self) -> Result<PlanRequest, WorkError>;

    /// What things are called in messages.
    fn words(&self) -> &'static Words;

    /// What the columns of a block are called.
    fn column_labels(&self) -> Vec<String>;

    /// A configuration, for a line of progress.
    fn name_of(&self, configuration: u64) -> String;

    /// Where a unit stands, for people, as in "configuration 3, bin 12".
    fn place_of(&self, unit: u64) -> String;

    /// The first line of every command that works: what the work rests on.
    fn source_line(&self) -> String;

    /// Lines that describe it, each with a name of one word.
    fn description(&self) -> Vec<(&'static str, String)>;

    /// The memory that tasks and the merge of a plan take.
    fn needs(&self, plan: &BoundPlan) -> Needs;

    /// Bytes of the body of a unit's result, at most, as far as they can be foretold.
    fn body_bytes(&self) -> u64;

    /// What a study takes on one thread, from a short look; none if no look would tell.
    ///
    /// # Errors
    /// If an input cannot be used.
    fn foretell(&self) -> Result<Option<Cost>, WorkError> {
        Ok(None)
    }

    /// How long one unit may take, where something ends it.
    fn longest_unit(&self) -> Option<Duration> {
        None
    }

    /// Runs every program of its own once, for a short time: their names, and what went wrong. Their
    /// output goes to `logs`.
    ///
    /// # Errors
    /// If an input cannot be used.
    fn try_programs(&self, _logs: &Path, _patience: Duration) -> Result<Vec<Tried>, WorkError> {
        Ok(Vec::new())
    }

    /// Runs units that are left of a shard, on the current rayon pool, until it is asked to stop.
    ///
    /// # Errors
    /// If an input cannot be used. What goes wrong with a unit is its result.
    fn run(&self, work: &Work) -> Result<(), WorkError>;

    /// What would be planned with the files of its programs as they are now; all else is as it was.
    ///
    /// # Errors
    /// If an input cannot be used.
    fn replanned(&self) -> Result<PlanRequest, WorkError>;

    /// The programs that results follow from, and that a user may mend.
    fn programs(&self) -> Vec<ProgramFiles> {
        Vec::new()
    }

    /// Whether a column gives the same again, so that an audit may compare it.
    fn is_repeatable(&self, _column: usize) -> bool {
        true
    }

    /// Why an audit may find differences that are nobody's fault, if it may.
    fn audit_caveat(&self) -> Option<&'static str> {
        None
    }

    /// Whether two results of a unit are the same.
    fn is_same(&self, ours: &Envelope, theirs: &Envelope) -> bool {
        ours.has_result_of(theirs)
    }

    /// Makes products of all results.
    ///
    /// # Errors
    /// If there is no memory for them.
    fn collector<'a>(
        &'a self,
        run: &'a RunDir,
        plan: &'a BoundPlan,
    ) -> Result<Box<dyn Collector + 'a>, WorkError>;

    /// Makes a look at those results that there are; none if there is no such look.
    ///
    /// # Errors
    /// If its files cannot be made.
    fn previewer<'a>(
        &'a self,
        _run: &'a RunDir,
    ) -> Result<Option<Box<dyn Collector + 'a>>, WorkError> {
        Ok(None)
    }

    /// Writes the page for people again, of all results; none if the workload has no such page.
    ///
    /// # Errors
    /// If there is no memory for it.
    fn page_writer<'a>(
        &'a self,
        _run: &'a RunDir,
        _plan: &'a BoundPlan,
    ) -> Result<Option<Box<dyn Collector + 'a>>, WorkError> {
        Ok(None)
    }

    /// How results of a plan in the same folder, of a smaller study, are numbered in this one.
    ///
    /// # Errors
    /// Names everything that is in the way, if results would not be the same, or have no place.
    fn extension(&self, old: &BoundPlan, new: &BoundPlan) -> Result<Mapping, Vec<String>>;
}

/// What things are called in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// How a unit ended, by the number of its status; empty for what does not occur.
    pub statuses: [&'static str; UnitStatus::ALL.len()],
    /// What is made once for the units of a block, and gathered for one unit; empty if nothing is.
    pub phases: [&'static str; 2],
    /// The two parts of the work on a unit; empty if it has none.
    pub parts: [&'static str; 2],
    /// What is run of a program to try it.
    pub unit: &'static str,
    /// What is done with a unit.
    pub verb: Verb,
    /// What a column is called, before its label; empty if there is only one.
    pub column: &'static str,
    /// What a larger study has more of.
    pub grows: &'static str,
    /// What an estimate leaves out, where there are programs.
    pub not_counted: &'static str,
}

/// What is done with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verb {
    /// As in "there is nothing to fit".
    pub plain: &'static str,
    /// As in "was fitted".
    pub done: &'static str,
    /// As in "while fitting".
    pub doing: &'static str,
}

impl Words {
    /// What a status is called.
    #[must_use]
    pub fn of(&self, status: UnitStatus) -> &'static str {
        self.statuses[status as usize]
    }

    /// Of which column something is, as in " of wls"; empty if there is only one.
    #[must_use]
    pub fn of_column(&self, label: &str) -> String {
        if self.column.is_empty() { String::new() } else { format!(" of {label}") }
    }

    /// The statuses that occur, with their words.
    pub fn occurring(&self) -> impl Iterator<Item = (UnitStatus, &'static str)> {
        UnitStatus::ALL.into_iter().zip(self.statuses).filter(|(_, word)| !word.is_empty())
    }
}

/// What a study takes on one thread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Seconds for all units.
    pub fitting: f64,
    /// Seconds for what each process does before.
    pub preparing: f64,
    /// Whether programs take time besides, which is not counted.
    pub leaves_programs_out: bool,
}

/// How a program ended that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Its name.
    pub program: String,
    /// What went wrong, if anything did.
    pub problem: Option<String>,
}

/// A program that results follow from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramFiles {
    /// Its name.
    pub name: String,
    /// The columns that it works on.
    pub columns: Vec<usize>,
    /// Its files.
    pub files: Vec<PathBuf>,
}

/// Which results of a column are kept in another plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All.
    All,
    /// All but pieces in which a unit failed.
    ButFailed,
    /// None.
    Nothing,
}

/// Where the units of one plan stand in another, and which results are kept.
pub struct Mapping {
    /// By column of the old plan.
    pub columns: Vec<KeptColumn>,
    /// The unit of the new plan that is the first of the same piece, given that of the old one.
    pub moved: Box<dyn Fn(u64) -> Option<u64>>,
}

impl Debug for Mapping {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl Mapping {
    /// From a plan to the same one: of chosen columns, pieces in which a unit failed are not kept.
    #[must_use]
    pub fn to_same(labels: Vec<String>, is_chosen: impl Fn(usize) -> bool) -> Self {
        let keep = |(column, label)| {
            let keep = if is_chosen(column) { Keep::ButFailed } else { Keep::All };
            KeptColumn { label, keep, why: "" }
        };
        Self { columns: labels.into_iter().enumerate().map(keep).collect(), moved: Box::new(Some) }
    }
}

/// What is kept of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptColumn {
    /// What it is called.
    pub label: String,
    /// Which results are kept.
    pub keep: Keep,
    /// Why others are not.
    pub why: &'static str,
}

/// Why a workload cannot go on.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct WorkError(Box<dyn Error + Send + Sync>);

impl WorkError {
    /// Any error of a workload's own.
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Box::new(error))
    }

    /// The workload's own error.
    #[must_use]
    pub fn inner(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}
