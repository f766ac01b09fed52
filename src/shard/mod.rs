//! One shard: fitted in parallel, written as a partial.

mod fit;
mod heartbeat;
mod partial;
mod progress;
mod task;
mod threads;

pub use fit::{Campaigns, ConfigurationDone, Listener, Segment, fit_segments, segments};
pub use heartbeat::{Heartbeat, PERIOD};
pub use partial::{Partial, PartialError, Provenance};
pub use progress::{Counts, Progress};
pub use task::{Ending, Summary, TaskError, Worker};
pub use threads::ThreadCount;
