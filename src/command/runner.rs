//! Runs a unit: one process for each attempt, in a folder of its own, and nothing of it left behind.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::body::{Aside, Body, Taken};
use super::environment;
use super::folder::Folder;
use super::judge::judge;
use super::logs::Logs;
use super::process::{Ending, Running};
use super::study::CommandStudy;
use super::template::Slot;
use super::text::{one_line, start};
use crate::runner::store::{Envelope, Status};

/// How long a signal may take to reach this process after it has reached a program.
const GRACE: Duration = Duration::from_millis(250);

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
                return Some(Envelope { status: Status::Done, reason: None, body, aside });
            }
            // Between two attempts nobody else asks.
            Attempt::Failed { again: true, .. } if number < attempts && (context.stop)() => {
                return None;
            }
            Attempt::Failed { again: true, .. } if number < attempts => number += 1,
            Attempt::Failed { reason, .. } => {
                let (status, reason) = (Status::Failed, Some(reason));
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

fn attempt(study: &CommandStudy, unit: u64, number: u32, context: &RunContext<'_>) -> Attempt {
    let command = &study.settings().command;
    let made = Folder::make(context.scratch, study.output()).and_then(|folder| {
        let label = study.label_of(unit);
        Ok((folder, Logs::make(context.logs, &label, number, command.log_bytes)?))
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
            let reason = folder.without_paths(&reason, study.directory());
            let reason = format!("{reason}{}", logs.quote(&folder, study.directory()));
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
    let (out, err) = logs.files().map_err(|error| {
        format!(
            "no more files can be opened ({}): raise ulimit -n, or use fewer threads",
            error.kind()
        )
    })?;
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    Running::start(&mut command).map_err(|error| not_started(study, &program, &error))
}

/// The first word of a command. A bare one is looked up on the PATH, and any other one below the
/// folder in which the program runs. No link is followed: that of a virtual environment's Python says
/// where its packages are.
fn program(directory: &Path, word: OsString) -> OsString {
    match word.as_encoded_bytes().contains(&b'/') {
        true => directory.join(word).into_os_string(),
        false => word,
    }
}

fn not_started(study: &CommandStudy, program: &OsStr, error: &io::Error) -> String {
    let directory = study.directory();
    if !directory.is_dir() {
        let shown = one_line(&directory.to_string_lossy());
        return format!("the folder {shown} is not there: set command.directory to one that is");
    }
    let hint = match error.kind() {
        io::ErrorKind::NotFound => {
            "a program on the PATH, or to the path of a file (whose interpreter, if its first \
             line names one, must be there too)"
        }
        io::ErrorKind::PermissionDenied => {
            "an executable file (chmod +x makes it one), or put its interpreter first"
        }
        _ => "a program of this machine, or put its interpreter first",
    };
    let program = one_line(&program.to_string_lossy());
    format!("`{program}` cannot be started: {error}; set the first word of command.run to {hint}")
}

/// Whether a program ended as it should, or why not.
fn judge_ending(study: &CommandStudy, ending: io::Result<Ending>) -> Result<(), String> {
    let settings = &study.settings().command;
    let command = start(&one_line(&settings.run.join(" ")));
    match ending {
        Ok(Ending::Ended(status)) if status.success() => Ok(()),
        Ok(Ending::Ended(status)) => {
            // Whether there is a core dump is the machine's choice.
            let mut how = status.to_string().replace(" (core dumped)", "");
            if let Some(signal) = told_by_code(status) {
                let _ = write!(how, " (as shells say of signal {})", signal.as_raw());
            }
            Err(format!("`{command}` ended with {how}: expected exit status: 0"))
        }
        Ok(Ending::Stopped) => Err(format!("`{command}` was stopped")),
        Ok(Ending::TooLong) => Err(format!(
            "`{command}` did not end within {} s and was killed: give it a longer \
             command.timeout_seconds",
            settings.timeout_seconds
        )),
        Err(error) => Err(format!("`{command}`: the system does not say how it ended: {error}")),
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

/// The signal that an exit code stands for, as shells say it.
fn told_by_code(status: ExitStatus) -> Option<Signal> {
    Signal::from_named_raw(status.code()? - 128)
}

/// Whether a program ended because everything is to stop, so that nothing is to be learnt from it.
///
/// A signal to stop may have been sent to the program too (as Slurm does to all processes of a job),
/// before or after it reached this process.
fn was_stopped(ending: &io::Result<Ending>, stop: &dyn Fn() -> bool) -> bool {
    match ending {
        Ok(Ending::Stopped) => true,
        Ok(Ending::Ended(status)) if status.success() => false,
        Ok(Ending::Ended(status)) if looks_asked_to_end(*status) => {
            let start = Instant::now();
            while !stop() && start.elapsed() < GRACE {
                sleep(GRACE / 20);
            }
            stop()
        }
        _ => stop(),
    }
}

/// Whether a program ended by a signal that asks for it, or says so as shells do.
fn looks_asked_to_end(status: ExitStatus) -> bool {
    let signal = status.signal().and_then(Signal::from_named_raw).or(told_by_code(status));
    matches!(signal, Some(Signal::HUP | Signal::INT | Signal::TERM | Signal::USR1))
}

#[cfg(test)]
mod tests;
