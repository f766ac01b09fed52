//! The tables of a run: one row a configuration and emitter, and one row over its trials.

use serde::Serialize;

use crate::foundations::numerics::math::median;
use crate::otf::Otf;
use crate::otf::study::{RealisationId, Study};
use crate::science::data::settings::Source;
use crate::science::fit::Status;

use super::arrays::Arrays;
use super::grid::DataSetGrid;
use super::quality::{Quality, judged_bins, quality};

/// One row of `errors.csv`: one emitter of one configuration. Empty where it cannot be said:
/// measured data have no known truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ErrorRow {
    /// Place in `configurations.csv`.
    pub configuration: u64,
    /// Channel and scan mode.
    pub data_set: String,
    /// The method, as written in `fit.methods`.
    pub method: String,
    /// What was imposed.
    pub constraint: String,
    /// In units of the median null RMS; none for measured data.
    pub noise_level: Option<f64>,
    /// The noise draw.
    pub trial: u64,
    /// Name of the emitter.
    pub emitter: String,
    /// Bins with a converged value on which the row rests.
    pub bins: usize,
    /// Those of them at which the data determine the value.
    pub determined: usize,
    /// Root mean square of the error's modulus.
    pub rmse: Option<f64>,
    /// That over the root mean square of the truth's modulus.
    pub nrmse: Option<f64>,
    /// Median of the error's modulus over the truth's.
    pub relative_error_median: Option<f64>,
    /// 95th percentile of the same.
    pub relative_error_p95: Option<f64>,
    /// Modulus of the mean error over the root mean square of the truth.
    pub bias: Option<f64>,
    /// Part of the bins whose error bar of 68 % holds the truth.
    pub coverage_68: Option<f64>,
    /// Part of the bins whose error bar of 95 % holds the truth.
    pub coverage_95: Option<f64>,
    /// Median of sigma over the modulus of the fitted value.
    pub relative_sigma: Option<f64>,
    /// Of measured data: root mean square over the bins of how far the records that were held out
    /// lie from the prediction, in standard deviations of their noise.
    pub prediction_error: Option<f64>,
    /// Median over bins of the weighted residual per degree of freedom: one, if the noise is what
    /// it is said to be. Empty for methods that do not weight.
    pub chi2_per_degree: Option<f64>,
    /// Bins of the configuration with a converged value.
    pub converged: usize,
    /// Bins where the search stopped early.
    pub not_converged: usize,
    /// Bins without a usable value.
    pub failed: usize,
}

/// One row of `summary.csv`: one emitter of one data set, method and noise level, over the trials.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Channel and scan mode.
    pub data_set: String,
    /// The method, as written in `fit.methods`.
    pub method: String,
    /// What was imposed.
    pub constraint: String,
    /// In units of the median null RMS; none for measured data.
    pub noise_level: Option<f64>,
    /// Name of the emitter.
    pub emitter: String,
    /// Noise draws.
    pub trials: u64,
    /// Bins on which the row rests, in the trial that has the fewest.
    pub bins: usize,
    /// Those at which the data determine the value, in the trial that has the fewest.
    pub determined: usize,
    /// `nrmse` of `errors.csv`: mean over the trials.
    pub nrmse_mean: Option<f64>,
    /// Its standard deviation over the trials; none for one trial.
    pub nrmse_std: Option<f64>,
    /// The smallest of the trials.
    pub nrmse_min: Option<f64>,
    /// The largest of the trials.
    pub nrmse_max: Option<f64>,
    /// `relative_sigma` of `errors.csv`: mean over the trials.
    pub relative_sigma: Option<f64>,
    /// `prediction_error` of `errors.csv`: mean over the trials.
    pub prediction_error_mean: Option<f64>,
    /// Its standard deviation over the trials; none for one trial.
    pub prediction_error_std: Option<f64>,
    /// The smallest of the trials.
    pub prediction_error_min: Option<f64>,
    /// The largest of the trials.
    pub prediction_error_max: Option<f64>,
    /// `chi2_per_degree` of `errors.csv`: mean over the trials.
    pub chi2_per_degree: Option<f64>,
}

/// The rows of `errors.csv`, in the order of the configurations.
#[must_use]
pub(super) fn errors(otf: &Otf, grids: &[DataSetGrid], arrays: &Arrays) -> Vec<ErrorRow> {
    let rows = |configuration| error_rows(otf, grids, arrays, configuration);
    (0..otf.study.configurations()).flat_map(rows).collect()
}

