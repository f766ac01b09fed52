//! Asks Slurm to start a task again that was stopped before its time limit, where the user wants it.

use std::process::Command;

use anyhow::{Result, bail};

use crate::process::said;
use crate::runner::slurm::{Environment, requeue_command};

use super::display::complain;

/// What the user sets to want it.
const VARIABLE: &str = "OTFHPC_REQUEUE";

/// Whether the user wants it.
pub(super) fn is_wanted() -> Result<bool> {
    match std::env::var(VARIABLE).as_deref() {
        Err(_) | Ok("" | "0") => Ok(false),
        Ok("1") => Ok(true),
        Ok(other) => bail!("{VARIABLE} is `{other}`: expected 1 or 0, or unset it"),
    }
}

/// Asks Slurm. Whether it works or not, what is done is kept: a failure is told and no more.
pub(super) fn requeue(slurm: &Environment) {
    let Some(words) = requeue_command(slurm) else {
        complain("otfhpc: warning: not requeued: this is no task of a Slurm array");
        return;
    };
    let line = words.join(" ");
    // Told before: Slurm may end this process before it can tell anything after.
    complain(&format!("otfhpc: asking for a requeue: {line}"));
    match said(Command::new(&words[0]).args(&words[1..])) {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            complain(&format!("otfhpc: warning: not requeued: `{line}`: {}", said.trim()));
        }
        Err(error) => complain(&format!("otfhpc: warning: not requeued: `{line}`: {error}")),
    }
}
