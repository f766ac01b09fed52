//! Collects what is known of every shard: from files, from Slurm, from logs.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::foundations::FileError;
use crate::runner::plan::BoundPlan;
use crate::runner::slurm::{
    History, Outlook, Owner, Queued, SlurmError, Submissions, SubmissionsError, accounting_of,
    queue, queue_of,
};
use crate::runner::store::RunDir;
use crate::runner::store::{Found, Progressed, survey};

use super::logs::Logs;
use super::merging::Merging;
use super::state::{Evidence, judge};
use super::{Life, merging};

/// Whether Slurm had something to say.
#[derive(Debug)]
pub enum Slurm {
    /// There was nothing to ask: no job had any of the shards that are not done.
    NotAsked,
    /// It said what it knows.
    Answered,
    /// It did not answer: what waits is not known.
    Silent(SlurmError),
}

/// A run that cannot be looked at.
#[derive(Debug, Error)]
pub enum LookError {
    /// Its files.
    #[error(transparent)]
    File(#[from] FileError),
    /// The record of its submissions.
    #[error(transparent)]
    Submissions(#[from] SubmissionsError),
}

/// Looks at every shard of a run, and asks Slurm about those that are not done.
///
/// # Errors
/// If the files of the run cannot be read. That Slurm does not answer is no error.
pub fn look(run: &RunDir, plan: &BoundPlan) -> Result<Life, LookError> {
    let found = survey(run, plan)?;
    let (submissions, owner) = (Submissions::read(run)?, Owner::new(&plan.hash, run)?);
    let history = History::new(&submissions, &owner);
    let last = last_tasks(&found, &history);
    let is_done = found.iter().all(|(_, found)| *found == Found::Done);
    let (tasks, merging, slurm) = if is_done {
        let (merging, slurm) = known(merging::look(run, plan, &history, &submissions, &owner));
        (Tasks::default(), merging.unwrap_or(Merging::Open), slurm)
    } else {
        let (tasks, slurm) = known(ask(&last, &history, &submissions, &owner));
        (tasks.unwrap_or_default(), Merging::NotYet, slurm)
    };
    // Where there is no Slurm, nothing waits in it.
    let silent =
        matches!(&slurm, Slurm::Silent(error) if !matches!(error, SlurmError::NotFound { .. }));
    let logs = if last.is_empty() { Logs::default() } else { Logs::find(run)? };
    let state = |(shard, found): &(u32, Found)| {
        let last = last.get(shard);
        let task = tasks.of(*shard, last);
        let words = last.filter(|_| !is_live(task.as_ref())).and_then(|t| logs.last_words(t));
        let submitted = history.of(*shard).cloned();
        let units = plan.shards.units(*shard).map_or(0, |units| units.end - units.start);
        let evidence = Evidence { submitted, last: last.cloned(), task, words, silent };
        judge(*shard, units, found, &evidence)
    };
    Ok(Life { shards: found.iter().map(state).collect(), slurm, history, merging })
}

/// What Slurm said, and whether it did.
fn known<T>(asked: Result<Option<T>, SlurmError>) -> (Option<T>, Slurm) {
    match asked {
        Ok(Some(answer)) => (Some(answer), Slurm::Answered),
        Ok(None) => (None, Slurm::NotAsked),
        Err(error) => (None, Slurm::Silent(error)),
    }
}

/// A job and a task of it.
type Task = (String, u32);

/// The last task of each shard that is not done: that of the later of two jobs, where the record
/// and the journal name different ones.
fn last_tasks(found: &[(u32, Found)], history: &History) -> BTreeMap<u32, Task> {
    let number = |(job, _): &Task| job.parse().unwrap_or(0_u64);
    let last = |(shard, found): &(u32, Found)| {
        let of_journal = match found {
            Found::Done => return None,
            Found::Open(progressed) => task_of(progressed),
            Found::Damaged(_) => None,
        };
        let of_record = history.of(*shard).and_then(|submitted| submitted.last.clone());
        let last = of_journal.into_iter().chain(of_record).max_by_key(number)?;
        Some((*shard, last))
    };
    found.iter().filter_map(last).collect()
}

fn task_of(progressed: &Progressed) -> Option<Task> {
    let (job, task) = progressed.last.as_ref()?.job.as_ref()?.split_once('_')?;
    Some((job.to_owned(), task.parse().ok()?))
}

/// What Slurm knows of tasks.
#[derive(Debug, Default)]
struct Tasks {
    by_number: BTreeMap<Task, Queued>,
    /// Those that are in the queue under a number that nobody wrote down.
    nameless: BTreeSet<u32>,
}

impl Tasks {
    fn of(&self, shard: u32, last: Option<&Task>) -> Option<Queued> {
        let known = last.and_then(|last| self.by_number.get(last)).cloned();
        let nameless = self.nameless.contains(&shard).then(Queued::default);
        known.filter(|task| task.state.is_live() || nameless.is_none()).or(nameless)
    }
}

fn is_live(task: Option<&Queued>) -> bool {
    task.is_some_and(|task| task.state.is_live())
}

/// Asks the queue in one question, and, about what it has forgotten, the accounting in one. None if
/// there is nothing to ask.
fn ask(
    last: &BTreeMap<u32, Task>,
    history: &History,
    submissions: &Submissions,
    owner: &Owner,
) -> Result<Option<Tasks>, SlurmError> {
    let mut tasks = Tasks::default();
    if history.has_lost_number {
        tasks.nameless = Outlook::new(&queue()?, submissions, owner).shards;
    }
    let jobs: BTreeSet<String> = last.values().map(|(job, _)| job.clone()).collect();
    if jobs.is_empty() {
        return Ok(history.has_lost_number.then_some(tasks));
    }
    // A number that was recorded may be another job's by now.
    let recorded = history.jobs();
    let is_ours =
        |queued: &Queued| !recorded.contains(&queued.job) || submissions.knows(queued, owner);
    let add = |tasks: &mut Tasks, found: Vec<Queued>| {
        for queued in found.into_iter().filter(is_ours) {
            let task = (queued.job.clone(), queued.task.unwrap_or(0));
            tasks.by_number.entry(task).or_insert(queued);
        }
    };
    add(&mut tasks, queue_of(&jobs.into_iter().collect::<Vec<_>>())?);
    let forgotten = last.values().filter(|task| !tasks.by_number.contains_key(task));
    let forgotten: BTreeSet<String> = forgotten.map(|(job, _)| job.clone()).collect();
    if !forgotten.is_empty() {
        let found = accounting_of(&forgotten.into_iter().collect::<Vec<_>>());
        add(&mut tasks, found.unwrap_or_default());
    }
    Ok(Some(tasks))
}