fn error_rows(
    otf: &Otf,
    grids: &[DataSetGrid],
    arrays: &Arrays,
    configuration: u64,
) -> Vec<ErrorRow> {
    let study = &otf.study;
    let simulated = otf.config.data.source == Source::Simulate;
    let (id, method) = study.configuration(configuration);
    let choice = &study.methods[method];
    let status = arrays.status_of(configuration as usize);
    let count = |s: Status| status.iter().filter(|code| **code == s.code()).count();
    let chi2 = chi2_per_degree(study, &grids[id.set], arrays, configuration);
    let prediction_error = prediction_error(&grids[id.set], arrays, configuration);
    let quality = quality(study, &grids[id.set], arrays, configuration);
    let row = |(emitter, q): (&crate::science::data::Emitter, Quality)| ErrorRow {
        configuration,
        data_set: study.sets[id.set].to_string(),
        method: choice.label.clone(),
        constraint: choice.constraint.to_string(),
        noise_level: simulated.then_some(study.noise_levels[id.noise]),
        trial: id.trial,
        emitter: emitter.name().to_owned(),
        bins: q.bins,
        determined: q.determined,
        rmse: finite(q.rmse),
        nrmse: finite(q.nrmse),
        relative_error_median: finite(q.relative_error_median),
        relative_error_p95: finite(q.relative_error_p95),
        bias: finite(q.bias),
        coverage_68: finite(q.coverage_68),
        coverage_95: finite(q.coverage_95),
        relative_sigma: finite(q.relative_sigma),
        prediction_error,
        chi2_per_degree: chi2,
        converged: count(Status::Converged),
        not_converged: count(Status::NotConverged),
        failed: count(Status::Failed),
    };
    study.emitters.iter().zip(quality).map(row).collect()
}

fn prediction_error(grid: &DataSetGrid, arrays: &Arrays, configuration: u64) -> Option<f64> {
    let bins = judged_bins(grid, arrays, configuration);
    let of_bin = |bin: &usize| arrays.prediction_error_at(configuration as usize, *bin);
    let squares: f64 = bins.iter().map(|bin| of_bin(bin) * of_bin(bin)).sum();
    finite((squares / bins.len() as f64).sqrt())
}

fn chi2_per_degree(
    study: &Study,
    grid: &DataSetGrid,
    arrays: &Arrays,
    configuration: u64,
) -> Option<f64> {
    let (_, method) = study.configuration(configuration);
    if !study.methods[method].weighted() {
        return None;
    }
    let of_bin = |bin| arrays.chi2_per_degree_at(configuration as usize, bin);
    let bins = judged_bins(grid, arrays, configuration);
    finite(median(&bins.into_iter().map(of_bin).collect::<Vec<_>>()))
}

/// The rows of `summary.csv`, in the order of the configurations: the rows of `errors.csv` that
/// differ in the trial alone, taken together.
#[must_use]
pub(super) fn summarise(study: &Study, errors: &[ErrorRow]) -> Vec<Row> {
    let emitters = study.emitters.len();
    let row_of =
        |configuration: u64, emitter: usize| &errors[configuration as usize * emitters + emitter];
    let mut rows = Vec::new();
    for set in 0..study.sets.len() {
        for noise in 0..study.noise_levels.len() {
            for method in 0..study.methods.len() {
                for emitter in 0..emitters {
                    let of_trial = |trial| {
                        let id = RealisationId { set, noise, trial };
                        row_of(study.configuration_index(id, method), emitter)
                    };
                    rows.push(over_trials(&(1..=study.trials).map(of_trial).collect::<Vec<_>>()));
                }
            }
        }
    }
    rows
}

/// There is at least one trial.
fn over_trials(trials: &[&ErrorRow]) -> Row {
    let values = |f: fn(&ErrorRow) -> Option<f64>| -> Vec<f64> {
        trials.iter().map(|row| f(row).unwrap_or(f64::NAN)).collect()
    };
    let nrmse = Spread::of(&values(|row| row.nrmse));
    let prediction = Spread::of(&values(|row| row.prediction_error));
    let first = trials[0];
    Row {
        data_set: first.data_set.clone(),
        method: first.method.clone(),
        constraint: first.constraint.clone(),
        noise_level: first.noise_level,
        emitter: first.emitter.clone(),
        trials: trials.len() as u64,
        bins: trials.iter().map(|row| row.bins).min().unwrap_or(0),
        determined: trials.iter().map(|row| row.determined).min().unwrap_or(0),
        nrmse_mean: nrmse.mean,
        nrmse_std: nrmse.std,
        nrmse_min: nrmse.min,
        nrmse_max: nrmse.max,
        relative_sigma: finite(mean(&values(|row| row.relative_sigma))),
        prediction_error_mean: prediction.mean,
        prediction_error_std: prediction.std,
        prediction_error_min: prediction.min,
        prediction_error_max: prediction.max,
        chi2_per_degree: finite(mean(&values(|row| row.chi2_per_degree))),
    }
}

/// How a figure varies over the trials; none where it cannot be said.
struct Spread {
    mean: Option<f64>,
    std: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
}

impl Spread {
    fn of(values: &[f64]) -> Self {
        let fold = |f: fn(f64, f64) -> f64| values.iter().copied().reduce(f).and_then(finite);
        Self {
            mean: finite(mean(values)),
            std: finite(standard_deviation(values)),
            min: fold(f64::min),
            max: fold(f64::max),
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// With the number of values less one; NaN for a single value.
fn standard_deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (squares / (values.len() as f64 - 1.0)).sqrt()
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_over_trials() {
        assert_eq!(mean(&[1.0, 2.0, 6.0]), 3.0);
        assert_eq!(standard_deviation(&[1.0, 3.0]), 2f64.sqrt());
        assert!(standard_deviation(&[1.0]).is_nan());
    }
}
