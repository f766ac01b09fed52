//! Which emitters a run fits: the seven, those of the settings, and which of them are left out.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::super::conventions::BolometerTemperature;
use super::super::settings::DataSettings;
use super::standard::{
    BOLOMETER, EmissivityCurve, STANDARD, SimulatedBehaviour, Standard, TemperatureCourse,
};
use super::{Emitter, Reading, TemperatureRule};
use crate::science::instrument::Channel;

/// `[[emitter]]`: another emitter, or one of the seven otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmitterSettings {
    /// Its name in settings and products.
    pub name: String,
    /// Its array in a calibration set, without the channel; by default, the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<TemperatureKey>,
    /// The channel whose arrays are read, if it is another than that of the records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// Its columns in the published model, without `R` or `I`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The temperature at which it emits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<TemperatureRule>,
    /// What it does in a simulated campaign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulated: Option<Simulated>,
}

/// The array of a calibration set that holds temperatures, or several with their weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TemperatureKey {
    /// One array.
    One(String),
    /// Several thermometers of one body, each with its weight.
    Weighted(BTreeMap<String, f64>),
}

/// What an emitter does in a simulated campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Simulated {
    /// Lowest and highest temperature, K.
    pub temperature_k: (f64, f64),
    /// Emissivity as a part of the transfer function.
    pub emissivity: f64,
}

impl Default for Simulated {
    fn default() -> Self {
        Self { temperature_k: (2.0, 3.0), emissivity: 0.01 }
    }
}

/// Emitters that cannot be chosen so.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum EmitterError {
    /// A setting of one emitter.
    #[error("[[emitter]] `{name}`: {message}")]
    Emitter {
        /// Its name.
        name: String,
        /// What is wrong, and what was expected.
        message: String,
    },
    /// A name that stands for nothing.
    #[error(
        "data.emitters has `{name}`: expected some of {valid}; a new one needs an [[emitter]] of \
         that name"
    )]
    Unknown {
        /// As typed.
        name: String,
        /// All that there are.
        valid: String,
    },
}

/// The emitters of a run, in the order of the solution's last axis: the seven, the bolometers of
/// other channels, and those of the settings; or those that `data.emitters` names, in its order.
///
/// # Errors
/// The first emitter that will not do.
pub fn choose_emitters(
    data: &DataSettings,
    given: &[EmitterSettings],
    bolometer: BolometerTemperature,
) -> Result<Vec<Emitter>, EmitterError> {
    let mut all: Vec<Emitter> = STANDARD.iter().map(of_standard).collect();
    all.extend(data.other_bolometers.iter().map(|channel| other_bolometer(*channel)));
    if bolometer == BolometerTemperature::Operating {
        let own = all.iter_mut().filter(|emitter| emitter.name == BOLOMETER);
        own.for_each(|emitter| emitter.temperature = TemperatureRule::Operating);
    }
    for (place, settings) in given.iter().enumerate() {
        check(settings, &given[..place])?;
        match all.iter_mut().find(|emitter| emitter.name == settings.name) {
            Some(emitter) => change(emitter, settings),
            None => all.push(of_settings(settings)),
        }
    }
    match &data.emitters {
        None => Ok(all),
        Some(names) => names.iter().map(|name| named(name, &all)).collect(),
    }
}

fn named(name: &str, all: &[Emitter]) -> Result<Emitter, EmitterError> {
    let valid = || all.iter().map(Emitter::name).collect::<Vec<_>>().join(", ");
    let found = all.iter().find(|emitter| emitter.name == name);
    found.cloned().ok_or_else(|| EmitterError::Unknown { name: name.into(), valid: valid() })
}

fn of_standard(standard: &Standard) -> Emitter {
    Emitter {
        name: standard.name.into(),
        reading: Reading { parts: vec![(standard.key.into(), 1.0)], channel: None },
        column: Some(standard.column.into()),
        temperature: TemperatureRule::Reading,
        behaviour: standard.behaviour,
    }
}

