//! One row a data set, method, noise level and emitter: how good, over the trials.

use serde::Serialize;

use crate::data::settings::Source;
use crate::plan::BoundPlan;
use crate::study::{RealisationId, Study};

use super::arrays::Arrays;
use super::errors::{Quality, quality};
use super::grid::DataSetGrid;

/// One row of `summary.csv`. Empty where it cannot be said: there is no truth of measured data.
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
    /// Bins with a converged value on which the row rests, in the trial that has the fewest.
    pub bins: usize,
    /// Root mean square error over that of the truth: mean over the trials.
    pub nrmse_mean: Option<f64>,
    /// The smallest of the trials.
    pub nrmse_min: Option<f64>,
    /// The largest of the trials.
    pub nrmse_max: Option<f64>,
    /// Median over bins of sigma over the fitted modulus: mean over the trials.
    pub relative_sigma: Option<f64>,
}

/// All rows, in the order of the configurations.
#[must_use]
pub(super) fn summarise(
    plan: &BoundPlan,
    study: &Study,
    grids: &[DataSetGrid],
    arrays: &Arrays,
) -> Vec<Row> {
    let simulated = plan.plan.config.data.source == Source::Simulate;
    let mut rows = Vec::new();
    for (set, grid) in grids.iter().enumerate() {
        for noise in 0..study.noise_levels.len() {
            for method in 0..study.methods.len() {
                let trials: Vec<Vec<Quality>> = (1..=study.trials)
                    .map(|trial| {
                        let id = RealisationId { set, noise, trial };
                        quality(study, grid, arrays, study.configuration_index(id, method))
                    })
                    .collect();
                for (i, emitter) in study.emitters.iter().enumerate() {
                    let of_emitter: Vec<Quality> = trials.iter().map(|trial| trial[i]).collect();
                    rows.push(Row {
                        data_set: study.sets[set].to_string(),
                        method: study.methods[method].label.clone(),
                        constraint: study.methods[method].constraint.to_string(),
                        noise_level: simulated.then_some(study.noise_levels[noise]),
                        emitter: emitter.name(),
                        trials: study.trials,
                        ..over_trials(&of_emitter)
                    });
                }
            }
        }
    }
    rows
}

/// The columns that are statistics over trials; the others are left empty.
fn over_trials(trials: &[Quality]) -> Row {
    let finite = |value: f64| value.is_finite().then_some(value);
    let mean = |f: fn(&Quality) -> f64| trials.iter().map(f).sum::<f64>() / trials.len() as f64;
    let fold = |f: fn(f64, f64) -> f64| trials.iter().map(|q| q.nrmse).reduce(f);
    Row {
        data_set: String::new(),
        method: String::new(),
        constraint: String::new(),
        noise_level: None,
        emitter: String::new(),
        trials: 0,
        bins: trials.iter().map(|q| q.bins).min().unwrap_or(0),
        nrmse_mean: finite(mean(|q| q.nrmse)),
        nrmse_min: fold(f64::min).and_then(finite),
        nrmse_max: fold(f64::max).and_then(finite),
        relative_sigma: finite(mean(|q| q.relative_sigma)),
    }
}
