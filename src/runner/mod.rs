//! The engine: cuts work into shards, runs them on threads or on Slurm, and proves that nothing is
//! missing. What the work is, it leaves to a workload.

pub mod audit;
pub mod carry;
pub mod engine;
pub mod life;
pub mod merge;
pub mod plan;
pub mod slurm;
pub mod store;
