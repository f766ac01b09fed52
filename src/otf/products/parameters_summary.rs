//! `parameters_summary.csv`: how good the shared parameters are over the trials, and what the data
//! determine of the transfer function.

use serde::Serialize;

use crate::foundations::numerics::math::median;
use crate::otf::study::Study;

use super::arrays::Arrays;
use super::grid::DataSetGrid;
use super::quality::{WITHIN_68, WITHIN_95, judged_bins};
use super::shared::{ParameterRow, SharedResults};
use super::truths::TrueValues;

/// A real normal number is within so many standard deviations in 68 % and in 95 % of all cases.
const REAL_68: f64 = 0.994_457_883_209_753;
const REAL_95: f64 = 1.959_963_984_540_054;

/// What stands for the transfer function times the response, which has no gauge.
const GAUGE_FREE: &str = "otf_times_response";

/// One row: a parameter of one data set, method and noise level, over the trials.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct SummaryRow {
    data_set: String,
    method: String,
    noise_level: Option<f64>,
    parameter: String,
    unit: String,
    /// Values on which the row rests: trials, or bins of all trials.
    values: usize,
    /// Median standard error; of the transfer function relative to its value.
    sigma: f64,
    /// Mean part of it that the data determine.
    data_share: Option<f64>,
    /// Root mean square of the error.
    rms_error: Option<f64>,
    /// Root mean square of the error over its standard error.
    rms_z: Option<f64>,
    /// Part of the values whose error bar of 68 % holds the truth.
    coverage_68: Option<f64>,
    /// Part of the values whose error bar of 95 % holds the truth.
    coverage_95: Option<f64>,
}

/// The rows: first those of the parameters, then that of the transfer function, for each data set, method
/// and noise level.
pub(super) fn rows(
    study: &Study,
    parameters: &[ParameterRow],
    (results, truths): (&SharedResults, &TrueValues),
    (grids, arrays): (&[DataSetGrid], &Arrays),
) -> Vec<SummaryRow> {
    let key = |row: &ParameterRow| {
        (row.data_set.clone(), row.method.clone(), row.noise_level.map(f64::to_bits))
    };
    let mut groups: Vec<Vec<&ParameterRow>> = Vec::new();
    for row in parameters.iter().filter(|row| !row.is_of_a_plateau()) {
        match groups.iter_mut().find(|group| key(group[0]) == key(row)) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    let mut all = Vec::new();
    for group in groups {
        let mut names: Vec<&str> = Vec::new();
        for row in &group {
            if !names.contains(&row.parameter.as_str()) {
                names.push(&row.parameter);
            }
        }
        for name in names {
            let own: Vec<&ParameterRow> =
                group.iter().copied().filter(|row| row.parameter == name).collect();
            all.push(of_parameter(&own));
        }
        let gauge_free = GaugeFree { study, results, truths, grids, arrays };
        all.extend(gauge_free.row(&group));
    }
    all
}

fn of_parameter(rows: &[&ParameterRow]) -> SummaryRow {
    let first = rows[0];
    let z: Option<Vec<f64>> = rows.iter().map(|row| row.z).collect();
    let errors: Option<Vec<f64>> =
        rows.iter().map(|row| row.truth.map(|truth| row.value - truth)).collect();
    let within = |limit: f64| {
        let count = |z: &Vec<f64>| z.iter().filter(|z| z.abs() <= limit).count();
        z.as_ref().map(|z| count(z) as f64 / z.len() as f64)
    };
    let shares = rows.iter().map(|row| row.data_share).sum::<f64>();
    SummaryRow {
        data_set: first.data_set.clone(),
        method: first.method.clone(),
        noise_level: first.noise_level,
        parameter: first.parameter.clone(),
        unit: first.unit.clone(),
        values: rows.len(),
        sigma: median(&rows.iter().map(|row| row.sigma).collect::<Vec<_>>()),
        data_share: Some(shares / rows.len() as f64),
        rms_error: errors.as_deref().map(rms),
        rms_z: z.as_deref().map(rms),
        coverage_68: within(REAL_68),
        coverage_95: within(REAL_95),
    }
}

fn rms(values: &[f64]) -> f64 {
    (values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64).sqrt()
}

/// From what the row of the transfer function is made.
struct GaugeFree<'a> {
    study: &'a Study,
    results: &'a SharedResults,
    truths: &'a TrueValues,
    grids: &'a [DataSetGrid],
    arrays: &'a Arrays,
}

impl GaugeFree<'_> {
    /// The row of some configurations, named by rows of theirs; none where there are no values.
    fn row(&self, group: &[&ParameterRow]) -> Option<SummaryRow> {
        let first = group.first()?;
        let mut configurations: Vec<u64> = group.iter().map(|row| row.configuration).collect();
        configurations.dedup();
        let (mut relative, mut squares, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for configuration in configurations {
            let (realisation, _) = self.study.configuration(configuration);
            let grid = &self.grids[realisation.set];
            for bin in judged_bins(grid, self.arrays, configuration) {
                let Some(errors) = self.results.errors_at(configuration, bin) else { continue };
                let (product, sigma) = (errors.product[0], errors.product_sigma[0]);
                relative.push(sigma / product.norm_sqr().sqrt());
                let response = self.truths.response(realisation.set, bin);
                if let (Some(truth), Some(response)) = (&grid.truth, response) {
                    let truth = truth[bin][0] * response;
                    squares.push((product - truth).norm_sqr());
                    ratios.push(errors.product_distance(0, truth));
                }
            }
        }
        if relative.is_empty() {
            return None;
        }
        let count = ratios.len() as f64;
        let mean = |values: &[f64]| {
            (!values.is_empty()).then(|| (values.iter().sum::<f64>() / count).sqrt())
        };
        let within = |limit: f64| {
            let inside = ratios.iter().filter(|ratio| **ratio <= limit).count();
            (!ratios.is_empty()).then(|| inside as f64 / count)
        };
        Some(SummaryRow {
            data_set: first.data_set.clone(),
            method: first.method.clone(),
            noise_level: first.noise_level,
            parameter: GAUGE_FREE.into(),
            unit: "V/(erg/s)".into(),
            values: relative.len(),
            sigma: median(&relative),
            data_share: None,
            rms_error: mean(&squares),
            rms_z: mean(&ratios),
            coverage_68: within(WITHIN_68),
            coverage_95: within(WITHIN_95),
        })
    }
}
