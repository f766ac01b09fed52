//! The records of a data set that are used: read and screened, or simulated.

use super::telemetry::Telemetry;
use crate::foundations::npz::Hold;
use crate::science::data::emitters::{CombinedReading, emitting};
use crate::science::data::error::DataError;
use crate::science::data::recipe::Recipe;
use crate::science::data::records::RawRecords;
use crate::science::data::resolved::ResolvedSettings;
use crate::science::data::screening::{Reason, Screening, screen};
use crate::science::data::simulate::{SimulatedCampaign, SimulationSetup};
use crate::science::data::truth::Truth;
use crate::science::instrument::{
    Axis, BolometerState, ChannelScan, PLAIN_LENGTH, VibrationOffsets, bias_volts, mission_years,
};

/// The records that are used. Vectors have one element a record.
#[derive(Debug)]
pub(in crate::science::data) struct SelectedRecords {
    pub(in crate::science::data) screening: Screening,
    /// Why each record of the file is left out, if it is.
    pub(in crate::science::data) reasons: Vec<Option<Reason>>,
    /// At which emitters emit, K, `[emitter][record]`.
    pub(in crate::science::data) temperatures: Vec<Vec<f64>>,
    pub(in crate::science::data) states: Vec<BolometerState>,
    pub(in crate::science::data) housekeeping: Housekeeping,
    pub(in crate::science::data) interferograms: Interferograms,
}

/// What the state of the bolometer follows from, and when the records were taken.
#[derive(Debug, Clone)]
pub(in crate::science::data) struct Housekeeping {
    /// Commanded bias, V.
    pub(in crate::science::data) bias_v: Vec<f64>,
    /// Bolometer readout, V.
    pub(in crate::science::data) volt_v: Vec<f64>,
    /// Temperature of the bolometer's bath, K.
    pub(in crate::science::data) bath_k: Vec<f64>,
    /// Years since the aperture cover was ejected, if the time of every record is known.
    pub(in crate::science::data) years: Option<Vec<f64>>,
}

impl Housekeeping {
    /// Years of a record; NaN where times are not known, and so nothing depends on them.
    pub(in crate::science::data) fn years_of(&self, record: usize) -> f64 {
        self.years.as_ref().map_or(f64::NAN, |years| years[record])
    }
}

/// Where the interferograms come from.
#[derive(Debug)]
pub(in crate::science::data) enum Interferograms {
    Measured {
        /// Telemetry counts.
        telemetry: Telemetry,
        /// Gain times sweeps of each record.
        gain_sweeps: Vec<f64>,
    },
    Simulated(Box<SimulatedCampaign>),
}

impl SelectedRecords {
    /// The records of a file that pass the screening.
    pub(super) fn measured(
        set: ChannelScan,
        recipe: &Recipe,
        resolved: &ResolvedSettings,
        hold: Hold,
    ) -> Result<Self, DataError> {
        let path = recipe.data.path.as_deref().ok_or(DataError::NoPath)?;
        let raw = RawRecords::read(path, set.channel, recipe, resolved, hold)?;
        let passed = screen(&raw, set, resolved, recipe);
        if passed.indices.is_empty() {
            let path = path.to_path_buf();
            let screening = passed.screening;
            return Err(DataError::NoRecords { path, set, screening });
        }
        let picked = |values: &[f64]| passed.indices.iter().map(|&i| values[i]).collect();
        let pick = |reading: &CombinedReading| picked(&reading.temperatures_k);
        let readings = raw.readings.iter().map(pick).collect();
        let years: Option<Vec<f64>> = raw.years.as_deref().map(picked);
        let housekeeping = Housekeeping {
            bias_v: picked(&raw.bias_v),
            volt_v: picked(&raw.volt_v),
            bath_k: picked(&raw.bath_k),
            years: years.filter(|years| years.iter().all(|years| years.is_finite())),
        };
        let gain = |given: f64| resolved.gains.gain(set.channel, given);
        Ok(Self {
            temperatures: emitting(recipe.emitters, readings, &passed.states),
            interferograms: Interferograms::measured(raw, &passed.indices, gain),
            states: passed.states,
            housekeeping,
            reasons: passed.reasons,
            screening: passed.screening,
        })
    }

    /// A campaign simulated on the 512-point grid, where the transform can be inverted exactly.
    pub(super) fn simulated(
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
            corrections: &resolved.true_corrections,
            vibration: VibrationOffsets::of(set, PLAIN_LENGTH),
            least_transfer: resolved.least_transfer,
            point: resolved.operating_point(),
        };
        let simulated = SimulatedCampaign::new(recipe.simulate, &setup, recipe.seed)
            .map_err(|source| DataError::Bolometer { set, source })?;
        let states = simulated
            .assumed_states(&resolved.bolometer)
            .map_err(|source| DataError::Bolometer { set, source })?;
        Ok(Self {
            screening: Screening::all(simulated.len()),
            reasons: vec![None; simulated.len()],
            temperatures: emitting(
                recipe.emitters,
                simulated.read_without_noise().to_vec(),
                &states,
            ),
            states,
            housekeeping: Housekeeping {
                bias_v: simulated.bias_counts.iter().map(|counts| bias_volts(*counts)).collect(),
                volt_v: simulated.volts.clone(),
                bath_k: simulated.baths.clone(),
                years: Some(simulated.ticks.iter().map(|ticks| mission_years(*ticks)).collect()),
            },
            interferograms: Interferograms::Simulated(Box::new(simulated)),
        })
    }
}

impl Interferograms {
    /// The chosen records (`indices` ascending); `gain` is that of the preamplifier for what the file
    /// has.
    fn measured(raw: RawRecords, indices: &[usize], gain: impl Fn(f64) -> f64) -> Self {
        let gain_sweeps = indices.iter().map(|&i| gain(raw.gain[i]) * raw.sweeps[i]).collect();
        Self::Measured { telemetry: Telemetry::new(raw.ifg, indices), gain_sweeps }
    }
}
