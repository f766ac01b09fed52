//! Calibrates a Fourier-transform spectrometer on a Slurm cluster.
//!
//! [`data`] shows the path from a file, or a simulation, to a fitted bin, with examples that run.

pub mod audit;
pub mod carry;
pub mod cli;
pub mod command;
pub mod data;
pub mod engine;
pub mod external;
pub mod fit;
pub mod foundations;
pub mod instrument;
pub mod life;
pub mod merge;
pub mod otf;
pub mod plan;
pub mod settings;
pub mod slurm;
pub mod store;
pub mod workloads;
