//! Signals that ask the program to stop: Slurm's before the time limit, scancel's, Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1, SIGXFSZ};
use signal_hook::flag;

use crate::runner::engine::Stop;
use crate::runner::slurm::time_left;
use crate::runner::store::{Left, Why};

use super::exit::Exit;

/// The signals that are obeyed, and what people call them.
const SIGNALS: [(i32, &str); 3] = [(SIGUSR1, "SIGUSR1"), (SIGTERM, "SIGTERM"), (SIGINT, "SIGINT")];

/// Has a file that grows beyond the limit of `ulimit -f` be an error of whoever writes it, which says
/// what it is, and not the end of the process.
pub(super) fn survive_file_limits() {
    // Where this cannot be done, the limit ends the process, as it always did.
    let _ = flag::register(SIGXFSZ, Arc::default());
}

/// While this is there, a first signal asks to stop and a second ends the process at once.
/// Afterwards signals do what they do to any program.
#[derive(Debug)]
pub(super) struct Signals {
    /// Asked by the first signal.
    pub(super) stop: Stop,
    over: Arc<AtomicBool>,
}

impl Signals {
    /// Begins to obey.
    pub(super) fn obey() -> Result<Self> {
        let signals = Self { stop: stop(), over: Arc::default() };
        for (signal, name) in SIGNALS {
            signals.catch(signal).with_context(|| format!("cannot catch {name}"))?;
        }
        Ok(signals)
    }

    /// What a signal does, in this order.
    fn catch(&self, signal: i32) -> std::io::Result<()> {
        flag::register_conditional_default(signal, self.over.clone())?;
        flag::register_conditional_shutdown(signal, Exit::Stopped as i32, self.stop.flag())?;
        flag::register_usize(signal, self.stop.signal(), signal as usize)?;
        flag::register(signal, self.stop.flag())?;
        Ok(())
    }

    /// The name of the signal that asked to stop.
    pub(super) fn name(&self) -> &'static str {
        let last = self.stop.signal().load(Ordering::Relaxed);
        let named = SIGNALS.iter().find(|(signal, _)| *signal as usize == last);
        named.map_or("a signal", |(_, name)| name)
    }

    /// Whether it is the signal that Slurm sends some time before it ends a job.
    pub(super) fn is_warning(&self) -> bool {
        self.stop.signal().load(Ordering::Relaxed) == SIGUSR1 as usize
    }
}

/// What asks Slurm how much time is left when it warns, if this is a job of Slurm's.
fn stop() -> Stop {
    let Some(job) = std::env::var("SLURM_JOB_ID").ok().filter(|job| !job.is_empty()) else {
        return Stop::default();
    };
    let is_warning = |signal: u32| signal == SIGUSR1 as u32;
    Stop::default().with_clock(move |signal| is_warning(signal).then(|| time_left(&job)).flatten())
}

/// The time that a task has left that is to make room for a more important job, if it is.
pub(super) fn preempted(why: &Why) -> Option<Left> {
    match why {
        Why::Asked { left: Some(left), .. } if left.preempted => Some(*left),
        _ => None,
    }
}

/// Waits until Slurm ends a task that is to make room. If it ended by itself, Slurm would take it
/// for done with, and not start it again, as it may be set to do. The next signal ends this process.
pub(super) fn wait_for_the_end(left: Left) {
    /// Longer than any time that is given to those that are to make room.
    const LONGEST: Duration = Duration::from_secs(2 * 3600);
    const STEP: Duration = Duration::from_millis(200);
    let (start, most) = (Instant::now(), LONGEST.min(Duration::from_secs(left.seconds)));
    while start.elapsed() < most {
        std::thread::sleep(STEP);
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
