//! Reads the tables that a model of ours has after the published one.

use std::path::Path;

use fits_well::FitsError;
use fits_well::table::{ColumnData, Table};
use num_complex::Complex64;

use super::details::{ModelDetails, ModelParameter, ModelPoint, PARAMETERS, PLATEAUS, POINTS};
use super::error::ModelError;
use super::fits::{ModelFile, structure};

/// Most emitters that a table may name.
const MOST_EMITTERS: usize = 999;

/// Reads the details of a file; none if it is a published model, which has none.
pub(super) fn read(file: &ModelFile) -> Result<Option<ModelDetails>, ModelError> {
    let Some(points) = Extension::of(file, POINTS)? else { return Ok(None) };
    let emitters = points.named(file, "EMIT", usize::MAX)?;
    let columns = points.named(file, "ECOL", emitters.len())?;
    let parameters = |name| match Extension::of(file, name)? {
        Some(table) => table.parameters(),
        None => Ok(Vec::new()),
    };
    Ok(Some(ModelDetails {
        points: points.points(emitters.len())?,
        parameters: parameters(PARAMETERS)?,
        plateaus: parameters(PLATEAUS)?,
        emitters,
        columns,
    }))
}

/// One table.
struct Extension<'a> {
    path: &'a Path,
    name: &'static str,
    table: Table,
    rows: usize,
}

impl<'a> Extension<'a> {
    /// The table of this name, if the file has it.
    fn of(file: &ModelFile<'a>, name: &'static str) -> Result<Option<Self>, ModelError> {
        let mut reader = file.reader()?;
        let Ok(_) = reader.hdu(name) else { return Ok(None) };
        let table = reader.read_table(name).map_err(|reason| structure(file.path, &reason))?;
        let rows = table.schema().row_count();
        Ok(Some(Self { path: file.path, name, table, rows }))
    }

    /// Names of emitters or of their columns, which its header has.
    fn named(
        &self,
        file: &ModelFile,
        keyword: &str,
        most: usize,
    ) -> Result<Vec<String>, ModelError> {
        let reader = file.reader()?;
        let hdu = reader.hdu(self.name).map_err(|reason| structure(self.path, &reason))?;
        let name = |place: usize| {
            let found = hdu.header.get_text(&*format!("{keyword}{place}")).ok().flatten();
            found.map(|text| text.trim_end().to_owned())
        };
        Ok((1..=most.min(MOST_EMITTERS)).map_while(name).collect())
    }

    fn points(&self, e: usize) -> Result<Vec<ModelPoint>, ModelError> {
        let (bin, status) = (self.numbers("BIN", 1)?, self.numbers("STATUS", 1)?);
        let (in_band, frequency) = (self.numbers("IN_BAND", 1)?, self.numbers("FREQUENCY", 1)?);
        let (chi2, rss) = (self.numbers("CHI2_DOF", 1)?, self.numbers("RSS", 1)?);
        let condition = self.numbers("CONDITION", 1)?;
        let (determined, sigma) = (self.numbers("DETERMINED", e)?, self.numbers("SIGMA", e)?);
        let product_sigma = self.numbers("PRODUCT_SIGMA", e)?;
        let response = self.complex("RESPONSE", 1)?;
        let (emissivity, product) = (self.complex("EMISSIVITY", e)?, self.complex("PRODUCT", e)?);
        let covariance = self.complex("COVARIANCE", e * e)?;
        let relation = self.complex("RELATION", e)?;
        let point = |row: usize| {
            let of = row * e..(row + 1) * e;
            ModelPoint {
                bin: bin[row] as usize,
                frequency_ghz: frequency[row],
                status: status[row] as u8,
                is_in_band: in_band[row] != 0.0,
                chi2_per_degree: chi2[row],
                rss: rss[row],
                condition: condition[row],
                emissivity: emissivity[of.clone()].to_vec(),
                sigma: sigma[of.clone()].to_vec(),
                determined: determined[of.clone()].iter().map(|mark| *mark as u8).collect(),
                covariance: covariance[row * e * e..(row + 1) * e * e].to_vec(),
                relation: relation[of.clone()].to_vec(),
                response: response[row],
                product: product[of.clone()].to_vec(),
                product_sigma: product_sigma[of].to_vec(),
            }
        };
        Ok((0..self.rows).map(point).collect())
    }

    fn parameters(&self) -> Result<Vec<ModelParameter>, ModelError> {
        let (name, column) = (self.texts("NAME")?, self.texts("LAYOUT_COLUMN")?);
        let (unit, value) = (self.texts("UNIT")?, self.numbers("VALUE", 1)?);
        let (sigma, prior) = (self.numbers("SIGMA", 1)?, self.numbers("PRIOR", 1)?);
        let prior_sigma = self.numbers("PRIOR_SIGMA", 1)?;
        let covariance = match self.table.column("COVARIANCE") {
            Ok(_) => self.numbers("COVARIANCE", self.rows)?,
            Err(_) => Vec::new(),
        };
        let of_row = covariance.len() / self.rows.max(1);
        let parameter = |row: usize| ModelParameter {
            name: name[row].clone(),
            column: column[row].clone(),
            unit: unit[row].clone(),
            value: value[row],
            sigma: sigma[row],
            prior: prior[row],
            prior_sigma: prior_sigma[row],
            covariance: covariance[row * of_row..(row + 1) * of_row].to_vec(),
        };
        Ok((0..self.rows).map(parameter).collect())
    }

    /// Numbers, so many a row.
    fn numbers(&self, column: &str, width: usize) -> Result<Vec<f64>, ModelError> {
        let mut values: Vec<f64> = Vec::new();
        let read = self.table.column(column).and_then(|found| found.physical_into(&mut values));
        self.checked(column, width, read.map(|()| values))
    }

    fn complex(&self, column: &str, width: usize) -> Result<Vec<Complex64>, ModelError> {
        let read = self.table.column(column).and_then(|found| found.complex());
        self.checked(column, width, read)
    }

    /// Texts without the spaces at their ends, one a row.
    fn texts(&self, column: &str) -> Result<Vec<String>, ModelError> {
        let mut data = ColumnData::Character(Vec::new());
        let read = self.table.column(column).and_then(|found| found.raw_into(&mut data));
        let bytes = match (read, data) {
            (Ok(()), ColumnData::Character(bytes)) => bytes,
            (Err(reason), _) => return Err(self.refused(column, reason.to_string(), "texts")),
            _ => return Err(self.refused(column, "not a text".into(), "texts")),
        };
        let width = bytes.len() / self.rows.max(1);
        let text = |row: usize| {
            let text = String::from_utf8_lossy(&bytes[row * width..(row + 1) * width]);
            text.trim_end_matches([' ', '\0']).to_owned()
        };
        Ok((0..self.rows).map(text).collect())
    }

    fn checked<T>(
        &self,
        column: &str,
        width: usize,
        read: Result<Vec<T>, FitsError>,
    ) -> Result<Vec<T>, ModelError> {
        let expected = format!("{width} a row in {}", self.name);
        match read {
            Ok(values) if values.len() == self.rows * width => Ok(values),
            Ok(values) => Err(self.refused(column, format!("{} long", values.len()), &expected)),
            Err(reason) => Err(self.refused(column, format!("not readable ({reason})"), &expected)),
        }
    }

    fn refused(&self, column: &str, found: String, expected: &str) -> ModelError {
        ModelError::Column {
            path: self.path.to_owned(),
            column: column.to_owned(),
            found,
            expected: expected.to_owned(),
        }
    }
}
