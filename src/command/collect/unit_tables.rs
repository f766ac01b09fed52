//! `units.csv` and `failures.csv`: what became of every unit.

use std::path::Path;

use crate::command::study::CommandStudy;
use crate::foundations::FileError;
use crate::runner::store::{Envelope, UnitStatus};

use super::names::GridColumns;
use super::written::CsvFile;

/// The columns beside those of the grid: the first two stand before them.
const FIXED: [&str; 5] = ["index", "label", "seed", "status", "reason"];

/// Both tables. Nothing in them depends on where or when a unit ran.
#[derive(Debug)]
pub(super) struct UnitTables {
    grid: GridColumns,
    units: CsvFile,
    failures: CsvFile,
    /// How many units are done.
    pub(super) done: u64,
    /// How many are not.
    pub(super) not_done: u64,
}

impl UnitTables {
    /// No unit yet.
    ///
    /// # Errors
    /// If the files cannot be made.
    pub(super) fn new(
        study: &CommandStudy,
        units: &Path,
        failures: &Path,
    ) -> Result<Self, FileError> {
        let grid = GridColumns::new(study, |_| true, &FIXED);
        let mut header: Vec<String> = FIXED.map(String::from).to_vec();
        header.splice(2..2, grid.names());
        Ok(Self {
            grid,
            units: CsvFile::new(units.into(), &header)?,
            failures: CsvFile::new(failures.into(), &header)?,
            done: 0,
            not_done: 0,
        })
    }

    /// Writes the row of a unit.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn take(
        &mut self,
        study: &CommandStudy,
        (unit, label): (u64, &str),
        envelope: &Envelope,
    ) -> Result<(), FileError> {
        let mut row = vec![unit.to_string(), label.to_owned()];
        row.extend(self.grid.fields(study, unit));
        row.push(study.seed(unit).to_string());
        row.push(word(envelope.status).into());
        row.push(envelope.reason.clone().unwrap_or_default());
        self.units.row(&row)?;
        if envelope.status == UnitStatus::Done {
            self.done += 1;
            return Ok(());
        }
        self.not_done += 1;
        self.failures.row(&row)
    }

    /// Writes what is left, and says how many units are done, and how many are not.
    pub(super) fn finish(self) -> Result<(u64, u64), FileError> {
        self.units.finish()?;
        self.failures.finish()?;
        Ok((self.done, self.not_done))
    }
}

fn word(status: UnitStatus) -> &'static str {
    match status {
        UnitStatus::Done => "done",
        UnitStatus::Unfinished => "unfinished",
        UnitStatus::Failed => "failed",
        UnitStatus::Nothing => "nothing",
    }
}
