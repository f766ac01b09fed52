//! The problem that every estimator is given: one bin of one data set.

use std::fmt;
use std::str::FromStr;

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use super::deadline::Deadline;

/// One bin: find the complex emissivities `E` in `data[j] = sum_i E[i] design[i][j] + noise`.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    /// Planck functions of the emitters, MJy/sr, one slice of length N per emitter.
    pub design: &'a [&'a [f64]],
    /// Measured spectrum, MJy/sr, length N.
    pub data: &'a [Complex64],
    /// `E|noise|^2` of each record, (MJy/sr)^2, length N.
    pub variance: &'a [f64],
    /// What is known of the scale of `variance`.
    pub scale: VarianceScale,
    /// What is known of the emissivities beforehand.
    pub constraint: Constraint,
    /// What else is known of the bin.
    pub context: Context<'a>,
}

/// What some methods need beside the linear problem.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Index of the bin on the frequency axis.
    pub bin: usize,
    /// Optical frequency of the bin, Hz.
    pub frequency_hz: f64,
    /// Temperatures of the emitters, K, one slice of length N per emitter.
    pub temperatures: &'a [Vec<f64>],
    /// Which records were taken at one setting of the temperatures: a number for each, ascending.
    pub plateaus: &'a [usize],
    /// Emissivities that a published model or the simulated truth has at this bin, one per
    /// emitter.
    pub model: Option<&'a [Complex64]>,
    /// When an iterative method gives up.
    pub deadline: Deadline,
}

impl Problem<'_> {
    /// Number of records, N.
    #[must_use]
    pub fn records(&self) -> usize {
        self.data.len()
    }

    /// Number of unknown complex emissivities that are free.
    #[must_use]
    pub fn unknowns(&self) -> usize {
        self.constraint.free(self.design.len())
    }

    /// Whether every Planck function is zero, as at bin 0: nothing to fit.
    #[must_use]
    pub fn is_dark(&self) -> bool {
        self.design.iter().all(|column| column.iter().all(|&value| value == 0.0))
    }
}

/// Whether the variances are known, or just in proportion to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VarianceScale {
    /// The variances are the noise: error bars follow from them.
    Absolute,
    /// Only their ratios are known (noise-free data): error bars are scaled by the residual.
    Relative,
}

/// What is imposed on the emissivities of one bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Constraint {
    /// Nothing: all emissivities are free.
    #[default]
    None,
    /// They sum to zero: a differential instrument in equilibrium measures nothing (Kirchhoff).
    Kirchhoff,
}

impl Constraint {
    /// How many of so many emissivities are free.
    #[must_use]
    pub fn free(self, emitters: usize) -> usize {
        match self {
            Self::None => emitters,
            Self::Kirchhoff => emitters.saturating_sub(1),
        }
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Kirchhoff => "kirchhoff",
        })
    }
}

impl FromStr for Constraint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "kirchhoff" => Ok(Self::Kirchhoff),
            _ => Err(format!("unknown constraint `{text}`: expected `none` or `kirchhoff`")),
        }
    }
}
