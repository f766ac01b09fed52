//! `summary.csv`: every numeric column over the trials.

use std::collections::HashMap;
use std::path::PathBuf;

use csv::ByteRecord;

use crate::command::study::CommandStudy;
use crate::foundations::{Digest, FileError};

use super::keys::{Keys, key_of};
use super::names::{GridColumns, apart};
use super::rows::{Part, Rows};
use super::statistics::{Statistics, number_in};
use super::written::CsvFile;

/// The file, and what its rows begin with.
pub(super) struct Summary<'a> {
    study: &'a CommandStudy,
    grid: GridColumns,
    row_key: &'a [String],
    csv: CsvFile,
}

impl<'a> Summary<'a> {
    /// No table yet. The mean is taken over the axis of trials, if there is one.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub(super) fn new(study: &'a CommandStudy, path: PathBuf) -> Result<Self, FileError> {
        let row_key = &study.settings().collect.row_key;
        let fixed = ["table", "column"].into_iter().chain(Statistics::COLUMNS);
        let fixed: Vec<&str> = fixed.collect();
        let grid = GridColumns::new(
            study,
            |axis| study.settings().study.trials.as_deref() != Some(axis),
            &fixed,
        );
        let mut taken: Vec<String> =
            fixed.iter().map(|&name| name.to_owned()).chain(grid.names()).collect();
        let mut header: Vec<String> =
            ["table".to_owned()].into_iter().chain(grid.names()).collect();
        for name in row_key {
            taken.push(apart(name, "output", &taken));
            header.extend(taken.last().cloned());
        }
        header.extend(["column"].into_iter().chain(Statistics::COLUMNS).map(String::from));
        Ok(Self { study, grid, row_key, csv: CsvFile::new(path, &header)? })
    }

    /// Adds a table. Memory holds the numbers of one configuration's trials.
    ///
    /// # Errors
    /// If its rows cannot be read, or these not be written.
    pub(super) fn add(&mut self, rows: &Rows) -> Result<(), FileError> {
        let is_key = |name: &String| rows.has_keys && self.row_key.contains(name);
        let is_wanted = |column: usize| {
            rows.columns[column].is_numeric() && !is_key(&rows.columns[column].name)
        };
        let wanted: Vec<usize> = (0..rows.columns.len()).filter(|&c| is_wanted(c)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        for group in self.groups(&rows.parts) {
            let mut found = Group::new(wanted.len());
            for part in &group {
                self.take(&mut found, rows, part, &wanted)?;
            }
            let Some(first) = group.first() else { continue };
            self.write(&found, rows, first.unit, &wanted)?;
        }
        Ok(())
    }

    /// The units that differ in nothing but the trial, in the order of the first of each.
    fn groups<'p>(&self, parts: &'p [Part]) -> Vec<Vec<&'p Part>> {
        let mut numbers: HashMap<Digest, usize> = HashMap::new();
        let mut groups: Vec<Vec<&Part>> = Vec::new();
        for part in parts {
            let configuration = self.grid.fields(self.study, part.unit);
            let next = groups.len();
            let number = *numbers.entry(digest_of(&configuration)).or_insert(next);
            if number == next {
                groups.push(Vec::new());
            }
            groups[number].push(part);
        }
        groups
    }

    fn take(
        &self,
        group: &mut Group,
        rows: &Rows,
        part: &Part,
        wanted: &[usize],
    ) -> Result<(), FileError> {
        let (fields_of, records) = rows.read(part)?;
        let place = |name: &String| rows.columns.iter().position(|column| column.name == *name);
        let key: Vec<usize> = if rows.has_keys {
            self.row_key.iter().filter_map(|name| fields_of[place(name)?]).collect()
        } else {
            Vec::new()
        };
        for record in &records {
            let statistics = group.of(&key_of(record, &key));
            for (statistic, &column) in statistics.iter_mut().zip(wanted) {
                let field = fields_of[column].and_then(|place| record.get(place));
                if let Some(number) = field.and_then(number_in) {
                    statistic.take(number);
                }
            }
        }
        Ok(())
    }

    fn write(
        &mut self,
        group: &Group,
        rows: &Rows,
        unit: u64,
        wanted: &[usize],
    ) -> Result<(), FileError> {
        let configuration = self.grid.fields(self.study, unit);
        for (key, statistics) in group.keys.list.iter().zip(&group.statistics) {
            let fields_of_key =
                (0..self.row_key.len()).map(|place| key.get(place).unwrap_or_default());
            let fields_of_key: Vec<&[u8]> = fields_of_key.collect();
            for (statistic, &column) in statistics.iter().zip(wanted) {
                let figures = statistic.fields();
                let before = [rows.name.as_bytes()].into_iter();
                let before = before.chain(configuration.iter().map(String::as_bytes));
                let after = [rows.columns[column].name.as_bytes()].into_iter();
                let after = after.chain(figures.iter().map(String::as_bytes));
                self.csv.row(before.chain(fields_of_key.iter().copied()).chain(after))?;
            }
        }
        Ok(())
    }

    /// Writes what is left.
    pub(super) fn finish(self) -> Result<(), FileError> {
        self.csv.finish()
    }
}

fn digest_of(fields: &[String]) -> Digest {
    let lengths_and_fields = fields.iter().map(|field| format!("{}:{field}", field.len()));
    Digest::of(lengths_and_fields.collect::<String>().as_bytes())
}

/// The numbers of the trials of one configuration: a list of statistics, one a column, for each key.
#[derive(Debug)]
struct Group {
    columns: usize,
    keys: Keys,
    statistics: Vec<Vec<Statistics>>,
}

impl Group {
    fn new(columns: usize) -> Self {
        Self { columns, keys: Keys::default(), statistics: Vec::new() }
    }

    fn of(&mut self, key: &ByteRecord) -> &mut [Statistics] {
        // There are not too many: the keys of all units are more than those of these.
        let number = self.keys.insert(key).unwrap_or_default() as usize;
        if number == self.statistics.len() {
            self.statistics.push(vec![Statistics::default(); self.columns]);
        }
        &mut self.statistics[number]
    }
}
