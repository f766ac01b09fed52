//! Tries every external program before anything is submitted: one that is missing, or crashes at
//! once, would cost its units in every task.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::foundations::RunDir;
use crate::plan::BoundPlan;
use crate::shard::{Campaigns, try_programs};

use super::Volume;
use super::display::say;

/// A program that is still at work after this is not one that crashes at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs every program of a plan on one bin; refuses to go on if one fails there. `omitted` is what
/// was not done then.
pub(super) fn try_all(run: &RunDir, plan: &BoundPlan, omitted: &str, volume: Volume) -> Result<()> {
    let study = plan.study()?;
    if !study.methods.iter().any(|method| method.is_external()) {
        return Ok(());
    }
    let campaign = Campaigns::default().get(&plan.plan.config, &study, 0)?;
    let tried = try_programs(&study, &campaign, &run.program_logs(), PATIENCE);
    let failed = tried.iter().filter_map(|tried| Some((&tried.method, tried.problem.as_ref()?)));
    let lines: Vec<String> = failed.map(|(name, why)| format!("method `{name}`: {why}")).collect();
    if !lines.is_empty() {
        bail!(
            "nothing was {omitted}, because a program failed that was tried on one bin:\n{}\nmend it \
             and type the same again, or add --untried",
            lines.join("\n")
        );
    }
    if volume > Volume::Quiet {
        let names: Vec<&str> = tried.iter().map(|tried| tried.method.as_str()).collect();
        say(&format!("{:<11}{}: tried on one bin\n", "programs", names.join(", ")));
    }
    Ok(())
}
