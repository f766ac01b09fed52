//! The tables of a study: taken unit by unit, checked, and written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::command::body::Body;
use crate::command::study::CommandStudy;
use crate::foundations::FileError;

use super::error::{CollectError, NAMED, Short};
use super::product_table::{MissingRows, write_table};
use super::products::{MISSING_ROWS, SUMMARY, TABLE_PROBLEMS, TABLES, TableCount};
use super::rows::Rows;
use super::summary::Summary;
use super::table_problem::TableProblem;
use super::written::CsvFile;

/// All tables, in the order of `collect.tables`.
pub(super) struct Tables<'a> {
    study: &'a CommandStudy,
    all: Vec<Rows>,
    /// By unit and place among the tables.
    problems: BTreeMap<(u64, usize), TableProblem>,
}

impl<'a> Tables<'a> {
    /// No rows yet; they are kept in a private folder.
    ///
    /// # Errors
    /// If the files cannot be made.
    pub(super) fn new(study: &'a CommandStudy, folder: &Path) -> Result<Self, FileError> {
        let names = study.settings().collect.tables.iter().enumerate();
        let rows = names.map(|(place, name)| Rows::new(name, folder.join(place.to_string())));
        Ok(Self { study, all: rows.collect::<Result<_, _>>()?, problems: BTreeMap::new() })
    }

    /// Takes those of a unit that is done.
    ///
    /// # Errors
    /// If the rows cannot be kept.
    pub(super) fn take(&mut self, unit: u64, body: &Body) -> Result<(), CollectError> {
        let row_key = &self.study.settings().collect.row_key;
        for (place, rows) in self.all.iter_mut().enumerate() {
            let written = body.file(&rows.name).map(|file| &file.bytes[..]);
            if let Err(problem) = rows.take(unit, written, row_key)? {
                self.problems.insert((unit, place), problem);
            }
        }
        Ok(())
    }

    /// Checks the keys of all units against each other. A unit without keys where others have them
    /// has a problem.
    ///
    /// # Errors
    /// If no table has the columns of the row key.
    pub(super) fn check_keys(&mut self) -> Result<(), CollectError> {
        let row_key = &self.study.settings().collect.row_key;
        let is_known = self.all.iter().all(|rows| rows.parts.is_empty());
        if !row_key.is_empty() && !is_known && self.all.iter().all(|rows| !rows.has_keys) {
            let columns = self.all.iter().flat_map(|rows| &rows.columns);
            let columns = columns.map(|column| column.name.clone()).collect();
            return Err(CollectError::NoSuchKey { row_key: row_key.clone(), columns });
        }
        for (place, rows) in self.all.iter_mut().enumerate() {
            let problems = rows.without_keyless(row_key);
            self.problems.extend(problems.into_iter().map(|(unit, p)| ((unit, place), p)));
        }
        Ok(())
    }

    /// Checks that every unit has as many rows as are expected. That is about the tables with keys;
    /// without a row key, about all.
    ///
    /// # Errors
    /// Names units that have fewer.
    pub(super) fn check_rows(&self) -> Result<(), CollectError> {
        let collect = &self.study.settings().collect;
        let Some(expected) = collect.expected_rows else { return Ok(()) };
        let (mut short, mut count) = (Vec::new(), 0);
        for (place, table) in self.all.iter().enumerate() {
            if !collect.row_key.is_empty() && !table.has_keys && !table.parts.is_empty() {
                continue;
            }
            let with_rows = table.parts.iter().map(|part| (part.unit, u64::from(part.rows)));
            let without = self.problems.keys().filter(|key| key.1 == place).map(|key| (key.0, 0));
            for (unit, rows) in with_rows.chain(without).filter(|(_, rows)| *rows < expected) {
                count += 1;
                if short.len() < NAMED {
                    let problem = self.problems.get(&(unit, place)).cloned();
                    let (label, table) = (self.study.label_of(unit), table.name.clone());
                    short.push(Short { label, table, rows, problem });
                }
            }
        }
        match count {
            0 => Ok(()),
            count => Err(CollectError::TooFewRows { expected, short, count }),
        }
    }

    /// Writes all tables, what is missing in them, and their summary. `place` says where a product
    /// goes.
    ///
    /// # Errors
    /// If the rows cannot be read, or a file not be written.
    pub(super) fn write(
        &self,
        place: &dyn Fn(&str) -> PathBuf,
    ) -> Result<Vec<TableCount>, CollectError> {
        if self.all.is_empty() {
            return Ok(Vec::new());
        }
        let row_key = &self.study.settings().collect.row_key;
        let mut missing = MissingRows::new(place(MISSING_ROWS), row_key)?;
        let mut counts = Vec::new();
        for (number, rows) in self.all.iter().enumerate() {
            let before = missing.count;
            let path = place(&format!("{TABLES}/{}", rows.name));
            write_table(self.study, rows, path, &mut missing)?;
            counts.push(TableCount {
                name: rows.name.clone(),
                units: rows.parts.len() as u64,
                rows: rows.parts.iter().map(|part| u64::from(part.rows)).sum(),
                missing_rows: missing.count - before,
                problems: self.problems.keys().filter(|key| key.1 == number).count() as u64,
            });
        }
        missing.finish()?;
        self.write_problems(place(TABLE_PROBLEMS))?;
        if self.study.settings().study.trials.as_deref().is_some() {
            self.write_summary(place(SUMMARY))?;
        }
        Ok(counts)
    }

    fn write_problems(&self, path: PathBuf) -> Result<(), FileError> {
        let mut csv = CsvFile::new(path, &["label", "table", "problem"])?;
        for ((unit, place), problem) in &self.problems {
            let label = self.study.label_of(*unit);
            csv.row([&label, &self.all[*place].name, &problem.to_string()])?;
        }
        csv.finish()
    }

    fn write_summary(&self, path: PathBuf) -> Result<(), FileError> {
        let mut summary = Summary::new(self.study, path)?;
        self.all.iter().try_for_each(|rows| summary.add(rows))?;
        summary.finish()
    }
}
