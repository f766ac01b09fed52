//! Starts a program, waits for it, and leaves nothing of it behind.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// How long two looks at a program are apart that the system tells the end of.
const LOOK: Duration = Duration::from_millis(50);
/// How long the first two looks are apart where it does not: a short program is not kept waiting.
const FIRST_LOOK: Duration = Duration::from_micros(200);

/// How a program ended that was started.
#[derive(Debug)]
pub(crate) enum Ending {
    /// By itself, or by a signal from somebody else.
    Ended(ExitStatus),
    /// It was killed for taking too long.
    TooLong,
    /// It was killed because somebody asked to stop.
    Stopped,
}

/// A program that runs, the leader of a process group of its own.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    /// Starts a program.
    ///
    /// # Errors
    /// If there is none, or it cannot be executed.
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        Ok(Self(command.process_group(0).spawn()?))
    }

    /// Waits until the program ends, time is up, or it is to stop, then kills whatever is left of
    /// its group.
    ///
    /// `look` is called again and again while the program runs.
    ///
    /// Only processes that left the group of their own accord (`setsid`) stay.
    ///
    /// # Errors
    /// If the system does not tell how it ended.
    pub(crate) fn wait(
        mut self,
        timeout: Duration,
        stop: &dyn Fn() -> bool,
        look: &mut dyn FnMut(),
    ) -> io::Result<Ending> {
        let group = Pid::from_child(&self.0);
        let waited = wait_for(group, timeout, stop, look);
        // The leader is not reaped yet, so its number is still that of this group and no other.
        // The group being gone already is no error.
        let _ = kill_process_group(group, Signal::KILL);
        // Should the leader have joined another group, the wait below would have no end.
        let _ = self.0.kill();
        let status = self.0.wait()?;
        Ok(match waited? {
            Waited::ItEnded => Ending::Ended(status),
            Waited::TimeIsUp => Ending::TooLong,
            Waited::ToStop => Ending::Stopped,
        })
    }
}

/// Why there is nothing more to wait for.
enum Waited {
    ItEnded,
    TimeIsUp,
    ToStop,
}

/// Waits for the end of a child, which is not reaped.
fn wait_for(
    child: Pid,
    timeout: Duration,
    stop: &dyn Fn() -> bool,
    look: &mut dyn FnMut(),
) -> io::Result<Waited> {
    let start = Instant::now();
    let mut bell = Bell::of(child);
    loop {
        if has_ended(child)? {
            return Ok(Waited::ItEnded);
        }
        if stop() {
            return Ok(Waited::ToStop);
        }
        let left = timeout.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Ok(Waited::TimeIsUp);
        }
        look();
        bell.rest(left);
    }
}

/// What wakes whoever waits for the end of a child.
struct Bell {
    /// What the system rings, if it is new enough.
    descriptor: Option<OwnedFd>,
    pause: Duration,
}

impl Bell {
    fn of(child: Pid) -> Self {
        Self { descriptor: descriptor(child), pause: FIRST_LOOK }
    }

    /// Rests until the child ends, the next look is due, or so much time is over.
    fn rest(&mut self, most: Duration) {
        let rung = self.descriptor.as_ref().and_then(|descriptor| {
            let time = Timespec::try_from(LOOK.min(most)).ok()?;
            match poll(&mut [PollFd::new(descriptor, PollFlags::IN)], Some(&time)) {
                Ok(_) | Err(Errno::INTR) => Some(()),
                Err(_) => None,
            }
        });
        if rung.is_none() {
            sleep(self.pause.min(most));
            self.pause = LOOK.min(self.pause * 9 / 8);
        }
    }
}

