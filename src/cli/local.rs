//! `otfhpc local`: plan, fit and merge on this machine.

use anyhow::Result;

use crate::foundations::RunDir;
use crate::shard::Worker;

use super::args::LocalArgs;
use super::display::{complain, say};
use super::merge::merge_and_report;
use super::plan::{describe, make};
use super::report::{exit_of, stopped};
use super::run::{environment, external_jobs, fit_shards, origin, tell, thread_pool};
use super::signals::Signals;
use super::{Exit, Volume};

pub(super) fn command(args: &LocalArgs, volume: Volume) -> Result<Exit> {
    let signals = Signals::obey()?;
    let slurm = environment()?;
    let run = RunDir::new(&args.settings.out);
    let pool = thread_pool(&args.threads, &slurm, volume)?;
    let plan = make(&args.settings, args.shards, &run)?;
    if volume > Volume::Quiet {
        say(&describe(&plan, &run)?);
    }
    let shards = plan.shards.live();
    let at_once = external_jobs(&args.threads, &pool)?;
    let worker = Worker::new(&run, &plan, &pool, at_once, origin(&slurm))?;
    let fitted = fit_shards(worker.obeying(signals.stop.clone()), &shards, volume)?;
    tell(&plan, &fitted, pool.current_num_threads(), volume)?;
    if !fitted.left.is_empty() {
        complain(&stopped(&run, &fitted, signals.name()));
    }
    if !fitted.is_whole() {
        return Ok(exit_of(&fitted));
    }
    // A merge that is broken off leaves nothing that is half done.
    drop(signals);
    let merged = merge_and_report(&run, &plan, volume)?;
    Ok(merged.max(exit_of(&fitted)))
}