/// Another channel's bolometer, which does not shine in a simulated campaign. It is taken to emit at
/// its bath's temperature: what it operates at would follow from that channel's bias and voltage.
fn other_bolometer(channel: Channel) -> Emitter {
    Emitter {
        name: format!("{BOLOMETER}_{channel}"),
        reading: Reading { parts: vec![(BOLOMETER.into(), 1.0)], channel: Some(channel) },
        column: None,
        temperature: TemperatureRule::Reading,
        behaviour: SimulatedBehaviour {
            course: TemperatureCourse::Bath,
            curve: EmissivityCurve::FractionOfOtf(0.0),
        },
    }
}

fn of_settings(settings: &EmitterSettings) -> Emitter {
    let mut emitter = Emitter {
        name: settings.name.clone(),
        reading: Reading { parts: vec![(settings.name.clone(), 1.0)], channel: None },
        column: None,
        temperature: TemperatureRule::Reading,
        behaviour: behaviour(&Simulated::default()),
    };
    change(&mut emitter, settings);
    emitter
}

/// Puts what the settings say in the place of what holds otherwise.
fn change(emitter: &mut Emitter, settings: &EmitterSettings) {
    match &settings.key {
        Some(TemperatureKey::One(key)) => emitter.reading.parts = vec![(key.clone(), 1.0)],
        Some(TemperatureKey::Weighted(parts)) => {
            emitter.reading.parts = parts.iter().map(|(key, w)| (key.clone(), *w)).collect();
        }
        None => {}
    }
    if settings.channel.is_some() {
        emitter.reading.channel = settings.channel;
    }
    if settings.column.is_some() {
        emitter.column.clone_from(&settings.column);
    }
    if let Some(rule) = settings.temperature {
        emitter.temperature = rule;
    }
    if let Some(simulated) = &settings.simulated {
        emitter.behaviour = behaviour(simulated);
    }
}

fn behaviour(simulated: &Simulated) -> SimulatedBehaviour {
    let (low, high) = simulated.temperature_k;
    SimulatedBehaviour {
        course: TemperatureCourse::Uniform(low, high),
        curve: EmissivityCurve::FractionOfOtf(simulated.emissivity),
    }
}

fn check(settings: &EmitterSettings, before: &[EmitterSettings]) -> Result<(), EmitterError> {
    let is_word = |text: &str| {
        let of_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !text.is_empty() && text.chars().all(of_word)
    };
    let message = if !is_word(&settings.name) {
        "expected a name of letters, digits and `_`".to_owned()
    } else if before.iter().any(|other| other.name == settings.name) {
        "this name is given twice".into()
    } else if let Some(message) = settings.key.as_ref().and_then(wrong_key) {
        message
    } else if settings.column.as_ref().is_some_and(|column| !is_word(column)) {
        "column is not the name of one: expected it without `R` or `I`, as in \"ICAL\"".into()
    } else if let Some(message) = settings.simulated.as_ref().and_then(wrong_simulated) {
        message
    } else {
        return Ok(());
    };
    Err(EmitterError::Emitter { name: settings.name.clone(), message })
}

fn wrong_key(key: &TemperatureKey) -> Option<String> {
    let TemperatureKey::Weighted(parts) = key else { return None };
    if parts.is_empty() {
        return Some(
            "key is empty: expected arrays with weights, { a_ical = 0.5, b_ical = 0.5 }".into(),
        );
    }
    let wrong = parts.iter().find(|(_, weight)| !(weight.is_finite() && **weight > 0.0));
    wrong.map(|(key, weight)| format!("the weight of {key} is {weight}: expected more than zero"))
}

