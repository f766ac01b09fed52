//! Large tables: held in memory, or left in their file.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use super::NpzFile;
use super::element::{NumberKind, SourceType};
use super::error::NpzError;
use super::fault::MemberFault;
use super::matrix::Matrix;
use super::member::{Extent, Member, PIECE, SMALL};
use super::rows::{MemberBytes, RowsInFile, sum};
use crate::foundations::machine::memory_limit;

/// Stored tables of more bytes stay in their file: what is read once more by place comes from the memory
/// that the system has for files, and costs less than memory of one's own that is new.
const MOST_STORED: u64 = 1 << 25;
/// Deflated tables of more bytes stay in their file: they are inflated once more whenever they are wanted.
const MOST_DEFLATED: u64 = 1 << 30;
/// The part of the memory that a deflated table may take.
const SHARE: u64 = 4;

/// Whether a table is held in memory. No result follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hold {
    /// As its size, its compression and the memory that there is suggest.
    #[default]
    ByRule,
    /// In any case.
    Always,
    /// If it cannot be otherwise: in a file that is compressed as a whole, or column after column.
    Never,
}

/// A two-dimensional array.
#[derive(Debug)]
pub enum Table {
    /// In memory.
    Held(Matrix),
    /// In its file.
    InFile(RowsInFile),
}

impl Table {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        match self {
            Self::Held(matrix) => matrix.rows(),
            Self::InFile(rows) => rows.rows(),
        }
    }

    /// What kind of numbers the file held.
    #[must_use]
    pub fn source_type(&self) -> SourceType {
        match self {
            Self::Held(matrix) => matrix.source_type(),
            Self::InFile(rows) => rows.source_type(),
        }
    }
}

/// What a table takes in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSize {
    /// Bytes of a row that is held.
    pub of_row: u64,
    /// Whether it stays in its file.
    pub stays_in_file: bool,
}

impl NpzFile {
    /// Reads a two-dimensional array with `columns` columns and any number of rows, as [`Self::matrix`] does,
    /// but leaves it in its file where `hold` says so. All rows are read once in any case: each is shown to
    /// `look`, in order, as a row of a matrix.
    ///
    /// # Errors
    /// As [`Self::matrix`].
    pub fn table(
        &mut self,
        name: &str,
        columns: usize,
        hold: Hold,
        mut look: impl FnMut(&Matrix, usize),
    ) -> Result<Table, NpzError> {
        let (file, path) = (self.file.clone(), self.path.clone());
        let read = |member: Member<_>| {
            if !has_rows_of(&member, columns) {
                return Ok(None);
            }
            Ok(Some(match file.filter(|_| stays_in_file(&member, hold)) {
                None => Table::Held(held(member, columns, &mut look)?),
                Some(file) => {
                    let (path, key) = (path, name.to_owned());
                    Table::InFile(left((member, columns), file, (path, key), &mut look)?)
                }
            }))
        };
        if let Some(table) = self.read_member(name, NumberKind::Real, read)? {
            return Ok(table);
        }
        let matrix = self.matrix(name, columns)?;
        (0..matrix.rows()).for_each(|row| look(&matrix, row));
        Ok(Table::Held(matrix))
    }

    /// What the same table would take in memory.
    ///
    /// # Errors
    /// If the key is missing, or its header cannot be read.
    pub fn table_size(&mut self, name: &str, columns: usize) -> Result<TableSize, NpzError> {
        let is_file = self.file.is_some();
        self.read_member(name, NumberKind::Real, |member| {
            let may_stay = is_file && has_rows_of(&member, columns);
            Ok(TableSize {
                of_row: columns as u64 * of_value(&member),
                stays_in_file: may_stay && stays_in_file(&member, Hold::ByRule),
            })
        })
    }
}

/// Whether the array is a table of so many columns, row after row.
fn has_rows_of<R: Read>(member: &Member<R>, columns: usize) -> bool {
    let header = &member.header;
    columns > 0 && !header.fortran_order && header.shape.get(1..) == Some(&[columns])
}

/// Bytes of a number that is held.
fn of_value<R: Read>(member: &Member<R>) -> u64 {
    if member.header.element.is_i16() { 2 } else { 8 }
}

/// Whether a table is not held.
fn stays_in_file<R: Read>(member: &Member<R>, hold: Hold) -> bool {
    let rows = member.header.shape.iter().map(|length| *length as u64);
    let bytes = rows.fold(of_value(member), u64::saturating_mul);
    let Extent { is_deflated, .. } = member.extent();
    match hold {
        Hold::Always => false,
        Hold::Never => true,
        Hold::ByRule if !is_deflated => bytes > MOST_STORED,
        Hold::ByRule => {
            bytes > MOST_DEFLATED
                || bytes > SMALL && memory_limit().is_some_and(|limit| bytes > limit.bytes / SHARE)
        }
    }
}

/// Bytes of rows that are decoded at once, and of one row.
fn piece_of<R: Read>(member: &Member<R>, columns: usize) -> (usize, usize) {
    let of_row = columns * member.header.element.bytes();
    ((PIECE / of_row).max(1) * of_row, of_row)
}

/// The table in memory.
fn held<R: Read>(
    mut member: Member<R>,
    columns: usize,
    look: &mut impl FnMut(&Matrix, usize),
) -> Result<Matrix, MemberFault> {
    let element = member.header.element;
    let mut matrix = Matrix::empty(columns, element);
    matrix.make_room(&member)?;
    let (piece, _) = piece_of(&member, columns);
    member.pieces(piece, |bytes| {
        let first = matrix.rows();
        matrix.append(element, bytes);
        (first..matrix.rows()).for_each(|row| look(&matrix, row));
    })?;
    Ok(matrix)
}

/// The table in its file, after a first look at all of it.
fn left<R: Read>(
    (mut member, columns): (Member<R>, usize),
    file: Arc<File>,
    (path, key): (std::path::PathBuf, String),
    look: &mut impl FnMut(&Matrix, usize),
) -> Result<RowsInFile, MemberFault> {
    let element = member.header.element;
    let (mut matrix, mut sums) = (Matrix::empty(columns, element), Vec::new());
    let (piece, of_row) = piece_of(&member, columns);
    member.pieces(piece, |bytes| {
        matrix.clear();
        matrix.append(element, bytes);
        (0..matrix.rows()).for_each(|row| look(&matrix, row));
        sums.extend(bytes.chunks_exact(of_row).map(sum));
    })?;
    let bytes = MemberBytes::new(file, member.extent());
    let header_bytes = member.header.header_bytes;
    Ok(RowsInFile { path, key, element, columns, sums, bytes, header_bytes })
}

#[cfg(test)]
mod tests;
