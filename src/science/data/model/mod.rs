//! The calibration model published by NASA: emissivities, electronics gain and bolometer state.
//!
//! Source: COBE FIRAS calibration model solutions (`FIRAS_CALIBRATION_MODEL_*.FITS`), described
//! in the FIRAS Explanatory Supplement (COBE Ref. Pub. No. 97-C). One file holds one channel and
//! scan mode. All values are single precision in the file. Models of ours are written in the same layout,
//! and have the same values in double precision, with their errors, in tables behind it ([`details`]).

pub mod details;

mod error;
mod extensions;
mod fits;
mod layout;
mod refine;
mod write;

use std::path::Path;

use num_complex::Complex64;

use crate::science::instrument::{
    BolometerParameters, BolometerState, Corrections, IFG_LENGTH, IcalDrift,
};
use details::{ModelDetails, ModelPoint};
pub use error::ModelError;
use fits::{Keywords, ModelFile, TableColumns};
pub use write::{ModelNotes, NoteValue};

/// How many numbers each spectral column holds; the model uses the first `NUM_FREQ` of them.
const COLUMN_LENGTH: usize = 210;
/// How many points a model has at most.
pub const MOST_POINTS: usize = COLUMN_LENGTH;

/// By so much, relative, a frequency may be beyond the last point and count as that: what a step that was
/// added up is off by.
const ROUNDING: f64 = 1e-13;

/// The average state of the bolometer over the mission, as published.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PublishedBolometerState {
    /// Commanded bias, V (`BOLOM_BI`).
    pub bias_v: f64,
    /// Readout voltage, V (`BOLOM_VO`).
    pub volt_v: f64,
    /// Temperature of the bath, K (`BOLOM_B2`).
    pub bath_k: f64,
    /// Operating temperature, K (`BOLOM_TE`).
    pub temperature_k: f64,
    /// DC response S0, V/W (`DC_RESPO`); negative.
    pub responsivity: f64,
    /// Time constant, s (`TIME_CON`).
    pub time_constant_s: f64,
}

impl PublishedBolometerState {
    /// Response at an angular audio frequency (rad/s), V/(erg/s).
    #[must_use]
    pub fn response(&self, omega: f64) -> Complex64 {
        let Self { temperature_k, responsivity, time_constant_s, .. } = *self;
        BolometerState { temperature_k, responsivity, time_constant_s }.response(omega)
    }
}

/// A parameter of a model that all of its points share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SharedValue {
    /// As in `parameters.csv`.
    pub name: &'static str,
    /// Its column.
    pub column: &'static str,
    /// Its unit; 1 if it has none.
    pub unit: &'static str,
    /// Its value.
    pub value: f64,
}

/// A published calibration model of one channel and scan mode.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedModel {
    /// Channel and scan mode, such as `LLSS` (`CHANSCAN`).
    pub chanscan: String,
    /// Label of the solution, such as `PASS4` (`MODLLABL`).
    pub label: String,
    /// Optical frequency of the first point, GHz (`NU_ZERO`).
    pub nu_zero_ghz: f64,
    /// Step of the optical frequency, GHz (`DELTA_NU`).
    pub delta_nu_ghz: f64,
    /// Audio frequency of the first point, rad/s (`OM_ZERO`).
    pub omega_zero: f64,
    /// Step of the audio frequency, rad/s (`DELTA_OM`).
    pub delta_omega: f64,
    /// Normalisation of the instrumental gain, (MJy V)/(W sr) (`NORMALIZ`).
    pub normalization: f64,
    /// How many frequency points the model has (`NUM_FREQ`).
    pub bins: usize,
    /// Electronics gain at each point, dimensionless (`RELEX_GA` + i `IELEX_GA`).
    pub electronics_gain: Vec<Complex64>,
    /// The columns of the emitters that were asked for, without `R` or `I`.
    pub columns: Vec<String>,
    /// Emissivity in each of these columns at each point, dimensionless; index \[column\]\[point\].
    ///
    /// Those of the published emitters at one point sum to zero to single precision: in equilibrium
    /// the instrument measures nothing.
    pub emissivity: Vec<Vec<Complex64>>,
    /// Apodisation function, one factor per sample of an interferogram (`APODIZAT`).
    pub apodization: Vec<f64>,
    /// Parameters of the bolometer (`BOLPARM_` to `BOLPARM10`).
    pub bolometer: BolometerParameters,
    /// Average state of the bolometer over the mission.
    pub state: PublishedBolometerState,
    /// Corrections that all bins share (`XCAL_COR`, `DRIFT_AM`, `DRIFT_TC`, `DRIFT_OF`, `OPTPARM_` to
    /// `OPTPARM8`).
    pub corrections: Corrections,
}

