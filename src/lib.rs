//! Calibrates a Fourier-transform spectrometer on a Slurm cluster, and runs other people's studies there.
//!
//! What other programs may build on is [`science`]: [`science::data`] shows the path from a file, or a
//! simulation, to a fitted bin, with examples that run. All else is what the program `otfhpc` is made
//! of, and may change from one version to the next; it is visible to its own tests and benchmarks.

pub mod foundations;
pub mod science;

#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod command;
#[doc(hidden)]
pub mod otf;
#[doc(hidden)]
pub mod page;
pub(crate) mod process;
#[doc(hidden)]
pub mod runner;
#[doc(hidden)]
pub mod settings;
#[doc(hidden)]
pub mod workloads;
