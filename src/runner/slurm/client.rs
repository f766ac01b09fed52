//! Runs Slurm's commands: programs with arguments, never a shell.

use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::process::{Said, said, said_meanwhile};

use super::answer::{Answer, Ended, answer, remarks};
use super::partitions::Partitions;
use super::queue::{
    ACCOUNTING_FORMAT, FORMAT, FORMAT_OF_ENDED, Queued, parse_accounting, parse_max_array_size,
    parse_queue,
};
use super::sbatch::Sbatch;
use super::surroundings::command;

/// What sbatch says is shown at once when it takes longer than this.
const SLOW: Duration = Duration::from_secs(1);

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
    squeue(FORMAT, &["--me"])
}

/// The same, with those that ended so short a time ago that Slurm's controller has not forgotten
/// them.
///
/// # Errors
/// If `squeue` does not answer.
pub(super) fn queue_with_ended() -> Result<Vec<Queued>, SlurmError> {
    squeue(FORMAT, &["--me", "--states=all"])
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
    let which = ["--states=all", &format!("--jobs={}", jobs.join(","))];
    let asked = match squeue(FORMAT_OF_ENDED, &which) {
        // A release that does not know one of the fields.
        Err(SlurmError::Failed { said, .. }) if said.contains("format specification") => {
            squeue(FORMAT, &which)
        }
        asked => asked,
    };
    match asked {
        // It says so if it was asked for one job alone, and has forgotten it.
        Err(SlurmError::Failed { said, .. }) if said.contains("Invalid job id") => Ok(Vec::new()),
        found => found,
    }
}

fn squeue(format: &str, which: &[&str]) -> Result<Vec<Queued>, SlurmError> {
    let mut squeue = command("squeue");
    squeue.args(["--array", "--noheader", format]).args(which).stdin(Stdio::null());
    let printed = output("squeue", squeue)?;
    let expected = "lines like 12_7|RUNNING|None|n1|2026-11-21T06:00:00|otfhpc|COMMENT";
    parse_queue(&printed).map_err(|printed| not_understood("squeue", printed, expected))
}

/// Asks the accounting what became of some jobs, in one question; none where there is no
/// accounting.
#[must_use]
pub fn accounting_of(jobs: &[String]) -> Option<Vec<Queued>> {
    let mut sacct = command("sacct");
    let jobs = format!("--jobs={}", jobs.join(","));
    sacct.args(["--noheader", "--parsable2", "--allocations", ACCOUNTING_FORMAT]);
    sacct.arg(jobs).stdin(Stdio::null());
    Some(parse_accounting(&output("sacct", sacct).ok()?))
}

/// Asks for `MaxArraySize`: the numbers of tasks are below it.
///
/// # Errors
/// If `scontrol` does not answer.
pub fn max_array_size() -> Result<u32, SlurmError> {
    let printed = scontrol(&["show", "config"])?;
    parse_max_array_size(&printed)
        .ok_or_else(|| not_understood("scontrol", first_line(&printed), "a line MaxArraySize = N"))
}

/// Asks for the partitions; none if `scontrol` does not answer.
pub(super) fn partitions() -> Option<Partitions> {
    Some(Partitions::parse(&scontrol(&["--oneliner", "show", "partition"]).ok()?))
}

fn scontrol(arguments: &[&str]) -> Result<String, SlurmError> {
    let mut scontrol = command("scontrol");
    scontrol.args(arguments).stdin(Stdio::null());
    output("scontrol", scontrol)
}

/// Submits a job. `input` becomes sbatch's standard input: whatever is locked with it stays locked
/// for as long as sbatch lives. `tell` gets what sbatch says: line by line if it takes long, and
/// all of it if the job is in the queue.
///
/// # Errors
/// If sbatch cannot be run. Whatever it answers is no error.
pub(super) fn submit(
    sbatch: &Sbatch,
    input: File,
    tell: &mut dyn FnMut(&str),
) -> Result<Answer, SlurmError> {
    let mut call = command("sbatch");
    call.args(sbatch.arguments()).stdin(input);
    let ended = followed(call, tell).map_err(|source| not_run("sbatch", source))?;
    let (ended, untold) = ended;
    let answer = answer(&ended);
    if matches!(answer, Answer::Submitted { .. }) {
        let lines = untold.iter().map(String::as_str).chain(remarks(&ended.stdout));
        lines.for_each(tell);
    }
    Ok(answer)
}

/// Runs a command to its end, and tells what it writes to standard error if it takes long; gives
/// back the lines that were not told.
fn followed(mut call: Command, tell: &mut dyn FnMut(&str)) -> io::Result<(Ended, Vec<String>)> {
    let (mut told, mut since) = (0, Instant::now());
    let mut look = |stderr: &[u8]| {
        if since.elapsed() >= SLOW {
            let whole = end_of_lines(&stderr[told..]);
            lines(&stderr[told..told + whole]).iter().for_each(|line| tell(line));
            (told, since) = (told + whole, Instant::now());
        }
    };
    let Said { status, stdout, stderr } = said_meanwhile(&mut call, &mut look)?;
    let untold = lines(&stderr[told..]);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&stdout), text(&stderr));
    let exited = status.signal().is_none();
    let ended =
        Ended { success: status.success(), status: status.to_string(), exited, stdout, stderr };
    Ok((ended, untold))
}

/// Where the last line ends that has come to its end.
fn end_of_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1)
}

/// The lines of a text, but for empty ones.
fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

fn not_run(program: &'static str, source: io::Error) -> SlurmError {
    match source.kind() {
        io::ErrorKind::NotFound => SlurmError::NotFound { program },
        _ => SlurmError::NotRun { program, source },
    }
}

fn output(program: &'static str, mut command: Command) -> Result<String, SlurmError> {
    let Said { status, stdout, stderr } =
        said(&mut command).map_err(|source| not_run(program, source))?;
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
