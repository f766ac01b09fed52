//! `otfhpc status`: what became of every shard.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anyhow::Result;

use crate::fit::Status;
use crate::foundations::RunDir;
use crate::life::{Life, ShardState, Slurm, State, look};
use crate::plan::BoundPlan;
use crate::shard::Outcomes;

use super::Exit;
use super::args::StatusArgs;
use super::display::{complain, folder, program, say};
use super::shard_table;
use super::signals::Signals;

/// Puts the cursor into the corner of the terminal and clears what is below.
const CLEAR: &str = "\x1b[H\x1b[J";

pub(super) fn command(args: &StatusArgs) -> Result<Exit> {
    let run = RunDir::new(&args.folder);
    if args.watch.is_none() {
        let (plan, life) = look_at(&run)?;
        tell(args, &run, &plan, &life)?;
        return Ok(Exit::Done);
    }
    watch(args, &run)
}

fn look_at(run: &RunDir) -> Result<(BoundPlan, Life)> {
    let plan = BoundPlan::read(run)?;
    let life = look(run, &plan)?;
    Ok((plan, life))
}

/// Tells again and again, until nothing waits or runs any more. The plan is read each time: it may
/// have been revised.
fn watch(args: &StatusArgs, run: &RunDir) -> Result<Exit> {
    let signals = Signals::obey()?;
    let period = args.watch.unwrap_or_default();
    loop {
        let (plan, life) = look_at(run)?;
        if std::io::stdout().is_terminal() && !args.json {
            say(CLEAR);
        }
        tell(args, run, &plan, &life)?;
        let is = |state: State| life.shards.iter().any(|shard| shard.state == state);
        if !is(State::Waiting) && !is(State::Running) {
            let all_done = life.shards.iter().all(|shard| shard.state == State::Done);
            return Ok(if all_done { Exit::Done } else { Exit::Incomplete });
        }
        if !wait(period, &signals) {
            return Ok(Exit::Stopped);
        }
    }
}

/// Waits; false if a signal came.
fn wait(period: Duration, signals: &Signals) -> bool {
    const STEP: Duration = Duration::from_millis(50);
    let mut left = period;
    while !left.is_zero() && !signals.stop.asked() {
        let step = left.min(STEP);
        std::thread::sleep(step);
        left -= step;
    }
    !signals.stop.asked()
}

fn tell(args: &StatusArgs, run: &RunDir, plan: &BoundPlan, life: &Life) -> Result<()> {
    if let Slurm::Silent(error) = &life.slurm {
        complain(&format!("otfhpc: warning: {error}; what waits in the queue is not known"));
    }
    if args.json {
        let json = shard_table::json(plan, life, Outcomes::of(run, plan));
        let mut line = serde_json::to_vec(&json)?;
        line.push(b'\n');
        // Whoever reads it may stop reading.
        let _ = std::io::stdout().lock().write_all(&line);
        return Ok(());
    }
    let outcomes = outcomes(run, &Outcomes::of(run, plan));
    say(&(shard_table::table(&life.shards) + &outcomes + &next(run, &life.shards)));
    Ok(())
}

/// How the units of the shards that are done ended, and what helps those that failed.
fn outcomes(run: &RunDir, outcomes: &Outcomes) -> String {
    if outcomes.sum() == 0 {
        return String::new();
    }
    let count = |(status, _, name, _): (Status, _, &str, _)| {
        Some(outcomes.count(status))
            .filter(|count| *count > 0)
            .map(|count| format!("{count} {name}"))
    };
    let counts: Vec<String> = Status::REGISTRY.into_iter().filter_map(count).collect();
    let mut text =
        format!("of the {} units of shards that are done: {}\n", outcomes.sum(), counts.join(", "));
    if outcomes.count(Status::Failed) > 0 {
        let (program, folder) = (program(), folder(run));
        text +=
            &format!("when what made units fail is mended: {program} resume {folder} --failed\n");
    }
    text
}

/// What to do about it.
fn next(run: &RunDir, shards: &[ShardState]) -> String {
    let (program, folder) = (program(), folder(run));
    let count =
        |states: &[State]| shards.iter().filter(|shard| states.contains(&shard.state)).count();
    let live = count(&[State::Waiting, State::Running]);
    match shards.len() - count(&[State::Done]) - live {
        0 if live > 0 => String::new(),
        0 if run.products().iter().all(|product| product.exists()) => String::new(),
        0 => format!("next: {program} merge {folder}\n"),
        left if left == count(&[State::NotStarted]) => {
            format!("next: {program} submit {folder}\nor here: {program} resume {folder} --local\n")
        }
        _ => {
            format!("next: {program} resume {folder}\nor here: {program} resume {folder} --local\n")
        }
    }
}
