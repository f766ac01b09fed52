//! `otfhpc status`: the state of every shard, as the files tell it.

use std::path::PathBuf;

use anyhow::Result;

use crate::foundations::RunDir;
use crate::plan::BoundPlan;
use crate::shard::{Journals, Partial, PartialError, journals};
use crate::slurm::ranges;
use crate::study::Study;

use super::Exit;
use super::args::FolderArgs;
use super::display::say;
use super::report::aligned;

/// More shards than this are told in groups of neighbours in the same state.
const MOST_LINES: u32 = 64;

/// What the files say of one shard.
struct ShardState {
    shard: u32,
    state: &'static str,
    units_done: u64,
    units: u64,
    remark: String,
}

pub(super) fn command(args: &FolderArgs) -> Result<Exit> {
    let run = RunDir::new(&args.folder);
    let plan = BoundPlan::read(&run)?;
    let count = plan.plan.shards.len();
    let (study, journals) = (plan.study()?, journals(&run)?);
    let state = |shard| match Partial::read(&run, &plan, shard) {
        Err(PartialError::Missing) => {
            let paths = journals.get(&shard).map_or(&[][..], Vec::as_slice);
            unfinished(&plan, &study, shard, paths)
        }
        read => finished(&plan, shard, read.map(|_| ())),
    };
    let states: Vec<ShardState> = (0..count).map(state).collect();
    let alone = |_: &ShardState, _: &ShardState| false;
    let alike = |a: &ShardState, b: &ShardState| a.state == b.state && a.remark == b.remark;
    let mut lines = vec![["shard", "state", "units", ""].map(String::from).to_vec()];
    match count <= MOST_LINES {
        true => lines.extend(states.chunk_by(alone).map(line)),
        false => lines.extend(states.chunk_by(alike).map(line)),
    }
    say(&format!("{}{}\n", aligned(&lines), totals(&states)));
    Ok(Exit::Done)
}

/// A sound partial is the only proof that a shard is done.
fn finished(plan: &BoundPlan, shard: u32, read: Result<(), PartialError>) -> ShardState {
    let units = units(plan, shard);
    match read {
        Ok(()) => {
            ShardState { shard, state: "done", units_done: units, units, remark: String::new() }
        }
        Err(problem) => {
            let remark = problem.to_string();
            ShardState { shard, state: "damaged", units_done: 0, units, remark }
        }
    }
}

/// A shard without a partial is as far as its journals tell.
fn unfinished(plan: &BoundPlan, study: &Study, shard: u32, paths: &[PathBuf]) -> ShardState {
    let state = |state, units_done, remark| ShardState {
        shard,
        state,
        units_done,
        units: units(plan, shard),
        remark,
    };
    match Journals::read(plan, study, shard, paths) {
        Err(error) => state("stopped", 0, error.to_string()),
        Ok(journals) => {
            let name = if journals.running { "running" } else { "stopped" };
            let done = journals.results.done();
            match journals.attempts.last() {
                None if done == 0 => state("not started", 0, String::new()),
                None => state(name, done, String::new()),
                Some(last) => {
                    let remark = format!("on {}, process {}", last.host, last.process);
                    state(name, done, remark)
                }
            }
        }
    }
}

fn units(plan: &BoundPlan, shard: u32) -> u64 {
    plan.shards.units(shard).map_or(0, |units| units.end - units.start)
}

fn line(group: &[ShardState]) -> Vec<String> {
    let shards: Vec<u32> = group.iter().map(|state| state.shard).collect();
    let (done, units): (u64, u64) =
        group.iter().fold((0, 0), |(d, u), s| (d + s.units_done, u + s.units));
    vec![
        ranges(&shards),
        group[0].state.into(),
        format!("{done} of {units}"),
        group[0].remark.clone(),
    ]
}

fn totals(states: &[ShardState]) -> String {
    let mut text = format!("{} shards:", states.len());
    for name in ["done", "running", "stopped", "damaged", "not started"] {
        let count = states.iter().filter(|state| state.state == name).count();
        if count > 0 {
            text += &format!(" {count} {name},");
        }
    }
    let (done, units): (u64, u64) =
        states.iter().fold((0, 0), |(d, u), s| (d + s.units_done, u + s.units));
    format!("{} {done} of {units} units", text.trim_end_matches(',').to_owned() + ";")
}
