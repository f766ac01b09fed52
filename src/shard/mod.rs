//! One shard: fitted in parallel, written as a partial.

mod fit;
mod heartbeat;
mod partial;
mod programs;
mod progress;
mod segment;
mod tally;
mod task;
mod threads;
mod timing;
mod unit;

pub use fit::{FittedUnits, fit_segments};
pub use heartbeat::{Heartbeat, PERIOD};
pub use partial::{Partial, PartialError, Provenance};
pub use programs::Programs;
pub use progress::{Counts, Progress};
pub use segment::{Campaigns, Segment, segments};
pub use tally::{ConfigurationDone, Listener};
pub use task::{Ending, Summary, TaskError, Worker};
pub use threads::ThreadCount;
pub use timing::MethodTime;
pub use unit::UnitResult;
