//! Progress while a command runs: a bar on a terminal, a line now and then in a log.

use std::io::{Write, stderr, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

pub(super) use crate::foundations::counted;
use crate::foundations::text::{harmless, laid_out};
use crate::foundations::{Shown, threads};
use crate::runner::engine::{ConfigurationDone, Counts, Progress, Workload};
use crate::runner::plan::BoundPlan;
use crate::runner::store::RunDir;

use super::exit::Volume;
use super::report::shown_rate;
use super::terminal::{columns, obeys};

/// How often the bar is drawn.
const TICK: Duration = Duration::from_millis(200);
/// How often a line is written where there is no terminal, unless the user says otherwise.
const LOG_PERIOD: Duration = Duration::from_secs(5);
/// What is drawn on a terminal of at least so many columns, the widest first.
const BARS: [(usize, &str); 3] = [
    (96, "{bar:32} {pos}/{len} units {percent:>3}%  {per_sec}  {elapsed} elapsed, {eta} left"),
    (72, "{bar:16} {pos}/{len} units {percent:>3}%  {elapsed} elapsed, {eta} left"),
    (0, "{pos}/{len} {percent:>3}%  {eta} left"),
];

/// Shows how far a command is, until it is finished or dropped.
pub(super) struct Display {
    shared: Arc<Shared>,
    ticker: Option<JoinHandle<()>>,
}

struct Shared {
    progress: Progress,
    bar: ProgressBar,
    on_terminal: bool,
    volume: Volume,
    log_period: Duration,
    run: RunDir,
    /// Units of all shards of this command.
    total: u64,
    started: Instant,
    stop: AtomicBool,
}

impl Display {
    /// Starts to show the progress of some shards.
    pub(super) fn start(
        run: &RunDir,
        plan: &BoundPlan,
        shards: &[u32],
        volume: Volume,
    ) -> Result<Self> {
        let total = shards.iter().map(|shard| plan.units_of(*shard)).sum();
        let on_terminal = obeys(&stderr());
        let bar = ProgressBar::new(total).with_style(style()?);
        if !on_terminal || volume == Volume::Quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let shared = Arc::new(Shared {
            progress: Progress::default(),
            bar,
            on_terminal,
            volume,
            log_period: log_period()?,
            run: run.clone(),
            total,
            started: Instant::now(),
            stop: AtomicBool::new(false),
        });
        let for_ticker = shared.clone();
        let shows = "the thread that shows progress";
        let ticker = threads::spawn("progress", shows, move || for_ticker.tick_until_stopped())?;
        Ok(Self { shared, ticker: Some(ticker) })
    }

    /// The counters that the fit raises.
    pub(super) fn progress(&self) -> &Progress {
        &self.shared.progress
    }

    /// Says that a shard is complete already.
    pub(super) fn skip(&self, shard: u32) {
        if self.shared.volume > Volume::Quiet {
            let partial = self.shared.run.partial(shard);
            self.shared
                .say(&format!("skipped shard {shard} (already complete): {}", Shown(&partial)));
        }
    }

    /// Says something that is not about progress.
    pub(super) fn say(&self, line: &str) {
        self.shared.say(line);
    }

    /// Says that a configuration is done.
    pub(super) fn announce(&self, workload: &dyn Workload, done: ConfigurationDone) {
        if self.shared.volume < Volume::Verbose {
            return;
        }
        let name = workload.name_of(done.configuration);
        let ConfigurationDone { done, of, thread, units, .. } = done;
        let units = counted(units, "unit");
        self.shared.say(&format!("[{done}/{of}] thread {thread}: {name} ({units})"));
    }

    /// Stops, and clears the bar.
    pub(super) fn finish(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(ticker) = self.ticker.take() {
            ticker.thread().unpark();
            // A ticker that panicked has nothing to say that matters to the results.
            let _ = ticker.join();
        }
        self.shared.bar.finish_and_clear();
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn tick_until_stopped(&self) {
        let mut last_line = Instant::now();
        while !self.stop.load(Ordering::Relaxed) {
            std::thread::park_timeout(TICK);
            let counts = self.progress.counts();
            self.bar.set_position(counts.done());
            if last_line.elapsed() >= self.log_period {
                last_line = Instant::now();
                if !self.on_terminal && self.volume > Volume::Quiet {
                    self.say(&self.log_line(&counts));
                }
            }
        }
    }

    fn log_line(&self, counts: &Counts) -> String {
        let (done, elapsed) = (counts.done(), self.started.elapsed());
        let rate = counts.fresh() as f64 / elapsed.as_secs_f64();
        let left = (self.total.saturating_sub(done)) as f64 / rate;
        let eta = match Duration::try_from_secs_f64(left) {
            Ok(left) => HumanDuration(left).to_string(),
            Err(_) => "unknown".into(),
        };
        format!(
            "{done} of {} units, {:.0}%, {} units/s, {} elapsed, {eta} left",
            self.total,
            100.0 * done as f64 / self.total.max(1) as f64,
            shown_rate(rate),
            HumanDuration(elapsed),
        )
    }

    fn say(&self, line: &str) {
        if self.on_terminal { self.bar.println(harmless(line)) } else { complain(line) }
    }
}

/// The bar that fits the terminal.
fn style() -> Result<ProgressStyle> {
    let columns = columns(&stderr()).unwrap_or(usize::MAX);
    let fitting = BARS.iter().find(|(least, _)| columns >= *least);
    Ok(ProgressStyle::with_template(fitting.map_or("", |(_, bar)| bar))?)
}

/// How often a line is written where there is no terminal.
fn log_period() -> Result<Duration> {
    let Ok(text) = std::env::var("OTFHPC_LOG_SECONDS") else { return Ok(LOG_PERIOD) };
    match text.parse().map(Duration::try_from_secs_f64) {
        Ok(Ok(period)) if !period.is_zero() => Ok(period),
        _ => bail!("OTFHPC_LOG_SECONDS is `{text}`: expected seconds, more than 0, or unset it"),
    }
}

/// This program as the user called it, for the commands that messages tell to run.
pub(super) fn program() -> String {
    let name = std::env::args().next().unwrap_or_else(|| "otfhpc".into());
    crate::runner::slurm::quoted(&name)
}

/// The results folder, as a word of a shell.
pub(super) fn folder(run: &RunDir) -> String {
    crate::runner::slurm::quoted_path(run.root())
}

/// Prints to standard output, on a terminal as wide as that is; what would only move the cursor is
/// escaped. Whoever reads it may stop reading (`otfhpc status | head`): that is no reason to stop the
/// work.
pub(super) fn say(text: &str) {
    write_out(harmless(&laid_out(text, columns(&stdout()))).as_bytes());
}

/// Writes to standard output. What cannot be written, to a full disk or device, is told once; nobody
/// else's reading on is no error.
pub(super) fn write_out(bytes: &[u8]) {
    let mut out = stdout().lock();
    note(out.write_all(bytes).and_then(|()| out.flush()));
}

/// Whether something could not be written to standard output.
static FAILED: AtomicBool = AtomicBool::new(false);

fn note(written: std::io::Result<()>) {
    if let Err(error) = written
        && error.kind() != std::io::ErrorKind::BrokenPipe
        && !FAILED.swap(true, Ordering::Relaxed)
    {
        complain(&format!("otfhpc: cannot write to standard output: {error}"));
    }
}

/// Whether all of the output could be written, as far as anybody reads it.
pub(super) fn output_is_whole() -> bool {
    !FAILED.load(Ordering::Relaxed)
}

/// Puts the cursor into the corner of the terminal and clears what is below, if there is one that can.
pub(super) fn clear_terminal() {
    if obeys(&stdout()) {
        write_out(b"\x1b[H\x1b[J");
    }
}

/// Prints a line to standard error, if anybody reads it.
pub(super) fn complain(line: &str) {
    let _ = writeln!(stderr(), "{}", harmless(line));
}
