//! One shard: fitted in parallel, kept in a journal piece by piece, written as a partial.

mod aside;
mod attempt;
mod codec;
mod ending;
mod fit;
mod frame;
mod journal;
mod partial;
mod programs;
mod progress;
mod recorder;
mod results;
mod segment;
mod stop;
mod tally;
mod task;
mod threads;
mod timing;
mod unit;

pub use attempt::Attempt;
pub use ending::{Ending, Stopped, Summary};
pub use fit::{FittedUnits, Fitting, Keeper, Piece};
pub use journal::{Journals, journals};
pub use partial::{Partial, PartialError, Provenance};
pub use programs::Programs;
pub use progress::{Counts, Progress};
pub use recorder::Recorder;
pub use results::Results;
pub use segment::{Campaigns, Segment, segments};
pub use stop::Stop;
pub use tally::{ConfigurationDone, Listener};
pub use task::{TaskError, Worker};
pub use threads::ThreadCount;
pub use timing::MethodTime;
pub use unit::UnitResult;
