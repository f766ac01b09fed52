//! Keeps a shard from being worked on while the plan is revised.

use std::path::Path;

use super::run_dir::RunDir;
use crate::foundations::FileError;
use crate::runner::plan::BoundPlan;

use super::journal::{Journals, journals};
use super::lock::{Lock, Locked, Locks, lock};
use super::results::Results;

/// While this is there, no process begins to work on a shard; where there are no locks, it is no
/// more than the wish.
#[derive(Debug)]
pub struct Claim {
    _lock: Option<Lock>,
}

/// Claims a shard; none if a process works on it.
///
/// # Errors
/// If its lock cannot be used.
pub fn claim(run: &RunDir, shard: u32) -> Result<Option<Claim>, FileError> {
    let path: &Path = &run.lock(shard);
    Ok(match lock(path, Locks::default())? {
        Locked::Ours(lock) => Some(Claim { _lock: Some(lock) }),
        Locked::Unknown => Some(Claim { _lock: None }),
        Locked::Elsewhere => None,
    })
}

/// The results of a shard that is not done, as far as there are any.
///
/// # Errors
/// If its journals cannot be read.
pub fn results_so_far(run: &RunDir, plan: &BoundPlan, shard: u32) -> Result<Results, FileError> {
    Ok(Journals::of_shard(plan, shard, &journals(run)?)?.results)
}
