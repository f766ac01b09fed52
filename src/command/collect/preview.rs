//! A look at the rows of the units that there are. Nothing of it is named as a product.

use std::path::{Path, PathBuf};

use crate::command::study::CommandStudy;
use crate::foundations::FileError;
use crate::foundations::files::{self, listing};
use crate::runner::store::{Envelope, UnitStatus};

use super::collector::body_of;
use super::error::CollectError;
use super::products::{FAILURES, TableCount, UNITS, preview_name};
use super::publish::{put, sync, sync_names};
use super::tables::Tables;
use super::unit_tables::UnitTables;

/// What a preview shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Preview {
    /// How many units are done.
    pub done: u64,
    /// How many are over, and not done.
    pub not_done: u64,
    /// How many units the study has.
    pub units: u64,
    /// The tables as far as they go.
    pub tables: Vec<TableCount>,
    /// The files that were written, all called `preview-*`.
    pub files: Vec<PathBuf>,
}

/// Collects the results of the units that there are, in their order.
pub(crate) struct Previewer<'a> {
    study: &'a CommandStudy,
    made: PathBuf,
    next: u64,
    units: UnitTables,
    tables: Tables<'a>,
}

impl<'a> Previewer<'a> {
    /// Nothing collected yet. The folder is empty, nobody else's, and on the disk of the results.
    ///
    /// # Errors
    /// If no files can be made in it.
    pub(crate) fn new(study: &'a CommandStudy, folder: &Path) -> Result<Self, CollectError> {
        let (made, spool) = (folder.join("preview"), folder.join("rows.tmp"));
        files::make_folder(&spool)?;
        let place = |name| made.join(preview_name(name));
        let units = UnitTables::new(study, &place(UNITS), &place(FAILURES))?;
        Ok(Self { study, units, tables: Tables::new(study, &spool)?, made, next: 0 })
    }

    /// Takes the result of a unit. Units come in their order; those that are not there are left out.
    ///
    /// # Errors
    /// If it is out of order or damaged, or cannot be written.
    pub(crate) fn take(&mut self, unit: u64, envelope: &Envelope) -> Result<(), CollectError> {
        let units = self.study.units();
        if unit < self.next || unit >= units {
            return Err(CollectError::Order { unit, expected: self.next, units });
        }
        self.next = unit + 1;
        let label = self.study.label_of(unit);
        self.units.take(self.study, (unit, &label), envelope)?;
        match envelope.status {
            UnitStatus::Done => self.tables.take(unit, &body_of(&label, envelope)?),
            _ => Ok(()),
        }
    }

    /// Writes the tables to the folder of results: `preview-tables-results.csv` and the like.
    ///
    /// # Errors
    /// If no table has the columns of the row key, or a file cannot be written.
    pub(crate) fn finish(mut self, results: &Path) -> Result<Preview, CollectError> {
        self.tables.check_keys()?;
        let tables = self.tables.write(&|name| self.made.join(preview_name(name)))?;
        let (done, not_done) = self.units.finish()?;
        let files = publish(&self.made, results)?;
        Ok(Preview { done, not_done, units: self.study.units(), tables, files })
    }
}

/// Puts all files of a folder among the results.
fn publish(made: &Path, results: &Path) -> Result<Vec<PathBuf>, FileError> {
    sync(made, 0)?;
    let names = listing::names(made).map_err(|e| FileError::new("read the folder", made, e))?;
    let names = names.iter().map(|name| name.to_string_lossy().into_owned());
    let names: Vec<String> = names.collect();
    names.iter().try_for_each(|name| put(name, made, results))?;
    sync_names(results)?;
    Ok(names.iter().map(|name| results.join(name)).collect())
}