impl PublishedModel {
    /// Reads the model from the FITS file at `path`, with the emissivities in some columns (each the
    /// names of two, without `R` for the real and `I` for the imaginary part).
    ///
    /// # Errors
    /// If the file cannot be read or is no FITS file, or if a keyword or column is missing or
    /// has an impossible value (not finite, a step that is not positive, `NUM_FREQ` not in
    /// 1..=210).
    pub fn read(path: &Path, emitters: &[&str]) -> Result<Self, ModelError> {
        Ok(Self::read_with_details(path, emitters)?.0)
    }

    /// As [`Self::read`], with the errors and the quality that a model of ours has besides. Where a value in
    /// double precision is that of the published layout, rounded, it is taken.
    ///
    /// # Errors
    /// As [`Self::read`], and if these tables do not read.
    pub fn read_with_details(
        path: &Path,
        emitters: &[&str],
    ) -> Result<(Self, Option<ModelDetails>), ModelError> {
        let file = ModelFile::read(path)?;
        let mut model = Self::in_layout(path, &file, emitters)?;
        let details = extensions::read(&file)?;
        if let Some(details) = &details {
            refine::refine(&mut model, details);
        }
        Ok((model, details))
    }

    /// What the table in the published layout has.
    fn in_layout(path: &Path, file: &ModelFile, emitters: &[&str]) -> Result<Self, ModelError> {
        let reader = file.reader()?;
        let keywords = Keywords::of(path, &reader)?;
        let columns = TableColumns::of(path, reader)?;
        let bins = keywords.count("NUM_FREQ", COLUMN_LENGTH)?;
        Ok(Self {
            chanscan: keywords.text("CHANSCAN")?,
            label: keywords.text("MODLLABL")?,
            nu_zero_ghz: keywords.positive("NU_ZERO")?,
            delta_nu_ghz: keywords.positive("DELTA_NU")?,
            omega_zero: keywords.positive("OM_ZERO")?,
            delta_omega: keywords.positive("DELTA_OM")?,
            normalization: keywords.positive("NORMALIZ")?,
            bins,
            electronics_gain: columns.complex("ELEX_GA", bins)?,
            columns: emitters.iter().map(|&column| column.to_owned()).collect(),
            emissivity: emitters
                .iter()
                .map(|column| columns.complex(column, bins))
                .collect::<Result<_, _>>()?,
            apodization: columns.numbers("APODIZAT", IFG_LENGTH, IFG_LENGTH)?,
            bolometer: read_bolometer(&columns)?,
            state: read_state(&columns)?,
            corrections: read_corrections(&columns)?,
        })
    }

    /// The parameters that all points share: the bolometer's, and then the corrections.
    #[must_use]
    pub fn shared_values(&self) -> Vec<SharedValue> {
        layout::shared_values(self)
    }

    /// The optical frequency of each point, GHz.
    #[must_use]
    pub fn frequencies_ghz(&self) -> Vec<f64> {
        (0..self.bins).map(|point| self.frequency_ghz(point)).collect()
    }

