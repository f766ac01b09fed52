//! Files of the products that are written row by row, or line by line.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use csv::Writer;

use crate::foundations::{FileError, files};

fn create(path: &Path) -> Result<BufWriter<File>, FileError> {
    let file = File::create_new(path).map_err(|e| FileError::new("make", path, e))?;
    Ok(BufWriter::with_capacity(1 << 16, file))
}

/// A CSV file in the private folder. It is not synced: all are, at the end.
#[derive(Debug)]
pub(super) struct CsvFile {
    path: PathBuf,
    csv: Writer<BufWriter<File>>,
}

impl CsvFile {
    /// Makes a file and the folders above it, and writes its first row.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(super) fn new(path: PathBuf, header: &[impl AsRef<[u8]>]) -> Result<Self, FileError> {
        files::make_folder(path.parent().unwrap_or(Path::new(".")))?;
        let csv = Writer::from_writer(create(&path)?);
        let mut made = Self { path, csv };
        made.row(header)?;
        Ok(made)
    }

    /// Writes a row.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn row<F: AsRef<[u8]>>(
        &mut self,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<(), FileError> {
        self.csv
            .write_record(fields)
            .map_err(|e| FileError::new("write", &self.path, io::Error::from(e)))
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn finish(mut self) -> Result<(), FileError> {
        self.csv.flush().map_err(|e| FileError::new("write", &self.path, e))
    }
}

/// A file of lines in the private folder.
#[derive(Debug)]
pub(super) struct LinesFile {
    path: PathBuf,
    lines: BufWriter<File>,
}

impl LinesFile {
    /// Makes a file.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(super) fn new(path: PathBuf) -> Result<Self, FileError> {
        Ok(Self { lines: create(&path)?, path })
    }

    /// Writes a line.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn line(&mut self, line: &str) -> Result<(), FileError> {
        writeln!(self.lines, "{line}").map_err(|e| FileError::new("write", &self.path, e))
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn finish(mut self) -> Result<(), FileError> {
        self.lines.flush().map_err(|e| FileError::new("write", &self.path, e))
    }
}
