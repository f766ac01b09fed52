//! What will run: shards of equal cost, and the file that binds them to settings and input.

mod enough;
mod error;
mod file;
mod live;
mod memory;
mod program;
mod revision;
mod room;
mod shards;

pub use enough::{MemoryError, check_simulation};
pub use error::PlanError;
pub(crate) use file::make_absolute;
pub use file::{BoundPlan, DataSet, Input, Mended, Plan, TakenOver};
pub use live::{LiveShards, Split};
pub use memory::{Memory, of_simulation};
pub use program::{OtherProgram, Program};
pub use room::{RoomError, check_room, partial_bytes};
pub use shards::{Shards, ShardsError};