    /// The emissivities at `frequency_ghz`, in the order of [`Self::emissivity`].
    ///
    /// The real and the imaginary part are interpolated linearly between the model's points.
    /// Outside the points, and for NaN, all are exactly zero: the model says nothing there. The
    /// bounds are those of the rounded axis in the header, so a frequency that rounding alone
    /// puts below the first point is outside.
    #[must_use]
    pub fn emissivity_at(&self, frequency_ghz: f64) -> Vec<Complex64> {
        let Some(last) = self.bins.checked_sub(1) else {
            return vec![Complex64::ZERO; self.columns.len()];
        };
        let below = (0..=last).rev().find(|&point| self.frequency_ghz(point) <= frequency_ghz);
        let value = |emitter: usize| match below {
            Some(point) if point < last => self.between(emitter, point, frequency_ghz),
            Some(_) if frequency_ghz <= self.frequency_ghz(last) * (1.0 + ROUNDING) => {
                self.at(emitter, last)
            }
            _ => Complex64::ZERO,
        };
        (0..self.columns.len()).map(value).collect()
    }

    /// The optical frequency of one point, GHz.
    #[allow(clippy::cast_precision_loss)] // at most 210 points
    fn frequency_ghz(&self, point: usize) -> f64 {
        self.nu_zero_ghz + self.delta_nu_ghz * point as f64
    }

    /// The emissivity of an emitter at a point; zero where a caller has shortened the column.
    fn at(&self, emitter: usize, point: usize) -> Complex64 {
        let column = self.emissivity.get(emitter);
        column.and_then(|column| column.get(point)).copied().unwrap_or(Complex64::ZERO)
    }

    /// The emissivity between `point` and the next, in the operations of `numpy.interp`.
    fn between(&self, emitter: usize, point: usize, frequency_ghz: f64) -> Complex64 {
        let (start, end) = (self.at(emitter, point), self.at(emitter, point + 1));
        let step = self.frequency_ghz(point + 1) - self.frequency_ghz(point);
        (end - start) / step * (frequency_ghz - self.frequency_ghz(point)) + start
    }
}

/// The parameters of the bolometer.
fn read_bolometer(columns: &TableColumns<'_>) -> Result<BolometerParameters, ModelError> {
    Ok(BolometerParameters {
        r0_ohm: columns.number("BOLPARM_")?,
        t0_k: columns.number("BOLPARM2")?,
        g1: columns.number("BOLPARM3")?,
        beta: columns.number("BOLPARM4")?,
        rho_k_per_v: columns.number("BOLPARM5")?,
        c1: columns.number("BOLPARM6")?,
        c3: columns.number("BOLPARM7")?,
        j0_v: columns.number("BOLPARM8")?,
        jg: columns.number("BOLPARM9")?,
        rl_ohm: columns.number("BOLPARM10")?,
    })
}

/// The average state of the bolometer.
fn read_state(columns: &TableColumns<'_>) -> Result<PublishedBolometerState, ModelError> {
    Ok(PublishedBolometerState {
        bias_v: columns.number("BOLOM_BI")?,
        volt_v: columns.number("BOLOM_VO")?,
        bath_k: columns.number("BOLOM_B2")?,
        temperature_k: columns.number("BOLOM_TE")?,
        responsivity: columns.number("DC_RESPO")?,
        time_constant_s: columns.number("TIME_CON")?,
    })
}

/// The corrections that all bins share. Temperatures are in K, and times in years.
fn read_corrections(columns: &TableColumns<'_>) -> Result<Corrections, ModelError> {
    Ok(Corrections {
        xcal_offset_k: columns.number("XCAL_COR")?,
        ical_drift: IcalDrift {
            amplitude_k: columns.number("DRIFT_AM")?,
            time_yr: columns.number("DRIFT_TC")?,
            offset_k: columns.number("DRIFT_OF")?,
        },
        h2: columns.number("OPTPARM_")?,
        h3: columns.number("OPTPARM2")?,
        primary_vibration: [
            columns.number("OPTPARM3")?,
            columns.number("OPTPARM4")?,
            columns.number("OPTPARM5")?,
            columns.number("OPTPARM6")?,
            columns.number("OPTPARM7")?,
        ],
        secondary_vibration: columns.number("OPTPARM8")?,
        ..Corrections::NONE
    })
}

#[cfg(test)]
mod tests;
