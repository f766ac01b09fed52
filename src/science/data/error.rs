//! Why a data set cannot be prepared.

use std::path::PathBuf;

use thiserror::Error;

use crate::foundations::Shown;
use crate::science::instrument::{AxisError, BolometerError, ChannelScan, CorrectionError};

use super::model::ModelError;
use super::records::RecordsError;
use super::screening::Screening;

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
    /// The corrections of a model, and no model.
    #[error(
        "{setting} is \"model\", but no published model is named: add --set data.model=FILE.FITS, or \
         give values, as in --set {setting}='{{ xcal_offset_k = -1.5e-3 }}'"
    )]
    NoModelCorrections {
        /// The setting.
        setting: &'static str,
    },
    /// A correction that cannot be.
    #[error("{setting}: {source}")]
    Correction {
        /// The setting.
        setting: &'static str,
        /// Which.
        source: CorrectionError,
    },
    /// Vibrations whose place in the spectrum is not known.
    #[error(
        "data set {set}: {setting} has vibrations, but where these are in scan mode {} is not known; \
         give other values, without primary_vibration and secondary_vibration, as in \
         --set {setting}='{{ h2 = 1e-3 }}'", set.scan
    )]
    NoVibrationOffsets {
        /// The data set.
        set: ChannelScan,
        /// The setting.
        setting: &'static str,
    },
    /// Apodisation without the published function.
    #[error("instrument.apodise needs the published function: add --set data.model=FILE.FITS")]
    NoApodisation,
    /// The white-light peak is not known.
    #[error(
        "data set {set}: the table of peaks that instrument.peaks names has none for scan mode {}; \
         give it with --set instrument.peak_sample=N", set.scan
    )]
    NoPeak {
        /// The data set.
        set: ChannelScan,
    },
    /// The peak lies outside the interferogram.
    #[error("instrument.peak_sample is {0}: expected 0 to 511, counted from zero")]
    PeakSample(f64),
    /// Screening left nothing.
    #[error(
        "{}: no record of data set {set} left after screening: {screening}; \
         check data.sets and data.path",
        Shown(path)
    )]
    NoRecords {
        /// The calibration set.
        path: PathBuf,
        /// The data set.
        set: ChannelScan,
        /// The account.
        screening: Screening,
    },
    /// Too few plateaus for the trials that were asked for.
    #[error(
        "data set {set} has {found} plateaus of temperature, but study.resampling and study.trials \
         need {needed}; set study.trials=1 and study.resampling=\"none\", or use more records"
    )]
    TooFewPlateaus {
        /// The data set.
        set: ChannelScan,
        /// Plateaus found.
        found: usize,
        /// Plateaus needed.
        needed: u64,
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
