//! Whether this build of the program may go on with a run: by default only the one that planned it.

use anyhow::{Result, bail};

use crate::foundations::Digest;
use crate::runner::plan::{BoundPlan, Build};
use crate::runner::store::PlanError;
use crate::runner::store::RunDir;
use crate::runner::store::{Partial, journals};

use super::args::BinaryArgs;
use super::display::complain;
use super::exit::Volume;

/// What the user sets to have any build go on: it reaches the tasks of an array.
const VARIABLE: &str = "OTFHPC_ANY_BINARY";

/// Whether any build may go on.
fn any_may(args: &BinaryArgs) -> Result<bool> {
    match std::env::var(VARIABLE).as_deref() {
        Err(_) | Ok("" | "0") => Ok(args.any_binary),
        Ok("1") => Ok(true),
        Ok(other) => bail!("{VARIABLE} is `{other}`: expected 1 or 0, or unset it"),
    }
}

/// Refuses to fit a plan of another build, unless any may; says whether this is another and may.
pub(super) fn check(
    run: &RunDir,
    plan: &BoundPlan,
    args: &BinaryArgs,
    volume: Volume,
) -> Result<bool> {
    let (any, running) = (any_may(args)?, Build::running()?);
    let Err(other) = plan.check_program(run.plan(), &running) else { return Ok(false) };
    if !any {
        return Err(other.into());
    }
    if volume > Volume::Quiet {
        complain(&format!(
            "otfhpc: warning: at work with another build ({}) than the one that planned ({}): \
             provenance.json will tell",
            other.found, other.planned
        ));
    }
    Ok(true)
}

/// Refuses to take over the results of the same plan that another build left; says whether they
/// are to be deleted instead. `old` is the plan that lies there, if it can be read.
pub(super) fn is_in_the_way(
    run: &RunDir,
    plan: &BoundPlan,
    old: Option<&BoundPlan>,
    partials: &[u32],
    (args, replace): (&BinaryArgs, bool),
) -> Result<bool> {
    let begun = journals(run)?.len();
    let (any, running) = (any_may(args)?, Build::running()?);
    let Some(planned) = other_build(run, plan, old, partials, &running) else { return Ok(false) };
    if any || partials.len() + begun == 0 {
        return Ok(false);
    }
    if replace {
        return Ok(true);
    }
    Err(PlanError::OtherBuild {
        root: run.root().into(),
        partials: partials.len(),
        journals: begun,
        planned: planned.short(),
        found: running.blake3.short(),
    }
    .into())
}

/// The other build that planned, or, where the plan is lost, that fitted.
fn other_build(
    run: &RunDir,
    plan: &BoundPlan,
    old: Option<&BoundPlan>,
    partials: &[u32],
    running: &Build,
) -> Option<Digest> {
    let is_other = |hash: &Digest| *hash != running.blake3;
    match old {
        Some(old) => old.program.as_ref().map(|program| program.blake3).filter(is_other),
        None => partials
            .iter()
            .filter_map(|shard| Partial::prove(run, plan, *shard).ok())
            .map(|provenance| provenance.binary)
            .find(is_other),
    }
}
