//! What a user can say about the data and the instrument.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::foundations::text::lenient::{self, Listed};
use crate::foundations::text::listed::Several;
use crate::science::instrument::{
    BolometerParameters, Channel, ChannelScan, DEFAULT_CORRECTION, GainTable, NameError,
    PLAIN_LENGTH, PeakTable,
};

use super::conventions::{Apodisation, Bias, Conventions, Gains, Peaks};
use super::corrections::CorrectionChoice;
use super::exclusion::Exclusion;

/// `[data]`: where the records come from and which are used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DataSettings {
    /// Simulated here, or read from a file: what a file's path alone says in a config.
    pub source: Source,
    /// The calibration set (`.npz`), for [`Source::Npz`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// A published calibration model (FITS): bolometer parameters, apodisation, and the truth of
    /// a simulation. `{set}` in the name stands for the data set, as in `LLSS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<PathBuf>,
    /// The data sets, each a channel and a scan mode.
    #[serde(deserialize_with = "lenient::list")]
    #[schemars(with = "Several<ChannelScan>")]
    pub sets: Vec<ChannelScan>,
    /// Noise of one sample, counts per gain and sweep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigma: Option<Sigma>,
    /// Frequency above which the noise is estimated, GHz; by default, where the channel is blind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dark_above_ghz: Option<f64>,
    /// Samples of an interferogram that reach this are saturated, telemetry counts.
    pub saturation_counts: f64,
    /// A temperature above this is a fault of its record, K.
    pub max_temperature_k: f64,
    /// Rules by which records are left out.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::list")]
    #[schemars(with = "Several<Exclusion>")]
    pub exclude: Vec<Exclusion>,
    /// Bolometers of other channels to fit as further emitters.
    #[serde(deserialize_with = "lenient::list")]
    #[schemars(with = "Several<Channel>")]
    pub other_bolometers: Vec<Channel>,
    /// A reading of another channel belongs to a record if it was taken within this time of it, s.
    pub match_within_s: f64,
    /// The emitters to fit, in this order; by default, all that there are.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::some_list")]
    #[schemars(with = "Option<Several<String>>")]
    pub emitters: Option<Vec<String>>,
}

impl Default for DataSettings {
    fn default() -> Self {
        Self {
            source: Source::Simulate,
            path: None,
            model: None,
            sets: vec![ChannelScan {
                channel: Channel::Ll,
                scan: crate::science::instrument::ScanMode::Ss,
            }],
            sigma: None,
            dark_above_ghz: None,
            saturation_counts: 32_767.0,
            max_temperature_k: 1000.0,
            exclude: Vec::new(),
            other_bolometers: Vec::new(),
            match_within_s: 60.0,
            emitters: None,
        }
    }
}

impl DataSettings {
    /// The published model that belongs to a data set, if one was named.
    #[must_use]
    pub fn model_of(&self, set: ChannelScan) -> Option<PathBuf> {
        let name = set.to_string().to_uppercase();
        self.model.as_ref().map(|path| path.to_string_lossy().replace("{set}", &name).into())
    }
}

impl Listed for ChannelScan {
    const EXPECTED: &'static str = "one data set or several, as in [\"llss\", \"rhss\"]";

    fn from_word(word: &str) -> Result<Self, String> {
        word.parse().map_err(|error: NameError| error.to_string())
    }
}

impl Listed for Exclusion {
    const EXPECTED: &'static str = "one rule or several, as in [\"fake != 0\"]";

    fn from_word(word: &str) -> Result<Self, String> {
        word.parse()
    }
}

impl Listed for Channel {
    const EXPECTED: &'static str = "one channel or several, as in [\"rh\", \"ll\"]";

    fn from_word(word: &str) -> Result<Self, String> {
        word.parse().map_err(|error: NameError| error.to_string())
    }
}

/// Where the records come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A campaign simulated from a known truth.
    Simulate,
    /// A calibration set written by `numpy.savez` or `numpy.savez_compressed`.
    Npz,
}

/// What is known of the noise of one sample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "SigmaText", into = "SigmaText")]
pub enum Sigma {
    /// This value, counts per gain and sweep, for every record.
    Given(f64),
    /// Estimated for each record from the bins where the channel sees no light.
    Estimate,
}

/// `data.sigma` as it is written: a number or a word.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum SigmaText {
    Number(f64),
    Word(String),
}

impl TryFrom<SigmaText> for Sigma {
    type Error = String;

    fn try_from(text: SigmaText) -> Result<Self, String> {
        match text {
            SigmaText::Number(sigma) if sigma >= 0.0 && sigma.is_finite() => Ok(Self::Given(sigma)),
            SigmaText::Number(sigma) => {
                Err(format!("data.sigma is {sigma}: expected zero or more counts, or \"estimate\""))
            }
            SigmaText::Word(word) if word == "estimate" => Ok(Self::Estimate),
            SigmaText::Word(word) => Err(format!(
                "data.sigma is \"{word}\": expected a number of counts, or \"estimate\""
            )),
        }
    }
}

impl From<Sigma> for SigmaText {
    fn from(sigma: Sigma) -> Self {
        match sigma {
            Sigma::Given(sigma) => Self::Number(sigma),
            Sigma::Estimate => Self::Word("estimate".into()),
        }
    }
}

