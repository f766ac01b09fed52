//! Files that come late: on a network file system, one machine may see the file of another only
//! after some time.

use std::collections::BTreeSet;

use crate::runner::plan::BoundPlan;
use crate::runner::slurm::{
    History, JobEnd, JobState, Owner, ProcessEnd, Queued, Submissions, queue_of,
};
use crate::runner::store::RunDir;
use crate::runner::store::{Partial, PartialError};

/// The shards without a partial whose tasks have done their work, as Slurm says: those files are
/// only late. `after` are jobs whose tasks have the numbers of their shards, as those that are
/// submitted by hand. If Slurm does not answer, no file is known to be late.
#[must_use]
pub fn late_shards(run: &RunDir, plan: &BoundPlan, after: &[String]) -> BTreeSet<u32> {
    let is_missing =
        |shard: &u32| matches!(Partial::check(run, plan, *shard), Err(PartialError::Missing));
    let missing: Vec<u32> = plan.shards.live().into_iter().filter(is_missing).collect();
    if missing.is_empty() {
        return BTreeSet::new();
    }
    let submissions = Submissions::read(run).unwrap_or_default();
    let Ok(owner) = Owner::new(&plan.hash, run) else { return BTreeSet::new() };
    let history = History::new(&submissions, &owner);
    let jobs: BTreeSet<String> = history.jobs().into_iter().chain(after.iter().cloned()).collect();
    let finished = queue_of(&jobs.into_iter().collect::<Vec<_>>()).unwrap_or_default();
    let finished: BTreeSet<(String, u32)> = finished
        .into_iter()
        .filter(has_done_its_work)
        .filter_map(|queued| Some((queued.job, queued.task?)))
        .collect();
    let is_late = |shard: &u32| match history.of(*shard) {
        Some(submitted) => submitted.last.as_ref().is_some_and(|last| finished.contains(last)),
        None => after.iter().any(|job| finished.contains(&(job.clone(), *shard))),
    };
    missing.into_iter().filter(is_late).collect()
}

/// Whether a task has left its partial: exit code 1 says that some units of it failed.
fn has_done_its_work(task: &Queued) -> bool {
    match task.state {
        JobState::Ended(JobEnd::Completed) => true,
        JobState::Ended(JobEnd::Failed) => task.exit == Some(ProcessEnd::Code(1)),
        _ => false,
    }
}
