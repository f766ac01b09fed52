//! `otfhpc status`: what became of every shard.

use std::time::Duration;

use anyhow::Result;

use crate::runner::life::{Life, Merging, ShardState, Slurm, State, look};
use crate::runner::slurm::{Hold, SlurmError, is_here, tasks_of};
use crate::runner::store::RunDir;
use crate::runner::store::{Outcomes, UnitStatus};

use super::args::StatusArgs;
use super::display::{clear_terminal, complain, folder, program, say, write_out};
use super::exit::Exit;
use super::prospects::Prospects;
use super::session::Session;
use super::signals::Signals;
use super::{jobs, shard_table};

pub(super) fn command(args: &StatusArgs) -> Result<Exit> {
    let run = RunDir::new(&args.folder);
    if args.watch.is_none() {
        let (session, life) = look_at(&run)?;
        tell(args, &session, &life)?;
        return Ok(Exit::Done);
    }
    watch(args, &run)
}

fn look_at(run: &RunDir) -> Result<(Session, Life)> {
    let session = Session::open(run.clone())?;
    let life = look(run, &session.plan)?;
    Ok((session, life))
}

/// Tells again and again, until nothing waits or runs any more. The plan is read each time: it may
/// have been revised.
fn watch(args: &StatusArgs, run: &RunDir) -> Result<Exit> {
    let signals = Signals::obey()?;
    let period = args.watch.unwrap_or_default();
    loop {
        let (session, life) = look_at(run)?;
        if !args.json {
            clear_terminal();
        }
        tell(args, &session, &life)?;
        if is_over(&life) {
            let all_done = life.shards.iter().all(|shard| shard.state == State::Done);
            return Ok(if all_done { Exit::Done } else { Exit::Incomplete });
        }
        if is_silent(&life) {
            complain(&format!("otfhpc: asking again in {} s", period.as_secs_f64()));
        }
        if !wait(period, &signals) {
            return Ok(Exit::Stopped);
        }
    }
}

/// Whether nothing waits or runs any more, the merge included. As long as Slurm does not answer,
/// nobody knows.
fn is_over(life: &Life) -> bool {
    let is = |state: State| life.shards.iter().any(|shard| shard.state == state);
    !is(State::Waiting) && !is(State::Running) && !life.merging.is_live() && !is_silent(life)
}

/// Whether there is a Slurm that was asked and does not answer.
fn is_silent(life: &Life) -> bool {
    matches!(&life.slurm, Slurm::Silent(error) if !matches!(error, SlurmError::NotFound { .. }))
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

fn tell(args: &StatusArgs, session: &Session, life: &Life) -> Result<()> {
    let Session { run, plan, .. } = session;
    if let Slurm::Silent(error) = &life.slurm {
        complain(&format!("otfhpc: warning: {error}; what waits in the queue is not known"));
    }
    if args.json {
        let json = shard_table::json(session, life, Outcomes::of(run, plan));
        let mut line = serde_json::to_vec(&json)?;
        line.push(b'\n');
        write_out(&line);
        return Ok(());
    }
    let outcomes = outcomes(session, &Outcomes::of(run, plan));
    let notes = jobs::notes(run, plan)?;
    let text = shard_table::table(&life.shards) + &outcomes + &notes.text;
    let text = text + &merging(session, life) + &released(life);
    say(&(text + &next(session, life, notes.goes_on)?));
    Ok(())
}

/// How the units of the shards that are done ended, and what helps those that failed.
fn outcomes(session: &Session, outcomes: &Outcomes) -> String {
    if outcomes.sum() == 0 {
        return String::new();
    }
    let words = session.workload.words().occurring();
    let counts = words.map(|(status, word)| (outcomes.count(status), word));
    let counts = counts.filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, word)| format!("{count} {word}")).collect();
    let mut text =
        format!("of the {} units of shards that are done: {}\n", outcomes.sum(), counts.join(", "));
    if outcomes.count(UnitStatus::Failed) > 0 {
        let (program, folder) = (program(), folder(&session.run));
        text +=
            &format!("when what made units fail is mended: {program} resume {folder} --failed\n");
    }
    text
}

