//! What a command says at the end.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Result;

use crate::foundations::Shown;
use crate::runner::engine::{ShardEnd, Stopped, Summary, Words, Workload};
use crate::runner::store::{Attempt, RunDir, UnitStatus};

use super::display::{counted, folder, program};
use super::exit::Exit;

/// The figures of several shards.
#[derive(Debug, Clone, Default)]
pub(super) struct Totalled {
    by_status: [u64; UnitStatus::ALL.len()],
    unit_time: Duration,
    preparing: Duration,
    fitting: Duration,
    fitted: u32,
    already_done: u32,
    set_aside: u32,
    foreign_journals: u64,
    resumed: u64,
    /// Why journals were not kept as they should be.
    pub(super) journal_trouble: Vec<String>,
    /// What of the state of the run somebody else changed.
    pub(super) changed: Vec<String>,
    /// The shard that was asked to stop.
    pub(super) stopped: Option<Stopped>,
    /// The shards that are left for another time.
    pub(super) left: Vec<u32>,
    /// The shards that other processes work on.
    pub(super) elsewhere: Vec<u32>,
}

impl Totalled {
    pub(super) fn add(&mut self, ending: ShardEnd) {
        match ending {
            ShardEnd::AlreadyDone => self.already_done += 1,
            ShardEnd::Elsewhere(_) => {}
            ShardEnd::Stopped(stopped) => self.stopped = Some(stopped),
            ShardEnd::Fitted(summary) => self.add_fitted(summary),
        }
    }

    fn add_fitted(&mut self, summary: Summary) {
        let counts = summary.counts;
        self.fitted += 1;
        self.set_aside += u32::from(summary.set_aside);
        self.foreign_journals += summary.foreign_journals;
        self.journal_trouble.extend(summary.journal_trouble);
        self.changed.extend(summary.changed);
        self.preparing += summary.preparing;
        self.fitting += summary.fitting;
        self.unit_time += counts.unit_time;
        self.resumed += counts.resumed;
        for (sum, count) in self.by_status.iter_mut().zip(counts.by_status) {
            *sum += count;
        }
    }

    /// Whether all shards are done.
    pub(super) fn is_whole(&self) -> bool {
        self.left.is_empty() && self.elsewhere.is_empty()
    }

    fn of(&self, status: UnitStatus) -> u64 {
        self.by_status[status as usize]
    }
}

/// The exit code of fitted shards.
pub(super) fn exit_of(totalled: &Totalled) -> Exit {
    if !totalled.is_whole() {
        return Exit::Stopped;
    }
    let bad = totalled.of(UnitStatus::Failed) + totalled.of(UnitStatus::Unfinished);
    if bad > 0 { Exit::Failures } else { Exit::Done }
}

/// What is kept of a run that was stopped, and how to go on.
pub(super) fn stopped(run: &RunDir, totalled: &Totalled, signal: &str, go_on: &str) -> String {
    let mut text = format!("otfhpc: stopped by {signal}");
    if let Some(Stopped { shard, kept, units, journal, trouble }) = &totalled.stopped {
        let of = format!("{kept} of {} of shard {shard} are done", counted(*units, "unit"));
        text += &match kept {
            0 => format!(": {of}"),
            _ => format!(": {of}, and kept in {}", Shown(journal)),
        };
        if let Some(trouble) = trouble {
            text += &format!(" (others were lost: {trouble})");
        }
    }
    text + &format!("\nto go on here:   {go_on}")
        + &format!("\nto go on, Slurm: {} resume {}", program(), folder(run))
}

/// Who works on a shard.
pub(super) fn elsewhere(words: &Words, shard: u32, last: Option<&Attempt>) -> String {
    let who =
        last.map_or("another process".into(), |a| format!("{}, process {}", a.host, a.process));
    let done = words.verb.done;
    format!("otfhpc: shard {shard} is being {done} by {who}; nothing to do here")
}

/// What was fitted, how it ended, and how fast.
pub(super) fn summary(
    workload: &dyn Workload,
    totalled: &Totalled,
    threads: usize,
) -> Result<String> {
    let mut text = String::new();
    let units: u64 = totalled.by_status.iter().sum();
    if totalled.already_done > 0 {
        let count = totalled.already_done;
        writeln!(text, "{:<11}{} (already complete)", "skipped", counted(count, "shard"))?;
    }
    if totalled.set_aside > 0 {
        let count = counted(totalled.set_aside, "damaged partial");
        writeln!(text, "{:<11}moved {count} to aside/", "repaired")?;
    }
    if totalled.foreign_journals > 0 {
        let count = counted(totalled.foreign_journals, "journal");
        writeln!(text, "{:<11}moved {count} of other plans to aside/", "repaired")?;
    }
    if totalled.fitted == 0 {
        return Ok(text);
    }
    let (configurations, shards) = (workload.layout().configurations(), totalled.fitted);
    writeln!(
        text,
        "{:<11}{} of {} on {}",
        workload.words().verb.done,
        counted(shards, "shard"),
        counted(configurations, "configuration"),
        counted(threads, "thread")
    )?;
    let parts = workload.words().occurring().filter(|(status, _)| totalled.of(*status) > 0);
    let parts: Vec<String> =
        parts.map(|(status, word)| format!("{} {word}", totalled.of(status))).collect();
    writeln!(text, "{:<11}{units}: {}", "units", parts.join(", "))?;
    if totalled.resumed > 0 {
        let count = totalled.resumed;
        writeln!(text, "{:<11}{count} of the units an earlier attempt had done", "resumed")?;
    }
    let doing = workload.words().verb.doing;
    let (fitting, busy) = (totalled.fitting.as_secs_f64(), totalled.unit_time.as_secs_f64());
    let preparing = match workload.words().phases[0] {
        "" => String::new(),
        _ => format!("{:.3} s preparing data, ", totalled.preparing.as_secs_f64()),
    };
    writeln!(text, "{:<11}{preparing}{fitting:.3} s {doing}", "time")?;
    let fitted = units - totalled.resumed;
    if fitted == 0 {
        return Ok(text);
    }
    writeln!(
        text,
        "{:<11}{} a unit; {} units/s; {:.2} times one thread",
        "speed",
        shown_time(busy / fitted as f64),
        shown_rate(fitted as f64 / fitting),
        busy / fitting
    )?;
    Ok(text)
}

/// The time of a unit, of which some take microseconds and some hours.
fn shown_time(seconds: f64) -> String {
    if seconds < 0.1 { format!("{:.1} us", 1e6 * seconds) } else { format!("{seconds:.2} s") }
}

/// Units a second, with digits where there are few.
pub(super) fn shown_rate(rate: f64) -> String {
    if rate >= 10.0 { format!("{rate:.0}") } else { format!("{rate:.3}") }
}
