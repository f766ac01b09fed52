//! The table of all units, and what some of them lack in it.

use std::path::PathBuf;

use csv::ByteRecord;

use crate::command::study::CommandStudy;
use crate::foundations::FileError;

use super::error::CollectError;
use super::keys::{Keys, key_of, places};
use super::names::{GridColumns, apart};
use super::rows::{Part, Rows};
use super::written::CsvFile;

/// How many missing rows are listed; more are only counted.
const MOST_LISTED: u64 = 1_000_000;

/// `missing_rows.csv`: a row for each key that a unit lacks and another has.
#[derive(Debug)]
pub(super) struct MissingRows {
    csv: CsvFile,
    row_key: Vec<String>,
    /// How many rows are missing.
    pub(super) count: u64,
}

impl MissingRows {
    /// None yet.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub(super) fn new(path: PathBuf, row_key: &[String]) -> Result<Self, FileError> {
        let mut header = vec!["table".to_owned(), "label".into()];
        for name in row_key {
            header.push(apart(name, "output", &header));
        }
        Ok(Self { csv: CsvFile::new(path, &header)?, row_key: row_key.to_vec(), count: 0 })
    }

    /// Writes which of a table's keys a unit lacks.
    fn take(&mut self, table: &str, label: &str, lacking: &[&ByteRecord]) -> Result<(), FileError> {
        for key in lacking {
            self.count += 1;
            if self.count <= MOST_LISTED {
                self.csv.row([table.as_bytes(), label.as_bytes()].into_iter().chain(key.iter()))?;
            }
        }
        Ok(())
    }

    /// Writes what is left.
    pub(super) fn finish(self) -> Result<(), FileError> {
        self.csv.finish()
    }
}

/// Writes the rows of all units, in the order of units, with the grid's columns before them.
///
/// # Errors
/// If the rows cannot be read, or a file not be written.
pub(super) fn write_table(
    study: &CommandStudy,
    rows: &Rows,
    path: PathBuf,
    missing: &mut MissingRows,
) -> Result<(), CollectError> {
    let grid = GridColumns::new(study, |_| true, &[]);
    let mut header = grid.names();
    for column in &rows.columns {
        header.push(apart(&column.name, "output", &header));
    }
    let mut csv = CsvFile::new(path, &header)?;
    for part in &rows.parts {
        let (fields_of, records) = rows.read(part)?;
        let configuration = grid.fields(study, part.unit);
        for record in &records {
            let of_row =
                fields_of.iter().map(|place| place.and_then(|p| record.get(p)).unwrap_or_default());
            csv.row(configuration.iter().map(String::as_bytes).chain(of_row))?;
        }
        if rows.has_keys {
            let lacking = lacking(rows, part, &missing.row_key, &records);
            missing.take(&rows.name, &study.label_of(part.unit), &lacking)?;
        }
    }
    Ok(csv.finish()?)
}

/// The keys of the table that a unit lacks.
fn lacking<'a>(
    rows: &'a Rows,
    part: &Part,
    row_key: &[String],
    records: &[ByteRecord],
) -> Vec<&'a ByteRecord> {
    let Keys { list, .. } = &rows.keys;
    // No two rows have the same key.
    if records.len() == list.len() {
        return Vec::new();
    }
    let places = places(row_key, &rows.columns_of(part)).unwrap_or_default();
    let mut is_there = vec![false; list.len()];
    for record in records {
        if let Some(number) = rows.keys.number(&key_of(record, &places)) {
            is_there[number as usize] = true;
        }
    }
    list.iter().zip(is_there).filter(|(_, is_there)| !is_there).map(|(key, _)| key).collect()
}
