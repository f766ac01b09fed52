//! The instrument as a configuration has it: what was assumed, or what a joint fit found.

use super::fitted::FittedConfiguration;
use super::shared::Names;
use crate::otf::result::Shared;
use crate::otf::study::{Estimator, Study};
use crate::science::data::model::PublishedModel;
use crate::science::data::model::details::ModelParameter;
use crate::science::data::{Campaign, as_corrections};
use crate::science::fit::joint::FittedParameter;
use crate::science::instrument::{BolometerParameters, Corrections};

/// The bolometer's parameters and the corrections with which a configuration was fitted.
pub(super) fn values(
    study: &Study,
    campaign: &Campaign,
    fitted: &FittedConfiguration,
) -> (BolometerParameters, Corrections) {
    let emitters = emitter_names(study);
    let names = Names { set: study.sets[fitted.id.set], emitters: &emitters };
    match (&study.methods[fitted.method].estimator, &fitted.shared) {
        (Estimator::Joint(_, settings), Some(shared)) => {
            let values = names.values(campaign.known_values(), settings, shared);
            (values.bolometer, as_corrections(&values, &emitters))
        }
        _ => campaign.in_force(),
    }
}

pub(super) fn emitter_names(study: &Study) -> Vec<String> {
    study.emitters.iter().map(|emitter| emitter.name().to_owned()).collect()
}

/// One row of the list of shared parameters, and of which fitted ones it is the sum.
struct ParameterRow {
    name: String,
    column: &'static str,
    unit: &'static str,
    value: f64,
    of: Vec<usize>,
}

/// The shared parameters of a model: those of the layout, and then offsets of thermometers that it does not
/// have.
pub(super) fn parameters(
    study: &Study,
    model: &PublishedModel,
    fitted: &FittedConfiguration,
) -> Vec<ModelParameter> {
    let emitters = emitter_names(study);
    let names = Names { set: study.sets[fitted.id.set], emitters: &emitters };
    let shared = fitted.shared.as_ref();
    let none: &[FittedParameter] = &[];
    let all = shared.map_or(none, |shared| &shared.parameters);
    let places = |wanted: &[&str]| -> Vec<usize> {
        let is_wanted = |name: &str| names.own(name).is_some_and(|own| wanted.contains(&own));
        (0..all.len()).filter(|&place| is_wanted(&all[place].name)).collect()
    };
    let mut rows: Vec<ParameterRow> = Vec::new();
    for value in model.shared_values() {
        // The offset of ical's thermometer and that of its drift are one in the layout.
        let of = match value.name {
            "ical_drift_offset" => places(&["ical_drift_offset", "ical_offset"]),
            name => places(&[name]),
        };
        let (name, value, column, unit) = (value.name, value.value, value.column, value.unit);
        rows.push(ParameterRow { name: name.into(), column, unit, value, of });
    }
    for emitter in emitters.iter().filter(|name| !["xcal", "ical"].contains(&name.as_str())) {
        let name = format!("{emitter}_offset");
        let of = places(&[&name]);
        let value = model.corrections.offsets_k.get(emitter).copied().unwrap_or(0.0);
        if value != 0.0 || !of.is_empty() {
            rows.push(ParameterRow { name, column: "", unit: "K", value, of });
        }
    }
    let row = |row: &ParameterRow| parameter(row, &rows, all, shared);
    rows.iter().map(row).collect()
}

fn parameter(
    row: &ParameterRow,
    rows: &[ParameterRow],
    all: &[FittedParameter],
    shared: Option<&Shared>,
) -> ModelParameter {
    let covariance = |other: &ParameterRow| match shared {
        Some(shared) if !row.of.is_empty() && !other.of.is_empty() => {
            let with = |i: &usize| -> f64 {
                other.of.iter().map(|k| shared.covariance[i * all.len() + k]).sum()
            };
            row.of.iter().map(with).sum()
        }
        _ => f64::NAN,
    };
    let own = || row.of.iter().map(|&place| &all[place]);
    let (is_fitted, nan) = (!row.of.is_empty(), f64::NAN);
    let moved: f64 = own().map(|parameter| parameter.value - parameter.mean).sum();
    let squares: f64 = own().map(|p| p.prior_sigma * p.prior_sigma).sum();
    ModelParameter {
        name: row.name.clone(),
        column: row.column.to_owned(),
        unit: row.unit.to_owned(),
        value: row.value,
        sigma: covariance(row).sqrt(),
        prior: if is_fitted { row.value - moved } else { nan },
        prior_sigma: if is_fitted { squares.sqrt() } else { nan },
        covariance: rows.iter().map(covariance).collect(),
    }
}

/// The temperature errors of the plateaus of a data set, if these were fitted.
pub(super) fn plateaus(study: &Study, fitted: &FittedConfiguration) -> Vec<ModelParameter> {
    let of_set = format!("_{}", study.sets[fitted.id.set]);
    let is_other = |name: &str| {
        let others = study.sets.iter().filter(|set| **set != study.sets[fitted.id.set]);
        others.into_iter().any(|set| name.ends_with(&format!("_{set}")))
    };
    let shared = fitted.shared.iter().flat_map(|shared| &shared.plateaus);
    let own = shared.filter(|parameter| !is_other(&parameter.name));
    own.map(|parameter| ModelParameter {
        name: parameter.name.strip_suffix(&of_set).unwrap_or(&parameter.name).to_owned(),
        column: String::new(),
        unit: parameter.unit.clone(),
        value: parameter.value,
        sigma: parameter.sigma,
        prior: parameter.mean,
        prior_sigma: parameter.prior_sigma,
        covariance: Vec::new(),
    })
    .collect()
}
