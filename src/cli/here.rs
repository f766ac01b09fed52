//! Finishes a run on this machine: what is missing is fitted, and all is merged.

use std::sync::Arc;

use anyhow::Result;

use crate::runner::engine::{Phase, Profile, Worker};
use crate::runner::store::Partial;
use crate::runner::store::RunDir;

use super::args::{ResumeArgs, ThreadArgs};
use super::display::{complain, folder, program, say};
use super::exit::{Exit, Volume};
use super::merge::merge_and_report;
use super::report::{exit_of, stopped};
use super::run::{
    allow_files, environment, external_jobs, fit_shards, origin, tell, tell_profile, thread_count,
    thread_pool,
};
use super::session::Session;
use super::signals::Signals;
use super::{frozen, needs};

/// Fits what has no sound partial, and merges.
pub(super) fn finish(run: &RunDir, args: &ResumeArgs, volume: Volume) -> Result<Exit> {
    let profile = Profile::new(args.profile);
    let session = Session::open(run.clone())?;
    let Session { plan, workload, .. } = &session;
    frozen::check(run, plan, &args.binary, volume)?;
    let mut shards = Vec::new();
    for shard in plan.shards.live() {
        if !Partial::is_sound(run, plan, shard)? {
            shards.push(shard);
        }
    }
    session.check_room(&shards)?;
    plan.check_inputs()?;
    if !shards.is_empty() {
        let slurm = environment()?;
        let threads = thread_count(&args.threads, &slurm)?.threads;
        needs::check_all(&workload.needs(plan), threads, &slurm)?;
    }
    if volume > Volume::Quiet {
        say(&workload.source_line());
    }
    fit_and_merge(&session, profile, (&shards, &args.threads), volume)
}

/// Fits shards and merges, unless something ends it before. The inputs of the plan were looked at by this
/// process.
pub(super) fn fit_and_merge(
    session: &Session,
    profile: Profile,
    (shards, threads): (&[u32], &ThreadArgs),
    volume: Volume,
) -> Result<Exit> {
    let Session { run, plan, workload } = session;
    let profile = Arc::new(profile);
    let (signals, slurm) = (Signals::obey()?, environment()?);
    let pool = thread_pool(threads, &slurm, volume)?;
    let at_once = external_jobs(threads, &pool)?;
    allow_files(&pool, at_once, volume);
    let worker = Worker::new(run, plan, &**workload, &pool, (at_once, origin(&slurm)))?;
    let worker = worker.telling(profile.clone());
    let mut worker = worker.obeying(signals.stop.clone());
    let fitted = fit_shards(&mut worker, shards, volume)?;
    tell(&**workload, &fitted, pool.current_num_threads(), volume)?;
    if !fitted.left.is_empty() {
        // Not `run`: the merge is to be done, too.
        let go_on = format!("{} resume {} --local", program(), folder(run));
        complain(&stopped(run, &fitted, signals.name(), &go_on));
    }
    if !fitted.is_whole() {
        tell_profile(&profile, &**workload, &pool, volume);
        return Ok(exit_of(&fitted));
    }
    // A merge that is broken off leaves nothing that is half done.
    drop(signals);
    let merge = || pool.install(|| merge_and_report(session, volume));
    let merged = profile.phase(Phase::Merge, merge)?;
    tell_profile(&profile, &**workload, &pool, volume);
    Ok(merged.max(exit_of(&fitted)))
}
