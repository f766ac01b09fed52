//! Runs Slurm's commands: programs with arguments, never a shell.

use std::fs::File;
use std::io;
use std::process::{Command, Output, Stdio};

use thiserror::Error;

use super::queue::{
    ACCOUNTED, FORMAT, FORMAT_OF_ENDED, Queued, parse_accounting, parse_job, parse_max_array_size,
    parse_queue,
};
use super::sbatch::Sbatch;

/// A command of Slurm's that did not answer.
#[derive(Debug, Error)]
pub enum SlurmError {
    /// It is not there.
    #[error(
        "`{program}` is not on PATH, so there is no Slurm here: run this where jobs are submitted, \
         or finish a planned run here with `otfhpc resume --local`; `otfhpc local` plans, fits and \
         merges at once"
    )]
    NotFound {
        /// The program.
        program: &'static str,
    },
    /// It could not be run.
    #[error("cannot run `{program}`: {source}")]
    NotRun {
        /// The program.
        program: &'static str,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// It failed.
    #[error("`{program}` failed ({status}): {said}")]
    Failed {
        /// The program.
        program: &'static str,
        /// Its exit code, or the signal that ended it.
        status: String,
        /// What it wrote to standard error.
        said: String,
    },
    /// It printed something else than it should.
    #[error("`{program}` printed `{printed}`: expected {expected}")]
    NotUnderstood {
        /// The program.
        program: &'static str,
        /// What it printed.
        printed: String,
        /// What it should have printed.
        expected: &'static str,
    },
}

/// Whether there is a Slurm here that takes jobs.
#[must_use]
pub fn is_here() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("sbatch").is_file())
}

/// Asks which jobs of this user wait, run or are ending.
///
/// # Errors
/// If `squeue` does not answer.
pub fn queue() -> Result<Vec<Queued>, SlurmError> {
    let mut squeue = without_settings("squeue", "SQUEUE_");
    squeue.args(["--me", "--array", "--noheader", FORMAT]).stdin(Stdio::null());
    read_queue(&output("squeue", squeue)?)
}

/// Asks what became of some jobs, in one question: those that wait or run, and those that ended so
/// short a time ago that Slurm's controller has not forgotten them.
///
/// # Errors
/// If `squeue` does not answer.
pub fn queue_of(jobs: &[String]) -> Result<Vec<Queued>, SlurmError> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let ask = |format: &str| {
        let mut squeue = without_settings("squeue", "SQUEUE_");
        let jobs = format!("--jobs={}", jobs.join(","));
        squeue.args(["--array", "--noheader", "--states=all", format, &jobs]).stdin(Stdio::null());
        output("squeue", squeue)
    };
    let printed = match ask(FORMAT_OF_ENDED) {
        // A release that does not know one of the fields.
        Err(SlurmError::Failed { said, .. }) if said.contains("format specification") => {
            ask(FORMAT)
        }
        printed => printed,
    };
    match printed {
        // It says so if it was asked for one job alone, and has forgotten it.
        Err(SlurmError::Failed { said, .. }) if said.contains("Invalid job id") => Ok(Vec::new()),
        printed => read_queue(&printed?),
    }
}

/// Asks the accounting what became of some jobs, in one question; none where there is no
/// accounting.
#[must_use]
pub fn accounting_of(jobs: &[String]) -> Option<Vec<Queued>> {
    let mut sacct = without_settings("sacct", "SACCT_");
    let jobs = format!("--jobs={}", jobs.join(","));
    sacct.args(["--noheader", "--parsable2", "--allocations", ACCOUNTED]);
    sacct.arg(jobs).stdin(Stdio::null());
    Some(parse_accounting(&output("sacct", sacct).ok()?))
}

/// A command that a user's own settings do not change: filters would hide jobs.
fn without_settings(program: &str, prefix: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with(prefix)) {
        command.env_remove(name);
    }
    command
}

fn read_queue(printed: &str) -> Result<Vec<Queued>, SlurmError> {
    let expected = "lines like 12_7|RUNNING|None|n1|COMMENT";
    parse_queue(printed).map_err(|printed| not_understood("squeue", printed, expected))
}

/// Asks for `MaxArraySize`: the numbers of tasks are below it.
///
/// # Errors
/// If `scontrol` does not answer.
pub fn max_array_size() -> Result<u32, SlurmError> {
    let mut scontrol = Command::new("scontrol");
    scontrol.args(["show", "config"]).stdin(Stdio::null());
    let printed = output("scontrol", scontrol)?;
    parse_max_array_size(&printed)
        .ok_or_else(|| not_understood("scontrol", first_line(&printed), "a line MaxArraySize = N"))
}

/// Submits a job and returns its number. `input` becomes sbatch's standard input: whatever is
/// locked with it stays locked for as long as sbatch lives.
///
/// # Errors
/// If sbatch refuses, or does not say the number. Even then the job may be in the queue.
pub(super) fn submit(sbatch: &Sbatch, input: File) -> Result<String, SlurmError> {
    let mut command = Command::new("sbatch");
    command.args(sbatch.arguments()).stdin(input);
    let printed = output("sbatch", command)?;
    parse_job(&printed).ok_or_else(|| not_understood("sbatch", printed, "the number of a job"))
}

fn output(program: &'static str, mut command: Command) -> Result<String, SlurmError> {
    let Output { status, stdout, stderr } =
        command.output().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => SlurmError::NotFound { program },
            _ => SlurmError::NotRun { program, source },
        })?;
    if !status.success() {
        let said = String::from_utf8_lossy(&stderr).trim().to_owned();
        return Err(SlurmError::Failed { program, status: status.to_string(), said });
    }
    Ok(String::from_utf8_lossy(&stdout).into_owned())
}

fn not_understood(program: &'static str, printed: String, expected: &'static str) -> SlurmError {
    SlurmError::NotUnderstood { program, printed: printed.trim().into(), expected }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().into()
}
