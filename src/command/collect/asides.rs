//! `times.csv` and `volatile.jsonl`: what may differ from run to run. They are no products.

use std::path::Path;

use serde::Serialize;

use crate::command::body::{Aside, Taken};
use crate::foundations::FileError;

use super::written::{CsvFile, LinesFile};

/// Both files.
#[derive(Debug)]
pub(super) struct Asides {
    times: CsvFile,
    volatile: LinesFile,
}

/// A line of `volatile.jsonl`.
#[derive(Serialize)]
struct Line<'a> {
    label: &'a str,
    file: &'a str,
    place: &'a str,
    text: &'a str,
}

impl Asides {
    /// Nothing yet.
    ///
    /// # Errors
    /// If the files cannot be made.
    pub(super) fn new(times: &Path, volatile: &Path) -> Result<Self, FileError> {
        let columns = ["index", "label", "seconds", "attempts"];
        Ok(Self {
            times: CsvFile::new(times.into(), &columns)?,
            volatile: LinesFile::new(volatile.into())?,
        })
    }

    /// Writes what is known of a unit. Bytes that are no aside tell nothing, and cost nothing: no
    /// product follows from them.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn take(&mut self, unit: u64, label: &str, aside: &[u8]) -> Result<(), FileError> {
        let Ok(aside) = Aside::decode(aside) else { return Ok(()) };
        let (index, seconds) = (unit.to_string(), format!("{:.3}", aside.seconds));
        self.times.row([&index, label, &seconds, &aside.attempts.to_string()])?;
        aside.volatile.iter().try_for_each(|taken| self.volatile.line(&line(label, taken)))
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn finish(self) -> Result<(), FileError> {
        self.times.finish()?;
        self.volatile.finish()
    }
}

fn line(label: &str, Taken { file, place, text }: &Taken) -> String {
    serde_json::to_string(&Line { label, file, place, text }).unwrap_or_default()
}
