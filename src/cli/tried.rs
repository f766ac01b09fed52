//! Tries every program before anything is submitted: one that is missing, or crashes at once, would
//! cost its units in every task.

use std::time::Duration;

use anyhow::{Result, bail};

use super::display::say;
use super::exit::Volume;
use super::session::Session;

/// A program that is still at work after this is not one that crashes at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs every program of a plan on one bin; refuses to go on if one fails there. `omitted` is what
/// was not done then.
pub(super) fn try_all(session: &Session, omitted: &str, volume: Volume) -> Result<()> {
    let tried = session.workload.try_programs(&session.run.program_logs(), PATIENCE)?;
    if tried.is_empty() {
        return Ok(());
    }
    let words = session.workload.words();
    let unit = words.unit;
    let failed = tried.iter().filter_map(|tried| Some((&tried.program, tried.problem.as_ref()?)));
    let line = |(name, why): (&String, &String)| match words.column {
        "" => why.clone(),
        column => format!("{column} `{name}`: {why}"),
    };
    let lines: Vec<String> = failed.map(line).collect();
    if !lines.is_empty() {
        bail!(
            "nothing was {omitted}, because a program failed that was tried on one {unit}:\n{}\nmend it \
             and type the same again, or add --untried",
            lines.join("\n")
        );
    }
    if volume > Volume::Quiet {
        let names: Vec<&str> = tried.iter().map(|tried| tried.program.as_str()).collect();
        say(&format!("{:<11}{}: tried on one {unit}\n", "programs", names.join(", ")));
    }
    Ok(())
}
