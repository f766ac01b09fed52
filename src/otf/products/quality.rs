//! How far the fitted emissivities are from the truth, and how honest their error bars.

use num_complex::Complex64;

use crate::foundations::numerics::math::{median, modulus};
use crate::otf::study::Study;
use crate::science::fit::Status;

use super::arrays::Arrays;
use super::grid::DataSetGrid;

/// `|dE|^2 / sigma^2` of a complex normal error with `E|dE|^2 = sigma^2` is below `-ln(1 - p)`
/// with probability p: 68 % and 95 %.
pub(super) const WITHIN_68: f64 = 1.139_434_283_188_365;
pub(super) const WITHIN_95: f64 = 2.995_732_273_553_991;

/// How good one emitter of one configuration is, over the bins on which methods are judged that
/// have a converged value. NaN where it cannot be said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Quality {
    /// Bins on which the rest rests.
    pub(super) bins: usize,
    /// Those of them whose value the data determine.
    pub(super) determined: usize,
    /// Root mean square of the error's modulus.
    pub(super) rmse: f64,
    /// That over the root mean square of the truth's modulus.
    pub(super) nrmse: f64,
    /// Median of the error's modulus over the truth's.
    pub(super) relative_error_median: f64,
    /// 95th percentile of the same.
    pub(super) relative_error_p95: f64,
    /// Modulus of the mean error over the root mean square of the truth.
    pub(super) bias: f64,
    /// Part of the bins whose error bar of 68 % holds the truth.
    pub(super) coverage_68: f64,
    /// Part of the bins whose error bar of 95 % holds the truth.
    pub(super) coverage_95: f64,
    /// Median of sigma over the modulus of the fitted value.
    pub(super) relative_sigma: f64,
}

/// The bins of a configuration on which it is judged.
#[must_use]
pub(in crate::otf) fn judged_bins(
    grid: &DataSetGrid,
    arrays: &Arrays,
    configuration: u64,
) -> Vec<usize> {
    let status = |bin| arrays.status_at(configuration as usize, bin);
    let converged = |bin: &&usize| status(**bin) == Status::Converged.code();
    grid.band.iter().filter(converged).copied().collect()
}

/// The quality of every emitter of one configuration.
#[must_use]
pub(super) fn quality(
    study: &Study,
    grid: &DataSetGrid,
    arrays: &Arrays,
    configuration: u64,
) -> Vec<Quality> {
    let bins = judged_bins(grid, arrays, configuration);
    let row = configuration as usize;
    let samples = |emitter: usize| -> Vec<Sample> {
        let sample = |&bin: &usize| Sample {
            found: arrays.emissivity_at(row, bin)[emitter],
            sigma: arrays.sigma_at(row, bin)[emitter],
            determined: arrays.determined_at(row, bin)[emitter] != 0,
            truth: grid.truth.as_ref().map_or(NAN, |truth| truth[bin][emitter]),
        };
        bins.iter().map(sample).collect()
    };
    (0..study.emitters.len()).map(|emitter| of_samples(&samples(emitter))).collect()
}

/// One emitter at one bin.
struct Sample {
    found: Complex64,
    sigma: f64,
    determined: bool,
    /// NaN where it is not known: everything that follows from it is then NaN.
    truth: Complex64,
}

const NAN: Complex64 = Complex64::new(f64::NAN, f64::NAN);

fn of_samples(samples: &[Sample]) -> Quality {
    let count = samples.len() as f64;
    let mean = |f: &dyn Fn(&Sample) -> f64| samples.iter().map(f).sum::<f64>() / count;
    let error = |s: &Sample| s.found - s.truth;
    let truth_rms = mean(&|s| s.truth.norm_sqr()).sqrt();
    let rmse = mean(&|s| error(s).norm_sqr()).sqrt();
    let relative = sorted(samples.iter().map(|s| modulus(error(s)) / modulus(s.truth)).collect());
    let sigmas: Vec<f64> = samples.iter().map(|s| s.sigma / modulus(s.found)).collect();
    let mean_error = samples.iter().map(error).sum::<Complex64>() / count;
    let covered = |limit: f64| {
        mean(&|s| match error(s).norm_sqr() / (s.sigma * s.sigma) {
            ratio if ratio.is_nan() => f64::NAN,
            ratio => f64::from(u8::from(ratio <= limit)),
        })
    };
    Quality {
        bins: samples.len(),
        determined: samples.iter().filter(|s| s.determined).count(),
        rmse,
        nrmse: rmse / truth_rms,
        relative_error_median: median(&relative),
        relative_error_p95: percentile(&relative, 0.95),
        bias: modulus(mean_error) / truth_rms,
        coverage_68: covered(WITHIN_68),
        coverage_95: covered(WITHIN_95),
        relative_sigma: median(&sigmas),
    }
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// The smallest of some ascending values that at least this part of them does not exceed.
fn percentile(sorted: &[f64], part: f64) -> f64 {
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(found: f64, truth: f64, sigma: f64) -> Sample {
        Sample { found: found.into(), sigma, determined: sigma <= 0.5, truth: truth.into() }
    }

    #[test]
    fn figures_worked_by_hand() {
        let q = of_samples(&[sample(3.0, 2.0, 1.0), sample(2.0, 2.0, 1.0), sample(0.0, 2.0, 1.0)]);
        assert_eq!((q.bins, q.determined), (3, 0));
        assert!((q.rmse - (5.0f64 / 3.0).sqrt()).abs() < 1e-15);
        assert!((q.nrmse - q.rmse / 2.0).abs() < 1e-15);
        assert_eq!((q.relative_error_median, q.relative_error_p95), (0.5, 1.0));
        assert!((q.bias - 1.0 / 6.0).abs() < 1e-15);
        // Squared errors in sigmas: 1, 0, 4; the limits are 1.14 and 3.
        assert_eq!((q.coverage_68, q.coverage_95), (2.0 / 3.0, 2.0 / 3.0));
    }

    #[test]
    fn without_truth_only_the_error_bar_is_known() {
        let unknown = Sample { truth: NAN, ..sample(2.0, 2.0, 0.5) };
        let q = of_samples(&[unknown]);
        assert_eq!((q.bins, q.determined), (1, 1));
        assert_eq!(q.relative_sigma, 0.25);
        assert!(q.nrmse.is_nan() && q.coverage_68.is_nan() && q.bias.is_nan());
        assert!(of_samples(&[]).rmse.is_nan());
    }

    #[test]
    fn the_limits_are_those_of_a_complex_normal() {
        for (limit, part) in [(WITHIN_68, 0.68), (WITHIN_95, 0.95)] {
            assert!((1.0 - crate::foundations::numerics::math::exp(-limit) - part).abs() < 1e-12);
        }
    }
}
