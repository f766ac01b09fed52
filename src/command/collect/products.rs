//! What a merge has made, and where it goes.

use std::path::{Path, PathBuf};

use crate::foundations::FileError;

use super::publish::{put, remove, sync_names};

/// Every product that a study of a command may have: files and folders in the folder of results.
pub(crate) const PRODUCTS: [&str; 8] =
    [OUTPUTS, TABLES, UNITS, FAILURES, SUMMARY, MISSING_ROWS, TABLE_PROBLEMS, REDUCED];

/// The outputs of units, a file each.
pub(super) const OUTPUTS: &str = "outputs";
/// The tables of all units.
pub(super) const TABLES: &str = "tables";
/// A row for each unit.
pub(super) const UNITS: &str = "units.csv";
/// A row for each unit that is not done.
pub(super) const FAILURES: &str = "failures.csv";
/// The tables' numbers over the trials.
pub(super) const SUMMARY: &str = "summary.csv";
/// The rows that some units lack.
pub(super) const MISSING_ROWS: &str = "missing_rows.csv";
/// The units' tables that cannot be used.
pub(super) const TABLE_PROBLEMS: &str = "table_problems.csv";
/// What the program wrote that reduces the results.
pub(super) const REDUCED: &str = "reduced";
/// How long each unit took. No product: it differs from run to run.
pub(super) const TIMES: &str = "times.csv";
/// What was taken out of outputs because it differs from run to run.
pub(super) const VOLATILE: &str = "volatile.jsonl";

/// What stands before the name of a file of a preview.
const PREVIEW: &str = "preview-";

/// All products of a complete run, in a private folder until [`Self::publish`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Products {
    pub(super) folder: PathBuf,
    /// The names of files and folders that go to the results.
    pub(super) made: Vec<String>,
    /// How many units are done.
    pub done: u64,
    /// How many are not.
    pub not_done: u64,
    /// How many files the units have left.
    pub files: u64,
    /// The tables, in the order of `collect.tables`.
    pub tables: Vec<TableCount>,
}

/// What a table has, and lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableCount {
    /// Its name, as in `collect.tables`.
    pub name: String,
    /// How many units have rows in it, or could have.
    pub units: u64,
    /// How many rows it has.
    pub rows: u64,
    /// How many rows units lack that others have.
    pub missing_rows: u64,
    /// How many units have a table that cannot be used.
    pub problems: u64,
}

impl Products {
    /// Puts all in place; products of an earlier merge that this one does not have, and previews, go
    /// away. Each file and folder is there whole, the old one or the new one, wherever this is killed.
    /// What was there before is in the private folder then, and goes with it.
    ///
    /// # Errors
    /// If something cannot be moved: the folders must be on one disk.
    pub(crate) fn publish(&self, results: &Path) -> Result<(), FileError> {
        for name in PRODUCTS.iter().filter(|name| !self.made.iter().any(|made| made == *name)) {
            remove(name, &self.folder, results)?;
        }
        let tables = self.tables.iter().map(|table| format!("{TABLES}/{}", table.name));
        let single = [UNITS, FAILURES, SUMMARY, MISSING_ROWS, TABLE_PROBLEMS].map(String::from);
        for name in tables.chain(single) {
            remove(&preview_name(&name), &self.folder, results)?;
        }
        self.made.iter().try_for_each(|name| put(name, &self.folder, results))?;
        sync_names(results)
    }
}

/// What a file of a preview is called: it is in the folder of results itself.
pub(super) fn preview_name(name: &str) -> String {
    format!("{PREVIEW}{}", name.replace('/', "-"))
}
