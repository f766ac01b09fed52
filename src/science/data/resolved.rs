//! What the settings amount to for one data set: defaults filled in, models read, all checked.

use std::ops::Range;

use crate::foundations::Shown;
use crate::science::instrument::{
    Axis, BolometerParameters, COUNTS_PER_VOLT, Channel, ChannelScan, Corrections, GainTable,
    IFG_LENGTH, PUBLISHED_LL, Peak, SPECTRUM_BINS, VibrationOffsets,
};

use super::conventions::{Apodisation, Bias};
use super::corrections::CorrectionChoice;
use super::emitters::{Emitter, OTF_COLUMN};
use super::error::DataError;
use super::model::PublishedModel;
use super::recipe::Recipe;
use super::settings::{DataSettings, InstrumentSettings, Sigma, Source};
use super::simulate::OperatingPoint;
use super::truth::Truth;

/// Bins above the optical band that a noise estimate needs at least.
const LEAST_DARK_BINS: usize = 8;

/// The settings of one data set, resolved.
#[derive(Debug, Clone)]
pub(super) struct ResolvedSettings {
    pub(super) axis: Axis,
    pub(super) peak: Peak,
    pub(super) gains: GainTable,
    pub(super) bias: Bias,
    pub(super) least_transfer: f64,
    pub(super) bolometer: BolometerParameters,
    pub(super) apodisation: Option<Vec<f64>>,
    /// Bins in which the channel sees no light.
    pub(super) dark_bins: Range<usize>,
    pub(super) model: Option<PublishedModel>,
    /// Those of `instrument.corrections`, which the fit makes.
    pub(super) corrections: Corrections,
    /// Those of `simulate.corrections`, which a simulation needs; none for measured data.
    pub(super) true_corrections: Corrections,
}

impl ResolvedSettings {
    /// Fills in the defaults and reads the published model, if one is named.
    ///
    /// # Errors
    /// The first setting that is missing or does not fit the data set.
    pub(super) fn new(set: ChannelScan, recipe: &Recipe) -> Result<Self, DataError> {
        let data = recipe.data;
        let instrument = recipe.instrument;
        let axis = Axis::new(set, instrument.transform_length, instrument.frequency_correction)?;
        let model = read_model(set, data, recipe.emitters)?;
        let peak = peak(set, instrument)?;
        let corrections = |setting, choice: &CorrectionChoice| {
            let corrections = choice.resolved(setting, model.as_ref(), recipe.emitters)?;
            let [.., primary, secondary] = corrections.terms();
            if (primary || secondary) && VibrationOffsets::of(set, axis.length()).is_none() {
                return Err(DataError::NoVibrationOffsets { set, setting });
            }
            Ok(corrections)
        };
        Ok(Self {
            corrections: corrections("instrument.corrections", &instrument.corrections)?,
            true_corrections: match data.source {
                Source::Simulate => {
                    corrections("simulate.corrections", &recipe.simulate.corrections)?
                }
                Source::Npz => Corrections::NONE,
            },
            peak,
            gains: instrument.gain_table(),
            bias: instrument.bias(),
            least_transfer: instrument.least_transfer(),
            bolometer: bolometer_parameters(set, data, instrument, model.as_ref())?,
            apodisation: apodisation(instrument, peak, model.as_ref())?,
            dark_bins: dark_bins(&axis, data)?,
            axis,
            model,
        })
    }

    /// The mission-average state of the bolometer, about which a campaign is simulated.
    pub(super) fn operating_point(&self) -> OperatingPoint {
        self.model.as_ref().map_or(OperatingPoint::PUBLISHED_LL, |model| OperatingPoint {
            bias_counts: (model.state.bias_v * COUNTS_PER_VOLT).round(),
            volt_v: model.state.volt_v,
            bath_k: model.state.bath_k,
        })
    }
}

