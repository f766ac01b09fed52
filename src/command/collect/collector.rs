//! Takes one unit after another, and makes the products of all.

use std::path::{Path, PathBuf};

use crate::command::body::Body;
use crate::command::study::CommandStudy;
use crate::foundations::FileError;
use crate::foundations::files::{self, listing};
use crate::runner::store::{Envelope, UnitStatus};

use super::asides::Asides;
use super::error::CollectError;
use super::outputs::{Outputs, make_if_absent};
use super::products::{
    FAILURES, MISSING_ROWS, OUTPUTS, Products, SUMMARY, TABLE_PROBLEMS, TABLES, TIMES, UNITS,
    VOLATILE,
};
use super::publish::sync;
use super::tables::Tables;
use super::unit_tables::UnitTables;

/// Where rows are kept until all columns are known; it goes when they are written.
const SPOOL: &str = "rows.tmp";

/// Collects the results of units in the order of units.
pub(crate) struct UnitCollector<'a> {
    study: &'a CommandStudy,
    folder: PathBuf,
    next: u64,
    units: UnitTables,
    asides: Asides,
    outputs: Outputs,
    tables: Tables<'a>,
}

impl<'a> UnitCollector<'a> {
    /// Nothing collected yet. The folder is empty, nobody else's, and on the disk of the results.
    ///
    /// # Errors
    /// If no files can be made in it.
    pub(crate) fn new(study: &'a CommandStudy, folder: &Path) -> Result<Self, CollectError> {
        let place = |name| folder.join(name);
        files::make_folder(&place(SPOOL))?;
        Ok(Self {
            units: UnitTables::new(study, &place(UNITS), &place(FAILURES))?,
            asides: Asides::new(&place(TIMES), &place(VOLATILE))?,
            outputs: Outputs::new(place(OUTPUTS), study),
            tables: Tables::new(study, &place(SPOOL))?,
            folder: folder.into(),
            next: 0,
            study,
        })
    }

    /// Takes the result of a unit. Units come in their order, each once.
    ///
    /// # Errors
    /// If it is out of order or damaged, or cannot be written.
    pub(crate) fn take(&mut self, unit: u64, envelope: &Envelope) -> Result<(), CollectError> {
        let units = self.study.units();
        if unit != self.next || unit >= units {
            return Err(CollectError::Order { unit, expected: self.next, units });
        }
        self.next = unit + 1;
        let label = self.study.label_of(unit);
        self.units.take(self.study, (unit, &label), envelope)?;
        self.asides.take(unit, &label, &envelope.aside)?;
        if envelope.status != UnitStatus::Done {
            return Ok(());
        }
        let body = body_of(&label, envelope)?;
        self.outputs.take(&label, &body)?;
        self.tables.take(unit, &body)
    }

    /// Makes what must be known of all units. Nothing is in its place before
    /// [`Products::publish`].
    ///
    /// # Errors
    /// If units are missing, one has too few rows, no table has the columns of the row key, or a file
    /// cannot be written.
    pub(crate) fn finish(mut self) -> Result<Products, CollectError> {
        let units = self.study.units();
        if self.next != units {
            return Err(CollectError::Order { unit: units, expected: self.next, units });
        }
        self.tables.check_keys()?;
        self.tables.check_rows()?;
        let tables = self.tables.write(&|name| self.folder.join(name))?;
        let (done, not_done) = self.units.finish()?;
        self.asides.finish()?;
        make_if_absent(&self.folder.join(OUTPUTS))?;
        remove_spool(&self.folder)?;
        let files = self.outputs.files;
        sync(&self.folder, files)?;
        Ok(Products {
            made: made_in(&self.folder),
            folder: self.folder,
            done,
            not_done,
            files,
            tables,
        })
    }
}

/// What a unit that is done has left; nothing, if it says nothing.
pub(super) fn body_of(label: &str, envelope: &Envelope) -> Result<Body, CollectError> {
    let damaged = |problem| CollectError::Damaged { label: label.into(), problem };
    if envelope.body.is_empty() {
        Ok(Body::default())
    } else {
        Body::decode(&envelope.body).map_err(damaged)
    }
}

fn remove_spool(folder: &Path) -> Result<(), FileError> {
    let spool = folder.join(SPOOL);
    listing::remove_tree(&spool).map_err(|e| FileError::new("remove", &spool, e))
}

/// What goes to the results; a study has not all of it.
fn made_in(folder: &Path) -> Vec<String> {
    let all = [OUTPUTS, TABLES, UNITS, FAILURES, SUMMARY, MISSING_ROWS, TABLE_PROBLEMS];
    let made = all.into_iter().chain([TIMES, VOLATILE]).filter(|name| folder.join(name).exists());
    made.map(String::from).collect()
}
