//! One data set, ready to be fitted, and the spectra that it has in one trial.
//!
//! [`Campaign::prepare`] does everything that does not depend on the noise level or the trial:
//! it reads or simulates the records and screens them. [`Campaign::realise`] draws the noise (or
//! chooses the plateaus) of one trial and transforms every record. [`Campaign::bin_data`] gathers one
//! bin, which [`Realisation::problem`] hands to a method.

mod calibration;
mod designs;
mod eliminated;
mod joint;
mod realisation;
mod realise;
mod selected;
mod survey;
mod telemetry;
mod terms;

use std::ops::Range;

use crate::foundations::npz::Hold;
use crate::science::instrument::{
    Axis, BolometerParameters, ChannelScan, Corrections, Gain, SPECTRUM_BINS,
};

use super::emitters::Emitter;
use super::error::DataError;
use super::known::KnownModel;
use super::model::PublishedModel;
use super::plateaus::plateaus;
use super::recipe::Recipe;
use super::resolved::ResolvedSettings;
use super::screening::{Reason, Screening};
use super::settings::{Sigma, Source};
use super::transform::Transform;
use super::truth::Truth;
pub use calibration::as_corrections;
use designs::Designs;
pub use designs::{Design, kept_bytes};
pub use joint::{JointBin, JointRecords, SharedInputs};
pub use realisation::{BinData, Realisation};
pub(in crate::science::data) use selected::Interferograms;
use selected::{Housekeeping, SelectedRecords};
pub use survey::{Surveyed, survey};

/// One data set, ready to be fitted.
#[derive(Debug)]
pub struct Campaign {
    pub(in crate::science::data) axis: Axis,
    gain: Gain,
    transform: Transform,
    pub(in crate::science::data) selected: SelectedRecords,
    sigma: Option<Sigma>,
    /// Bins in which the channel sees no light.
    dark_bins: Range<usize>,
    /// Whether the electronics pass next to nothing, one a bin.
    blocked: Vec<bool>,
    pub(in crate::science::data) seed: u64,
    pub(in crate::science::data) emitters: Vec<Emitter>,
    /// What methods may take as known of the emissivities; for simulated data there always is.
    pub(in crate::science::data) known: Option<KnownModel>,
    /// Number of the plateau of each record.
    plateaus: Vec<usize>,
    designs: Designs,
    /// What the bolometer's parameters are taken to be.
    bolometer: BolometerParameters,
    /// Those that are in force.
    corrections: Corrections,
    /// Those of the published model.
    model_corrections: Option<Corrections>,
    /// Bias, V, readout, V, and bath, K, in the average of the mission.
    mission_state: (f64, f64, f64),
    /// The apodisation function as published, where it is applied.
    apodization: Option<Vec<f64>>,
}

impl Campaign {
    /// Reads or simulates a data set.
    ///
    /// # Errors
    /// If a file cannot be used, a setting is missing, or no record is left.
    pub fn prepare(set: ChannelScan, recipe: &Recipe) -> Result<Self, DataError> {
        Self::prepare_holding(set, recipe, Hold::ByRule)
    }

    /// The same, with a word on whether the interferograms of a file are held in memory. What is fitted does
    /// not depend on it.
    ///
    /// # Errors
    /// As [`Self::prepare`].
    pub fn prepare_holding(
        set: ChannelScan,
        recipe: &Recipe,
        hold: Hold,
    ) -> Result<Self, DataError> {
        let resolved = ResolvedSettings::new(set, recipe)?;
        let selected = match recipe.data.source {
            Source::Npz => SelectedRecords::measured(set, recipe, &resolved, hold)?,
            Source::Simulate => SelectedRecords::simulated(set, recipe, &resolved)?,
        };
        let ResolvedSettings { axis, peak, apodisation, dark_bins, least_transfer, .. } = resolved;
        let ResolvedSettings { bolometer, corrections, model, .. } = resolved;
        let gain = Gain::new(&axis, peak);
        let is_blocked = |bin| gain.relative_transfer(bin) < least_transfer;
        let baseline = recipe.instrument.baseline;
        Ok(Self {
            blocked: (0..SPECTRUM_BINS).map(is_blocked).collect(),
            gain,
            transform: Transform::new(axis.length(), baseline, apodisation, peak.sample()),
            axis,
            sigma: recipe.data.sigma,
            dark_bins,
            seed: recipe.seed,
            plateaus: plateaus(&selected.temperatures),
            bolometer,
            corrections,
            model_corrections: model.as_ref().map(|model| model.corrections.clone()),
            mission_state: mission_state(model.as_ref(), &selected.housekeeping),
            apodization: model
                .as_ref()
                .filter(|_| recipe.instrument.apodise)
                .map(|model| model.apodization.clone()),
            selected,
            emitters: recipe.emitters.to_vec(),
            known: known(set, recipe, model),
            designs: Designs::default(),
        })
    }

    /// Keeps the Planck columns of these bins (ascending) once they are computed, unless they take too
    /// much memory: worth it for several realisations.
    #[must_use]
    pub fn keeping_designs(mut self, bins: &[usize]) -> Self {
        let records = self.records() as u64;
        let emitters = self.emitters.len() as u64;
        if kept_bytes(records, emitters, bins.len() as u64) > 0 {
            self.designs.keep(bins.last().map_or(0, |last| last + 1));
        }
        self
    }

    /// The frequency axis.
    #[must_use]
    pub fn axis(&self) -> &Axis {
        &self.axis
    }

    /// Which records are used.
    #[must_use]
    pub fn screening(&self) -> &Screening {
        &self.selected.screening
    }

    /// Noise of a sample at a noise level, counts per gain and sweep; none for measured data.
    #[must_use]
    pub fn sigma_at(&self, noise_level: f64) -> Option<f64> {
        match &self.selected.interferograms {
            Interferograms::Simulated(simulated) => Some(noise_level * simulated.null_rms),
            Interferograms::Measured { .. } => None,
        }
    }

    /// Why each record of the channel is left out, if it is, in the order of the file.
    #[must_use]
    pub fn reasons(&self) -> &[Option<Reason>] {
        &self.selected.reasons
    }

    /// Number of the plateau of each record that is used, ascending.
    #[must_use]
    pub fn plateaus(&self) -> &[usize] {
        &self.plateaus
    }

    /// At which emitters emit before corrections, K, `[emitter][record]` of those that are used.
    #[must_use]
    pub fn temperatures(&self) -> &[Vec<f64>] {
        &self.selected.temperatures
    }

    /// Number of records used.
    #[must_use]
    pub fn records(&self) -> usize {
        self.selected.states.len()
    }
}

/// Bias (V), readout (V) and bath (K) in the average of the mission, or the means of the records.
fn mission_state(model: Option<&PublishedModel>, given: &Housekeeping) -> (f64, f64, f64) {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    match model {
        Some(model) => (model.state.bias_v, model.state.volt_v, model.state.bath_k),
        None => (mean(&given.bias_v), mean(&given.volt_v), mean(&given.bath_k)),
    }
}

/// What methods may take as known: the published model, or the truth of a simulation with an error.
fn known(set: ChannelScan, recipe: &Recipe, model: Option<PublishedModel>) -> Option<KnownModel> {
    match (recipe.data.source, model) {
        (Source::Simulate, model) => Some(KnownModel {
            model: Truth::simulated(set.channel, model),
            error: recipe.simulate.model_error,
        }),
        (Source::Npz, Some(model)) => {
            Some(KnownModel { model: Truth::published(model), error: 0.0 })
        }
        (Source::Npz, None) => None,
    }
}

#[cfg(test)]
mod tests;
