//! The instrument of a data set as a calibration model has it, without emissivities.

use std::ops::Range;

use super::Campaign;
use super::designs::Designs;
use crate::science::data::emitters::emitting;
use crate::science::data::model::{PublishedBolometerState, PublishedModel};
use crate::science::fit::joint::SharedValues;
use crate::science::instrument::{
    BolometerError, BolometerParameters, Corrections, Electronics, IFG_LENGTH, SPECTRUM_BINS,
};

use crate::foundations::numerics::constants::MJY_SR_PER_ERG;

/// The published normalisation is this part of one over throughput, digitisation and Nyquist frequency.
const NORMALIZATION_UNIT: f64 = 10.0;

impl Campaign {
    /// The parameters of the bolometer and the corrections that are in force.
    #[must_use]
    pub fn in_force(&self) -> (BolometerParameters, Corrections) {
        (self.bolometer, self.corrections.clone())
    }

    /// The same records by other parameters of the bolometer and other corrections: those that a joint fit
    /// found. What a simulation was made with stays.
    ///
    /// # Errors
    /// If the bolometer has no state by these.
    pub fn adjusted(
        mut self,
        (bolometer, corrections): (BolometerParameters, Corrections),
    ) -> Result<Self, BolometerError> {
        let given = &self.selected.housekeeping;
        let states = bolometer.states(&given.bias_v, &given.volt_v, &given.bath_k);
        self.selected.states = states.into_iter().collect::<Result<_, _>>()?;
        let temperatures = std::mem::take(&mut self.selected.temperatures);
        self.selected.temperatures = emitting(&self.emitters, temperatures, &self.selected.states);
        (self.bolometer, self.corrections, self.designs) =
            (bolometer, corrections, Designs::default());
        Ok(self)
    }

    /// Years since the aperture cover was ejected of each record that is used, if all are known.
    #[must_use]
    pub fn years(&self) -> Option<&[f64]> {
        self.selected.housekeeping.years.as_deref()
    }

    /// A calibration model of these bins, with no emissivities yet: the instrument by its settings, and
    /// by some values of the shared parameters.
    #[must_use]
    pub fn model_without_emissivities(
        &self,
        (bolometer, corrections): (BolometerParameters, Corrections),
        bins: Range<usize>,
        label: String,
    ) -> PublishedModel {
        let (axis, set) = (&self.axis, self.axis.channel_scan());
        let electronics = Electronics::new(set.channel, set.adds_per_group());
        let (bias_v, volt_v, bath_k) = self.mission_state;
        let state = bolometer.state(bias_v, volt_v, bath_k).ok();
        let nan = f64::NAN;
        PublishedModel {
            chanscan: set.to_string().to_uppercase(),
            label,
            nu_zero_ghz: axis.frequency_ghz(bins.start),
            delta_nu_ghz: axis.step_ghz(),
            omega_zero: axis.omega(bins.start),
            delta_omega: axis.omega(1),
            // Its sign, which is that of the side, is known from that.
            normalization: (MJY_SR_PER_ERG / self.gain.normalization() / NORMALIZATION_UNIT).abs(),
            bins: bins.len(),
            electronics_gain: bins.map(|bin| electronics.etf(axis.audio_hz(bin))).collect(),
            columns: Vec::new(),
            emissivity: Vec::new(),
            apodization: self.apodization.clone().unwrap_or_else(|| vec![1.0; IFG_LENGTH]),
            bolometer,
            state: PublishedBolometerState {
                bias_v,
                volt_v,
                bath_k,
                temperature_k: state.map_or(nan, |state| state.temperature_k),
                responsivity: state.map_or(nan, |state| state.responsivity),
                time_constant_s: state.map_or(nan, |state| state.time_constant_s),
            },
            corrections,
        }
    }

    /// The bins that a published model of this data set has at most: from its first, or the first above
    /// it, to the last of the optical band.
    #[must_use]
    pub fn published_bins(&self) -> Range<usize> {
        let first = self.axis.channel_scan().first_published_bin() * self.axis.length();
        let first = first.div_ceil(crate::science::instrument::PADDED_LENGTH);
        let last = (first..SPECTRUM_BINS).rev().find(|&bin| self.axis.is_in_band(bin));
        first..last.map_or(first, |last| last + 1)
    }
}

/// Shared values as corrections.
#[must_use]
pub fn as_corrections(values: &SharedValues, emitters: &[String]) -> Corrections {
    let mut corrections = Corrections {
        h2: values.harmonics[0],
        h3: values.harmonics[1],
        primary_vibration: values.primary,
        secondary_vibration: values.secondary,
        ..Corrections::NONE
    };
    let [amplitude_k, time_yr, offset_k] = values.drift;
    corrections.ical_drift.amplitude_k = amplitude_k;
    corrections.ical_drift.time_yr = time_yr;
    corrections.ical_drift.offset_k = offset_k;
    for (emitter, offset) in emitters.iter().zip(&values.offsets_k) {
        match emitter.as_str() {
            "xcal" => corrections.xcal_offset_k = *offset,
            // What is added to a reading makes the drift read so much less.
            "ical" => corrections.ical_drift.offset_k += offset,
            _ if *offset != 0.0 => {
                corrections.offsets_k.insert(emitter.clone(), *offset);
            }
            _ => {}
        }
    }
    corrections
}
