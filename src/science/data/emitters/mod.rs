//! The bodies that shine into the interferometer, as a table: no other code knows how many there are.

mod choice;
mod reading;
mod standard;

use std::fmt;

use crate::science::instrument::{BolometerState, Channel};

pub use choice::{EmitterError, EmitterSettings, choose_emitters};
pub(super) use reading::{CombinedReading, combine_readings, is_temperature, split_reading};
pub(super) use standard::{
    BOLOMETER, DrivenBody, EmissivityCurve, OTF_COLUMN, STANDARD, SimulatedBehaviour,
    TemperatureCourse,
};

/// A source of light: one column of the design.
#[derive(Debug, Clone, PartialEq)]
pub struct Emitter {
    /// Its name in settings and products.
    name: String,
    pub(super) reading: Reading,
    /// Its columns in the published model, without their first letter, `R` (real) or `I`
    /// (imaginary); none if that model does not have it.
    pub(super) column: Option<String>,
    pub(super) temperature: TemperatureRule,
    /// What it does in a simulated campaign.
    pub(super) behaviour: SimulatedBehaviour,
}

/// Which arrays of a calibration set hold an emitter's temperature.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    /// Names of arrays without a channel, each with its weight, above zero.
    pub(super) parts: Vec<(String, f64)>,
    /// The channel whose arrays are read, if it is another than that of the records.
    pub(super) channel: Option<Channel>,
}

/// The temperature at which an emitter emits.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum TemperatureRule {
    /// What was read.
    #[default]
    Reading,
    /// The temperature at which the channel's bolometer operates.
    Operating,
}

impl Emitter {
    /// The name in settings and products: `xcal`, ..., `bolometer`, `bolometer_rh`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its columns in the published model, without their first letter, `R` or `I`, if it has any.
    #[must_use]
    pub fn column(&self) -> Option<&str> {
        self.column.as_deref()
    }

    /// Whether it emits at the temperature at which the channel's bolometer operates.
    #[must_use]
    pub fn is_operating(&self) -> bool {
        self.temperature == TemperatureRule::Operating
    }
}

impl fmt::Display for Emitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

/// The temperatures at which emitters emit, K, `[emitter][record]`: what was read, or that at which
/// the channel's bolometer operates.
pub(super) fn emitting(
    emitters: &[Emitter],
    mut readings: Vec<Vec<f64>>,
    states: &[BolometerState],
) -> Vec<Vec<f64>> {
    for (column, emitter) in readings.iter_mut().zip(emitters) {
        if emitter.temperature == TemperatureRule::Operating {
            column.clear();
            column.extend(states.iter().map(|state| state.temperature_k));
        }
    }
    readings
}

/// The names of the emitters of published models, in the order of every product.
#[must_use]
pub fn published_names() -> [&'static str; STANDARD.len()] {
    STANDARD.each_ref().map(|standard| standard.name)
}

/// The emitters' columns in a published model, without `R` or `I`, in the order of every product.
#[must_use]
pub fn published_columns() -> [&'static str; STANDARD.len()] {
    STANDARD.map(|standard| standard.column)
}

#[cfg(test)]
pub(crate) mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::science::data::conventions::BolometerTemperature;

    /// The emitters of `[data]` settings and `[[emitter]]` settings, the bolometer at its bath's
    /// temperature.
    pub(crate) fn chosen(data: &str, given: &str) -> Vec<Emitter> {
        #[derive(Deserialize)]
        struct Given {
            #[serde(default)]
            emitter: Vec<EmitterSettings>,
        }
        let data = toml::from_str(data).unwrap();
        let given: Given = toml::from_str(given).unwrap();
        choose_emitters(&data, &given.emitter, BolometerTemperature::Bath).unwrap()
    }

    /// The seven, with the bolometer at its bath's temperature.
    pub(crate) fn standard() -> Vec<Emitter> {
        chosen("", "")
    }
}