/// `[instrument]`: how an interferogram becomes a spectrum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InstrumentSettings {
    /// Points of the transform, 512 or 640 (zero-padded, the grid of the published products).
    #[serde(deserialize_with = "lenient::count")]
    pub transform_length: usize,
    /// Correction of the optical Nyquist frequency, dimensionless.
    pub frequency_correction: f64,
    /// What is subtracted from each interferogram.
    pub baseline: Baseline,
    /// Multiply by the published apodisation function; needs `data.model`.
    pub apodise: bool,
    /// The conventions that hold where no setting of its own says otherwise.
    pub conventions: Conventions,
    /// Where the white-light peaks are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peaks: Option<Peaks>,
    /// Place of the white-light peak, in samples counted from zero; by default, that of the data set
    /// in `peaks`. It may lie between two samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak_sample: Option<f64>,
    /// What a nominal gain stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gains: Option<Gains>,
    /// What a commanded bias below zero stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bias: Option<Bias>,
    /// How the published apodisation function is laid over the samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apodisation: Option<Apodisation>,
    /// A bin has no signal where the electronics pass less than this part of their largest transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least_transfer: Option<f64>,
    /// Bolometer parameters; by default, those of `data.model`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bolometer: Option<BolometerParameters>,
    /// Corrections of temperatures and spectra that all bins share.
    #[serde(skip_serializing_if = "CorrectionChoice::is_none")]
    pub corrections: CorrectionChoice,
}

impl Default for InstrumentSettings {
    fn default() -> Self {
        Self {
            transform_length: PLAIN_LENGTH,
            frequency_correction: DEFAULT_CORRECTION,
            baseline: Baseline::Median,
            apodise: false,
            conventions: Conventions::Flight,
            peaks: None,
            peak_sample: None,
            gains: None,
            bias: None,
            apodisation: None,
            least_transfer: None,
            bolometer: None,
            corrections: CorrectionChoice::None,
        }
    }
}

impl InstrumentSettings {
    pub(super) fn peak_table(&self) -> PeakTable {
        self.peaks.unwrap_or(self.conventions.peaks()).into()
    }

    pub(super) fn gain_table(&self) -> GainTable {
        self.gains.unwrap_or(self.conventions.gains()).into()
    }

    pub(super) fn bias(&self) -> Bias {
        self.bias.unwrap_or(self.conventions.bias())
    }

    pub(super) fn apodisation(&self) -> Apodisation {
        self.apodisation.unwrap_or(self.conventions.apodisation())
    }

    pub(super) fn least_transfer(&self) -> f64 {
        self.least_transfer.unwrap_or(self.conventions.least_transfer())
    }
}

/// What is subtracted from each interferogram before the transform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Baseline {
    /// Nothing.
    None,
    /// The median of the samples.
    Median,
    /// The least-squares polynomial of degree four.
    Legendre,
}

/// `[simulate]`: the campaign that stands in when there is no file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SimulateSettings {
    /// Records in each data set.
    #[serde(deserialize_with = "lenient::count")]
    pub records: usize,
    /// Records taken at one setting of the temperatures.
    #[serde(deserialize_with = "lenient::count")]
    pub plateau_records: usize,
    /// Round each sample to whole telemetry counts, as the instrument does.
    pub rounding: bool,
    /// Largest constant offset of an interferogram, telemetry counts.
    pub dither_counts: f64,
    /// Part of the records that a glitch hits: one sample, anywhere in the interferogram.
    pub glitch_fraction: f64,
    /// Its height in the spectrum, in standard deviations of the noise there: a spike of so many
    /// times the root of 512 standard deviations of a sample.
    pub glitch_sigma: f64,
    /// Error of the model that methods may take as known, of each emissivity relative to itself
    /// (at least to 1 % of the bin's largest): `sqrt(E|M_i - E_i|^2) / |E_i|`.
    pub model_error: f64,
    /// Standard error of each temperature that is read: the fit is given the readings, the light is
    /// that of the true temperatures, K.
    pub temperature_error_k: f64,
    /// Corrections that the light and the readings of the thermometers need.
    #[serde(skip_serializing_if = "CorrectionChoice::is_none")]
    pub corrections: CorrectionChoice,
    /// Commanded biases, counts, of the plateaus in turn; the voltages follow from the balance of heat.
    /// By default, bias and voltage are those of the operating point.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::list")]
    #[schemars(with = "Several<f64>")]
    pub biases: Vec<f64>,
    /// Relative standard error by which each of the nine true parameters of the bolometer differs from
    /// those that the fit is given.
    #[serde(skip_serializing_if = "is_zero")]
    pub bolometer_error: f64,
    /// Standard error of the readings of each driven body, the same for all records of a plateau, K.
    #[serde(skip_serializing_if = "is_zero")]
    pub plateau_error_k: f64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

impl Default for SimulateSettings {
    fn default() -> Self {
        Self {
            records: 1200,
            plateau_records: 20,
            rounding: false,
            dither_counts: 500.0,
            glitch_fraction: 0.0,
            glitch_sigma: 50.0,
            model_error: 0.1,
            temperature_error_k: 0.0,
            corrections: CorrectionChoice::None,
            biases: Vec::new(),
            bolometer_error: 0.0,
            plateau_error_k: 0.0,
        }
    }
}
