//! How much of its time a task has left, asked when a signal comes: what Slurm warns of, its time
//! limit or a more important job, is not in the signal.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::runner::store::Left;

use super::surroundings::command;
use super::times::seconds;

/// A controller that is busy must not cost the time that is left.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(20);

/// Asks how much time is left of a job; none if Slurm does not say.
#[must_use]
pub fn time_left(job: &str) -> Option<Left> {
    let mut scontrol = command("scontrol");
    scontrol.args(["--oneliner", "show", "job", job]);
    parse(&soon(scontrol)?)
}

/// What a command prints, if it succeeds soon. It must print less than a pipe holds.
fn soon(mut command: Command) -> Option<String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let start = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if start.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    };
    let mut printed = String::new();
    child.stdout.take()?.read_to_string(&mut printed).ok()?;
    status.success().then_some(printed)
}

/// Reads what `scontrol --oneliner show job` prints.
fn parse(text: &str) -> Option<Left> {
    let value = |name: &str| {
        text.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    };
    let run = seconds(value("RunTime")?).unwrap_or(0);
    // Without a limit there is all the time in the world.
    let limit = seconds(value("TimeLimit")?).unwrap_or(u64::MAX);
    let preempted = value("PreemptTime").is_some_and(|when| when.starts_with(char::is_numeric));
    Some(Left { seconds: limit.saturating_sub(run), limit, preempted })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_the_limit_less_the_time_that_it_ran() {
        let told = |run: &str, limit: &str, preempted: &str| {
            parse(&format!(
                "JobId=9 JobName=otfhpc RunTime={run} TimeLimit={limit} TimeMin=N/A \
                 PreemptEligibleTime=2026-11-25T09:52:37 PreemptTime={preempted} Comment=RunTime=1"
            ))
        };
        let left = |seconds, limit, preempted| Some(Left { seconds, limit, preempted });
        assert_eq!(told("00:58:30", "01:00:00", "None"), left(90, 3600, false));
        assert_eq!(
            told("00:00:03", "1-00:00:00", "2026-11-25T09:52:40"),
            left(86_397, 86_400, true)
        );
        assert_eq!(told("00:00:03", "UNLIMITED", "None"), left(u64::MAX - 3, u64::MAX, false));
        assert_eq!(told("01:00:30", "01:00:00", "None"), left(0, 3600, false));
        assert_eq!(parse("slurm_load_jobs error: Invalid job id specified"), None);
    }

    #[test]
    fn a_command_that_hangs_is_not_waited_for() {
        let mut sleeper = Command::new("sleep");
        sleeper.arg("60");
        let start = Instant::now();
        assert_eq!(soon(sleeper), None);
        assert!(start.elapsed() < PATIENCE * 5);
        let mut echo = Command::new("echo");
        echo.arg("a");
        assert_eq!(soon(echo).as_deref(), Some("a\n"));
        assert_eq!(soon(Command::new("false")), None);
    }
}
