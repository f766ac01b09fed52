//! Why there are no products.

use std::fmt;

use thiserror::Error;

use crate::foundations::{FileError, counted};

use super::table_problem::TableProblem;

/// How many units a message names.
pub(super) const NAMED: usize = 10;

/// Results that no products can be made of.
#[derive(Debug, Error)]
pub(crate) enum CollectError {
    /// A file that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A unit that came out of order, or is none, or did not come.
    #[error(
        "unit {unit} where unit {expected} of {units} was expected: expected each once, in order"
    )]
    Order {
        /// The unit that came; the number of units at their end.
        unit: u64,
        /// The one that was expected.
        expected: u64,
        /// How many there are.
        units: u64,
    },
    /// A result that is damaged.
    #[error("the result of {label} is damaged: {problem}; run it again")]
    Damaged {
        /// The unit.
        label: String,
        /// What is wrong.
        problem: String,
    },
    /// Units with fewer rows than the study says.
    #[error("{}", too_few(*expected, short, *count))]
    TooFewRows {
        /// `collect.expected_rows`.
        expected: u64,
        /// The first of them.
        short: Vec<Short>,
        /// How many they are.
        count: u64,
    },
    /// No unit's table has the columns that tell rows apart.
    #[error(
        "collect.row_key names {}: no table of any unit has {}; the columns are {}",
        list(row_key), if row_key.len() == 1 { "it" } else { "all of them" }, list(columns)
    )]
    NoSuchKey {
        /// `collect.row_key`.
        row_key: Vec<String>,
        /// The columns that there are.
        columns: Vec<String>,
    },
    /// The rows have too many different keys.
    #[error(
        "{table} has more than {most} different values of collect.row_key: expected names of what \
         every unit has (as method and order), not what is measured"
    )]
    TooManyKeys {
        /// The table.
        table: String,
        /// How many there may be.
        most: usize,
    },
    /// The units' tables have too many different columns.
    #[error(
        "the {table} of all units have more than {most} different columns: expected the same columns \
         in most; write what differs as rows"
    )]
    TooManyColumns {
        /// The table.
        table: String,
        /// How many there may be.
        most: usize,
    },
    /// Too many files for one folder.
    #[error("the units have more than {most} files: keep fewer in collect.files")]
    TooManyFiles {
        /// How many there may be.
        most: u64,
    },
}

/// A unit with too few rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Short {
    /// The unit.
    pub label: String,
    /// Its table.
    pub table: String,
    /// How many rows it has.
    pub rows: u64,
    /// Why it has none, if it should have some.
    pub problem: Option<TableProblem>,
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has {} in {}", self.label, counted(self.rows, "row"), self.table)?;
        self.problem.as_ref().map_or(Ok(()), |problem| write!(f, " ({problem})"))
    }
}

fn too_few(expected: u64, short: &[Short], count: u64) -> String {
    let named: Vec<String> = short.iter().map(Short::to_string).collect();
    let more = match count - named.len() as u64 {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let named = named.join("; ");
    format!(
        "{} fewer rows than collect.expected_rows = {expected}: {named}{more}; mend the program and run \
         them again, or expect fewer",
        if count == 1 { "1 unit has".into() } else { format!("{count} units have") },
    )
}

fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    if quoted.is_empty() { "none".into() } else { quoted.join(", ") }
}
