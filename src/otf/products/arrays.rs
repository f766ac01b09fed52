//! The arrays of `solution.npz`, filled one unit at a time.

use std::collections::TryReserveError;

use num_complex::Complex64;

use crate::otf::UnitResult;
use crate::science::fit::Status;
use crate::science::instrument::SPECTRUM_BINS;

use super::determined::is_determined;

const NAN: Complex64 = Complex64::new(f64::NAN, f64::NAN);

/// Fitted values of all configurations. A value that was not fitted is NaN, never zero.
#[derive(Debug, Clone)]
pub(in crate::otf) struct Arrays {
    /// Number of configurations.
    pub(in crate::otf) configurations: usize,
    /// Number of emitters.
    pub(in crate::otf) emitters: usize,
    /// [configuration, bin, emitter].
    pub(in crate::otf) emissivity: Vec<Complex64>,
    /// [configuration, bin, emitter].
    pub(in crate::otf) sigma: Vec<f64>,
    /// [configuration, bin].
    pub(in crate::otf) rss: Vec<f64>,
    /// [configuration, bin].
    pub(in crate::otf) condition: Vec<f64>,
    /// 1 where the data determine the value, else 0, [configuration, bin, emitter].
    pub(in crate::otf) determined: Vec<u8>,
    /// The residual over its degrees of freedom, where variances are known, [configuration, bin].
    pub(in crate::otf) chi2_per_degree: Vec<f64>,
    /// How far held-out records lie from the prediction, [configuration, bin].
    pub(in crate::otf) prediction_error: Vec<f64>,
    /// Codes of [`Status`], [configuration, bin].
    pub(in crate::otf) status: Vec<u8>,
}

impl Arrays {
    /// Arrays in which nothing is fitted yet.
    ///
    /// # Errors
    /// If there is not enough memory for them.
    pub(in crate::otf) fn new(
        configurations: usize,
        emitters: usize,
    ) -> Result<Self, TryReserveError> {
        let cells = configurations.saturating_mul(SPECTRUM_BINS);
        let values = cells.saturating_mul(emitters);
        Ok(Self {
            configurations,
            emitters,
            emissivity: filled(values, NAN)?,
            sigma: filled(values, f64::NAN)?,
            rss: filled(cells, f64::NAN)?,
            condition: filled(cells, f64::NAN)?,
            determined: filled(values, 0)?,
            chi2_per_degree: filled(cells, f64::NAN)?,
            prediction_error: filled(cells, f64::NAN)?,
            status: filled(cells, Status::NOT_SELECTED)?,
        })
    }

    /// Puts the result of one unit in its place; it has one value per emitter.
    pub(in crate::otf) fn put(&mut self, configuration: usize, bin: usize, result: &UnitResult) {
        let cell = configuration * SPECTRUM_BINS + bin;
        self.status[cell] = result.outcome.status().code();
        self.prediction_error[cell] = result.prediction_error.unwrap_or(f64::NAN);
        let Some(solution) = result.outcome.solution() else { return };
        let values = cell * self.emitters..(cell + 1) * self.emitters;
        self.emissivity[values.clone()].copy_from_slice(&solution.emissivity);
        self.sigma[values.clone()].copy_from_slice(&solution.sigma);
        if result.outcome.status() == Status::Converged {
            let bars = self.determined[values].iter_mut().zip(&solution.sigma);
            bars.for_each(|(mark, sigma)| *mark = u8::from(is_determined(*sigma)));
        }
        if let Some(degrees) = result.degrees_of_freedom {
            self.chi2_per_degree[cell] = solution.rss / f64::from(degrees);
        }
        self.rss[cell] = solution.rss;
        self.condition[cell] = solution.condition;
    }

    /// The fitted values of one configuration and bin, one per emitter.
    #[must_use]
    pub(in crate::otf) fn emissivity_at(&self, configuration: usize, bin: usize) -> &[Complex64] {
        let cell = configuration * SPECTRUM_BINS + bin;
        &self.emissivity[cell * self.emitters..(cell + 1) * self.emitters]
    }

    /// The residual of one configuration and bin over its degrees of freedom.
    #[must_use]
    pub(in crate::otf) fn chi2_per_degree_at(&self, configuration: usize, bin: usize) -> f64 {
        self.chi2_per_degree[configuration * SPECTRUM_BINS + bin]
    }

    /// Whether the data determine the values of one configuration and bin, one per emitter.
    #[must_use]
    pub(in crate::otf) fn determined_at(&self, configuration: usize, bin: usize) -> &[u8] {
        let cell = configuration * SPECTRUM_BINS + bin;
        &self.determined[cell * self.emitters..(cell + 1) * self.emitters]
    }

    /// How far held-out records lie from the prediction of one configuration and bin.
    #[must_use]
    pub(in crate::otf) fn prediction_error_at(&self, configuration: usize, bin: usize) -> f64 {
        self.prediction_error[configuration * SPECTRUM_BINS + bin]
    }

    /// The standard errors of one configuration and bin, one per emitter.
    #[must_use]
    pub(in crate::otf) fn sigma_at(&self, configuration: usize, bin: usize) -> &[f64] {
        let cell = configuration * SPECTRUM_BINS + bin;
        &self.sigma[cell * self.emitters..(cell + 1) * self.emitters]
    }

    /// The status codes of one configuration, one per bin.
    #[must_use]
    pub(in crate::otf) fn status_of(&self, configuration: usize) -> &[u8] {
        &self.status[configuration * SPECTRUM_BINS..(configuration + 1) * SPECTRUM_BINS]
    }
}

fn filled<T: Clone>(length: usize, value: T) -> Result<Vec<T>, TryReserveError> {
    let mut vector = Vec::new();
    vector.try_reserve_exact(length)?;
    vector.resize(length, value);
    Ok(vector)
}
