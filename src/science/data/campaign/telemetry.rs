//! Measured interferograms: held in memory, or read from their file when they are transformed.

use std::ops::Range;

use super::selected::Interferograms;
use crate::foundations::npz::{Matrix, NpzError, RowPiece, RowsInFile, SourceType, Table};
use crate::science::data::simulate::SimulatedCampaign;

/// Telemetry counts of the records that are used, `[record][sample]`.
#[derive(Debug)]
pub(in crate::science::data) enum Telemetry {
    /// In memory.
    Held(Matrix),
    /// In its file.
    InFile {
        /// Those of all records of the channel.
        rows: RowsInFile,
        /// The rows of those that are used, ascending.
        used: Vec<usize>,
    },
}

impl Telemetry {
    /// Of some of the records of a channel (`used` ascending).
    pub(super) fn new(table: Table, used: &[usize]) -> Self {
        match table {
            Table::Held(mut counts) => {
                counts.keep(used);
                Self::Held(counts)
            }
            Table::InFile(rows) => Self::InFile { rows, used: used.to_vec() },
        }
    }

    /// What kind of numbers the file held.
    pub(super) fn source_type(&self) -> SourceType {
        match self {
            Self::Held(counts) => counts.source_type(),
            Self::InFile { rows, .. } => rows.source_type(),
        }
    }

    /// Counts of some records that follow each other. What is not in memory is read into `piece`.
    fn counts<'a>(
        &'a self,
        records: Range<usize>,
        piece: &'a mut Option<RowPiece>,
    ) -> Result<Counts<'a>, NpzError> {
        match self {
            Self::Held(counts) => Ok(Counts { matrix: counts, first: 0 }),
            Self::InFile { rows, used } => {
                let piece = piece.get_or_insert_with(|| rows.piece());
                let first = records.start;
                rows.read(&used[records], piece)?;
                Ok(Counts { matrix: piece.matrix(), first })
            }
        }
    }
}

/// Telemetry counts of some records that follow each other, or of all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts<'a> {
    matrix: &'a Matrix,
    /// The record of the first row.
    first: usize,
}

impl Counts<'_> {
    /// Writes the interferogram of a record.
    pub(super) fn copy_record(&self, record: usize, out: &mut [f64]) {
        self.matrix.copy_row(record - self.first, out);
    }

    /// The two samples in the middle of its order, where they are found faster than in a copy of it.
    pub(super) fn middle(&self, record: usize) -> Option<[f64; 2]> {
        self.matrix.middle_of_row(record - self.first)
    }
}

/// Interferograms that are at hand, or are made when they are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) enum AtHand<'a> {
    Measured {
        counts: Counts<'a>,
        /// Gain times sweeps of every record.
        gain_sweeps: &'a [f64],
    },
    Simulated(&'a SimulatedCampaign),
}

impl Interferograms {
    /// Brings those of some records that follow each other to hand. What has to be read is read into `piece`,
    /// which serves for the next ones too.
    ///
    /// # Errors
    /// If they cannot be read from their file, or it has changed.
    pub(super) fn at_hand<'a>(
        &'a self,
        records: Range<usize>,
        piece: &'a mut Option<RowPiece>,
    ) -> Result<AtHand<'a>, NpzError> {
        Ok(match self {
            Self::Simulated(simulated) => AtHand::Simulated(simulated),
            Self::Measured { telemetry, gain_sweeps } => {
                let counts = telemetry.counts(records, piece)?;
                AtHand::Measured { counts, gain_sweeps }
            }
        })
    }

    /// Whether they are best brought to hand by one reader in order, not by each thread for itself.
    pub(super) fn come_in_order(&self) -> bool {
        match self {
            Self::Measured { telemetry: Telemetry::InFile { rows, .. }, .. } => {
                rows.come_in_order()
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
