//! What may be wrong with the table of one unit.

use thiserror::Error;

/// Why none of the rows of a unit's table are in the product.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum TableProblem {
    /// The unit has none.
    #[error("the unit did not write it")]
    Absent,
    /// There is not even a header.
    #[error("it is empty: expected a line of column names")]
    Empty,
    /// The header is no text.
    #[error("its first line is not UTF-8")]
    NotText,
    /// Two columns have the same name.
    #[error("two columns are called `{0}`")]
    ColumnTwice(String),
    /// A row does not have the header's number of fields.
    #[error("line {line} has {fields} fields, and the header {expected}: was it cut off?")]
    Ragged {
        /// The line.
        line: u64,
        /// How many fields it has.
        fields: u64,
        /// How many there should be.
        expected: u64,
    },
    /// It cannot be read at all.
    #[error("it cannot be read as CSV: {0}")]
    NotCsv(String),
    /// It lacks a column that tells rows apart.
    #[error("it has no column `{0}`, which collect.row_key names")]
    NoKey(String),
    /// Two rows have the same key.
    #[error("two rows have {0}")]
    KeyTwice(String),
}
