//! What will run: shards of equal cost, and the file that binds them to settings and input.

mod file;
mod live;
mod memory;
mod program;
mod revision;
mod room;
mod shards;

pub use file::{BoundPlan, DataSet, Input, Plan, PlanError};
pub use live::LiveShards;
pub use memory::Memory;
pub use program::{OtherProgram, Program};
pub use revision::Split;
pub use room::{RoomError, check_room, partial_bytes};
pub use shards::{Shards, ShardsError};
