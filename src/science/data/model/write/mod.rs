//! Writes a calibration model: first as the published ones are, then what those do not have.

mod table;

use std::io;
use std::path::Path;

use fits_well::header::{Header, Value};
use fits_well::{FitsError, FitsWriter};

use super::details::{ModelDetails, ModelParameter, PARAMETERS, PLATEAUS, POINTS};
use super::{PublishedModel, layout};
use crate::foundations::{FileError, files};
use table::{BinaryTable, Cells, plain, say, set};

/// What the primary header says beside what the model has.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ModelNotes {
    /// When the first and the last of its records were taken, as `dd/mm/yy`; none if that is not known.
    pub dates: Option<(String, String)>,
    /// Further keywords, of at most eight characters, with values and comments.
    pub keywords: Vec<(&'static str, NoteValue, &'static str)>,
    /// Lines of history.
    pub history: Vec<String>,
}

/// The value of a keyword.
#[derive(Debug, Clone, PartialEq)]
pub enum NoteValue {
    /// A number.
    Number(f64),
    /// A whole number.
    Whole(i64),
    /// A text.
    Text(String),
}

impl From<&NoteValue> for Value {
    fn from(value: &NoteValue) -> Self {
        match value {
            NoteValue::Number(number) if number.is_finite() => Self::from(*number),
            NoteValue::Number(_) => Self::Undefined,
            NoteValue::Whole(number) => Self::from(*number),
            NoteValue::Text(text) => Self::from(plain(text)),
        }
    }
}

impl PublishedModel {
    /// Writes the model to a FITS file, whole: a table in the published layout, and tables with what
    /// else is known. The same model has the same bytes.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(
        &self,
        path: &Path,
        details: &ModelDetails,
        notes: &ModelNotes,
    ) -> Result<(), FileError> {
        files::write_whole(path, |w| {
            let mut writer = FitsWriter::new(w);
            let written = primary(self, notes)
                .and_then(|header| writer.write_raw_hdu(&header, &[]))
                .and_then(|()| published(self).write(&mut writer))
                .and_then(|()| points(details).write(&mut writer))
                .and_then(|()| parameters(PARAMETERS, &details.parameters).write(&mut writer));
            let written = match details.plateaus.is_empty() {
                true => written,
                false => written
                    .and_then(|()| parameters(PLATEAUS, &details.plateaus).write(&mut writer)),
            };
            written.map_err(io_error)
        })
    }
}

/// What the system said, if it did: a full disk must be told as one.
fn io_error(error: FitsError) -> io::Error {
    match error {
        FitsError::Io(error) => error,
        other => io::Error::other(other),
    }
}

/// Where the layout is described.
const REFERENCE: [&str; 3] = [
    "Layout: COBE FIRAS Explanatory Supplement, ed. J.C. Mather et al,",
    "COBE Ref. Pub. No. 97-C (Greenbelt, MD: NASA/GSFC).",
    "Values are not those published there: see METHOD and HISTORY.",
];

