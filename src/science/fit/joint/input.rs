//! What the joint fit is given: the records of one data set or several, with nothing corrected.

use num_complex::Complex64;

use crate::foundations::numerics::ScratchVec;
use crate::science::fit::problem::{Context, VarianceScale};
use crate::science::instrument::{BolometerParameters, Corrections};

/// One data set. Vectors of records have the same length, N.
#[derive(Clone)]
pub struct JointSet<'a> {
    /// Its name, as in `llss`.
    pub name: String,
    /// Its channel: data sets of one channel have one bolometer.
    pub channel: String,
    /// Names of the emitters.
    pub emitters: Vec<String>,
    /// The emitter that emits at the operating temperature of the bolometer.
    pub operating: Option<usize>,
    /// What the thermometers read, K, `[emitter][record]`; not looked at for the operating temperature.
    pub readings_k: &'a [Vec<f64>],
    /// Commanded bias of the bolometer, V.
    pub bias_v: &'a [f64],
    /// Its readout, V.
    pub volt_v: &'a [f64],
    /// Temperature of its bath, K.
    pub bath_k: &'a [f64],
    /// Time since the aperture cover was ejected, in mission years; none if the records have no times.
    pub years: Option<&'a [f64]>,
    /// Number of the plateau of each record, ascending.
    pub plateaus: &'a [usize],
    /// The bolometer with which the spectra were made.
    pub bolometer: BolometerParameters,
    /// What is taken as known of the parameters.
    pub known: SharedValues,
    /// Bias and readout (V) and bath (K) at which the response is told.
    pub state: [f64; 3],
    /// Optical frequency of each bin of the axis, by its number, Hz.
    pub frequencies_hz: Vec<f64>,
    /// The bins that have signal, ascending.
    pub bins: Vec<JointBin<'a>>,
    /// Their records.
    pub source: &'a dyn BinSource,
}

/// One bin of a data set, without its records.
#[derive(Debug, Clone)]
pub struct JointBin<'a> {
    /// Whether it is in the optical band: the shared parameters rest on these bins alone.
    pub is_in_band: bool,
    /// Angular audio frequency, rad/s.
    pub omega: f64,
    /// What is known of the scale of the variances.
    pub scale: VarianceScale,
    /// Frequency and place of the bin.
    pub context: Context<'a>,
}

/// The records of one bin.
#[derive(Debug, Clone)]
pub struct BinRecords {
    /// Spectrum, MJy/sr, not corrected.
    pub data: Vec<Complex64>,
    /// `E|noise|^2`, (MJy/sr)^2.
    pub variance: ScratchVec,
    /// What the correction terms multiply, MJy/sr, in the order of [`CorrectionTerm`]; none if no
    /// parameter needs it.
    pub terms: [Option<Vec<Complex64>>; 4],
}

/// Where the records of the bins come from, whenever a bin's turn comes: those of the optical band at every
/// place of the search. To make them again costs less than memory in which to hold them.
pub trait BinSource: Sync {
    /// The records of the bin at a place among [`JointSet::bins`].
    fn load(&self, at: usize) -> BinRecords;

    /// Which correction terms these have, in the order of [`CorrectionTerm`].
    fn terms(&self, at: usize) -> [bool; 4];
}

/// The corrections that are linear in their parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorrectionTerm {
    /// Second harmonic.
    Harmonic2,
    /// Third harmonic.
    Harmonic3,
    /// Primary vibration.
    Primary,
    /// Secondary vibration.
    Secondary,
}

/// Values of all parameters of one data set.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedValues {
    /// The bolometer.
    pub bolometer: BolometerParameters,
    /// What is added to each reading, K, one an emitter.
    pub offsets_k: Vec<f64>,
    /// Drift of the internal calibrator: amplitude (K), time (mission years), offset (K).
    pub drift: [f64; 3],
    /// Second and third harmonic.
    pub harmonics: [f64; 2],
    /// Primary vibration, a polynomial in mission years.
    pub primary: [f64; 5],
    /// Secondary vibration.
    pub secondary: f64,
}

impl SharedValues {
    /// No corrections, for so many emitters.
    #[must_use]
    pub fn none(bolometer: BolometerParameters, emitters: usize) -> Self {
        Self {
            bolometer,
            offsets_k: vec![0.0; emitters],
            drift: [0.0, 1.0, 0.0],
            harmonics: [0.0; 2],
            primary: [0.0; 5],
            secondary: 0.0,
        }
    }
}

impl SharedValues {
    /// Corrections of emitters with these names.
    #[must_use]
    pub fn of(bolometer: BolometerParameters, given: &Corrections, emitters: &[String]) -> Self {
        let offset = |emitter: &String| match emitter.as_str() {
            "xcal" => given.xcal_offset_k,
            other => given.offsets_k.get(other).copied().unwrap_or(0.0),
        };
        let drift = given.ical_drift;
        Self {
            bolometer,
            offsets_k: emitters.iter().map(offset).collect(),
            drift: [drift.amplitude_k, drift.time_yr, drift.offset_k],
            harmonics: [given.h2, given.h3],
            primary: given.primary_vibration,
            secondary: given.secondary_vibration,
        }
    }
}

impl JointSet<'_> {
    /// Number of records.
    #[must_use]
    pub fn records(&self) -> usize {
        self.bias_v.len()
    }

    /// The emitter of this name.
    pub(super) fn emitter(&self, name: &str) -> Option<usize> {
        self.emitters.iter().position(|emitter| emitter == name)
    }
}
