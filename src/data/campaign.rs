//! One data set, ready to be fitted: everything that does not depend on the noise level.

use ndarray::Array2;
use num_complex::Complex64;
use rayon::prelude::*;
use thiserror::Error;

use crate::fit::VarianceScale;
use crate::instrument::{
    Axis, AxisError, BolometerError, BolometerParameters, BolometerState, ChannelScan, Gain,
    IFG_LENGTH, PLAIN_LENGTH, PUBLISHED_LL, SPECTRUM_BINS, fill_planck_column,
};

use super::model::{ModelError, PublishedModel};
use super::random::StreamKey;
use super::records::{RawRecords, RecordsError};
use super::screening::{Screening, screen};
use super::settings::{DataSettings, InstrumentSettings, Sigma, SimulateSettings, Source};
use super::simulate::{OperatingPoint, Setup, SimulatedCampaign};
use super::transform::{Buffers, Transform};
use super::truth::Truth;

/// Bins above the optical band that a noise estimate needs at least.
const LEAST_DARK_BINS: usize = 8;

/// Why a data set cannot be prepared.
#[derive(Debug, Error)]
pub enum DataError {
    /// The published model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The calibration set.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The frequency axis.
    #[error(transparent)]
    Axis(#[from] AxisError),
    /// The simulated bolometer.
    #[error(
        "data set {set}: the bolometer has no state at its operating point: {source}; \
         check data.model or instrument.bolometer"
    )]
    Bolometer {
        /// The data set.
        set: ChannelScan,
        /// Why.
        source: BolometerError,
    },
    /// A source that needs a file, and none was named.
    #[error("data.source is \"npz\" but data.path is not set; add --set data.path=FILE.npz")]
    NoPath,
    /// A model of another channel.
    #[error(
        "{path} is the model of {found}, but the data set is {set}; \
         name the model of channel {}, or write {{set}} in data.model", set.channel
    )]
    OtherChannel {
        /// The model's file.
        path: String,
        /// Its CHANSCAN.
        found: String,
        /// The data set.
        set: ChannelScan,
    },
    /// Measured data of a channel whose bolometer is not known.
    #[error(
        "data set {set}: no bolometer parameters for channel {}; name its published model with \
         --set data.model=FILE.FITS, or give [instrument.bolometer]", set.channel
    )]
    NoBolometer {
        /// The data set.
        set: ChannelScan,
    },
    /// Apodisation without the published function.
    #[error("instrument.apodise needs the published function: add --set data.model=FILE.FITS")]
    NoApodisation,
    /// The white-light peak is not known.
    #[error(
        "data set {set}: no calibration was taken in scan mode {}, so the peak sample is not \
         published; give it with --set instrument.peak_sample=N", set.scan
    )]
    NoPeak {
        /// The data set.
        set: ChannelScan,
    },
    /// The peak lies outside the interferogram.
    #[error("instrument.peak_sample is {0}: expected 0 to 511")]
    PeakSample(usize),
    /// Screening left nothing.
    #[error(
        "data set {set}: no record left after screening: {screening}; \
         check data.sets and data.path"
    )]
    NoRecords {
        /// The data set.
        set: ChannelScan,
        /// The account.
        screening: Screening,
    },
    /// Too few bins to estimate the noise from.
    #[error(
        "data set {set}: {bins} bins lie above {above_ghz} GHz, too few to estimate the noise; \
         give it with --set data.sigma=COUNTS, or lower data.dark_above_ghz"
    )]
    NoDarkBins {
        /// The data set.
        set: ChannelScan,
        /// Bins found.
        bins: usize,
        /// Where they would begin.
        above_ghz: f64,
    },
}

/// One data set, ready to be fitted.
#[derive(Debug)]
pub struct Campaign {
    axis: Axis,
    gain: Gain,
    transform: Transform,
    screening: Screening,
    truth: Option<Truth>,
    /// K, [emitter][record].
    temperatures: Vec<Vec<f64>>,
    states: Vec<BolometerState>,
    records: Records,
    sigma: Option<Sigma>,
    dark_bins: std::ops::Range<usize>,
    seed: u64,
}

#[derive(Debug)]
enum Records {
    Measured {
        /// Counts per gain and sweep, [record, sample].
        ifg: Array2<f64>,
        gain_sweeps: Vec<f64>,
        rounded: bool,
    },
    Simulated(SimulatedCampaign),
}

/// The spectra of one noise level and trial.
#[derive(Debug)]
pub struct Realisation {
    bins: Vec<usize>,
    /// Transforms of the interferograms at those bins, [record][bin].
    transforms: Vec<Complex64>,
    /// Noise variance of one sample, (counts per gain and sweep)^2, one a record.
    sample_variance: Vec<f64>,
    scale: VarianceScale,
}