/// The primary header, with the keywords of the published ones.
fn primary(model: &PublishedModel, notes: &ModelNotes) -> Result<Header, FitsError> {
    let mut header = Header::new();
    set(&mut header, "SIMPLE", true, "file does conform to FITS standard")?;
    set(&mut header, "BITPIX", 32i64, "number of bits per data pixel")?;
    set(&mut header, "NAXIS", 0i64, "number of data axes")?;
    set(&mut header, "EXTEND", true, "FITS dataset may contain extensions")?;
    set(&mut header, "DATE", Value::Undefined, "not said: the same model has the same bytes")?;
    set(&mut header, "ORIGIN", "otfhpc", "program that made the file")?;
    set(&mut header, "TELESCOP", "COBE", "COsmic Background Explorer satellite")?;
    set(&mut header, "INSTRUME", "FIRAS", "COBE instrument [DIRBE, DMR, FIRAS]")?;
    set(&mut header, "OBJECT", "ALL-SKY", "part of sky given [ALL-SKY, GAL-SLICE]")?;
    set(&mut header, "PRODUCT", "CAL-MOD", "Calibration model solution")?;
    set(&mut header, "EQUINOX", Value::Undefined, "no coords in following tables")?;
    let (begin, end) = match &notes.dates {
        Some((begin, end)) => (Value::from(begin.as_str()), Value::from(end.as_str())),
        None => (Value::Undefined, Value::Undefined),
    };
    set(&mut header, "DATE-BEG", begin, "date of initial data represented (dd/mm/yy)")?;
    set(&mut header, "DATE-END", end, "date of final data represented (dd/mm/yy)")?;
    set(&mut header, "PIXRESOL", Value::Undefined, "Quad tree pixel resolution: no pixels")?;
    for line in REFERENCE {
        header.append("REFERENC", line)?;
    }
    header.push_commentary("COMMENT", "FIRAS specific keywords")?;
    set(&mut header, "CHANSCAN", plain(&model.chanscan), "Channel and scan mode")?;
    set(&mut header, "MODLLABL", plain(&model.label), "calibration model solution label")?;
    set(&mut header, "MISS_SEG", Value::Undefined, "segment of mission represented: not known")?;
    set(
        &mut header,
        "NU_ZERO",
        model.nu_zero_ghz,
        "Optical frequency of initial data point in GHz",
    )?;
    set(&mut header, "DELTA_NU", model.delta_nu_ghz, "Interval between data points in GHz")?;
    set(&mut header, "OM_ZERO", model.omega_zero, "Audio frequency of initial point in rad/s")?;
    set(&mut header, "DELTA_OM", model.delta_omega, "Interval between data points in rad/s")?;
    set(&mut header, "NUM_FREQ", model.bins as i64, "Number of frequency points with good data")?;
    let what = "Gain function normalization, (MJy*V)/(W*sr)";
    set(&mut header, "NORMALIZ", model.normalization, what)?;
    for (name, value, comment) in &notes.keywords {
        set(&mut header, name, value, comment)?;
    }
    for line in &notes.history {
        say(&mut header, "HISTORY", line)?;
    }
    Ok(header)
}

/// The table in the published layout: one row.
fn published(model: &PublishedModel) -> BinaryTable {
    let mut table = BinaryTable::new("", 1);
    table.comment("FIRAS Calibration Model Solution");
    for column in layout::columns(model) {
        let shape = [column.values.len()];
        let shape = if shape == [1] { &[][..] } else { &shape[..] };
        let words = (&*column.name, column.unit, &*column.meaning);
        table.column(words, shape, Cells::Single(&column.values));
        table.entire_name(&column.entire);
    }
    table
}

