//! `otfhpc status`: the state of every shard, as the files tell it.

use anyhow::Result;

use crate::foundations::RunDir;
use crate::plan::BoundPlan;
use crate::shard::{Heartbeat, Partial, PartialError};
use crate::slurm::ranges;

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
    let states: Vec<ShardState> = (0..count).map(|shard| look(&run, &plan, shard)).collect();
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
fn look(run: &RunDir, plan: &BoundPlan, shard: u32) -> ShardState {
    let units = plan.plan.shards.units(shard).map_or(0, |units| units.end - units.start);
    let state = |state, units_done, remark| ShardState { shard, state, units_done, units, remark };
    match Partial::read(run, plan, shard) {
        Ok(_) => state("done", units, String::new()),
        Err(PartialError::Missing) => match Heartbeat::read(run, shard) {
            None => state("not started", 0, String::new()),
            Some((beat, fresh)) => {
                let remark = format!("on {}, process {}", beat.host, beat.process);
                let name = if fresh { "running" } else { "stopped" };
                state(name, beat.units_done, remark)
            }
        },
        Err(problem) => state("damaged", 0, problem.to_string()),
    }
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
