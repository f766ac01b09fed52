//! The only place that knows Slurm: its variables, and the commands that submit to it.

mod commands;
mod environment;

pub use commands::{quoted, ranges, submit_all, submit_array};
pub use environment::{Environment, EnvironmentError};
