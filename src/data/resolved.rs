//! What the settings amount to for one data set: defaults filled in, models read, all checked.

use std::ops::Range;

use crate::foundations::Shown;
use crate::instrument::{
    Axis, BolometerParameters, COUNTS_PER_VOLT, Channel, ChannelScan, Emitter, IFG_LENGTH,
    PUBLISHED_LL, SPECTRUM_BINS,
};

use super::error::DataError;
use super::model::PublishedModel;
use super::settings::{DataSettings, InstrumentSettings, Sigma, Source};
use super::simulate::OperatingPoint;
use super::truth::Truth;

/// Bins above the optical band that a noise estimate needs at least.
const LEAST_DARK_BINS: usize = 8;

/// The settings of one data set, resolved.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub(super) axis: Axis,
    pub(super) emitters: Vec<Emitter>,
    pub(super) peak_sample: usize,
    pub(super) bolometer: BolometerParameters,
    pub(super) apodisation: Option<Vec<f64>>,
    /// Bins in which the channel sees no light.
    pub(super) dark_bins: Range<usize>,
    pub(super) model: Option<PublishedModel>,
}

impl Resolved {
    /// Fills in the defaults and reads the published model, if one is named.
    ///
    /// # Errors
    /// The first setting that is missing or does not fit the data set.
    pub(super) fn new(
        set: ChannelScan,
        data: &DataSettings,
        instrument: &InstrumentSettings,
    ) -> Result<Self, DataError> {
        let axis = Axis::new(set, instrument.transform_length, instrument.frequency_correction)?;
        let model = read_model(set, data)?;
        Ok(Self {
            emitters: data.emitters(),
            peak_sample: peak_sample(set, instrument)?,
            bolometer: bolometer_parameters(set, data, instrument, model.as_ref())?,
            apodisation: apodisation(instrument, model.as_ref())?,
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
pub fn truth_of(set: ChannelScan, data: &DataSettings) -> Result<Option<Truth>, DataError> {
    if data.source != Source::Simulate {
        return Ok(None);
    }
    Ok(Some(Truth::new(set.channel, read_model(set, data)?)))
}

fn read_model(set: ChannelScan, data: &DataSettings) -> Result<Option<PublishedModel>, DataError> {
    let Some(path) = data.model_of(set) else { return Ok(None) };
    let model = PublishedModel::read(&path)?;
    if !model.chanscan.to_lowercase().starts_with(set.channel.name()) {
        let (path, found) = (Shown(&path).to_string(), model.chanscan);
        return Err(DataError::OtherChannel { path, found, set });
    }
    Ok(Some(model))
}

fn peak_sample(set: ChannelScan, settings: &InstrumentSettings) -> Result<usize, DataError> {
    match settings.peak_sample.or(set.peak_sample()) {
        None => Err(DataError::NoPeak { set }),
        Some(sample) if sample >= IFG_LENGTH => Err(DataError::PeakSample(sample)),
        Some(sample) => Ok(sample),
    }
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

fn apodisation(
    settings: &InstrumentSettings,
    model: Option<&PublishedModel>,
) -> Result<Option<Vec<f64>>, DataError> {
    match (settings.apodise, model) {
        (false, _) => Ok(None),
        (true, Some(model)) => Ok(Some(model.apodization.clone())),
        (true, None) => Err(DataError::NoApodisation),
    }
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