/// The table with one row a point.
fn points(details: &ModelDetails) -> BinaryTable {
    let (points, e) = (&details.points, details.emitters.len());
    let mut table = BinaryTable::new(POINTS, points.len());
    for (place, (name, column)) in details.emitters.iter().zip(&details.columns).enumerate() {
        let number = place + 1;
        table.keyword(&format!("EMIT{number}"), plain(name), "emitter, in the order of lists");
        table.keyword(&format!("ECOL{number}"), plain(column), "its columns, without R or I");
    }
    let whole: Vec<i32> = points.iter().map(|point| point.bin as i32).collect();
    table.column(("BIN", "", "Bin of the transform"), &[], Cells::Whole(&whole));
    let codes: Vec<u8> = points.iter().map(|point| point.status).collect();
    let meaning = "Fit: 0 converged, 1 not converged, 2 failed, 3 no signal, 255 not selected";
    table.column(("STATUS", "", meaning), &[], Cells::Byte(&codes));
    let in_band: Vec<u8> = points.iter().map(|point| u8::from(point.is_in_band)).collect();
    table.column(("IN_BAND", "", "1 in the optical band"), &[], Cells::Byte(&in_band));
    let mut number = |name: &str, unit: &str, meaning: &str, of: fn(&super::ModelPoint) -> f64| {
        let values: Vec<f64> = points.iter().map(of).collect();
        table.column((name, unit, meaning), &[], Cells::Double(&values));
    };
    number("FREQUENCY", "GHz", "Optical frequency", |p| p.frequency_ghz);
    number("CHI2_DOF", "", "chi2 per complex degree of freedom", |p| p.chi2_per_degree);
    number("RSS", "", "Weighted sum of squared residuals", |p| p.rss);
    number("CONDITION", "", "Condition number of the scaled design", |p| p.condition);
    let determined: Vec<u8> = points.iter().flat_map(|p| p.determined.iter().copied()).collect();
    let meaning = "1 where the data determine the emissivity";
    table.column(("DETERMINED", "", meaning), &[e], Cells::Byte(&determined));
    let sigma: Vec<f64> = points.iter().flat_map(|p| p.sigma.iter().copied()).collect();
    table.column(("SIGMA", "", "sqrt(E|dE|^2) of each emissivity"), &[e], Cells::Double(&sigma));
    let sigma: Vec<f64> = points.iter().flat_map(|p| p.product_sigma.iter().copied()).collect();
    let unit = "V s/erg";
    let meaning = "sqrt(E|d(E B)|^2), B the response";
    table.column(("PRODUCT_SIGMA", unit, meaning), &[e], Cells::Double(&sigma));
    let mut complex = |name: &str, unit: &str, meaning: &str, shape: &[usize], values: Vec<_>| {
        table.column((name, unit, meaning), shape, Cells::Complex(&values));
    };
    let response = points.iter().map(|p| p.response).collect();
    complex("RESPONSE", unit, "Response B of the bolometer, mission average", &[], response);
    let all = |of: fn(&super::ModelPoint) -> &Vec<num_complex::Complex64>| {
        points.iter().flat_map(|p| of(p).iter().copied()).collect::<Vec<_>>()
    };
    complex("EMISSIVITY", "", "Emissivities in double precision", &[e], all(|p| &p.emissivity));
    complex("PRODUCT", unit, "Emissivity times response", &[e], all(|p| &p.product));
    complex("COVARIANCE", "", "E[dE_i conj(dE_k)], k fastest", &[e, e], all(|p| &p.covariance));
    complex("RELATION", "", "E[dE_i^2]", &[e], all(|p| &p.relation));
    table
}

/// A table with one row a parameter.
fn parameters(name: &str, parameters: &[ModelParameter]) -> BinaryTable {
    let mut table = BinaryTable::new(name, parameters.len());
    let text = |of: fn(&ModelParameter) -> &String| -> Vec<String> {
        parameters.iter().map(|parameter| of(parameter).clone()).collect()
    };
    table.column(("NAME", "", "As in parameters.csv"), &[], Cells::Text(&text(|p| &p.name)));
    let meaning = "Its column in the first table; blank if none";
    table.column(("LAYOUT_COLUMN", "", meaning), &[], Cells::Text(&text(|p| &p.column)));
    table.column(("UNIT", "", "Unit of the numbers"), &[], Cells::Text(&text(|p| &p.unit)));
    let fitted: Vec<u8> = parameters.iter().map(|p| u8::from(p.is_fitted())).collect();
    table.column(("FITTED", "", "1 fitted, 0 assumed"), &[], Cells::Byte(&fitted));
    let mut number = |name: &str, meaning: &str, of: fn(&ModelParameter) -> f64| {
        let values: Vec<f64> = parameters.iter().map(of).collect();
        table.column((name, "", meaning), &[], Cells::Double(&values));
    };
    number("VALUE", "Value", |p| p.value);
    number("SIGMA", "Standard error; NaN where assumed", |p| p.sigma);
    number("PRIOR", "What was known before", |p| p.prior);
    number("PRIOR_SIGMA", "Standard error of that", |p| p.prior_sigma);
    let covariance: Vec<f64> = parameters.iter().flat_map(|p| p.covariance.clone()).collect();
    if !covariance.is_empty() {
        let cells = Cells::Double(&covariance);
        table.column(("COVARIANCE", "", "With every row"), &[parameters.len()], cells);
    }
    table
}
