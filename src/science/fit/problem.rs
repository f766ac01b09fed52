//! The problem that every estimator is given: one bin of one data set.

use std::sync::Arc;

use num_complex::Complex64;

use super::constraint::Constraint;
use super::deadline::Deadline;
use crate::science::fit::linear::system::{Equations, Unusable};
use crate::science::fit::linear::weighted::{SharedFactors, WeightedSystem};

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
    /// Factorisations shared with the other methods of the same bin; none: this method makes its own.
    pub shared: Option<&'a SharedFactors<'a>>,
}

/// What some methods need beside the linear problem.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Index of the bin on the frequency axis.
    pub bin: usize,
    /// Whether the instrument's electronics pass next to nothing of it.
    pub is_blocked: bool,
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

    /// Complex degrees of freedom of the residual, records less free emissivities, where chi2 means
    /// something: the variances are the noise, and records are left over.
    #[must_use]
    pub fn degrees_of_freedom(&self) -> Option<u32> {
        let spare = self.records().checked_sub(self.unknowns()).filter(|spare| *spare > 0);
        spare.filter(|_| self.scale == VarianceScale::Absolute).and_then(|n| u32::try_from(n).ok())
    }

    /// The linear equations alone.
    pub(super) fn equations(&self) -> Equations<'_> {
        Equations { design: self.design, data: self.data, constraint: self.constraint }
    }

    /// The factored weighted system, if it has full rank.
    pub(super) fn weighted(&self) -> Result<Arc<WeightedSystem>, Unusable> {
        let weighted = self.weighted_of_any_rank()?;
        weighted.factored.check_rank()?;
        Ok(weighted)
    }

    /// The factored weighted system, of any rank.
    pub(super) fn weighted_of_any_rank(&self) -> Result<Arc<WeightedSystem>, Unusable> {
        let equations = self.equations();
        match self.shared.and_then(|shared| shared.of(&equations, self.variance)) {
            Some(weighted) => weighted,
            None => WeightedSystem::new(&equations, self.variance).map(Arc::new),
        }
    }

    /// Whether there is nothing to fit: every Planck function is zero, as at bin 0, or the
    /// electronics let nothing pass.
    #[must_use]
    pub fn is_dark(&self) -> bool {
        self.context.is_blocked
            || self.design.iter().all(|column| column.iter().all(|&value| value == 0.0))
    }
}

/// Whether the variances are known, or only their ratios.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VarianceScale {
    /// The variances are the noise: error bars follow from them.
    Absolute,
    /// Only their ratios are known (noise-free data): error bars are scaled by the residual.
    Relative,
}
