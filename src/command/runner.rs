//! Runs a unit: one process for each attempt, in a folder of its own, and nothing of it left behind.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::body::{Aside, Body, Taken};
use super::environment;
use super::folder::Folder;
use super::judge::judge;
use super::settings::ProgramSettings;
use super::study::CommandStudy;
use super::template::Slot;
use crate::process::{
    Ending, Kept, Logs, Running, how_it_ended, instead_of, judge_end, one_line, start,
    told_by_code, was_stopped,
};
use crate::runner::store::{Envelope, UnitStatus};

/// What helps a program that was killed for taking too long.
pub(super) const LONGER: &str = "give it a longer command.timeout_seconds";

/// What a unit is run with.
#[derive(Clone, Copy)]
pub(super) struct RunContext<'a> {
    /// Whether everything is to stop. It is asked some twenty times a second.
    pub stop: &'a (dyn Fn() -> bool + 'a),
    /// Where the standard output and error of attempts are kept. It is made if it is not there.
    pub logs: &'a Path,
    /// Where the private folders of attempts are made. It must be there.
    pub scratch: &'a Path,
}

/// How an attempt ended.
enum Attempt {
    /// With a result.
    Done(Body, Vec<Taken>),
    /// Without one; another may end otherwise if `again`.
    Failed { reason: String, again: bool },
    /// Everything is to stop.
    Stopped,
}

/// Runs a unit, again after a signal or a timeout as often as `command.retries` says. None if
/// everything is to stop before it ends: nothing is to be learnt then.
///
/// A signal is one that ended the program, or an exit code by which shells say so (128 and its
/// number) that is not in `command.fatal`. Any other exit code, and an output that is no result, is
/// the program's own word, and would be again: that is not tried twice.
///
/// It never fails as a whole: what goes wrong is the unit's reason, and has no path of a temporary
/// folder, no time, and no number of a process in it. The program is started without a shell, with an
/// empty standard input, as the leader of a process group of its own: what is left of the group when
/// it ends, or when its time is up, is killed. For the same reason a signal to this process, such as
/// that of Ctrl-C, does not reach it: if this process is killed, the program goes on to its end, and
/// the private folder stays.
#[must_use]
pub(super) fn run(study: &CommandStudy, unit: u64, context: &RunContext<'_>) -> Option<Envelope> {
    let attempts = study.settings().command.retries + 1;
    let mut number = 1;
    loop {
        let begun = Instant::now();
        let attempt = attempt(study, unit, number, context);
        let seconds = begun.elapsed().as_secs_f64();
        let aside = |volatile| Aside { seconds, attempts: number, volatile }.encode();
        match attempt {
            Attempt::Stopped => return None,
            Attempt::Done(body, taken) => {
                let (body, aside) = (body.encode(), aside(taken));
                return Some(Envelope { status: UnitStatus::Done, reason: None, body, aside });
            }
            // Between two attempts nobody else asks.
            Attempt::Failed { again: true, .. } if number < attempts && (context.stop)() => {
                return None;
            }
            Attempt::Failed { again: true, .. } if number < attempts => number += 1,
            Attempt::Failed { reason, .. } => {
                let (status, reason) = (UnitStatus::Failed, Some(reason));
                return Some(Envelope {
                    status,
                    reason,
                    body: Vec::new(),
                    aside: aside(Vec::new()),
                });
            }
        }
    }
}

/// How much is kept of what a program says.
pub(super) fn kept(command: &ProgramSettings) -> Kept {
    Kept { most: command.log_bytes, by: "command.log_bytes" }
}

