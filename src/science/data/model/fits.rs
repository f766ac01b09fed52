//! Keywords and columns of a FITS file, each checked. Only this folder uses the FITS library.

use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use fits_well::header::Header;
use fits_well::io::SliceReader;
use fits_well::table::Table;
use fits_well::{FitsError, FitsReader};
use num_complex::Complex64;

use super::error::ModelError;
use crate::foundations::files::gunzip::{self, gunzipped};

/// The largest file that is read, bytes. A published model has 46,080.
const MAX_FILE_BYTES: u64 = 1 << 24;

/// A file's bytes, in memory: the FITS library then never asks for more than the file has.
pub(super) struct ModelFile<'a> {
    pub(super) path: &'a Path,
    bytes: Vec<u8>,
}

impl<'a> ModelFile<'a> {
    /// Reads the file at `path`.
    pub(super) fn read(path: &'a Path) -> Result<Self, ModelError> {
        let unreadable = |source| ModelError::Unreadable { path: path.to_owned(), source };
        let not_a_model =
            |found| ModelError::NotAModel { path: path.to_owned(), found, limit: MAX_FILE_BYTES };
        // Opening a named pipe would wait for a writer, so the kind is looked at first.
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(not_a_model("not a regular file".to_owned()));
        }
        if metadata.len() > MAX_FILE_BYTES {
            return Err(not_a_model(format!("{} bytes long", metadata.len())));
        }
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.starts_with(&gunzip::MAGIC) {
            let refused = |reason| not_a_model(format!("compressed with gzip ({reason})"));
            bytes = gunzipped(&bytes[..], MAX_FILE_BYTES).map_err(refused)?;
        }
        if !bytes.starts_with(b"SIMPLE  =") {
            let start = format!("\"{}\"", bytes[..bytes.len().min(16)].escape_ascii());
            return Err(ModelError::NotFits { path: path.to_owned(), start });
        }
        Ok(Self { path, bytes })
    }

    /// The file as the FITS library sees it.
    pub(super) fn reader(&self) -> Result<SliceReader<'_>, ModelError> {
        FitsReader::from_bytes(&self.bytes).map_err(|reason| structure(self.path, &reason))
    }
}

/// The error for a file that does not read as a model.
pub(super) fn structure(path: &Path, reason: &dyn Display) -> ModelError {
    ModelError::Structure { path: path.to_owned(), reason: reason.to_string() }
}

/// The keywords of the primary header.
pub(super) struct Keywords<'a> {
    path: &'a Path,
    header: Header,
}

impl<'a> Keywords<'a> {
    /// The primary header of the open file.
    pub(super) fn of(path: &'a Path, reader: &SliceReader<'_>) -> Result<Self, ModelError> {
        let primary = reader.hdu(0).map_err(|reason| structure(path, &reason))?;
        Ok(Self { path, header: primary.header.clone() })
    }

    /// A text without the spaces that FITS appends; not empty.
    pub(super) fn text(&self, keyword: &'static str) -> Result<String, ModelError> {
        let expected = "a text";
        let value = self.found(keyword, expected, self.header.get_text(keyword))?;
        let text = value.trim_end();
        if text.is_empty() {
            return Err(self.refused(keyword, "empty".to_owned(), expected.to_owned()));
        }
        Ok(text.to_owned())
    }

    /// A finite number greater than zero.
    pub(super) fn positive(&self, keyword: &'static str) -> Result<f64, ModelError> {
        let expected = "a number greater than zero";
        let value = self.found(keyword, expected, self.header.get_real(keyword))?;
        if value.is_finite() && value > 0.0 {
            return Ok(value);
        }
        Err(self.refused(keyword, value.to_string(), expected.to_owned()))
    }

    /// A whole number from 1 to `most`.
    pub(super) fn count(&self, keyword: &'static str, most: usize) -> Result<usize, ModelError> {
        let expected = format!("a whole number from 1 to {most}");
        let value = self.found(keyword, &expected, self.header.get_integer(keyword))?;
        match usize::try_from(value) {
            Ok(count) if (1..=most).contains(&count) => Ok(count),
            _ => Err(self.refused(keyword, value.to_string(), expected)),
        }
    }

    /// The value that a look-up gave, or the error for why there is none.
    fn found<T>(
        &self,
        keyword: &'static str,
        expected: &str,
        looked_up: Result<Option<T>, FitsError>,
    ) -> Result<T, ModelError> {
        let found = match looked_up {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => "missing from the primary header".to_owned(),
            Err(reason) => format!("not readable ({reason})"),
        };
        Err(self.refused(keyword, found, expected.to_owned()))
    }

    /// The error for a keyword's value.
    fn refused(&self, keyword: &'static str, found: String, expected: String) -> ModelError {
        ModelError::Keyword { path: self.path.to_owned(), keyword, found, expected }
    }
}

/// The columns of the table after the primary header.
pub(super) struct TableColumns<'a> {
    path: &'a Path,
    table: Table,
}

impl<'a> TableColumns<'a> {
    /// Reads the table, which must have one row.
    pub(super) fn of(path: &'a Path, mut reader: SliceReader<'_>) -> Result<Self, ModelError> {
        let table = reader.read_table(1).map_err(|reason| structure(path, &reason))?;
        let rows = table.schema().row_count();
        if rows != 1 {
            return Err(structure(path, &format!("its table has {rows} rows")));
        }
        Ok(Self { path, table })
    }

    /// One finite number.
    pub(super) fn number(&self, column: &str) -> Result<f64, ModelError> {
        let values = self.numbers(column, 1, 1)?;
        values.first().copied().ok_or_else(|| self.refused(column, "empty", "1 finite number"))
    }

    /// The first `used` numbers of a column of `length`; they are finite.
    pub(super) fn numbers(
        &self,
        column: &str,
        length: usize,
        used: usize,
    ) -> Result<Vec<f64>, ModelError> {
        let expected = match length {
            1 => "1 finite number".to_owned(),
            _ => format!("{length} numbers, the first {used} finite"),
        };
        let reader = self.table.column(column).map_err(|reason| match reason {
            FitsError::ColumnNotFound { .. } => self.refused(column, "missing", &expected),
            other => self.refused(column, &format!("not readable ({other})"), &expected),
        })?;
        let mut values: Vec<f64> = Vec::new();
        reader.physical_into(&mut values).map_err(|reason| {
            self.refused(column, &format!("not readable ({reason})"), &expected)
        })?;
        if values.len() != length || used > length {
            let found = format!("an array of length {}", values.len());
            return Err(self.refused(column, &found, &expected));
        }
        values.truncate(used);
        match values.iter().position(|value| !value.is_finite()) {
            Some(place) => {
                let found = format!("{} at index {place}", values[place]);
                Err(self.refused(column, &found, &expected))
            }
            None => Ok(values),
        }
    }

    /// The first `used` numbers of the columns `R{column}` and `I{column}`.
    pub(super) fn complex(&self, column: &str, used: usize) -> Result<Vec<Complex64>, ModelError> {
        let real = self.numbers(&format!("R{column}"), super::COLUMN_LENGTH, used)?;
        let imaginary = self.numbers(&format!("I{column}"), super::COLUMN_LENGTH, used)?;
        Ok(real.into_iter().zip(imaginary).map(|(re, im)| Complex64::new(re, im)).collect())
    }

    /// The error for a column.
    fn refused(&self, column: &str, found: &str, expected: &str) -> ModelError {
        ModelError::Column {
            path: self.path.to_owned(),
            column: column.to_owned(),
            found: found.to_owned(),
            expected: expected.to_owned(),
        }
    }
}
