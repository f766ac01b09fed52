//! Finishes a run on this machine: what is missing is fitted, and all is merged.

use anyhow::Result;

use crate::foundations::RunDir;
use crate::plan::{BoundPlan, check_room};
use crate::shard::{Partial, Worker};

use super::args::{BinaryArgs, ThreadArgs};
use super::display::complain;
use super::merge::merge_and_report;
use super::report::{exit_of, stopped};
use super::run::{allow_files, environment, external_jobs, fit_shards, origin, tell, thread_pool};
use super::signals::Signals;
use super::{Exit, Volume, frozen};

/// Fits what has no sound partial, and merges.
pub(super) fn finish(
    run: &RunDir,
    threads: &ThreadArgs,
    binary: &BinaryArgs,
    volume: Volume,
) -> Result<Exit> {
    let plan = BoundPlan::read(run)?;
    frozen::check(run, &plan, binary, volume)?;
    let missing = |shard: &u32| Partial::check(run, &plan, *shard).is_err();
    let shards: Vec<u32> = plan.shards.live().into_iter().filter(missing).collect();
    check_room(run, &plan, &plan.study()?, &shards)?;
    fit_and_merge(run, &plan, &shards, threads, volume)
}

/// Fits shards and merges, unless something ends it before.
pub(super) fn fit_and_merge(
    run: &RunDir,
    plan: &BoundPlan,
    shards: &[u32],
    threads: &ThreadArgs,
    volume: Volume,
) -> Result<Exit> {
    let (signals, slurm) = (Signals::obey()?, environment()?);
    let pool = thread_pool(threads, &slurm, volume)?;
    let at_once = external_jobs(threads, &pool)?;
    allow_files(&pool, at_once, volume);
    let worker = Worker::new(run, plan, &pool, at_once, origin(&slurm))?;
    let fitted = fit_shards(worker.obeying(signals.stop.clone()), shards, volume)?;
    tell(plan, &fitted, pool.current_num_threads(), volume)?;
    if !fitted.left.is_empty() {
        complain(&stopped(run, &fitted, signals.name()));
    }
    if !fitted.is_whole() {
        return Ok(exit_of(&fitted));
    }
    // A merge that is broken off leaves nothing that is half done.
    drop(signals);
    let merged = merge_and_report(run, plan, volume)?;
    Ok(merged.max(exit_of(&fitted)))
}
