//! A configuration as a calibration model in FITS.

use std::ops::Range;
use std::path::Path;

use num_complex::Complex64;

use super::fitted::FittedConfiguration;
use super::{ExportError, instrument};
use crate::foundations::FileError;
use crate::otf::products::is_determined;
use crate::otf::study::{Config, Estimator};
use crate::otf::{Otf, UnitResult};
use crate::runner::plan::{Input, VERSION};
use crate::science::data::Campaign;
use crate::science::data::model::details::{ModelDetails, ModelPoint};
use crate::science::data::model::{MOST_POINTS, ModelNotes, NoteValue, PublishedModel};
use crate::science::data::settings::Source;
use crate::science::fit::Status;
use crate::science::instrument::{Axis, mission_date};

/// A calibration model with its errors, and what its header says.
#[derive(Debug, Clone, PartialEq)]
pub struct CalibrationModel {
    /// What published models have.
    pub model: PublishedModel,
    /// Errors, quality, shared parameters.
    pub details: ModelDetails,
    notes: ModelNotes,
}

/// The calibration model that a configuration amounts to.
///
/// # Errors
/// If the data cannot be read, or no bin of the band has a value.
pub fn calibration_model(
    otf: &Otf,
    inputs: &[Input],
    fitted: &FittedConfiguration,
) -> Result<CalibrationModel, ExportError> {
    let study = &otf.study;
    let campaign = otf.campaigns().get(&otf.config, study, fitted.id.set)?;
    let bins = points(&campaign, fitted)?;
    let shared = instrument::values(study, &campaign, fitted);
    let label = study.methods[fitted.method].label.clone();
    let mut model = campaign.model_without_emissivities(shared, bins.clone(), label);
    let nan = Complex64::new(f64::NAN, f64::NAN);
    for (place, emitter) in study.emitters.iter().enumerate() {
        if let Some(column) = emitter.column() {
            let value = |bin| fitted.emissivity(bin).map_or(nan, |values| values[place]);
            model.columns.push(column.to_owned());
            model.emissivity.push(bins.clone().map(value).collect());
        }
    }
    let details = ModelDetails {
        emitters: instrument::emitter_names(study),
        columns: study.emitters.iter().map(|e| e.column().unwrap_or("").to_owned()).collect(),
        points: bins.clone().map(|bin| point(&model, campaign.axis(), fitted, bin)).collect(),
        parameters: instrument::parameters(study, &model, fitted),
        plateaus: instrument::plateaus(study, fitted),
    };
    let notes = notes(otf, inputs, fitted, &campaign);
    Ok(CalibrationModel { model, details, notes })
}

/// Writes it.
///
/// # Errors
/// If the file cannot be written.
pub fn write_model(path: &Path, model: &CalibrationModel) -> Result<(), FileError> {
    model.model.write(path, &model.details, &model.notes)
}

/// From the first to the last bin with a value, of those that a published model may have.
fn points(campaign: &Campaign, fitted: &FittedConfiguration) -> Result<Range<usize>, ExportError> {
    let most = campaign.published_bins();
    let mut with_value = most.clone().filter(|&bin| fitted.emissivity(bin).is_some());
    let ends = with_value.next().map(|first| (first, with_value.next_back().unwrap_or(first)));
    let (first, last) = ends.ok_or(ExportError::NoPoint {
        configuration: fitted.configuration,
        first: most.start,
        last: most.end.saturating_sub(1),
    })?;
    Ok(first..(last + 1).min(first + MOST_POINTS))
}

fn point(
    model: &PublishedModel,
    axis: &Axis,
    fitted: &FittedConfiguration,
    bin: usize,
) -> ModelPoint {
    let (frequency_ghz, is_in_band) = (axis.frequency_ghz(bin), axis.is_in_band(bin));
    let result = fitted.results[bin].as_ref();
    let e = result.and_then(|r| r.outcome.solution()).map(|s| s.emissivity.len());
    let e = e.unwrap_or_else(|| fitted.emitters());
    let nan = Complex64::new(f64::NAN, f64::NAN);
    let mut point = ModelPoint {
        bin,
        frequency_ghz,
        status: result.map_or(Status::NOT_SELECTED, |result| result.outcome.status().code()),
        is_in_band,
        chi2_per_degree: f64::NAN,
        rss: f64::NAN,
        condition: f64::NAN,
        emissivity: vec![nan; e],
        sigma: vec![f64::NAN; e],
        determined: vec![0; e],
        covariance: vec![nan; e * e],
        relation: vec![nan; e],
        response: model.state.response(axis.omega(bin)),
        product: vec![nan; e],
        product_sigma: vec![f64::NAN; e],
    };
    if let Some(result) = result {
        fill(&mut point, result);
    }
    point
}

