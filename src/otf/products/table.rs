//! Tables as files.

use std::io;
use std::path::Path;

use serde::Serialize;

use crate::foundations::files::{FileError, FilesTogether};

/// Adds a table. Rows write their own header; one without rows has its `header` all the same.
///
/// # Errors
/// If the file cannot be written.
pub(super) fn add_csv<T: Serialize>(
    files: &mut FilesTogether,
    path: &Path,
    header: &[&str],
    rows: impl IntoIterator<Item = T>,
) -> Result<(), FileError> {
    files.add(path, |w| {
        let (mut csv, mut rows) = (csv::Writer::from_writer(w), rows.into_iter().peekable());
        if rows.peek().is_none() {
            csv.write_record(header).map_err(io_error)?;
        }
        rows.try_for_each(|row| csv.serialize(row)).map_err(io_error)?;
        csv.flush()
    })
}

/// What the system said, if it did: a full disk must be told as one.
pub(super) fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}
