//! What the shared parameters of simulated data sets are in truth.

use num_complex::Complex64;

use crate::science::data::{Campaign, TrueParameters};
use crate::science::instrument::FITTED_NAMES;

/// The true values of each data set; none of measured data.
#[derive(Debug, Default)]
pub(super) struct TrueValues {
    sets: Vec<Option<OfSet>>,
}

#[derive(Debug)]
struct OfSet {
    name: String,
    channel: String,
    parameters: TrueParameters,
    /// The true response, one a bin.
    response: Vec<Option<Complex64>>,
    /// The plateau, as the fit counts them, of the first record of each.
    plateaus: Vec<usize>,
}

/// The bodies whose temperature is set for each plateau, in the order of `TrueParameters`.
const BODIES: [&str; 4] = ["xcal", "ical", "refhorn", "skyhorn"];

impl TrueValues {
    /// Adds the next data set.
    pub(super) fn add(&mut self, campaign: &Campaign) {
        let set = campaign.axis().channel_scan();
        let of_set = |parameters: &TrueParameters| {
            let counted = campaign.plateaus().chunk_by(|a, b| a == b);
            let mut first = 0;
            let plateaus = counted
                .map(|records| {
                    let plateau = parameters.plateaus[first];
                    first += records.len();
                    plateau
                })
                .collect();
            OfSet {
                name: set.to_string(),
                channel: set.channel.to_string(),
                parameters: parameters.clone(),
                response: campaign.true_response(),
                plateaus,
            }
        };
        self.sets.push(campaign.true_parameters().map(of_set));
    }

    /// The true value of a parameter of a data set.
    pub(super) fn of(&self, set: usize, name: &str) -> Option<f64> {
        let own = self.sets.get(set)?.as_ref()?;
        // With several data sets in one fit, a name may say of which it is.
        let suffix = |name: &str, of: &OfSet| {
            [&of.name, &of.channel]
                .iter()
                .find_map(|suffix| name.strip_suffix(&format!("_{suffix}")).map(str::to_owned))
        };
        if let Some(value) = own.value(name) {
            return Some(value);
        }
        let mut others = self.sets.iter().flatten();
        others.find_map(|other| other.value(&suffix(name, other)?))
    }

    /// The true response of a data set at a bin, V/(erg/s).
    pub(super) fn response(&self, set: usize, bin: usize) -> Option<Complex64> {
        *self.sets.get(set)?.as_ref()?.response.get(bin)?
    }
}

impl OfSet {
    fn value(&self, name: &str) -> Option<f64> {
        let TrueParameters { bolometer, corrections, .. } = &self.parameters;
        let drift = corrections.ical_drift;
        if let Some(of_bolometer) = name.strip_prefix("bolometer_") {
            let place = FITTED_NAMES.iter().position(|(known, _)| *known == of_bolometer)?;
            return Some(bolometer.fitted()[place]);
        }
        match name {
            "h2" => return Some(corrections.h2),
            "h3" => return Some(corrections.h3),
            "vs" => return Some(corrections.secondary_vibration),
            "ical_drift_amplitude" => return Some(drift.amplitude_k),
            "ical_drift_time" => return Some(drift.time_yr),
            "ical_drift_offset" => return Some(drift.offset_k),
            "ical_offset" => return Some(0.0),
            "xcal_offset" => return Some(corrections.xcal_offset_k),
            _ => {}
        }
        if let Some(power) = name.strip_prefix("vp") {
            return corrections.primary_vibration.get(power.parse::<usize>().ok()?).copied();
        }
        if let Some(emitter) = name.strip_suffix("_offset") {
            return Some(corrections.offsets_k.get(emitter).copied().unwrap_or(0.0));
        }
        let (place, body) = name.strip_prefix("plateau_")?.split_once('_')?;
        let plateau = *self.plateaus.get(place.parse::<usize>().ok()?)?;
        let body = BODIES.iter().position(|known| *known == body)?;
        self.parameters.plateau_errors_k.get(plateau).map(|errors| errors[body])
    }
}
