//! Rows of a table that stays in its file, read when they are wanted.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::element::{ElementType, SourceType};
use super::error::NpzError;
use super::matrix::Matrix;
use super::member::Extent;
use super::stream::Inflated;

/// Rows that are read at once.
const AT_ONCE: usize = 64;
/// Places of a deflated member that are remembered, each with the 100 kB that it takes to go on from there:
/// more than there are readers at once, or these would begin anew again and again.
const MOST_STREAMS: usize = 64;

/// A two-dimensional array that stays in its file. Its rows were all read once, and are checked against
/// what they were then.
#[derive(Debug)]
pub struct RowsInFile {
    pub(super) path: PathBuf,
    pub(super) key: String,
    pub(super) element: ElementType,
    pub(super) columns: usize,
    /// A checksum of each row.
    pub(super) sums: Vec<u32>,
    pub(super) bytes: MemberBytes,
    /// Where the array begins in the member.
    pub(super) header_bytes: u64,
}

/// Where the bytes of a member are found.
#[derive(Debug)]
pub(super) struct MemberBytes {
    file: Arc<File>,
    extent: Extent,
    /// Of a deflated member, those that are at some place and not in use.
    streams: Mutex<Vec<Inflated>>,
}

/// Rows that were read, in memory that serves for the next ones too.
#[derive(Debug)]
pub struct RowPiece {
    matrix: Matrix,
    bytes: Vec<u8>,
}

impl RowPiece {
    /// The rows, in the order in which they were asked for.
    #[must_use]
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }
}

/// A checksum of the bytes of a row.
pub(super) fn sum(row: &[u8]) -> u32 {
    crc32fast::hash(row)
}

impl RowsInFile {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.sums.len()
    }

    /// What kind of numbers the file holds.
    #[must_use]
    pub fn source_type(&self) -> SourceType {
        self.element.source_type()
    }

    /// Whether rows are found only by reading all that stand before them, so that one reader who goes on
    /// is faster than several side by side.
    #[must_use]
    pub fn come_in_order(&self) -> bool {
        self.bytes.extent.is_deflated
    }

    /// What rows are read into.
    #[must_use]
    pub fn piece(&self) -> RowPiece {
        RowPiece { matrix: Matrix::empty(self.columns, self.element), bytes: Vec::new() }
    }

    /// Reads some rows (ascending) into a piece of this table.
    ///
    /// # Errors
    /// If the file cannot be read, or a row is not what it was.
    pub fn read(&self, rows: &[usize], piece: &mut RowPiece) -> Result<(), NpzError> {
        let Some(&first) = rows.first() else {
            piece.matrix.clear();
            return Ok(());
        };
        let RowPiece { matrix, bytes } = piece;
        matrix.clear();
        let mut reader = self.bytes.reader(self.place(first));
        let of_row = self.columns * self.element.bytes();
        let runs = rows.chunk_by(|row, next| row + 1 == *next);
        for run in runs.flat_map(|run| run.chunks(AT_ONCE)) {
            bytes.resize(run.len() * of_row, 0);
            reader.read(self.place(run[0]), bytes).map_err(|why| self.unreadable(why, run[0]))?;
            for (row, bytes) in run.iter().zip(bytes.chunks_exact(of_row)) {
                if sum(bytes) != self.sums[*row] {
                    return Err(self.changed(*row));
                }
            }
            matrix.append(self.element, bytes);
        }
        reader.leave(self.place(self.rows()));
        Ok(())
    }

    /// Where a row begins in the member.
    fn place(&self, row: usize) -> u64 {
        self.header_bytes + row as u64 * (self.columns * self.element.bytes()) as u64
    }

    /// The error of the system, or of a file that is no longer what it was.
    fn unreadable(&self, source: io::Error, row: usize) -> NpzError {
        match source.raw_os_error() {
            Some(_) => NpzError::Unreadable { path: self.path.clone(), source },
            None => self.changed(row),
        }
    }

    fn changed(&self, row: usize) -> NpzError {
        NpzError::Changed { path: self.path.clone(), key: self.key.clone(), row }
    }
}

impl MemberBytes {
    pub(super) fn new(file: Arc<File>, extent: Extent) -> Self {
        Self { file, extent, streams: Mutex::default() }
    }

    /// Whoever reads from a place of the member on.
    fn reader(&self, place: u64) -> Reader<'_> {
        let stream = self.extent.is_deflated.then(|| self.stream_before(place));
        Reader { member: self, stream }
    }

    /// The stream that has the least to skip to a place, or a new one. It is taken out: whoever reads holds
    /// no lock.
    fn stream_before(&self, place: u64) -> Inflated {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let before = streams.iter().enumerate().filter(|(_, stream)| stream.at() <= place);
        let nearest = before.max_by_key(|(_, stream)| stream.at()).map(|(index, _)| index);
        match nearest {
            Some(index) => streams.remove(index),
            None => Inflated::new(self.file.clone(), self.extent.start, self.extent.length),
        }
    }
}

/// Whoever reads a member.
struct Reader<'a> {
    member: &'a MemberBytes,
    stream: Option<Inflated>,
}

impl Reader<'_> {
    /// Fills a buffer with the bytes of the member from a place on, which is not before the last.
    fn read(&mut self, place: u64, buffer: &mut [u8]) -> io::Result<()> {
        match &mut self.stream {
            Some(stream) => stream.read(place, buffer),
            None => self.member.file.read_exact_at(buffer, self.member.extent.start + place),
        }
    }

    /// Leaves the place that was come to, for whoever goes on, if anything follows before the `end`.
    fn leave(self, end: u64) {
        if let Some(stream) = self.stream.filter(|stream| stream.at() < end) {
            let mut streams = self.member.streams.lock().unwrap_or_else(PoisonError::into_inner);
            streams.push(stream);
            if streams.len() > MOST_STREAMS {
                // The one that was left first: its reader may have come to all that he wanted.
                streams.remove(0);
            }
        }
    }
}
