//! What the files tell of every shard of a run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use chrono::DateTime;
use rayon::prelude::*;

use super::run_dir::RunDir;
use crate::foundations::FileError;
use crate::runner::plan::BoundPlan;

use super::attempt::Attempt;
use super::folder::holder_of;
use super::journal::{Journals, journals};
use super::partial::{Partial, PartialError};
use super::why::Why;

/// What the files tell of one shard.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// Its partial is sound: nothing else is a proof.
    Done,
    /// What is in the place of its partial is not to be used.
    Damaged(String),
    /// There is no partial.
    Open(Progressed),
}

/// How far a shard is that has no partial.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progressed {
    /// Units that need not be fitted again.
    pub units: u64,
    /// How many processes have worked on it.
    pub attempts: u64,
    /// The last of them.
    pub last: Option<Attempt>,
    /// Whether it still does, as far as files can tell.
    pub running: bool,
    /// Why it ended, if it said so.
    pub ended: Option<Why>,
    /// Whether some of its units were taken over, from another plan or from a partial of its own.
    pub taken_over: bool,
    /// Units a second in the last attempt.
    pub rate: Option<f64>,
}

/// Looks at every shard, in the order of their units.
///
/// # Errors
/// If a folder, a partial or a journal cannot be read.
pub fn survey(run: &RunDir, plan: &BoundPlan) -> Result<Vec<(u32, Found)>, FileError> {
    let found = journals(run)?;
    let look = |shard| Ok((shard, look_at(run, plan, shard, &found)?));
    plan.shards.live().into_par_iter().map(look).collect()
}

fn look_at(
    run: &RunDir,
    plan: &BoundPlan,
    shard: u32,
    found: &BTreeMap<u32, Vec<PathBuf>>,
) -> Result<Found, FileError> {
    match Partial::check(run, plan, shard) {
        Ok(()) => return Ok(Found::Done),
        Err(PartialError::Missing) => {}
        // It may be sound: only nobody can see it now.
        Err(PartialError::File(error)) => return Err(error),
        Err(problem) => return Ok(Found::Damaged(problem.to_string())),
    }
    let mut journals = Journals::of_shard(plan, shard, found)?;
    // Its journal is old, or says nothing: whoever holds the lock is not gone, but may be stopped.
    let is_held = || holder_of(run, shard).is_ok_and(|holder| holder.is_some());
    if !journals.running && journals.ended.is_none() && is_held() {
        journals.running = true;
    }
    Ok(Found::Open(Progressed {
        units: journals.results.done(),
        attempts: journals.attempts.len() as u64,
        rate: rate(&journals),
        last: journals.attempts.last().cloned(),
        running: journals.running,
        taken_over: journals.taken_over,
        ended: journals.ended,
    }))
}

/// Units a second, from the begin of the last attempt to the last sign of life.
fn rate(journals: &Journals) -> Option<f64> {
    let started = DateTime::parse_from_rfc3339(&journals.attempts.last()?.started).ok()?;
    let until = journals.renewed?.duration_since(SystemTime::from(started)).ok()?;
    (journals.fresh > 0 && !until.is_zero()).then(|| journals.fresh as f64 / until.as_secs_f64())
}
