//! What will run: units that are cut into shards of equal cost, bound to settings and input. Pure and
//! deterministic: it reads and writes no file, but that of the program itself.

mod bound;
mod enough;
mod launch;
pub(crate) mod layout;
mod live;
mod order;
mod program;
mod shards;

pub(crate) use bound::FORMAT;
pub use bound::{BoundPlan, Input, Mended, Plan, Planned, TakenOver, USUAL_WORKLOAD, VERSION};
pub use enough::{MemoryError, Needs, check_memory};
pub use launch::LaunchSettings;
pub use layout::{Column, Layout, Place};
pub use live::{LiveShards, Split};
pub use order::{UnitOrder, Work};
pub use program::{OtherProgram, Program};
pub(crate) use shards::MOST_UNITS_OF_SHARD;
pub use shards::{Shards, ShardsError};