fn attempt(study: &CommandStudy, unit: u64, number: u32, context: &RunContext<'_>) -> Attempt {
    let command = &study.settings().command;
    let made = Folder::make(context.scratch, study.output()).and_then(|folder| {
        let label = study.label_of(unit);
        // From the second attempt on, its number.
        let name = if number > 1 { format!("{label}.{number}") } else { label };
        Ok((folder, Logs::make(context.logs, &name, kept(command))?))
    });
    let (folder, mut logs) = match made {
        Ok(made) => made,
        Err(reason) => return Attempt::Failed { reason, again: false },
    };
    let running = match begin(study, unit, number, &folder, &logs) {
        Ok(running) => running,
        Err(reason) => {
            logs.finish();
            let reason = folder.without_paths(&reason, study.directory());
            return Attempt::Failed { reason, again: false };
        }
    };
    let timeout = Duration::from_secs_f64(command.timeout_seconds);
    let ending = running.wait(timeout, context.stop, &mut || logs.limit());
    if was_stopped(&ending, context.stop) {
        logs.finish();
        return Attempt::Stopped;
    }
    let again = is_worth_another(&ending, &command.fatal);
    let judged = judge_ending(study, ending)
        .and_then(|()| judge(&study.rules, &folder.outputs(), folder.made()));
    let attempt = match judged {
        Ok((body, taken)) => Attempt::Done(body, taken),
        Err(reason) => {
            let without_paths = |text: &str| folder.without_paths(text, study.directory());
            let reason = format!("{}{}", without_paths(&reason), logs.quote(without_paths));
            Attempt::Failed { reason, again }
        }
    };
    logs.finish();
    attempt
}

fn begin(
    study: &CommandStudy,
    unit: u64,
    number: u32,
    folder: &Folder,
    logs: &Logs,
) -> Result<Running, String> {
    let (output, scratch) = (folder.outputs().join(study.output()), folder.scratch());
    let value = |slot| match slot {
        Slot::Attempt => number.to_string().into(),
        Slot::Scratch => scratch.clone().into_os_string(),
        Slot::Output => output.clone().into_os_string(),
        Slot::OutputFolder => folder.outputs().into_os_string(),
        slot => study.known(unit, slot).unwrap_or_default(),
    };
    let mut words = study.words.iter().map(|word| word.fill(value));
    let program = program(study.directory(), words.next().unwrap_or_default());
    let mut command = Command::new(&program);
    command.args(words).current_dir(study.directory());
    let inherited = std::env::vars_os().map(|(name, _)| name);
    for name in environment::removed(&study.env_clear, inherited) {
        command.env_remove(name);
    }
    command.envs(environment::set(study, value));
    let (out, err) = logs.files()?;
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    Running::start(&mut command).map_err(|error| not_started(study, &program, &error))
}

/// The first word of a command. A bare one is looked up on the PATH, and any other one below the
/// folder in which the program runs. No link is followed: that of a virtual environment's Python says
/// where its packages are.
pub(super) fn program(directory: &Path, word: OsString) -> OsString {
    if word.as_encoded_bytes().contains(&b'/') {
        directory.join(word).into_os_string()
    } else {
        word
    }
}

fn not_started(study: &CommandStudy, program: &OsStr, error: &io::Error) -> String {
    let directory = study.directory();
    if !directory.is_dir() {
        let shown = one_line(&directory.to_string_lossy());
        return format!("the folder {shown} is not there: set command.directory to one that is");
    }
    let hint = instead_of(error.kind());
    let program = one_line(&program.to_string_lossy());
    format!("`{program}` cannot be started: {error}; set the first word of command.run to {hint}")
}

/// Whether a program ended as it should, or why not.
fn judge_ending(study: &CommandStudy, ending: io::Result<Ending>) -> Result<(), String> {
    let settings = &study.settings().command;
    let command = start(&one_line(&settings.run.join(" ")));
    let limit = (settings.timeout_seconds, LONGER);
    judge_end(ending, &command, how_shells_tell, limit)
}

/// How a program ended, and what shells mean by it.
fn how_shells_tell(status: ExitStatus) -> String {
    let how = how_it_ended(status);
    match told_by_code(status) {
        Some(signal) => format!("{how} (as shells say of signal {})", signal.as_raw()),
        None => how,
    }
}

/// Whether another attempt may end otherwise.
fn is_worth_another(ending: &io::Result<Ending>, fatal: &[i32]) -> bool {
    match ending {
        Ok(Ending::TooLong) => true,
        Ok(Ending::Ended(status)) => match status.code() {
            None => true,
            Some(code) => told_by_code(*status).is_some() && !fatal.contains(&code),
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests;
