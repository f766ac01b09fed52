//! One data set, ready to be fitted: everything that does not depend on the noise level.

use std::ops::Range;

use crate::instrument::{Axis, BolometerState, ChannelScan, Gain, PLAIN_LENGTH, SPECTRUM_BINS};

use super::designs::{Designs, kept_bytes};
use super::emitters::{CombinedReading, Emitter, emitting};
use super::error::DataError;
use super::known::KnownModel;
use super::model::PublishedModel;
use super::plateaus::plateaus;
use super::recipe::Recipe;
use super::records::RawRecords;
use super::resample::{Resampling, check};
use super::resolved::ResolvedSettings;
use super::screening::{Reason, Screening, screen};
use super::settings::{Sigma, SimulateSettings, Source};
use super::simulate::{SimulatedCampaign, SimulationSetup};
use super::transform::Transform;
use super::truth::Truth;
use crate::foundations::npz::Matrix;

/// One data set, ready to be fitted.
#[derive(Debug)]
pub struct Campaign {
    pub(super) axis: Axis,
    pub(super) gain: Gain,
    pub(super) transform: Transform,
    pub(super) selected: SelectedRecords,
    pub(super) sigma: Option<Sigma>,
    /// Bins in which the channel sees no light.
    pub(super) dark_bins: Range<usize>,
    /// Whether the electronics pass next to nothing, one a bin.
    pub(super) blocked: Vec<bool>,
    pub(super) seed: u64,
    pub(super) emitters: Vec<Emitter>,
    /// What methods may take as known of the emissivities; for simulated data there always is.
    pub(super) known: Option<KnownModel>,
    /// Number of the plateau of each record.
    pub(super) plateaus: Vec<usize>,
    pub(super) designs: Designs,
}

/// The records that are used. Vectors have one element a record.
#[derive(Debug)]
pub(super) struct SelectedRecords {
    pub(super) screening: Screening,
    /// Why each record of the file is left out, if it is.
    pub(super) reasons: Vec<Option<Reason>>,
    /// At which emitters emit, K, `[emitter][record]`.
    pub(super) temperatures: Vec<Vec<f64>>,
    pub(super) states: Vec<BolometerState>,
    pub(super) interferograms: Interferograms,
}

/// Where the interferograms come from.
#[derive(Debug)]
pub(super) enum Interferograms {
    Measured {
        /// Telemetry counts, [record, sample].
        counts: Matrix,
        /// Gain times sweeps of each record.
        gain_sweeps: Vec<f64>,
    },
    Simulated(SimulatedCampaign),
}

impl Campaign {
    /// Reads or simulates a data set.
    ///
    /// # Errors
    /// If a file cannot be used, a setting is missing, or no record is left.
    pub fn prepare(set: ChannelScan, recipe: &Recipe) -> Result<Self, DataError> {
        let resolved = ResolvedSettings::new(set, recipe)?;
        let selected = match recipe.data.source {
            Source::Npz => SelectedRecords::measured(set, recipe, &resolved)?,
            Source::Simulate => SelectedRecords::simulated(set, recipe, &resolved)?,
        };
        let ResolvedSettings { axis, peak, apodisation, dark_bins, least_transfer, model, .. } =
            resolved;
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
            selected,
            emitters: recipe.emitters.to_vec(),
            known: known(set, recipe, model),
            designs: Designs::default(),
        })
    }

    /// The same, but the Planck columns at some bins (ascending) are kept once they are worked out,
    /// unless they are too much: for several realisations.
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

    /// Number of records used.
    #[must_use]
    pub fn records(&self) -> usize {
        self.selected.states.len()
    }
}

impl SelectedRecords {
    /// The records of a file that pass the screening.
    fn measured(
        set: ChannelScan,
        recipe: &Recipe,
        resolved: &ResolvedSettings,
    ) -> Result<Self, DataError> {
        let path = recipe.data.path.as_deref().ok_or(DataError::NoPath)?;
        let raw = RawRecords::read(path, set.channel, recipe, resolved.bias)?;
        let passed = screen(&raw, set, &resolved.bolometer, recipe);
        if passed.indices.is_empty() {
            let path = path.to_path_buf();
            let screening = passed.screening;
            return Err(DataError::NoRecords { path, set, screening });
        }
        let pick = |reading: &CombinedReading| -> Vec<f64> {
            passed.indices.iter().map(|&i| reading.temperatures_k[i]).collect()
        };
        let readings = raw.readings.iter().map(pick).collect();
        let gain = |given: f64| resolved.gains.gain(set.channel, given);
        Ok(Self {
            temperatures: emitting(recipe.emitters, readings, &passed.states),
            interferograms: Interferograms::measured(raw, &passed.indices, gain),
            states: passed.states,
            reasons: passed.reasons,
            screening: passed.screening,
        })
    }

    /// A campaign simulated on the 512-point grid, where the transform can be inverted exactly.
    fn simulated(
        set: ChannelScan,
        recipe: &Recipe,
        resolved: &ResolvedSettings,
    ) -> Result<Self, DataError> {
        let setup = SimulationSetup {
            emitters: recipe.emitters,
            truth: &Truth::simulated(set.channel, resolved.model.clone()),
            axis: &Axis::new(set, PLAIN_LENGTH, recipe.instrument.frequency_correction)?,
            peak: resolved.peak,
            gains: resolved.gains,
            bolometer: &resolved.bolometer,
            point: resolved.operating_point(),
        };
        let simulated = SimulatedCampaign::new(recipe.simulate, &setup, recipe.seed)
            .map_err(|source| DataError::Bolometer { set, source })?;
        Ok(Self {
            screening: Screening::all(simulated.len()),
            reasons: vec![None; simulated.len()],
            temperatures: emitting(
                recipe.emitters,
                simulated.temperatures.clone(),
                &simulated.states,
            ),
            states: simulated.states.clone(),
            interferograms: Interferograms::Simulated(simulated),
        })
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

impl Interferograms {
    /// The chosen records (`indices` ascending); `gain` is that of the preamplifier for what the file
    /// has.
    fn measured(mut raw: RawRecords, indices: &[usize], gain: impl Fn(f64) -> f64) -> Self {
        raw.ifg.keep(indices);
        let gain_sweeps = indices.iter().map(|&i| gain(raw.gain[i]) * raw.sweeps[i]).collect();
        Self::Measured { counts: raw.ifg, gain_sweeps }
    }
}

/// What a planner learns of a data set.
#[derive(Debug)]
pub struct Surveyed {
    /// How many of its records will be used.
    pub screening: Screening,
    /// The data set, if it had to be read for that.
    pub campaign: Option<Campaign>,
}

/// How many records of a data set will be used, and that it can be prepared and has enough
/// plateaus for its trials: what a planner asks.
///
/// # Errors
/// If it cannot be prepared.
pub fn survey(
    set: ChannelScan,
    recipe: &Recipe,
    (resampling, trials): (Resampling, u64),
) -> Result<Surveyed, DataError> {
    // One simulated record shows whether the settings are sound; all are used in any case.
    let one = SimulateSettings { records: 1, ..recipe.simulate.clone() };
    let campaign = Campaign::prepare(set, &Recipe { simulate: &one, ..*recipe })?;
    check(resampling, trials, set, &campaign.plateaus)?;
    Ok(match recipe.data.source {
        Source::Npz => {
            let screening = campaign.selected.screening.clone();
            Surveyed { screening, campaign: Some(campaign) }
        }
        Source::Simulate => {
            Surveyed { screening: Screening::all(recipe.simulate.records), campaign: None }
        }
    })
}