/// What a data set was or will be simulated from; none for measured data.
///
/// # Errors
/// If the model that was named cannot be read.
pub fn truth_of(
    set: ChannelScan,
    data: &DataSettings,
    emitters: &[Emitter],
) -> Result<Option<Truth>, DataError> {
    if data.source != Source::Simulate {
        return Ok(None);
    }
    Ok(Some(Truth::simulated(set.channel, read_model(set, data, emitters)?)))
}

/// What `data.model` says of the emissivities; none if there is none.
///
/// # Errors
/// If it cannot be read.
pub fn published_of(
    set: ChannelScan,
    data: &DataSettings,
    emitters: &[Emitter],
) -> Result<Option<Truth>, DataError> {
    Ok(read_model(set, data, emitters)?.map(Truth::published))
}

fn read_model(
    set: ChannelScan,
    data: &DataSettings,
    emitters: &[Emitter],
) -> Result<Option<PublishedModel>, DataError> {
    let Some(path) = data.model_of(set) else { return Ok(None) };
    let mut columns: Vec<&str> = emitters.iter().filter_map(|e| e.column.as_deref()).collect();
    if !columns.contains(&OTF_COLUMN) {
        columns.push(OTF_COLUMN);
    }
    let model = PublishedModel::read(&path, &columns)?;
    if !model.chanscan.to_lowercase().starts_with(set.channel.name()) {
        let path = Shown(&path).to_string();
        let found = model.chanscan;
        return Err(DataError::OtherChannel { path, found, set });
    }
    Ok(Some(model))
}

fn peak(set: ChannelScan, settings: &InstrumentSettings) -> Result<Peak, DataError> {
    let place = settings.peak_sample.or(settings.peak_table().place(set));
    let place = place.ok_or(DataError::NoPeak { set })?;
    Peak::at(place).ok_or(DataError::PeakSample(place))
}

/// The settings' own parameters, else the model's; a simulation, which is its own truth, may
/// borrow those of channel ll.
fn bolometer_parameters(
    set: ChannelScan,
    data: &DataSettings,
    instrument: &InstrumentSettings,
    model: Option<&PublishedModel>,
) -> Result<BolometerParameters, DataError> {
    let borrowed = data.source == Source::Simulate || set.channel == Channel::Ll;
    instrument
        .bolometer
        .or(model.map(|model| model.bolometer))
        .or(borrowed.then_some(PUBLISHED_LL))
        .ok_or(DataError::NoBolometer { set })
}

/// The published function, one factor a sample. It is stored with its peak at element 0, which
/// belongs to the sample at the white-light peak.
fn apodisation(
    settings: &InstrumentSettings,
    peak: Peak,
    model: Option<&PublishedModel>,
) -> Result<Option<Vec<f64>>, DataError> {
    if !settings.apodise {
        return Ok(None);
    }
    let mut window = model.ok_or(DataError::NoApodisation)?.apodization.clone();
    if settings.apodisation() == Apodisation::Rotated {
        window.rotate_right(peak.sample() % IFG_LENGTH);
    }
    Ok(Some(window))
}

/// The bins above the optical band, where the channel sees no light.
fn dark_bins(axis: &Axis, data: &DataSettings) -> Result<std::ops::Range<usize>, DataError> {
    let set = axis.channel_scan();
    let above_ghz = data.dark_above_ghz.unwrap_or(set.channel.dark_above_ghz());
    let first = (0..SPECTRUM_BINS).find(|&bin| axis.frequency_ghz(bin) > above_ghz);
    let first = first.unwrap_or(SPECTRUM_BINS);
    let bins = SPECTRUM_BINS - first;
    let estimated = match data.sigma {
        Some(Sigma::Estimate) => true,
        Some(Sigma::Given(_)) => false,
        None => data.source == Source::Npz,
    };
    if estimated && bins < LEAST_DARK_BINS {
        return Err(DataError::NoDarkBins { set, bins, above_ghz });
    }
    Ok(first..SPECTRUM_BINS)
}
