//! A program as a method: runs it once for all bins of a configuration.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, io};

use rustix::process::Signal;

use super::folder::ExchangeFolder;
use super::log::ProgramLogs;
use super::process::{ProcessEnd, Running};
use super::text::{one_line, start};
use super::{input, output};
use crate::science::fit::{Outcome, Problem};

/// How the usual numerical libraries are told how many threads to use.
const THREADS: [&str; 3] = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"];

/// How long a signal may take to reach this process after it has reached a program.
const GRACE: Duration = Duration::from_millis(250);

/// A program that fits all bins of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalProgram {
    /// Name of the method, as in the results.
    pub name: String,
    /// The program and its first arguments; the paths of its input and output come after them.
    pub command: Vec<String>,
    /// How long it may take for one configuration. What is killed for it depends on the speed of
    /// the machine, so this is for programs that hang.
    pub timeout: Duration,
}

impl ExternalProgram {
    /// Runs the program on these bins (those with signal; ascending; all of one configuration, so
    /// with the same emitters, records, constraint and kind of variance) and returns one outcome a
    /// bin, in order.
    ///
    /// It never fails as a whole: what goes wrong is every bin's reason. `log`, with `.out` and
    /// `.err` after it, is where the program's standard output and error are kept.
    ///
    /// The program is started without a shell, in the current folder, with an empty standard
    /// input, as the leader of a process group of its own: what is left of the group when it ends,
    /// or when its time is up, is killed. For the same reason a signal to this process, such as
    /// that of Ctrl-C, does not reach it: if this process is killed, the program goes on to its end,
    /// and the temporary folder stays.
    #[must_use]
    pub fn fit(&self, bins: &[Problem], log: &Path) -> Vec<Outcome> {
        self.fit_unless(bins, log, &|| false).unwrap_or_default()
    }

    /// As [`Self::fit`], but none if `stop` says so before the program ends: it is killed then.
    ///
    /// A signal to stop may have been sent to the program too (as Slurm does to all processes of a
    /// job), before or after it reached this process. What a program leaves that fails at such a
    /// moment is no outcome either.
    #[must_use]
    pub fn fit_unless(
        &self,
        bins: &[Problem],
        log: &Path,
        stop: &dyn Fn() -> bool,
    ) -> Option<Vec<Outcome>> {
        if bins.is_empty() {
            return Some(Vec::new());
        }
        let failed = |reason| Some(vec![Outcome::Failed(reason); bins.len()]);
        self.run(bins, log, stop).unwrap_or_else(failed)
    }

    /// Runs the program on some bins, for so long at most, to see whether it does what it should: that
    /// it has no value for a bin, or takes longer, is nothing wrong.
    ///
    /// # Errors
    /// What went wrong: the reason that its units would have.
    pub fn try_on(&self, bins: &[Problem], log: &Path, patience: Duration) -> Result<(), String> {
        let begun = Instant::now();
        self.run(bins, log, &|| begun.elapsed() > patience).map(|_| ())
    }

    fn run(
        &self,
        bins: &[Problem],
        log: &Path,
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Vec<Outcome>>, String> {
        let folder = ExchangeFolder::make()?;
        input::write(&folder.input(), bins)?;
        let logs = ProgramLogs::named(log);
        let running = self.start(&folder, logs.make()?)?;
        let ending = running.wait(self.timeout, stop);
        if was_stopped(&ending, stop) {
            return Ok(None);
        }
        let outcomes = self.judge(ending).and_then(|()| output::read(&folder.output(), bins));
        outcomes
            .map(Some)
            .map_err(|reason| format!("{}{}", folder.without_paths(&reason), logs.quote(&folder)))
    }

    fn start(&self, folder: &ExchangeFolder, (out, err): (File, File)) -> Result<Running, String> {
        let Some((program, arguments)) = self.command.split_first() else {
            return Err(format!(
                "method `{}` has no command: set command in its [[method]] to a program and its arguments",
                self.name
            ));
        };
        let mut command = Command::new(program);
        command.args(arguments).arg(folder.input()).arg(folder.output());
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        // Several programs run at once, one for each of our own threads.
        let unset = THREADS.iter().filter(|name| env::var_os(name).is_none());
        command.envs(unset.map(|name| (name, "1")));
        Running::start(&mut command).map_err(|error| {
            let hint = hint(error.kind());
            format!("`{program}`: cannot be started: {error}; set command in [[method]] to {hint}")
        })
    }

    /// Whether the program ended as it should, or why not.
    fn judge(&self, ending: io::Result<ProcessEnd>) -> Result<(), String> {
        let command = start(&one_line(&self.command.join(" ")));
        match ending {
            Ok(ProcessEnd::Ended(status)) if status.success() => Ok(()),
            Ok(ProcessEnd::Ended(status)) => {
                // Whether there is a core dump is the machine's choice.
                let status = status.to_string().replace(" (core dumped)", "");
                Err(format!("`{command}` ended with {status}: expected exit status: 0"))
            }
            Ok(ProcessEnd::Stopped) => Err(format!("`{command}` was stopped")),
            Ok(ProcessEnd::TooLong) => Err(format!(
                "`{command}` did not end within {} s and was killed: give [[method]] `{}` a longer \
                 timeout_seconds",
                self.timeout.as_secs_f64(),
                self.name
            )),
            Err(error) => {
                Err(format!("`{command}`: the system does not say how it ended: {error}"))
            }
        }
    }
}

/// Whether a program ended because everything is to stop, so that nothing is to be learnt from it.
fn was_stopped(ending: &io::Result<ProcessEnd>, stop: &dyn Fn() -> bool) -> bool {
    match ending {
        Ok(ProcessEnd::Stopped) => true,
        Ok(ProcessEnd::Ended(status)) if status.success() => false,
        Ok(ProcessEnd::Ended(status)) if looks_asked_to_end(*status) => {
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
    let as_shells_say = status.code().map(|code| code - 128);
    let signal = status.signal().or(as_shells_say).and_then(Signal::from_named_raw);
    matches!(signal, Some(Signal::HUP | Signal::INT | Signal::TERM | Signal::USR1))
}

/// What to name instead of a program that cannot be started.
fn hint(error: io::ErrorKind) -> &'static str {
    match error {
        io::ErrorKind::NotFound => {
            "a program on the PATH, or to the path of a file (whose interpreter, if its first \
             line names one, must be there too)"
        }
        io::ErrorKind::PermissionDenied => {
            "an executable file (chmod +x makes it one), or put its interpreter first"
        }
        _ => "a program of this machine, or put its interpreter first",
    }
}