#[cfg(target_os = "linux")]
fn descriptor(child: Pid) -> Option<OwnedFd> {
    use rustix::process::{PidfdFlags, pidfd_open};
    pidfd_open(child, PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn descriptor(_: Pid) -> Option<OwnedFd> {
    None
}

fn has_ended(child: Pid) -> io::Result<bool> {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    match waitid(WaitId::Pid(child), look) {
        Ok(status) => Ok(status.is_some()),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::Stdio;

    use super::*;

    fn run(script: &str, argument: &Path, timeout: Duration) -> (Ending, Duration) {
        let mut command = Command::new("sh");
        command.args(["-c", script, "stand-in"]).arg(argument).stdin(Stdio::null());
        let start = Instant::now();
        let ending =
            Running::start(&mut command).unwrap().wait(timeout, &|| false, &mut || ()).unwrap();
        (ending, start.elapsed())
    }

    /// Whether a process is there and not just waiting to be reaped by its new parent.
    fn is_alive(pid: &str) -> bool {
        // After the name, which is in brackets and may hold anything, comes the state.
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
    }

    fn pids(path: &Path) -> Vec<String> {
        fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
    }

    #[track_caller]
    fn assert_gone(path: &Path, expected: usize) {
        let pids = pids(path);
        assert_eq!(pids.len(), expected, "{pids:?}");
        let start = Instant::now();
        while pids.iter().any(|pid| is_alive(pid)) {
            assert!(start.elapsed() < Duration::from_secs(2), "{pids:?}");
            sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn what_takes_too_long_is_killed_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pids");
        // Both ignore polite signals.
        let script = "trap '' TERM INT HUP; echo $$ >$1; \
                      sh -c 'echo $$ >>$1; while :; do sleep 1000; done' grandchild $1 & wait";
        let timeout = Duration::from_secs(1);
        let (ending, took) = run(script, &file, timeout);
        assert!(matches!(ending, Ending::TooLong), "{ending:?}");
        assert!(took >= timeout && took < timeout + Duration::from_secs(2), "{took:?}");
        assert_gone(&file, 2);
    }

    #[test]
    fn what_is_to_stop_is_killed_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pids");
        let script = "trap '' TERM; sleep 1000 & echo $$ >$1; echo $! >>$1; wait; sleep 1000";
        let mut command = Command::new("sh");
        command.args(["-c", script, "stand-in"]).arg(&file).stdin(Stdio::null());
        let running = Running::start(&mut command).unwrap();
        let both_run = || fs::read_to_string(&file).is_ok_and(|text| text.lines().count() == 2);
        let ending = running.wait(Duration::from_secs(60), &both_run, &mut || ()).unwrap();
        assert!(matches!(ending, Ending::Stopped), "{ending:?}");
        assert_gone(&file, 2);
    }

    #[test]
    fn what_a_program_leaves_running_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pids");
        let (ending, took) =
            run("sleep 1000 & echo $! >$1; exit 7", &file, Duration::from_secs(60));
        assert!(matches!(ending, Ending::Ended(status) if status.code() == Some(7)), "{ending:?}");
        assert!(took < Duration::from_secs(20), "{took:?}");
        assert_gone(&file, 1);
    }

    #[test]
    fn a_short_program_is_not_kept_waiting_by_either_bell() {
        let running = || Running::start(Command::new("sleep").arg("0.02")).unwrap();
        let start = Instant::now();
        let ending = running().wait(Duration::from_secs(60), &|| false, &mut || ()).unwrap();
        assert!(matches!(ending, Ending::Ended(status) if status.success()), "{ending:?}");
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        // As on a system that does not tell.
        let mut child = running();
        let mut bell = Bell { descriptor: None, pause: FIRST_LOOK };
        while !has_ended(Pid::from_child(&child.0)).unwrap() {
            bell.rest(Duration::MAX);
        }
        child.0.wait().unwrap();
        assert!(bell.pause > FIRST_LOOK);
        (0..100).for_each(|_| bell.rest(Duration::ZERO));
        assert_eq!(bell.pause, LOOK);
    }

    #[test]
    fn a_timeout_may_be_longer_than_any_clock() {
        let (ending, _) = run("exit 0", Path::new(""), Duration::MAX);
        assert!(matches!(ending, Ending::Ended(status) if status.success()), "{ending:?}");
    }

    #[test]
    fn what_is_not_there_does_not_start() {
        let error = Running::start(&mut Command::new("/no/such/program")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
