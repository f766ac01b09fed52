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
pub(in crate::otf) struct ErrorRow {
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
    pub converged: u32,
    /// Bins where the search stopped early.
    pub not_converged: u32,
    /// Bins without a usable value.
    pub failed: u32,
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

/// How well every configuration did.
#[derive(Debug)]
pub(in crate::otf) struct Judged {
    /// By configuration.
    figures: Vec<Figures>,
    /// By configuration, and in it by emitter.
    quality: Vec<Quality>,
}

/// Of a configuration, whatever the emitter.
#[derive(Debug, Clone, Copy)]
struct Figures {
    prediction_error: Option<f64>,
    chi2_per_degree: Option<f64>,
    converged: u32,
    not_converged: u32,
    failed: u32,
}

impl Judged {
    pub(super) fn new(otf: &Otf, grids: &[DataSetGrid], arrays: &Arrays) -> Self {
        let study = &otf.study;
        let configurations = study.configurations();
        let mut judged = Self {
            figures: Vec::with_capacity(configurations as usize),
            quality: Vec::with_capacity(configurations as usize * study.emitters.len()),
        };
        for configuration in 0..configurations {
            let grid = &grids[study.configuration(configuration).0.set];
            judged.figures.push(Figures::new(study, grid, arrays, configuration));
            judged.quality.extend(quality(study, grid, arrays, configuration));
        }
        judged
    }

    /// The rows of `errors.csv`, in the order of the configurations.
    pub(in crate::otf) fn rows<'a>(&'a self, otf: &'a Otf) -> impl Iterator<Item = ErrorRow> + 'a {
        let emitters = otf.study.emitters.len();
        let row = move |place: usize| self.row(otf, (place / emitters) as u64, place % emitters);
        (0..self.quality.len()).map(row)
    }

    fn row(&self, otf: &Otf, configuration: u64, emitter: usize) -> ErrorRow {
        let study = &otf.study;
        let simulated = otf.config.data.source == Source::Simulate;
        let (id, method) = study.configuration(configuration);
        let (choice, figures) = (&study.methods[method], &self.figures[configuration as usize]);
        let q = &self.quality[configuration as usize * study.emitters.len() + emitter];
        ErrorRow {
            configuration,
            data_set: study.sets[id.set].to_string(),
            method: choice.label.clone(),
            constraint: choice.constraint.to_string(),
            noise_level: simulated.then_some(study.noise_levels[id.noise]),
            trial: id.trial,
            emitter: study.emitters[emitter].name().to_owned(),
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
            prediction_error: figures.prediction_error,
            chi2_per_degree: figures.chi2_per_degree,
            converged: figures.converged,
            not_converged: figures.not_converged,
            failed: figures.failed,
        }
    }

    /// The rows of `summary.csv`, in the order of the configurations: the rows of `errors.csv` that
    /// differ in the trial alone, taken together.
    #[must_use]
    pub(super) fn over_trials(&self, otf: &Otf) -> Vec<Row> {
        let study = &otf.study;
        let mut rows = Vec::new();
        for set in 0..study.sets.len() {
            for noise in 0..study.noise_levels.len() {
                for method in 0..study.methods.len() {
                    for emitter in 0..study.emitters.len() {
                        let of_trial = |trial| {
                            let id = RealisationId { set, noise, trial };
                            study.configuration_index(id, method) as usize
                        };
                        let trials: Vec<usize> = (1..=study.trials).map(of_trial).collect();
                        rows.push(self.row_over_trials(otf, emitter, &trials));
                    }
                }
            }
        }
        rows
    }

    /// Of the configurations of all trials; there is at least one.
    fn row_over_trials(&self, otf: &Otf, emitter: usize, trials: &[usize]) -> Row {
        let emitters = otf.study.emitters.len();
        let quality = || trials.iter().map(|trial| &self.quality[trial * emitters + emitter]);
        let of_quality = |f: fn(&Quality) -> f64| -> Vec<f64> {
            quality().map(|q| finite(f(q)).unwrap_or(f64::NAN)).collect()
        };
        let of_figures = |f: fn(&Figures) -> Option<f64>| -> Vec<f64> {
            trials.iter().map(|trial| f(&self.figures[*trial]).unwrap_or(f64::NAN)).collect()
        };
        let nrmse = Spread::of(&of_quality(|q| q.nrmse));
        let prediction = Spread::of(&of_figures(|figures| figures.prediction_error));
        let first = self.row(otf, trials[0] as u64, emitter);
        Row {
            data_set: first.data_set,
            method: first.method,
            constraint: first.constraint,
            noise_level: first.noise_level,
            emitter: first.emitter,
            trials: trials.len() as u64,
            bins: quality().map(|q| q.bins).min().unwrap_or(0),
            determined: quality().map(|q| q.determined).min().unwrap_or(0),
            nrmse_mean: nrmse.mean,
            nrmse_std: nrmse.std,
            nrmse_min: nrmse.min,
            nrmse_max: nrmse.max,
            relative_sigma: finite(mean(&of_quality(|q| q.relative_sigma))),
            prediction_error_mean: prediction.mean,
            prediction_error_std: prediction.std,
            prediction_error_min: prediction.min,
            prediction_error_max: prediction.max,
            chi2_per_degree: finite(mean(&of_figures(|figures| figures.chi2_per_degree))),
        }
    }
}

impl Figures {
    fn new(study: &Study, grid: &DataSetGrid, arrays: &Arrays, configuration: u64) -> Self {
        let count = |status| arrays.count(configuration as usize, status) as u32;
        Self {
            prediction_error: prediction_error(grid, arrays, configuration),
            chi2_per_degree: chi2_per_degree(study, grid, arrays, configuration),
            converged: count(Status::Converged),
            not_converged: count(Status::NotConverged),
            failed: count(Status::Failed),
        }
    }
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
