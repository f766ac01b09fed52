//! What is known of a unit when it is done.

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use crate::fit::Outcome;

use super::codec;

/// What is known of a unit when it is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitResult {
    /// How the fit ended.
    pub outcome: Outcome,
    /// How far the records that were held out lie from what the fit predicts, in standard
    /// deviations of their noise; none where there is no value or nothing was held out.
    pub prediction_error: Option<f64>,
}

impl UnitResult {
    /// Whether both are the same to the last bit, also where they are no numbers.
    #[must_use]
    pub fn has_bytes_of(&self, other: &Self) -> bool {
        codec::encode(self) == codec::encode(other)
    }

    /// An outcome, with what its emissivities predict.
    pub(super) fn new(outcome: Outcome, predict: impl FnOnce(&[Complex64]) -> Option<f64>) -> Self {
        let prediction_error = outcome.solution().and_then(|s| predict(&s.emissivity));
        Self { outcome, prediction_error }
    }
}

#[cfg(test)]
impl UnitResult {
    /// One for tests of files: another for every unit, some with `words` in them.
    pub(super) fn example(unit: u64, words: &str) -> Self {
        let outcome = match unit % 3 {
            0 => Outcome::Failed(format!("unit {unit} cannot be fitted: {words}\n")),
            1 => Outcome::NoSignal,
            _ => Outcome::Converged(crate::fit::Solution {
                emissivity: vec![Complex64::new(unit as f64, -0.1); 7],
                sigma: vec![1e-3 * unit as f64; 7],
                rss: f64::INFINITY,
                condition: 1.0 / unit as f64,
            }),
        };
        Self { outcome, prediction_error: None }
    }
}
