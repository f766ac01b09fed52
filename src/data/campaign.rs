//! One data set, ready to be fitted: everything that does not depend on the noise level.

use std::ops::Range;

use crate::instrument::{Axis, BolometerState, ChannelScan, Emitter, Gain, PLAIN_LENGTH};

use super::designs::{Designs, kept_bytes};
use super::error::DataError;
use super::known::Known;
use super::npz::Matrix;
use super::plateaus::plateaus;
use super::records::RawRecords;
use super::resample::{Resampling, check};
use super::resolved::Resolved;
use super::screening::{Screening, screen};
use super::settings::{DataSettings, InstrumentSettings, Sigma, SimulateSettings, Source};
use super::simulate::{Setup, SimulatedCampaign};
use super::transform::Transform;
use super::truth::Truth;

/// One data set, ready to be fitted.
#[derive(Debug)]
pub struct Campaign {
    pub(super) axis: Axis,
    pub(super) gain: Gain,
    pub(super) transform: Transform,
    pub(super) taken: Taken,
    pub(super) sigma: Option<Sigma>,
    /// Bins in which the channel sees no light.
    pub(super) dark_bins: Range<usize>,
    pub(super) seed: u64,
    pub(super) emitters: Vec<Emitter>,
    /// What methods may take as known of the emissivities; for simulated data there always is.
    pub(super) known: Option<Known>,
    /// Number of the plateau of each record.
    pub(super) plateaus: Vec<usize>,
    pub(super) designs: Designs,
}

/// The records that are used. Vectors have one element a record.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) screening: Screening,
    /// K, `[emitter][record]`.
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
    pub fn prepare(
        set: ChannelScan,
        data: &DataSettings,
        simulate: &SimulateSettings,
        instrument: &InstrumentSettings,
        seed: u64,
    ) -> Result<Self, DataError> {
        let resolved = Resolved::new(set, data, instrument)?;
        let taken = match data.source {
            Source::Npz => Taken::measured(set, data, &resolved)?,
            Source::Simulate => Taken::simulated(set, simulate, instrument, &resolved, seed)?,
        };
        let Resolved { axis, peak_sample, apodisation, dark_bins, emitters, model, .. } = resolved;
        let simulated = data.source == Source::Simulate;
        let known = (model.is_some() || simulated).then(|| Known {
            model: Truth::new(set.channel, model),
            error: if simulated { simulate.model_error } else { 0.0 },
        });
        Ok(Self {
            gain: Gain::new(&axis),
            transform: Transform::new(axis.length(), instrument.baseline, apodisation, peak_sample),
            axis,
            sigma: data.sigma,
            dark_bins,
            seed,
            plateaus: plateaus(&taken.temperatures),
            taken,
            emitters,
            known,
            designs: Designs::default(),
        })
    }

    /// The same, but the Planck columns at some bins (ascending) are kept once they are worked out,
    /// unless they are too much: for several realisations.
    #[must_use]
    pub fn keeping_designs(mut self, bins: &[usize]) -> Self {
        let (records, emitters) = (self.records() as u64, self.emitters.len() as u64);
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
        &self.taken.screening
    }

    /// Noise of a sample at a noise level, counts per gain and sweep; none for measured data.
    #[must_use]
    pub fn sigma_at(&self, noise_level: f64) -> Option<f64> {
        match &self.taken.interferograms {
            Interferograms::Simulated(simulated) => Some(noise_level * simulated.null_rms),
            Interferograms::Measured { .. } => None,
        }
    }

    /// Number of records used.
    #[must_use]
    pub fn records(&self) -> usize {
        self.taken.states.len()
    }
}

impl Taken {
    /// The records of a file that pass the screening.
    fn measured(
        set: ChannelScan,
        data: &DataSettings,
        resolved: &Resolved,
    ) -> Result<Self, DataError> {
        let path = data.path.as_deref().ok_or(DataError::NoPath)?;
        let raw = RawRecords::read(path, set.channel, &resolved.emitters)?;
        let passed = screen(&raw, set, &resolved.bolometer, data.saturation_counts);
        if passed.indices.is_empty() {
            let (path, screening) = (path.to_path_buf(), passed.screening);
            return Err(DataError::NoRecords { path, set, screening });
        }
        Ok(Self {
            temperatures: raw.temperatures.iter().map(|t| pick(t, &passed.indices)).collect(),
            interferograms: Interferograms::measured(raw, &passed.indices),
            states: passed.states,
            screening: passed.screening,
        })
    }

    /// A campaign simulated on the 512-point grid, where the transform can be inverted exactly.
    fn simulated(
        set: ChannelScan,
        simulate: &SimulateSettings,
        instrument: &InstrumentSettings,
        resolved: &Resolved,
        seed: u64,
    ) -> Result<Self, DataError> {
        let setup = Setup {
            emitters: &resolved.emitters,
            truth: &Truth::new(set.channel, resolved.model.clone()),
            axis: &Axis::new(set, PLAIN_LENGTH, instrument.frequency_correction)?,
            peak_sample: resolved.peak_sample,
            bolometer: &resolved.bolometer,
            point: resolved.operating_point(),
        };
        let simulated = SimulatedCampaign::new(simulate, &setup, seed)
            .map_err(|source| DataError::Bolometer { set, source })?;
        Ok(Self {
            screening: Screening::all(simulated.len()),
            temperatures: simulated.temperatures.clone(),
            states: simulated.states.clone(),
            interferograms: Interferograms::Simulated(simulated),
        })
    }
}

fn pick(values: &[f64], indices: &[usize]) -> Vec<f64> {
    indices.iter().map(|&i| values[i]).collect()
}

impl Interferograms {
    /// The chosen records (`indices` ascending).
    fn measured(mut raw: RawRecords, indices: &[usize]) -> Self {
        raw.ifg.keep(indices);
        let gain_sweeps = indices.iter().map(|&i| raw.gain[i] * raw.sweeps[i]).collect();
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
    data: &DataSettings,
    simulate: &SimulateSettings,
    instrument: &InstrumentSettings,
    seed: u64,
    (resampling, trials): (Resampling, u64),
) -> Result<Surveyed, DataError> {
    // One simulated record shows whether the settings are sound; all are used in any case.
    let one = SimulateSettings { records: 1, ..simulate.clone() };
    let campaign = Campaign::prepare(set, data, &one, instrument, seed)?;
    check(resampling, trials, set, &campaign.plateaus)?;
    Ok(match data.source {
        Source::Npz => {
            let screening = campaign.taken.screening.clone();
            Surveyed { screening, campaign: Some(campaign) }
        }
        Source::Simulate => {
            Surveyed { screening: Screening::all(simulate.records), campaign: None }
        }
    })
}
