//! A program as a method: runs it once for all bins of a configuration.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, io};

use super::folder::ExchangeFolder;
use super::{input, output};
use crate::process::{
    Ending, Kept, Logs, Running, how_it_ended, instead_of, judge_end, one_line, start, was_stopped,
};
use crate::science::fit::{Outcome, Problem};

/// How the usual numerical libraries are told how many threads to use.
const THREADS: [&str; 3] = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"];

/// How much is kept of what a program says: it may say it for ever.
const KEPT: Kept = Kept { most: 1 << 24, by: "a log of a method has 16 MiB" };

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
    /// `.err` after it, is where the program's standard output and error are kept: the last 16 MiB of
    /// each, and no file where there is nothing.
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
        let name = log.file_name().unwrap_or_default().to_string_lossy();
        let mut logs = Logs::make(log.parent().unwrap_or(Path::new("")), &name, KEPT)?;
        let running = match self.start(&folder, logs.files()?) {
            Ok(running) => running,
            Err(reason) => {
                logs.finish();
                return Err(reason);
            }
        };
        let ending = running.wait(self.timeout, stop, &mut || logs.limit());
        if was_stopped(&ending, stop) {
            logs.finish();
            return Ok(None);
        }
        let judged = self.judge(ending).and_then(|()| output::read(&folder.output(), bins));
        let without_paths = |text: &str| folder.without_paths(text);
        let outcomes =
            judged.map_err(|why| format!("{}{}", without_paths(&why), logs.quote(without_paths)));
        logs.finish();
        outcomes.map(Some)
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
            let hint = instead_of(error.kind());
            format!("`{program}`: cannot be started: {error}; set command in [[method]] to {hint}")
        })
    }

    /// Whether the program ended as it should, or why not.
    fn judge(&self, ending: io::Result<Ending>) -> Result<(), String> {
        let command = start(&one_line(&self.command.join(" ")));
        let mend = format!("give [[method]] `{}` a longer timeout_seconds", self.name);
        judge_end(ending, &command, how_it_ended, (self.timeout.as_secs_f64(), &mend))
    }
}
