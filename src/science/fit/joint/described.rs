//! The settings and the parameters of the joint fit in words, for whoever asks what there is.

use crate::science::fit::method::EACH_EMITTER;

use super::parameters::{Entry, Kind, PLATEAU_K, PLATEAUS, entries};
use super::settings::JointSettings;

/// One setting of `[fit.options.joint]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingInfo {
    /// Its name.
    pub name: &'static str,
    /// Its value unless it is set, as JSON.
    pub default: String,
    /// One line.
    pub meaning: &'static str,
}

/// Parameters that have one group, unit and default prior.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterInfo {
    /// Their group; empty where they are in none.
    pub group: &'static str,
    /// Their names; [`EACH_EMITTER`] stands for the name of an emitter.
    pub names: Vec<String>,
    /// Their unit.
    pub unit: &'static str,
    /// Standard error of what is known beforehand, unless it is set.
    pub prior: String,
    /// How they enter the model.
    pub enters_as: &'static str,
}

const MEANINGS: [(&str, &str); 9] = [
    ("free", "the parameters that are fitted: groups, or single names"),
    (
        "prior",
        "standard errors of what is known of them, by group or name; relative for the bolometer; 0 \
         holds a parameter, \"none\" leaves it to the data",
    ),
    (
        "value",
        "what is known of them, by name, where it is not what the instrument's model or \
         instrument.corrections say",
    ),
    ("start", "where the search begins, by name, where that is not what is known"),
    ("plateau", "what has temperature errors of its own: \"plateau\", or each \"record\""),
    ("loss", "how residuals count: \"squares\", \"huber\" or \"student_t\""),
    ("together", "data sets that share parameters in one fit, as in [\"llss\", \"lllf\"]"),
    ("tolerance", "the square of a step, in posterior standard errors, that ends the search"),
    ("max_iterations", "steps after which the search gives up"),
];

/// The settings of the joint fit.
#[must_use]
pub fn described_settings() -> Vec<SettingInfo> {
    let defaults = serde_json::to_value(JointSettings::default()).unwrap_or_default();
    let one = |(name, meaning): &(&'static str, &'static str)| {
        let empty = if *name == "together" { "[]" } else { "{}" };
        let default = defaults.get(*name).map_or_else(|| empty.into(), ToString::to_string);
        SettingInfo { name, default, meaning }
    };
    MEANINGS.iter().map(one).collect()
}

/// The parameters that can be free, by group, unit and default prior.
#[must_use]
pub fn described_parameters() -> Vec<ParameterInfo> {
    let emitters = ["xcal", "ical", EACH_EMITTER].map(String::from);
    let mut all: Vec<ParameterInfo> = Vec::new();
    for entry in entries(&emitters, None) {
        let next = described(&entry);
        match all.last_mut() {
            Some(last) if ParameterInfo { names: last.names.clone(), ..next.clone() } == *last => {
                last.names.push(entry.name);
            }
            _ => all.push(next),
        }
    }
    all.push(ParameterInfo {
        group: PLATEAUS,
        names: vec!["one a plateau (or record) and driven body".into()],
        unit: "K",
        prior: format!("{PLATEAU_K:?}"),
        enters_as: "true temperature of xcal, ical, refhorn, skyhorn = reading + error",
    });
    all
}

fn described(entry: &Entry) -> ParameterInfo {
    let prior = match (entry.is_usually_fixed, entry.kind) {
        (true, _) => "0: held".into(),
        (false, Kind::Bolometer(_)) => format!("{:?} of its value", entry.usual),
        (false, _) => format!("{:?}", entry.usual),
    };
    ParameterInfo {
        group: entry.group,
        names: vec![entry.name.clone()],
        unit: if let Kind::Bolometer(_) = entry.kind { "its own" } else { entry.unit },
        prior,
        enters_as: enters_as(entry.kind),
    }
}

fn enters_as(kind: Kind) -> &'static str {
    match kind {
        Kind::Bolometer(_) => "responsivity, time constant and operating temperature",
        Kind::Offset(_) => "true temperature = reading + offset",
        Kind::Drift(_) => {
            "true temperature of ical = reading - (amplitude exp(-years / time) - offset)"
        }
        Kind::Harmonic(_) => "second and third harmonic of the bolometer",
        Kind::Primary(_) => "primary vibration = vp0 + vp1 years + ... + vp4 years^4",
        Kind::Secondary => "secondary vibration",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::science::fit::joint::Prior;

    /// A setting that is added must be explained, in the order in which it stands.
    #[test]
    fn every_setting_is_described() {
        let full = JointSettings {
            prior: BTreeMap::from([("h2".into(), Prior::None)]),
            value: BTreeMap::from([("h2".into(), 1.0)]),
            start: BTreeMap::from([("h2".into(), 1.0)]),
            together: vec!["llss".into()],
            ..JointSettings::default()
        };
        let full = serde_json::to_value(full).unwrap();
        let names: Vec<&str> = full.as_object().unwrap().keys().map(String::as_str).collect();
        let described = described_settings();
        assert_eq!(described.iter().map(|setting| setting.name).collect::<Vec<_>>(), names);
        let of = |name: &str| described.iter().find(|s| s.name == name).unwrap().default.clone();
        assert_eq!((of("prior"), of("together")), ("{}".into(), "[]".into()));
        assert_eq!((of("max_iterations"), of("loss")), ("200".into(), "\"squares\"".into()));
    }

    #[test]
    fn parameters_stand_by_group_with_their_priors() {
        let all = described_parameters();
        let of = |name: &str| all.iter().find(|p| p.names.iter().any(|n| n == name)).unwrap();
        assert_eq!(of("bolometer_r0").names.len(), 9);
        assert_eq!(of("bolometer_r0").prior, "0.01 of its value");
        assert_eq!((of("xcal_offset").group, &*of("xcal_offset").prior), ("xcal_offset", "0.01"));
        assert_eq!((of("ical_offset").group, of("ical_offset").unit), ("", "K"));
        assert_eq!(of("EMITTER_offset").group, "offsets");
        assert_eq!(of("ical_drift_time").prior, "0: held");
        assert_eq!(of("vp4").names, ["vp0", "vp1", "vp2", "vp3", "vp4"]);
        // Every group that is free by default, and the plateaus.
        let groups: Vec<&str> = all.iter().map(|p| p.group).collect();
        assert!(JointSettings::default().free.iter().all(|free| groups.contains(&free.as_str())));
        assert_eq!(groups.last(), Some(&PLATEAUS));
    }
}
