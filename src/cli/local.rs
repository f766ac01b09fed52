//! `otfhpc local`: plan, fit and merge on this machine.

use anyhow::Result;

use crate::runner::engine::Profile;
use crate::runner::plan::Build;
use crate::runner::store::RunDir;

use super::args::LocalArgs;
use super::display::say;
use super::exit::{Exit, Volume};
use super::here::fit_and_merge;
use super::needs;
use super::plan::{describe, make};
use super::run::{environment, thread_count};
use super::session::Session;

pub(super) fn command(args: &LocalArgs, volume: Volume) -> Result<Exit> {
    Build::look_ahead();
    let profile = Profile::new(args.profile);
    let run = RunDir::new(&args.settings.out);
    let room = |session: &Session| {
        let (slurm, plan) = (environment()?, &session.plan);
        let threads = thread_count(&args.threads, &slurm)?.threads;
        needs::check_all(&session.workload.needs(plan), threads, &slurm)?;
        Ok(session.check_room(&plan.shards.live())?)
    };
    let session = make(&args.settings, Some(args.shards), run, (&profile, volume), room)?;
    if volume > Volume::Quiet {
        say(&describe(&session));
    }
    let shards = session.plan.shards.live();
    fit_and_merge(&session, profile, (&shards, &args.threads), volume)
}
