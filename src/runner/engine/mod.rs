//! Runs the units of shards on threads, whatever they are: in parallel, kept in a journal piece by
//! piece, written as partials.

mod desk;
mod ending;
mod open_files;
mod profile;
mod progress;
mod stop;
mod tally;
mod task;
mod task_error;
mod threads;
mod timing;
mod work;
mod workload;

pub use ending::{ShardEnd, Stopped, Summary};
pub use open_files::allow_open_files;
pub use profile::{ColumnParts, Phase, Profile};
pub use progress::{Counts, Progress};
pub use stop::Stop;
pub use tally::{ConfigurationDone, Listener};
pub use task::{Worker, remove_outlived};
pub use task_error::TaskError;
pub use threads::ThreadCount;
pub use work::{Keeper, Programs, Work};
pub use workload::{
    Cost, Keep, KeptColumn, Mapping, ProgramFiles, Tried, Verb, Words, WorkError, Workload,
};
