//! Recomputes a random sample of the results: finds machines that compute wrongly and say nothing.

mod recompute;
mod sample;

pub use recompute::{Auditor, Compared};
pub use sample::{Sample, Sampled, Samples, sample};
