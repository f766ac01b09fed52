//! How far the fitted emissivities are from the truth, and how wide their error bars.

use num_complex::Complex64;

use crate::fit::Status;
use crate::foundations::math::median;
use crate::study::Study;

use super::arrays::Arrays;
use super::grid::DataSetGrid;

/// How good one emitter of one configuration is. NaN where it cannot be said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Quality {
    /// Bins of the channel's optical band with a converged value.
    pub(super) bins: usize,
    /// Root mean square error over those bins, over the root mean square of the truth there.
    pub(super) nrmse: f64,
    /// Median over those bins of sigma over the modulus of the fitted value.
    pub(super) relative_sigma: f64,
}

/// The quality of every emitter of one configuration.
#[must_use]
pub(super) fn quality(
    study: &Study,
    grid: &DataSetGrid,
    arrays: &Arrays,
    configuration: u64,
) -> Vec<Quality> {
    let row = configuration as usize;
    let status = arrays.status_of(row);
    let converged = |bin: &&usize| status[**bin] == Status::Converged.code();
    let bins: Vec<usize> = grid.band.iter().filter(converged).copied().collect();
    (0..study.emitters.len()).map(|i| of_emitter(grid, arrays, row, i, &bins)).collect()
}

fn of_emitter(
    grid: &DataSetGrid,
    arrays: &Arrays,
    row: usize,
    emitter: usize,
    bins: &[usize],
) -> Quality {
    let found = |bin: usize| arrays.emissivity_at(row, bin)[emitter];
    let relative = |&bin: &usize| arrays.sigma_at(row, bin)[emitter] / found(bin).norm_sqr().sqrt();
    let nrmse = grid.truth.as_ref().map_or(f64::NAN, |truth| {
        let sum = |f: &dyn Fn(usize) -> Complex64| -> f64 {
            bins.iter().map(|&bin| f(bin).norm_sqr()).sum()
        };
        let error = sum(&|bin| found(bin) - truth[bin][emitter]);
        (error / sum(&|bin| truth[bin][emitter])).sqrt()
    });
    let relative_sigma = median(&bins.iter().map(relative).collect::<Vec<_>>());
    Quality { bins: bins.len(), nrmse, relative_sigma }
}
