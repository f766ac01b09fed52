//! The shared parameters of a joint fit, as values of one data set.

use crate::otf::result::Shared;
use crate::science::fit::joint::{JointSettings, SharedValues};
use crate::science::instrument::{ChannelScan, FITTED_NAMES};

/// What a parameter changes of the values of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Bolometer(usize),
    Offset(usize),
    Drift(usize),
    Harmonic(usize),
    Primary(usize),
    Secondary,
}

/// One data set, and what is fitted of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) set: ChannelScan,
    pub(super) emitters: &'a [String],
}

impl Names<'_> {
    /// The name of a parameter without the data set or the channel that it may end with; none if it is of
    /// another data set.
    pub(super) fn own<'n>(&self, name: &'n str) -> Option<&'n str> {
        let (set, channel) = (self.set.to_string(), self.set.channel.to_string());
        let without = |of: &str| name.strip_suffix(of).and_then(|name| name.strip_suffix('_'));
        [Some(name), without(&set), without(&channel)]
            .into_iter()
            .flatten()
            .find(|name| self.place(name).is_some())
    }

    fn place(&self, name: &str) -> Option<Place> {
        match name {
            "h2" => return Some(Place::Harmonic(0)),
            "h3" => return Some(Place::Harmonic(1)),
            "vs" => return Some(Place::Secondary),
            "ical_drift_amplitude" => return Some(Place::Drift(0)),
            "ical_drift_time" => return Some(Place::Drift(1)),
            "ical_drift_offset" => return Some(Place::Drift(2)),
            _ => {}
        }
        if let Some(power) = name.strip_prefix("vp") {
            return power.parse().ok().filter(|power| *power < 5).map(Place::Primary);
        }
        if let Some(emitter) = name.strip_suffix("_offset") {
            return self.emitters.iter().position(|known| known == emitter).map(Place::Offset);
        }
        let own = name.strip_prefix("bolometer_")?;
        FITTED_NAMES.iter().position(|(known, _)| *known == own).map(Place::Bolometer)
    }

    /// Puts a parameter in its place, if it is one of this data set.
    fn put(&self, values: &mut SharedValues, name: &str, value: f64) {
        let Some(place) = self.own(name).and_then(|name| self.place(name)) else { return };
        match place {
            Place::Bolometer(i) => {
                let mut fitted = values.bolometer.fitted();
                fitted[i] = value;
                values.bolometer = values.bolometer.with_fitted(fitted);
            }
            Place::Offset(emitter) => values.offsets_k[emitter] = value,
            Place::Drift(i) => values.drift[i] = value,
            Place::Harmonic(i) => values.harmonics[i] = value,
            Place::Primary(i) => values.primary[i] = value,
            Place::Secondary => values.secondary = value,
        }
    }

    /// What is taken as known, with what the settings say instead, and then what was fitted.
    pub(super) fn values(
        &self,
        known: SharedValues,
        settings: &JointSettings,
        shared: &Shared,
    ) -> SharedValues {
        let mut values = known;
        for (name, value) in &settings.value {
            self.put(&mut values, name, *value);
        }
        for parameter in &shared.parameters {
            self.put(&mut values, &parameter.name, parameter.value);
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_with_and_without_their_data_set() {
        let emitters: Vec<String> = ["xcal", "ical", "bolometer"].map(String::from).to_vec();
        let names = Names { set: "llss".parse().unwrap(), emitters: &emitters };
        for (name, own) in [
            ("h2", Some("h2")),
            ("h2_llss", Some("h2")),
            ("h2_rlss", None),
            ("bolometer_r0_ll", Some("bolometer_r0")),
            ("bolometer_r0_rl", None),
            ("bolometer_offset", Some("bolometer_offset")),
            ("vp4", Some("vp4")),
            ("vp5", None),
            ("ical_drift_offset", Some("ical_drift_offset")),
            ("skyhorn_offset", None),
        ] {
            assert_eq!(names.own(name), own, "{name}");
        }
    }
}
