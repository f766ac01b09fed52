//! Whether a results folder has room for what a run leaves, asked before anything is fitted.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::foundations::{FileError, Shown, counted, files};
use crate::runner::plan::BoundPlan;

use super::run_dir::RunDir;

/// What there is of a unit besides its body: status, reason, lengths.
const OF_UNIT: u64 = 24;
/// What a journal adds to each unit: a frame of its own.
const OF_FRAME: u64 = 64;
/// Header and provenance.
const OF_FILE: u64 = 700;
/// A file takes whole blocks.
const BLOCK: u64 = 4096;

/// A folder in which the results would not find room.
#[derive(Debug, Error)]
pub enum RoomError {
    /// Nothing can be written there.
    #[error(transparent)]
    File(#[from] FileError),
    /// Too little is left.
    #[error(
        "{}: {} MB of free space, but the partials and journals of {} need up to {} \
         MB; make space there, or choose another folder with --out",
        Shown(folder), free / 1_000_000, counted(*shards, "shard"), needed.div_ceil(1_000_000)
    )]
    Space {
        /// The results folder.
        folder: PathBuf,
        /// Bytes that are free.
        free: u64,
        /// Bytes that are needed.
        needed: u64,
        /// Shards to be fitted.
        shards: usize,
    },
}

/// Bytes of the partial of so many units with bodies of so many bytes.
#[must_use]
pub fn partial_bytes(body: u64, units: u64) -> u64 {
    OF_FILE + units.saturating_mul(body.saturating_add(OF_UNIT))
}

/// Checks that files can be made in the results folder, and that there is room for the partials of
/// those shards that have none, with their journals, where bodies of units have `body` bytes. Where a file system does not say how much is
/// free, that is left to be seen.
///
/// # Errors
/// If there is not.
pub fn check_room(
    run: &RunDir,
    plan: &BoundPlan,
    body: u64,
    shards: &[u32],
) -> Result<(), RoomError> {
    for folder in [run.root().to_path_buf(), run.partials(), run.journals()] {
        files::check_writable(&folder)?;
    }
    let missing: Vec<u32> =
        shards.iter().copied().filter(|shard| !run.partial(*shard).exists()).collect();
    let bytes_of = |shard: &u32| {
        let units = plan.units_of(*shard);
        let partial = partial_bytes(body, units);
        let journal = partial.saturating_add(units.saturating_mul(OF_FRAME));
        partial.div_ceil(BLOCK).saturating_add(journal.div_ceil(BLOCK)).saturating_mul(BLOCK)
    };
    let needed = missing.iter().map(bytes_of).fold(0, u64::saturating_add);
    match free(run.root()) {
        Some(free) if free < needed => {
            let (folder, shards) = (run.root().to_path_buf(), missing.len());
            Err(RoomError::Space { folder, free, needed, shards })
        }
        _ => Ok(()),
    }
}

/// Bytes that this user may still write to a folder's file system, where it says so.
fn free(folder: &Path) -> Option<u64> {
    let said = rustix::fs::statvfs(files::nearest_existing(folder)).ok()?;
    // File systems without blocks of their own say 0 of 0.
    (said.f_blocks > 0).then(|| said.f_bavail.saturating_mul(said.f_frsize))
}
