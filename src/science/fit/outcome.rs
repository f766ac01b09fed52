//! What the fit of one bin leaves: values with error bars, or a reason why there are none.

use num_complex::Complex64;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The values fitted at one bin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Solution {
    /// One per emitter, dimensionless.
    pub emissivity: Vec<Complex64>,
    /// One per emitter: `sqrt(E|dE|^2)`, the standard error of the complex value. NaN where it is
    /// not known, infinite where the data say nothing: neither makes the value wrong.
    pub sigma: Vec<f64>,
    /// Sum over records of the squared residual moduli, times the weights where there are any:
    /// (MJy/sr)^2 unweighted, dimensionless weighted.
    pub rss: f64,
    /// Condition number of the (weighted, constrained) design, its columns scaled to unit length;
    /// NaN or infinite where it cannot be said.
    pub condition: f64,
}

/// Numbers of a fit that are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotFinite {
    /// An emissivity is NaN or infinite: that of this emitter, counted from 0.
    #[error("the method gave emitter {0} an emissivity that is not a finite number")]
    Emissivity(usize),
    /// The residual is NaN or infinite.
    #[error("the method left a residual that is not a finite number")]
    Residual,
}

impl Solution {
    /// Checks that the values and their residual are numbers. Error bars and the condition number
    /// may be none: what is not known of a value does not make it wrong.
    ///
    /// # Errors
    /// The first that is no finite number.
    pub fn check_finite(&self) -> Result<(), NotFinite> {
        match self.emissivity.iter().position(|value| !value.is_finite()) {
            Some(emitter) => Err(NotFinite::Emissivity(emitter)),
            None if !self.rss.is_finite() => Err(NotFinite::Residual),
            None => Ok(()),
        }
    }
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
    /// Itself, if its values are finite numbers; a failure otherwise. Every outcome passes here
    /// before it becomes a result, whatever method it is of.
    #[must_use]
    pub fn finite(self) -> Self {
        match self.solution().map(Solution::check_finite) {
            Some(Err(why)) => Self::Failed(why.to_string()),
            _ => self,
        }
    }

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

    /// Every code in `solution.npz`, with its name and its meaning.
    pub fn codes() -> impl Iterator<Item = (u8, &'static str, &'static str)> {
        let not_selected =
            (Self::NOT_SELECTED, "not selected", "the run was not asked to fit this bin");
        let fitted =
            Self::REGISTRY.into_iter().map(|(_, code, name, meaning)| (code, name, meaning));
        fitted.chain([not_selected])
    }

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

    fn solution(value: f64, sigma: f64, rss: f64, condition: f64) -> Solution {
        let emissivity = vec![Complex64::ONE, Complex64::new(0.0, value)];
        Solution { emissivity, sigma: vec![0.1, sigma], rss, condition }
    }

    #[test]
    fn values_and_residuals_that_are_no_numbers_are_failures() {
        for none in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for (solution, why) in [
                (solution(none, 0.1, 1.0, 1.0), NotFinite::Emissivity(1)),
                (solution(1.0, 0.1, none, 1.0), NotFinite::Residual),
            ] {
                assert_eq!(solution.check_finite(), Err(why));
                let failed = Outcome::Failed(why.to_string());
                assert_eq!(Outcome::Converged(solution.clone()).finite(), failed);
                let stopped = Outcome::NotConverged(solution, "stopped".into());
                assert_eq!(stopped.finite(), failed);
            }
        }
    }

    #[test]
    fn a_value_whose_error_bar_is_not_known_is_still_a_value() {
        for none in [f64::NAN, f64::INFINITY] {
            let found = Outcome::Converged(solution(1.0, none, 1.0, none));
            assert_eq!(found.finite().status(), Status::Converged);
        }
        assert_eq!(Outcome::NoSignal.finite(), Outcome::NoSignal);
    }

    #[test]
    fn the_registry_is_in_the_order_of_the_enum() {
        for (index, (status, code, ..)) in Status::REGISTRY.into_iter().enumerate() {
            assert_eq!(status as usize, index);
            assert_eq!(status.code(), code);
            assert_ne!(code, Status::NOT_SELECTED);
        }
    }
}
