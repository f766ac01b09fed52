//! Calibrates a Fourier-transform spectrometer on a Slurm cluster.
//!
//! [`data`] shows the path from a file, or a simulation, to a fitted bin, with examples that run.

pub mod audit;
pub mod carry;
pub mod cli;
pub mod data;
pub mod external;
pub mod fit;
pub mod foundations;
pub mod instrument;
pub mod life;
pub mod merge;
pub mod plan;
pub mod shard;
pub mod slurm;
pub mod study;
