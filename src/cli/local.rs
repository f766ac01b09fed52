//! `otfhpc local`: plan, fit and merge on this machine.

use anyhow::Result;

use crate::foundations::RunDir;
use crate::plan::check_room;
use crate::shard::Profile;

use super::args::LocalArgs;
use super::display::say;
use super::here::Here;
use super::plan::{describe, make};
use super::{Exit, Volume};

pub(super) fn command(args: &LocalArgs, volume: Volume) -> Result<Exit> {
    let profile = Profile::new(args.profile);
    let run = RunDir::new(&args.settings.out);
    let (plan, campaigns) =
        make(&args.settings, args.shards, &run, (&profile, volume), |plan, study| {
            Ok(check_room(&run, plan, study, &plan.shards.live())?)
        })?;
    if volume > Volume::Quiet {
        say(&describe(&plan, &run)?);
    }
    let here = Here { run: &run, plan: &plan, campaigns, profile, volume };
    here.fit_and_merge(&plan.shards.live(), &args.threads)
}
