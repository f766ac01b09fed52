//! What the fit of one bin leaves: values with error bars, or a reason why there are none.

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

/// The values fitted at one bin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Solution {
    /// One per emitter, dimensionless.
    pub emissivity: Vec<Complex64>,
    /// One per emitter: `sqrt(E|dE|^2)`, the standard error of the complex value.
    pub sigma: Vec<f64>,
    /// Sum over records of the squared residual moduli, times the weights where there are any:
    /// (MJy/sr)^2 unweighted, dimensionless weighted.
    pub rss: f64,
    /// Condition number of the (weighted, constrained) design, its columns scaled to unit length.
    pub condition: f64,
}

/// How the fit of one bin ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// The minimum was reached (always, for a direct solution).
    Converged(Solution),
    /// The search stopped before the minimum: the best values so far, and why it stopped.
    NotConverged(Solution, String),
    /// There is no usable value, and why.
    Failed(String),
    /// Every Planck function is zero at this bin, or the electronics pass next to nothing of it: there
    /// is nothing to fit, and nothing is wrong.
    NoSignal,
}

impl Outcome {
    /// The kind of ending, without its data.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Converged(_) => Status::Converged,
            Self::NotConverged(..) => Status::NotConverged,
            Self::Failed(_) => Status::Failed,
            Self::NoSignal => Status::NoSignal,
        }
    }

    /// The values, where there are any.
    #[must_use]
    pub fn solution(&self) -> Option<&Solution> {
        match self {
            Self::Converged(solution) | Self::NotConverged(solution, _) => Some(solution),
            Self::Failed(_) | Self::NoSignal => None,
        }
    }

    /// Why there is no converged value, where there is a reason.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::NotConverged(_, reason) | Self::Failed(reason) => Some(reason),
            Self::Converged(_) | Self::NoSignal => None,
        }
    }
}

/// The kinds of ending, as they are counted and as they stand in `solution.npz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// See [`Outcome::Converged`].
    Converged,
    /// See [`Outcome::NotConverged`].
    NotConverged,
    /// See [`Outcome::Failed`].
    Failed,
    /// See [`Outcome::NoSignal`].
    NoSignal,
}

impl Status {
    /// The one registry: each status with its code in `solution.npz`, its name and its meaning.
    pub const REGISTRY: [(Status, u8, &'static str, &'static str); 4] = [
        (Status::Converged, 0, "converged", "the minimum was reached"),
        (Status::NotConverged, 1, "not converged", "the search stopped before the minimum"),
        (Status::Failed, 2, "failed", "no usable value; the ledger has the reason"),
        (
            Status::NoSignal,
            3,
            "no signal",
            "no light at this bin, or the electronics let none pass",
        ),
    ];

    /// Code in `solution.npz` of a bin that the run was not asked to fit.
    pub const NOT_SELECTED: u8 = 255;

    /// The code in `solution.npz`.
    #[must_use]
    pub fn code(self) -> u8 {
        Self::REGISTRY[self as usize].1
    }

    /// The name in tables and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::REGISTRY[self as usize].2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_in_the_order_of_the_enum() {
        for (index, (status, code, ..)) in Status::REGISTRY.into_iter().enumerate() {
            assert_eq!(status as usize, index);
            assert_eq!(status.code(), code);
            assert_ne!(code, Status::NOT_SELECTED);
        }
    }
}
