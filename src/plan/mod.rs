//! What will run: shards of equal cost, and the file that binds them to settings and input.

mod file;
mod shards;

pub use file::{BoundPlan, DataSet, Input, Plan, PlanError};
pub use shards::{Shards, ShardsError};
