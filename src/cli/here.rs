//! Finishes a run on this machine: what is missing is fitted, and all is merged.

use std::sync::Arc;

use anyhow::Result;

use crate::foundations::RunDir;
use crate::plan::{BoundPlan, check_room};
use crate::shard::{Campaigns, Partial, Phase, Profile, Worker};

use super::args::{ResumeArgs, ThreadArgs};
use super::display::{complain, folder, program, say};
use super::merge::merge_and_report;
use super::report::{exit_of, stopped};
use super::run::{
    allow_files, environment, external_jobs, fit_shards, origin, tell, tell_profile, thread_count,
    thread_pool,
};
use super::signals::Signals;
use super::source::source_line;
use super::{Exit, Volume, frozen, needs};

/// Fits what has no sound partial, and merges.
pub(super) fn finish(run: &RunDir, args: &ResumeArgs, volume: Volume) -> Result<Exit> {
    let profile = Profile::new(args.profile);
    let plan = BoundPlan::read(run)?;
    frozen::check(run, &plan, &args.binary, volume)?;
    let missing = |shard: &u32| Partial::check(run, &plan, *shard).is_err();
    let shards: Vec<u32> = plan.shards.live().into_iter().filter(missing).collect();
    check_room(run, &plan, &plan.study()?, &shards)?;
    if !shards.is_empty() {
        let slurm = environment()?;
        needs::check_all(&plan, thread_count(&args.threads, &slurm)?.threads, &slurm)?;
    }
    if volume > Volume::Quiet {
        say(&source_line(&plan));
    }
    let here = Here { run, plan: &plan, campaigns: Campaigns::default(), profile, volume };
    here.fit_and_merge(&shards, &args.threads)
}

/// A run that this process finishes.
pub(super) struct Here<'a> {
    pub(super) run: &'a RunDir,
    pub(super) plan: &'a BoundPlan,
    /// Data sets that are read already.
    pub(super) campaigns: Campaigns,
    pub(super) profile: Profile,
    pub(super) volume: Volume,
}

impl Here<'_> {
    /// Fits shards and merges, unless something ends it before.
    pub(super) fn fit_and_merge(self, shards: &[u32], threads: &ThreadArgs) -> Result<Exit> {
        let Self { run, plan, campaigns, profile, volume } = self;
        let profile = Arc::new(profile);
        let (signals, slurm) = (Signals::obey()?, environment()?);
        let pool = thread_pool(threads, &slurm, volume)?;
        let at_once = external_jobs(threads, &pool)?;
        allow_files(&pool, at_once, volume);
        let worker = Worker::new(run, plan, &pool, at_once, origin(&slurm))?;
        let worker = worker.knowing(campaigns).telling(profile.clone());
        let mut worker = worker.obeying(signals.stop.clone());
        let fitted = fit_shards(&mut worker, shards, volume)?;
        tell(plan, &fitted, pool.current_num_threads(), volume)?;
        if !fitted.left.is_empty() {
            // Not `run`: the merge is to be done, too.
            let go_on = format!("{} resume {} --local", program(), folder(run));
            complain(&stopped(run, &fitted, signals.name(), &go_on));
        }
        if !fitted.is_whole() {
            tell_profile(&profile, plan, &pool, volume)?;
            return Ok(exit_of(&fitted));
        }
        // A merge that is broken off leaves nothing that is half done.
        drop(signals);
        let mut campaigns = worker.into_campaigns();
        let merge = || pool.install(|| merge_and_report(run, plan, &mut campaigns, volume));
        let merged = profile.phase(Phase::Merge, merge)?;
        tell_profile(&profile, plan, &pool, volume)?;
        Ok(merged.max(exit_of(&fitted)))
    }
}
