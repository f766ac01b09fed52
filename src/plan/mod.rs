//! What will run: shards of equal cost, and the file that binds them to settings and input.

mod file;
mod live;
mod program;
mod revision;
mod shards;

pub use file::{BoundPlan, DataSet, Input, Plan, PlanError};
pub use live::LiveShards;
pub use program::{OtherProgram, Program};
pub use revision::Split;
pub use shards::{Shards, ShardsError};
