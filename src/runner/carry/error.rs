//! Why results cannot be taken over.

use std::path::PathBuf;

use thiserror::Error;

use crate::foundations::FileError;
use crate::runner::engine::TaskError;
use crate::runner::store::PlanError;

/// Results that cannot be taken over.
#[derive(Debug, Error)]
pub enum CarryError {
    /// A file that cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A shard that has everything, but cannot be finished.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// Results would not be the same, or would be lost.
    #[error(
        "{}: the results there are not of a smaller study with the same settings: {}; plan with the \
         settings of that study and more of its {grows}, or choose another folder with --out",
        root.display(), differences.join("; ")
    )]
    NotAnExtension {
        /// The results folder.
        root: PathBuf,
        /// What is not as it was.
        differences: Vec<String>,
        /// What a larger study has more of.
        grows: &'static str,
    },
    /// Somebody works on a shard.
    #[error(
        "{}: another process is at work on shard {shard}; wait until it is done, or end it, and \
         try again", root.display()
    )]
    Busy {
        /// The results folder.
        root: PathBuf,
        /// The shard.
        shard: u32,
    },
}