/// Everything that the fit of one bin needs.
#[derive(Debug)]
pub struct BinData {
    /// Planck functions, MJy/sr, [emitter][record].
    pub design: Vec<Vec<f64>>,
    /// Spectrum, MJy/sr, one a record.
    pub data: Vec<Complex64>,
    /// `E|noise|^2`, (MJy/sr)^2, one a record.
    pub variance: Vec<f64>,
    /// What is known of the scale of `variance`.
    pub scale: VarianceScale,
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
        let axis = Axis::new(set, instrument.transform_length, instrument.frequency_correction)?;
        let model = read_model(set, data)?;
        let peak = peak_sample(set, instrument)?;
        let bolometer = bolometer_parameters(set, data, instrument, model.as_ref())?;
        let apodisation = apodisation(instrument, model.as_ref())?;
        let emitters = data.emitters();
        let dark_bins = dark_bins(&axis, data)?;
        let common = |temperatures, states, screening, truth, records| Self {
            gain: Gain::new(&axis),
            transform: Transform::new(axis.length(), instrument.baseline, apodisation, peak),
            sigma: data.sigma,
            axis,
            screening,
            truth,
            temperatures,
            states,
            records,
            dark_bins,
            seed,
        };
        match data.source {
            Source::Npz => {
                let path = data.path.as_deref().ok_or(DataError::NoPath)?;
                let raw = RawRecords::read(path, set.channel, &emitters)?;
                let passed = screen(&raw, set, &bolometer, data.saturation_counts);
                if passed.indices.is_empty() {
                    return Err(DataError::NoRecords { set, screening: passed.screening });
                }
                let temperatures = raw.temperatures.iter().map(|t| pick(t, &passed.indices));
                let temperatures = temperatures.collect();
                let records = measured(&raw, &passed.indices);
                Ok(common(temperatures, passed.states, passed.screening, None, records))
            }
            Source::Simulate => {
                let point = operating_point(model.as_ref());
                let truth = match model {
                    Some(model) => Truth::Published(Box::new(model)),
                    None => Truth::Reference(set.channel),
                };
                let axis = Axis::new(set, PLAIN_LENGTH, instrument.frequency_correction)?;
                let setup = Setup {
                    emitters: &emitters,
                    truth: &truth,
                    axis: &axis,
                    peak_sample: peak,
                    bolometer: &bolometer,
                    point,
                };
                let simulated = SimulatedCampaign::new(simulate, &setup, seed)
                    .map_err(|source| DataError::Bolometer { set, source })?;
                let screening = Screening::all(simulated.len());
                let (temperatures, states) =
                    (simulated.temperatures.clone(), simulated.states.clone());
                let records = Records::Simulated(simulated);
                Ok(common(temperatures, states, screening, Some(truth), records))
            }
        }
    }

    /// The frequency axis.
    #[must_use]
    pub fn axis(&self) -> &Axis {
        &self.axis
    }

    /// Which records are used.
    #[must_use]
    pub fn screening(&self) -> &Screening {
        &self.screening
    }

    /// Number of records used.
    #[must_use]
    pub fn records(&self) -> usize {
        self.states.len()
    }

    /// What the campaign was simulated from; none for measured data.
    #[must_use]
    pub fn truth(&self) -> Option<&Truth> {
        self.truth.as_ref()
    }

    /// Transforms every record at the given bins, with the noise of one level and trial.
    ///
    /// Measured records have the noise that they have: level and trial are not used. The noise
    /// level is in units of the median RMS of a null interferogram.
    #[must_use]
    pub fn realise(&self, noise_level: f64, trial: u64, bins: &[usize]) -> Realisation {
        let key = StreamKey::noise(self.seed, self.axis.channel_scan(), noise_level, trial);
        let mut transforms = vec![Complex64::ZERO; bins.len() * self.records()];
        let width = bins.len().max(1);
        let one = |(buffers, samples): &mut (Buffers, Vec<f64>),
                   (record, out): (usize, &mut [Complex64])| {
            let gain_sweeps = self.samples(record, noise_level, key, samples);
            let spectrum = self.transform.run(samples, buffers);
            out.iter_mut().zip(bins).for_each(|(out, &bin)| *out = spectrum[bin]);
            self.sample_variance(noise_level, gain_sweeps, spectrum)
        };
        let mut sample_variance: Vec<f64> = transforms
            .par_chunks_mut(width)
            .enumerate()
            .map_init(|| (self.transform.buffers(), vec![0.0; IFG_LENGTH]), one)
            .collect();
        let mut scale = VarianceScale::Absolute;
        if sample_variance.iter().all(|&variance| variance == 0.0) {
            // Noise-free by construction: every sample is as good as every other.
            sample_variance.fill(1.0);
            scale = VarianceScale::Relative;
        }
        Realisation { bins: bins.to_vec(), transforms, sample_variance, scale }
    }

    /// Writes one interferogram (counts per gain and sweep); returns its gain times sweeps.
    fn samples(&self, record: usize, noise_level: f64, key: StreamKey, out: &mut [f64]) -> f64 {
        match &self.records {
            Records::Measured { ifg, gain_sweeps, .. } => {
                out.iter_mut().zip(ifg.row(record)).for_each(|(out, sample)| *out = *sample);
                gain_sweeps[record]
            }
            Records::Simulated(simulated) => {
                let sigma = noise_level * simulated.null_rms;
                simulated.record(record, sigma, key.stream(record), out).gain_sweeps
            }
        }
    }

    /// Noise variance of one sample: given (plus that of rounding to counts, one twelfth), known
    /// from the simulation, or the power in the bins where the channel sees no light.
    fn sample_variance(&self, noise_level: f64, gain_sweeps: f64, spectrum: &[Complex64]) -> f64 {
        let (known, rounded) = match &self.records {
            Records::Measured { rounded, .. } => (None, *rounded),
            Records::Simulated(s) => (Some(noise_level * s.null_rms), s.rounded()),
        };
        let given = match self.sigma {
            Some(Sigma::Given(sigma)) => Some(sigma),
            Some(Sigma::Estimate) => None,
            None => known,
        };
        match given {
            Some(sigma) => {
                let rounding = if rounded { 1.0 / (12.0 * gain_sweeps * gain_sweeps) } else { 0.0 };
                sigma * sigma + rounding
            }
            None => {
                let dark = &spectrum[self.dark_bins.clone()];
                let power: f64 = dark.iter().map(Complex64::norm_sqr).sum();
                power / (dark.len() as f64 * self.transform.noise_power())
            }
        }
    }

    /// Gathers what the fit of one bin needs; `position` is the bin's place in the realisation.
    #[must_use]
    pub fn bin_data(&self, realisation: &Realisation, position: usize) -> BinData {
        let bin = realisation.bins[position];
        let (factor, omega) = (self.gain.factor(bin), self.gain.omega(bin));
        let power = self.transform.noise_power();
        let (mut data, mut variance) = (Vec::new(), Vec::new());
        for (record, state) in self.states.iter().enumerate() {
            let gain = factor * state.response(omega);
            data.push(realisation.transforms[record * realisation.bins.len() + position] / gain);
            variance.push(power * realisation.sample_variance[record] / gain.norm_sqr());
        }
        BinData { design: self.design(bin), data, variance, scale: realisation.scale }
    }

    /// The Planck functions of all emitters at one bin, MJy/sr, [emitter][record].
    fn design(&self, bin: usize) -> Vec<Vec<f64>> {
        let column = |temperatures: &Vec<f64>| {
            let mut column = vec![0.0; temperatures.len()];
            fill_planck_column(self.axis.frequency_hz(bin), temperatures, &mut column);
            column
        };
        self.temperatures.iter().map(column).collect()
    }
}

