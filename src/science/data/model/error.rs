//! What can be wrong with a published model, and what to do about it.

use std::path::PathBuf;

use crate::foundations::Shown;

/// Why a published calibration model could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The file is not there, or the system refused to read it.
    #[error("cannot read '{}': {source}; check the path and its permissions", Shown(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The path leads to a directory, a pipe or a device, or the file is far too large.
    #[error(
        "'{}' is {found}: expected a regular file of at most {limit} bytes; name the FITS file of \
         the published calibration model (FIRAS_CALIBRATION_MODEL_*.FITS)",
        Shown(path)
    )]
    NotAModel {
        /// The path.
        path: PathBuf,
        /// What is there.
        found: String,
        /// The largest size that is read, bytes.
        limit: u64,
    },
    /// The file is something else.
    #[error(
        "'{}' is not a FITS file (it starts with {start}): expected \"SIMPLE  =\"; name the FITS \
         file of the published calibration model (FIRAS_CALIBRATION_MODEL_*.FITS)",
        Shown(path)
    )]
    NotFits {
        /// The file.
        path: PathBuf,
        /// Its first bytes, printable.
        start: String,
    },
    /// The file's structure does not read.
    #[error(
        "'{}' does not read as a calibration model ({reason}): expected a primary header and a \
         binary table with one row; fetch the file again",
        Shown(path)
    )]
    Structure {
        /// The file.
        path: PathBuf,
        /// What the FITS library said.
        reason: String,
    },
    /// A keyword of the primary header is missing or has an impossible value.
    #[error(
        "keyword {keyword} of '{}' is {found}: expected {expected}; fetch the file again, or \
         name one that holds a calibration model",
        Shown(path)
    )]
    Keyword {
        /// The file.
        path: PathBuf,
        /// The keyword.
        keyword: &'static str,
        /// What is there.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// A column of the table is missing or has an impossible value.
    #[error(
        "column {column} of '{}' is {found}: expected {expected}; fetch the file again, or name \
         one that holds a calibration model",
        Shown(path)
    )]
    Column {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What is there.
        found: String,
        /// What was expected.
        expected: String,
    },
}
