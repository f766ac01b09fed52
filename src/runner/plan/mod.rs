//! What will run: units that are cut into shards of equal cost, bound to settings and input. Pure and
//! deterministic: it reads and writes no file, but that of the program itself.

mod bound;
mod build;
mod enough;
mod launch;
pub(crate) mod layout;
mod live;
mod order;
mod settings_from;
mod shards;

pub(crate) use bound::FORMAT;
pub use bound::{BoundPlan, Input, Mended, Plan, PlanRequest, TakenOver, USUAL_WORKLOAD, VERSION};
pub use build::{Build, OtherBuild};
pub use enough::{MemoryError, Needs, check_memory};
pub use launch::LaunchSettings;
pub use layout::{Column, Layout, UnitPlace};
pub use live::{LiveShards, Split};
pub use order::{BlockWork, UnitOrder};
pub use settings_from::{SettingsFile, SettingsFrom};
pub(crate) use shards::MOST_UNITS_OF_SHARD;
pub use shards::{Shards, ShardsError};