/// Puts what a fit found into a point.
fn fill(point: &mut ModelPoint, result: &UnitResult) {
    let Some(solution) = result.outcome.solution() else { return };
    (point.rss, point.condition) = (solution.rss, solution.condition);
    if let Some(degrees) = result.degrees_of_freedom {
        point.chi2_per_degree = solution.rss / f64::from(degrees);
    }
    point.emissivity.clone_from(&solution.emissivity);
    point.sigma.clone_from(&solution.sigma);
    let is_converged = result.outcome.status() == Status::Converged;
    let mark = |sigma: &f64| u8::from(is_converged && is_determined(*sigma));
    point.determined = solution.sigma.iter().map(mark).collect();
    let response = point.response;
    point.product = solution.emissivity.iter().map(|value| value * response).collect();
    let modulus = response.norm_sqr().sqrt();
    point.product_sigma = solution.sigma.iter().map(|sigma| sigma * modulus).collect();
    if let Some(errors) = &result.errors {
        point.covariance.clone_from(&errors.covariance);
        point.relation.clone_from(&errors.relation);
        point.product.clone_from(&errors.product);
        point.product_sigma.clone_from(&errors.product_sigma);
        point.response = errors.response;
    }
}

/// What the header says: which fit, of which data.
fn notes(
    otf: &Otf,
    inputs: &[Input],
    fitted: &FittedConfiguration,
    campaign: &Campaign,
) -> ModelNotes {
    let (study, config) = (&otf.study, &otf.config);
    let method = &study.methods[fitted.method];
    let text = |text: &str| NoteValue::Text(text.to_owned());
    let whole = |number: u64| NoteValue::Whole(i64::try_from(number).unwrap_or(i64::MAX));
    let is_simulated = config.data.source == Source::Simulate;
    let source = if is_simulated { "simulated" } else { "measured" };
    let mut keywords = vec![
        ("OTFHPC", text(VERSION), "version of the program"),
        ("SOURCE", text(source), "measured or simulated data"),
        ("METHOD", text(&method.label), "method of the fit"),
        ("CONSTRNT", text(&method.constraint.to_string()), "constraint on the emissivities"),
        ("CONFIGUR", whole(fitted.configuration), "row of configurations.csv, from 0"),
        ("TRIAL", whole(fitted.id.trial), "trial of the study"),
        ("TRANSLEN", whole(campaign.axis().length() as u64), "points of the transform"),
        ("NRECORDS", whole(campaign.records() as u64), "records that passed the screening"),
    ];
    if is_simulated {
        let level = NoteValue::Number(study.noise_levels[fitted.id.noise]);
        keywords.push(("NOISELVL", level, "noise level of the simulation"));
    }
    if let (Estimator::Joint(..), Some(shared)) = (&method.estimator, &fitted.shared) {
        keywords.push(("CHI2", NoteValue::Number(shared.chi2), "chi2 of the joint fit"));
        let degrees = NoteValue::Number(shared.degrees_of_freedom);
        keywords.push(("CHI2DOF", degrees, "its complex degrees of freedom"));
        keywords.push(("NITER", whole(shared.iterations), "its steps"));
    }
    ModelNotes { dates: dates(campaign), keywords, history: history(config, inputs) }
}

/// The days of the first and the last record.
fn dates(campaign: &Campaign) -> Option<(String, String)> {
    let years = campaign.years()?;
    let least = years.iter().copied().fold(f64::INFINITY, f64::min);
    let most = years.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some((mission_date(least)?, mission_date(most)?))
}

/// Settings and inputs, without the folders in which these stand.
fn history(config: &Config, inputs: &[Input]) -> Vec<String> {
    let mut lines = Vec::new();
    for input in inputs {
        let name = input.path.file_name().unwrap_or_default().to_string_lossy();
        lines.push(format!("input {name} blake3 {}", input.blake3));
    }
    let settings = [
        ("instrument", serde_json::to_string(&config.instrument)),
        ("study", serde_json::to_string(&config.study)),
    ];
    for (table, json) in settings {
        lines.extend(json.map(|json| format!("[{table}] {json}")));
    }
    lines
}
