//! Why a shard could not be fitted.

use std::path::PathBuf;

use thiserror::Error;

use super::workload::WorkError;
use crate::foundations::{FileError, Shown};
use crate::runner::store::{PlanError, Replaced};

/// A shard that could not be fitted.
#[derive(Debug, Error)]
pub enum TaskError {
    /// The plan or its inputs.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The work itself.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// A file that cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The plan was replaced meanwhile.
    #[error(transparent)]
    Replaced(#[from] Replaced),
    /// A shard that the plan does not have.
    #[error(
        "{given} is {shard}, but the plan in {} has shards 0 to {}; \
         submit with --array=0-{}", Shown(root), shards - 1, shards - 1
    )]
    NoSuchShard {
        /// Where the number comes from.
        given: &'static str,
        /// The number.
        shard: u32,
        /// Shards in the plan.
        shards: u32,
        /// The results folder.
        root: PathBuf,
    },
    /// Somebody else's partial has other results.
    #[error(
        "{}: shard {shard} was done by process {process} on {host} with other results than by \
         this process, which left its own in {}: results must not depend on the machine, so one \
         of the two is wrong; move the first aside too, run the shard again, and compare the three",
        Shown(path),
        Shown(aside)
    )]
    Differs {
        /// The shard.
        shard: u32,
        /// Where the other's partial is.
        path: PathBuf,
        /// The other's machine.
        host: String,
        /// The other's process id there.
        process: u32,
        /// Where this one's partial is.
        aside: PathBuf,
    },
}
