//! The arrays of `solution.npz`, filled one unit at a time. They hold the bins that the study has; the
//! file has all that there are.

use std::collections::TryReserveError;

use num_complex::Complex64;

use crate::otf::UnitResult;
use crate::science::fit::Status;
use crate::science::instrument::SPECTRUM_BINS;

use super::determined::is_determined;

const NAN: Complex64 = Complex64::new(f64::NAN, f64::NAN);

/// Fitted values of all configurations. A value that was not fitted is NaN, never zero.
///
/// In all arrays, `bin` runs over the bins of the study; after them comes one cell in which nothing is
/// fitted, which stands for all others.
#[derive(Debug, Clone)]
pub(in crate::otf) struct Arrays {
    /// Number of configurations.
    pub(in crate::otf) configurations: usize,
    /// Number of emitters.
    pub(in crate::otf) emitters: usize,
    /// Of each bin of a spectrum, its place among those of the study, if it is one.
    places: Vec<Option<usize>>,
    /// Number of bins of the study.
    bins: usize,
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
        bins: &[usize],
        emitters: usize,
    ) -> Result<Self, TryReserveError> {
        let cells = configurations.saturating_mul(bins.len()).saturating_add(1);
        let values = cells.saturating_mul(emitters);
        let place = |bin| bins.iter().position(|chosen| *chosen == bin);
        Ok(Self {
            configurations,
            emitters,
            places: (0..SPECTRUM_BINS).map(place).collect(),
            bins: bins.len(),
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
        let cell = self.cell(configuration, bin);
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

    /// The place of a configuration and a bin of the spectrum.
    fn cell(&self, configuration: usize, bin: usize) -> usize {
        match self.places[bin] {
            Some(place) => configuration * self.bins + place,
            None => self.configurations * self.bins,
        }
    }

    /// One of the arrays, configuration by configuration, with all bins of a spectrum.
    pub(super) fn with_all_bins<'a, T: Copy>(
        &'a self,
        values: &'a [T],
    ) -> impl Iterator<Item = Vec<T>> + 'a {
        let width = values.len() / (self.configurations * self.bins + 1);
        (0..self.configurations).map(move |configuration| {
            let mut all = Vec::with_capacity(SPECTRUM_BINS * width);
            for bin in 0..SPECTRUM_BINS {
                let first = self.cell(configuration, bin) * width;
                all.extend_from_slice(&values[first..first + width]);
            }
            all
        })
    }

    /// The fitted values of one configuration and bin, one per emitter.
    #[must_use]
    pub(in crate::otf) fn emissivity_at(&self, configuration: usize, bin: usize) -> &[Complex64] {
        let cell = self.cell(configuration, bin);
        &self.emissivity[cell * self.emitters..(cell + 1) * self.emitters]
    }

    /// The residual of one configuration and bin over its degrees of freedom.
    #[must_use]
    pub(in crate::otf) fn chi2_per_degree_at(&self, configuration: usize, bin: usize) -> f64 {
        self.chi2_per_degree[self.cell(configuration, bin)]
    }

    /// Whether the data determine the values of one configuration and bin, one per emitter.
    #[must_use]
    pub(in crate::otf) fn determined_at(&self, configuration: usize, bin: usize) -> &[u8] {
        let cell = self.cell(configuration, bin);
        &self.determined[cell * self.emitters..(cell + 1) * self.emitters]
    }

    /// How far held-out records lie from the prediction of one configuration and bin.
    #[must_use]
    pub(in crate::otf) fn prediction_error_at(&self, configuration: usize, bin: usize) -> f64 {
        self.prediction_error[self.cell(configuration, bin)]
    }

    /// The standard errors of one configuration and bin, one per emitter.
    #[must_use]
    pub(in crate::otf) fn sigma_at(&self, configuration: usize, bin: usize) -> &[f64] {
        let cell = self.cell(configuration, bin);
        &self.sigma[cell * self.emitters..(cell + 1) * self.emitters]
    }

    /// The status code of one configuration and bin.
    #[must_use]
    pub(in crate::otf) fn status_at(&self, configuration: usize, bin: usize) -> u8 {
        self.status[self.cell(configuration, bin)]
    }

    /// How many bins of a configuration ended so.
    #[must_use]
    pub(in crate::otf) fn count(&self, configuration: usize, status: Status) -> usize {
        let cells = configuration * self.bins..(configuration + 1) * self.bins;
        self.status[cells].iter().filter(|code| **code == status.code()).count()
    }
}

fn filled<T: Clone>(length: usize, value: T) -> Result<Vec<T>, TryReserveError> {
    let mut vector = Vec::new();
    vector.try_reserve_exact(length)?;
    vector.resize(length, value);
    Ok(vector)
}
