//! The state of shards as a table for people, and as JSON for machines.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use indicatif::HumanDuration;
use serde::Serialize;

use crate::foundations::text::tabular;
use crate::runner::life::{Life, Merging, ShardState, Slurm, State};
use crate::runner::slurm::{TaskMemory, ranges};
use crate::runner::store::Outcomes;

use super::display::counted;
use super::session::Session;

/// Of more shards than this a histogram is shown, and lines only for those that need a look.
const MOST_LINES: usize = 64;
/// Width of the longest bar, characters.
const BAR: usize = 40;

/// One line a shard; of many shards, one a state, and one for each group that needs a look.
pub(super) fn table(shards: &[ShardState]) -> String {
    let mut text = String::new();
    let alike = |a: &ShardState, b: &ShardState| (a.state, remark(a)) == (b.state, remark(b));
    if shards.len() <= MOST_LINES {
        text += &lines(shards.chunk_by(|_, _| false));
    } else {
        text += &histogram(shards);
        let quiet = [State::Done, State::Waiting, State::NotStarted];
        let mut loud: Vec<ShardState> =
            shards.iter().filter(|shard| !quiet.contains(&shard.state)).cloned().collect();
        loud.sort_by_key(|shard| (shard.state, remark(shard), shard.shard));
        text += "\n";
        text += &lines(loud.chunk_by(alike).take(MOST_LINES));
    }
    text + &totals(shards)
}

fn lines<'a>(groups: impl Iterator<Item = &'a [ShardState]>) -> String {
    let mut lines = vec![["shard", "state", "units", ""].map(String::from).to_vec()];
    lines.extend(groups.map(|group| {
        let shards: Vec<u32> = group.iter().map(|shard| shard.shard).collect();
        let (done, units) = units(group);
        let state = group[0].state.to_string();
        vec![ranges(&shards), state, format!("{done} of {units}"), remark(&group[0])]
    }));
    if lines.len() == 1 { String::new() } else { tabular(2, &lines) }
}

/// One bar a state.
fn histogram(shards: &[ShardState]) -> String {
    let mut lines = Vec::new();
    for state in State::ALL {
        let of_state: Vec<u32> =
            shards.iter().filter(|shard| shard.state == state).map(|shard| shard.shard).collect();
        if !of_state.is_empty() {
            let length = (BAR * of_state.len()).div_ceil(shards.len());
            let count = of_state.len().to_string();
            lines.push(vec![state.to_string(), count, "#".repeat(length)]);
        }
    }
    tabular(2, &lines)
}

/// What a person should know of a shard besides its state.
fn remark(shard: &ShardState) -> String {
    let node = shard.node.as_ref().map(|node| format!("on {node}"));
    let mut parts = Vec::new();
    match shard.state {
        State::Running => {
            parts.extend(node);
            parts.extend(shard.process.map(|process| format!("process {process}")));
            parts.extend(shard.rate.map(|rate| format!("{rate:.3} units/s")));
            parts.extend(shard.seconds_left().and_then(human).map(|left| format!("{left} left")));
        }
        State::Stopped | State::Failed => {
            parts.extend(shard.cause.as_ref().map(ToString::to_string));
            parts.extend(node);
        }
        State::Unknown => {
            parts.extend(shard.cause.as_ref().map(|cause| format!("at last: {cause}")));
            parts.extend(node);
        }
        _ => {}
    }
    parts.extend(Some(shard.remark.clone()).filter(|remark| !remark.is_empty()));
    parts.extend(shard.held.map(|_| "held".to_owned()));
    parts.join(", ")
}

fn human(seconds: f64) -> Option<String> {
    Duration::try_from_secs_f64(seconds).ok().map(|left| HumanDuration(left).to_string())
}

fn units(shards: &[ShardState]) -> (u64, u64) {
    shards.iter().fold((0, 0), |(done, units), s| (done + s.units_done, units + s.units))
}

fn totals(shards: &[ShardState]) -> String {
    let mut text = format!("{}:", counted(shards.len(), "shard"));
    for state in State::ALL {
        let count = shards.iter().filter(|shard| shard.state == state).count();
        if count > 0 {
            let _ = write!(text, " {count} {state},");
        }
    }
    let (done, units) = units(shards);
    let rate: f64 = shards.iter().filter_map(|shard| shard.rate).sum();
    let mut text = format!("{}; {done} of {}", text.trim_end_matches(','), counted(units, "unit"));
    if let (true, Some(left)) = (rate > 0.0, human((units - done) as f64 / rate)) {
        let _ = write!(text, ", {rate:.1} units/s, {left} left if as many go on running");
    }
    text + "\n"
}

/// The state of a run, for machines.
#[derive(Debug, Serialize)]
pub(super) struct Json<'a> {
    plan: String,
    /// Whether Slurm was asked, and answered.
    slurm: &'static str,
    /// `not yet`, `merged`, `waits`, `runs`, `failed` or `open`.
    merge: &'static str,
    units: u64,
    units_done: u64,
    counts: BTreeMap<String, usize>,
    /// How the units of the shards that are done ended.
    outcomes: BTreeMap<&'static str, u64>,
    shards: Vec<ShardJson<'a>>,
}

#[derive(Debug, Serialize)]
struct ShardJson<'a> {
    shard: u32,
    state: String,
    cause: Option<&'static str>,
    message: String,
    units: u64,
    units_done: u64,
    units_per_second: Option<f64>,
    seconds_left: Option<f64>,
    node: Option<&'a str>,
    job: Option<&'a str>,
    held: bool,
    memory: Option<TaskMemory>,
    attempts: u64,
    submitted: u32,
}

pub(super) fn json<'a>(session: &Session, life: &'a Life, outcomes: Outcomes) -> Json<'a> {
    let (units_done, units) = units(&life.shards);
    let count = |state: State| life.shards.iter().filter(|shard| shard.state == state).count();
    Json {
        plan: session.plan.hash.short(),
        slurm: match life.slurm {
            Slurm::NotAsked => "not asked",
            Slurm::Answered => "answered",
            Slurm::Silent(_) => "silent",
        },
        merge: match life.merging {
            Merging::NotYet => "not yet",
            Merging::Merged => "merged",
            Merging::Waits { .. } => "waits",
            Merging::Runs { .. } => "runs",
            Merging::Failed { .. } => "failed",
            Merging::OfAnotherPlan(_) | Merging::Changed(_) | Merging::Open => "open",
        },
        units,
        units_done,
        counts: State::ALL.map(|state| (state.to_string(), count(state))).into(),
        outcomes: session
            .workload
            .words()
            .occurring()
            .map(|(status, word)| (word, outcomes.count(status)))
            .collect(),
        shards: life.shards.iter().map(shard_json).collect(),
    }
}

fn shard_json(shard: &ShardState) -> ShardJson<'_> {
    let cause = shard.cause.as_ref();
    let message = cause.map_or(shard.remark.clone(), ToString::to_string);
    ShardJson {
        shard: shard.shard,
        state: shard.state.to_string(),
        cause: cause.map(crate::runner::life::Cause::name),
        message,
        units: shard.units,
        units_done: shard.units_done,
        units_per_second: shard.rate,
        seconds_left: shard.seconds_left(),
        node: shard.node.as_deref(),
        job: shard.job.as_deref(),
        held: shard.held.is_some(),
        memory: shard.memory,
        attempts: shard.attempts,
        submitted: shard.submitted,
    }
}
