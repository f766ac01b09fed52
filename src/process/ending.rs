//! What the end of a program says.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::running::Ending;

/// How long a signal may take to reach this process after it has reached a program.
const GRACE: Duration = Duration::from_millis(250);

/// How a program ended, in words that are the same on every machine.
pub(crate) fn how_it_ended(status: ExitStatus) -> String {
    // Whether there is a core dump is the machine's choice.
    status.to_string().replace(" (core dumped)", "")
}

/// Whether a program ended as it should, or why not. `how` puts an end in words; `mend` is what helps a
/// program that needs more than `seconds`.
///
/// # Errors
/// The reason, which names `command`.
pub(crate) fn judge_end(
    ending: io::Result<Ending>,
    command: &str,
    how: impl Fn(ExitStatus) -> String,
    (seconds, mend): (f64, &str),
) -> Result<(), String> {
    Err(match ending {
        Ok(Ending::Ended(status)) if status.success() => return Ok(()),
        Ok(Ending::Ended(status)) => {
            format!("`{command}` ended with {}: expected exit status: 0", how(status))
        }
        Ok(Ending::Stopped) => format!("`{command}` was stopped"),
        Ok(Ending::TooLong) => {
            format!("`{command}` did not end within {seconds} s and was killed: {mend}")
        }
        Err(error) => format!("`{command}`: the system does not say how it ended: {error}"),
    })
}

/// The signal that an exit code stands for, as shells say it.
pub(crate) fn told_by_code(status: ExitStatus) -> Option<Signal> {
    Signal::from_named_raw(status.code()?.checked_sub(128)?)
}

/// Whether a program ended because everything is to stop, so that nothing is to be learnt from it.
///
/// A signal to stop may have been sent to the program too (as Slurm does to all processes of a job),
/// before or after it reached this process.
pub(crate) fn was_stopped(ending: &io::Result<Ending>, stop: &dyn Fn() -> bool) -> bool {
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

/// What to name instead of a program that cannot be started.
pub(crate) fn instead_of(error: io::ErrorKind) -> &'static str {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_was_stopped_only_if_somebody_asked() {
        let ended = |raw| Ok(Ending::Ended(ExitStatus::from_raw(raw)));
        let by_code = |code: i32| ended(code << 8);
        let (yes, no): (&dyn Fn() -> bool, &dyn Fn() -> bool) = (&|| true, &|| false);
        for (ending, expected) in [
            (Ok(Ending::Stopped), [true, true]),
            (by_code(0), [false, false]),
            (by_code(3), [true, false]),
            (by_code(143), [true, false]),
            (ended(Signal::TERM.as_raw()), [true, false]),
        ] {
            assert_eq!([yes, no].map(|stop| was_stopped(&ending, stop)), expected, "{ending:?}");
        }
        // The word of the signal comes a moment after its work.
        let asked = Instant::now();
        let late = || asked.elapsed() > GRACE / 4;
        assert!(was_stopped(&ended(Signal::TERM.as_raw()), &late));
        assert!(!was_stopped(&by_code(3), &|| asked.elapsed() > Duration::from_secs(3600)));
    }

    #[test]
    fn shells_tell_of_signals_by_codes() {
        let status = |code: i32| ExitStatus::from_raw(code << 8);
        assert_eq!(told_by_code(status(128 + 9)), Some(Signal::KILL));
        assert_eq!([1, 128, 255].map(|code| told_by_code(status(code))), [None; 3]);
        let dumped = ExitStatus::from_raw(11 | 0x80);
        assert_eq!(how_it_ended(dumped), "signal: 11 (SIGSEGV)");
    }
}