fn wrong_simulated(simulated: &Simulated) -> Option<String> {
    let (low, high) = simulated.temperature_k;
    let sound = low > 0.0 && low <= high && high <= 1000.0;
    if !sound {
        return Some(format!(
            "simulated.temperature_k is [{low}, {high}]: expected the lowest and the highest \
             temperature, above 0 and up to 1000 K"
        ));
    }
    let part = simulated.emissivity;
    let sound = part.is_finite() && part.abs() <= 1.0;
    (!sound).then(|| format!("simulated.emissivity is {part}: expected -1 to 1, relative to xcal"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(data: &str, given: &str) -> Result<Vec<Emitter>, EmitterError> {
        #[derive(Deserialize)]
        struct Given {
            #[serde(default)]
            emitter: Vec<EmitterSettings>,
        }
        let data: DataSettings = toml::from_str(data).unwrap();
        let given: Given = toml::from_str(given).unwrap();
        choose_emitters(&data, &given.emitter, BolometerTemperature::Operating)
    }

    fn names(emitters: &[Emitter]) -> Vec<&str> {
        emitters.iter().map(Emitter::name).collect()
    }

    const SEVEN: [&str; 7] =
        ["xcal", "ical", "dihedral", "refhorn", "skyhorn", "collimator", "bolometer"];

    #[test]
    fn the_seven_are_the_default() {
        let emitters = chosen("", "").unwrap();
        assert_eq!(names(&emitters), SEVEN);
        let key = |i: usize| emitters[i].reading.parts[0].0.as_str();
        assert_eq!((key(0), key(5)), ("xcal_cone", "collimator"));
        let operating: Vec<bool> =
            emitters.iter().map(|e| e.temperature == TemperatureRule::Operating).collect();
        assert_eq!(operating, [false, false, false, false, false, false, true]);
    }

    #[test]
    fn others_are_added_after_the_bolometers_of_other_channels() {
        let mirror = "[[emitter]]\nname = \"mirror\"\nkey = \"mirror_k\"";
        let emitters = chosen("other_bolometers = [\"rh\"]", mirror).unwrap();
        assert_eq!(names(&emitters)[7..], ["bolometer_rh", "mirror"]);
        assert_eq!(emitters[7].reading.channel, Some(Channel::Rh));
        assert_eq!(emitters[8].reading.parts, [("mirror_k".to_owned(), 1.0)]);
    }

    #[test]
    fn one_may_be_left_out_and_another_read_otherwise() {
        let data = "emitters = [\"ical\", \"xcal\"]";
        let given = "[[emitter]]\nname = \"ical\"\nkey = { a_ical = 0.1, b_ical = 0.9 }";
        let emitters = chosen(data, given).unwrap();
        assert_eq!(names(&emitters), ["ical", "xcal"]);
        let parts = [("a_ical".to_owned(), 0.1), ("b_ical".to_owned(), 0.9)];
        assert_eq!(emitters[0].reading.parts, parts);
        assert_eq!(emitters[0].column.as_deref(), Some("ICAL"));
    }

    #[test]
    fn what_will_not_do_is_refused_by_name() {
        for (data, given, expected) in [
            ("emitters = [\"xcla\"]", "", "`xcla`: expected some of xcal, ical"),
            ("", "[[emitter]]\nname = \"a b\"", "`a b`: expected a name of letters"),
            ("", "[[emitter]]\nname = \"m\"\n[[emitter]]\nname = \"m\"", "given twice"),
            ("", "[[emitter]]\nname = \"m\"\nkey = {}", "key is empty"),
            ("", "[[emitter]]\nname = \"m\"\nkey = { a = 0 }", "the weight of a is 0"),
            (
                "",
                "[[emitter]]\nname = \"m\"\nsimulated = { temperature_k = [3, 2] }",
                "simulated.temperature_k is [3, 2]",
            ),
            ("", "[[emitter]]\nname = \"m\"\nsimulated = { emissivity = 2 }", "emissivity is 2"),
            ("", "[[emitter]]\nname = \"m\"\ncolumn = \"\"", "column is not"),
        ] {
            let error = chosen(data, given).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