fn pick(values: &[f64], indices: &[usize]) -> Vec<f64> {
    indices.iter().map(|&i| values[i]).collect()
}

/// The records that passed, divided by gain and sweeps.
fn measured(raw: &RawRecords, indices: &[usize]) -> Records {
    let gain_sweeps: Vec<f64> = indices.iter().map(|&i| raw.gain[i] * raw.sweeps[i]).collect();
    let mut ifg = raw.ifg.select(ndarray::Axis(0), indices);
    for (mut row, scale) in ifg.rows_mut().into_iter().zip(&gain_sweeps) {
        row.mapv_inplace(|sample| sample / scale);
    }
    Records::Measured { ifg, gain_sweeps, rounded: raw.rounded }
}

fn read_model(set: ChannelScan, data: &DataSettings) -> Result<Option<PublishedModel>, DataError> {
    let Some(path) = data.model_of(set) else { return Ok(None) };
    let model = PublishedModel::read(&path)?;
    if !model.chanscan.to_lowercase().starts_with(set.channel.name()) {
        let (path, found) = (path.display().to_string(), model.chanscan);
        return Err(DataError::OtherChannel { path, found, set });
    }
    Ok(Some(model))
}

/// How many records of a data set will be used, and that it can be prepared: what a planner asks.
///
/// # Errors
/// If it cannot be prepared.
pub fn survey(
    set: ChannelScan,
    data: &DataSettings,
    simulate: &SimulateSettings,
    instrument: &InstrumentSettings,
    seed: u64,
) -> Result<Screening, DataError> {
    // One simulated record shows whether the settings are sound; all are used in any case.
    let one = SimulateSettings { records: 1, ..simulate.clone() };
    let campaign = Campaign::prepare(set, data, &one, instrument, seed)?;
    Ok(match data.source {
        Source::Npz => campaign.screening,
        Source::Simulate => Screening::all(simulate.records),
    })
}

/// What a data set was or will be simulated from; none for measured data.
///
/// # Errors
/// If the model that was named cannot be read.
pub fn truth_of(set: ChannelScan, data: &DataSettings) -> Result<Option<Truth>, DataError> {
    if data.source != Source::Simulate {
        return Ok(None);
    }
    Ok(Some(match read_model(set, data)? {
        Some(model) => Truth::Published(Box::new(model)),
        None => Truth::Reference(set.channel),
    }))
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
    let published = crate::instrument::Channel::Ll;
    let borrowed = data.source == Source::Simulate || set.channel == published;
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

fn operating_point(model: Option<&PublishedModel>) -> OperatingPoint {
    model.map_or(OperatingPoint::PUBLISHED_LL, |model| OperatingPoint {
        bias_v: model.state.bias_v,
        volt_v: model.state.volt_v,
        bath_k: model.state.bath_k,
    })
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