/// What became of the merge, if all shards are done.
fn merging(session: &Session, life: &Life) -> String {
    match &life.merging {
        Merging::NotYet | Merging::Open => String::new(),
        Merging::Merged => {
            format!("merged: {} and beside it\n", session.main_product().display())
        }
        Merging::OfAnotherPlan(other) => {
            format!("merge: the products here are of another plan ({other})\n")
        }
        Merging::Changed(names) => {
            format!("merge: changed since they were written: {}\n", names.join(", "))
        }
        Merging::Waits { job, held: Some(Hold::Owner), .. } => {
            format!("merge: held until you say: scontrol release {job}\n")
        }
        Merging::Waits { job, reason, .. } if reason.is_empty() => {
            format!("merge: job {job} waits\n")
        }
        Merging::Waits { job, reason, .. } => format!("merge: job {job} waits ({reason})\n"),
        Merging::Runs { job } => format!("merge: job {job} runs\n"),
        Merging::Failed { job } => format!(
            "merge: job {job} is over, and not all products are there; its log is in {}\n",
            session.run.logs().display()
        ),
    }
}

/// How to release what is held.
fn released(life: &Life) -> String {
    let tasks = |is: &dyn Fn(&ShardState) -> bool| {
        let held = life.shards.iter().filter(|shard| is(shard));
        tasks_of(held.filter_map(|shard| shard.job.as_deref()))
    };
    let mut text = String::new();
    let own = tasks(&|shard| shard.held == Some(Hold::Owner));
    let others = tasks(&|shard| shard.held == Some(Hold::Administrator));
    let unreserved = tasks(&|shard| shard.held.is_some() && shard.remark == "RESV_DEL_HOLD");
    if !unreserved.is_empty() {
        text += &format!(
            "their reservation was deleted: first, scontrol update jobid={unreserved} \
             reservationname=\n"
        );
    }
    if !own.is_empty() {
        text += &format!("held: they wait until you say: scontrol release {own}\n");
    }
    if !others.is_empty() {
        text += &format!("held by an administrator, who alone can release them: {others}\n");
    }
    text
}

/// What to do about it: only what does something.
fn next(session: &Session, life: &Life, goes_on: bool) -> Result<String> {
    let run = &session.run;
    let (program, folder, shards) = (program(), folder(run), life.shards.as_slice());
    let here = format!("{program} resume {folder} --local\n");
    if shards.iter().all(|shard| shard.state == State::Done) {
        let is_open = matches!(
            life.merging,
            Merging::Open
                | Merging::Failed { .. }
                | Merging::OfAnotherPlan(_)
                | Merging::Changed(_)
        );
        let text = format!("next: {program} merge {folder}\n");
        return Ok(Some(text).filter(|_| is_open).unwrap_or_default());
    }
    // What no job has had is submitted by the merge, where there is one that goes on.
    let is_to_come =
        |shard: &ShardState| goes_on && shard.state == State::NotStarted && shard.submitted == 0;
    let is_open = |shard: &&ShardState| {
        let is_cared_for = matches!(shard.state, State::Done | State::Waiting | State::Running);
        !is_cared_for && !is_to_come(shard)
    };
    let open: Vec<&ShardState> = shards.iter().filter(is_open).collect();
    if open.is_empty() {
        return Ok(String::new());
    }
    if !is_here() {
        return Ok(format!("next, here, since there is no Slurm: {here}"));
    }
    if open.iter().all(|shard| shard.state == State::NotStarted) {
        return Ok(format!("next: {program} submit {folder}\nor here: {here}"));
    }
    let Prospects { retried, held } = Prospects::of(session, life)?;
    let when = if is_silent(life) { ", when Slurm answers" } else { "" };
    let mut text = String::new();
    if retried > 0 {
        text += &format!("next{when}: {program} resume {folder}\nor here: {here}");
    }
    if held > 0 {
        let word = if held == 1 { "shard" } else { "shards" };
        text += &format!(
            "{held} {word} would fail again: when the cause is mended, next{when}: {program} submit \
             {folder}\n"
        );
        if retried == 0 {
            text += &format!("or here: {here}");
        }
    }
    Ok(text)
}
