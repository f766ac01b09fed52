//! The life of a run: what became of every shard, by its files and by Slurm, and what would help.
//!
//! Files have the last word: a shard is done when its partial is sound, whatever Slurm says. Slurm
//! says what waits and runs, and why something ended; logs and journals remember that longer.

mod asked;
mod cause;
mod evidence;
mod late;
mod logs;
mod merging;
mod remedy;
mod state;

pub use asked::{excluded_by, memory_of, next_options};
pub use cause::Cause;
pub use evidence::{LookError, Slurm, look};
pub use late::late_shards;
pub use merging::Merging;
pub use remedy::{Limits, Remedy, failing_nodes, remedy};
pub use state::{Evidence, ShardState, State, judge};

/// What became of every shard.
#[derive(Debug)]
pub struct Life {
    /// One a shard, in the order of their units.
    pub shards: Vec<ShardState>,
    /// Whether Slurm had something to say.
    pub slurm: Slurm,
    /// What became of the merge.
    pub merging: Merging,
    /// What was submitted so far.
    pub history: crate::runner::slurm::History,
}
