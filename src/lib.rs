//! Calibrates a Fourier-transform spectrometer on a Slurm cluster.

pub mod fit;
pub mod foundations;
