//! `.npz` archives: reads what `numpy.savez` and `numpy.savez_compressed` write, and writes what
//! NumPy reads.
//!
//! The files that are read come from outside, so nothing in them is trusted: a size that a header declares is
//! compared with what the archive can hold before any memory is asked for.

mod advice;
mod element;
mod error;
mod fault;
mod header;
mod label;
mod matrix;
mod member;
mod rows;
mod source;
mod stream;
mod table;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::{ArrayD, Ix1, IxDyn, ShapeBuilder};
use num_complex::Complex64;
use zip::{CompressionMethod, ZipArchive};

use crate::foundations::files::gunzip;
use element::ElementType;
pub use element::{NumberKind, SourceType};
pub use error::NpzError;
use fault::MemberFault;
use header::Header;
pub use header::python_shape;
pub use label::Label;
pub use matrix::Matrix;
use matrix::Values;
use member::Member;
pub use rows::{RowPiece, RowsInFile};
use source::ArchiveBytes;
pub use table::{Hold, Table, TableSize};
pub use writer::{NpzArchive, add_npz, write_npz};

/// An open `.npz` archive. Nothing is decoded until an array is asked for.
#[derive(Debug)]
pub struct NpzFile {
    path: PathBuf,
    file_bytes: u64,
    /// The file, unless it was decompressed into memory.
    file: Option<Arc<File>>,
    archive: ZipArchive<ArchiveBytes>,
}

impl NpzFile {
    /// Opens the archive at `path` and reads its directory. One that is compressed with gzip as a
    /// whole is decompressed into memory.
    ///
    /// # Errors
    /// If the file cannot be read, is not a zip archive, or is one with a damaged directory.
    pub fn open(path: &Path) -> Result<Self, NpzError> {
        Self::open_up_to(path, u64::MAX)
    }

    /// The same of a file that a program has just left, which may be anything: it is judged by its length
    /// and its first bytes before its end, where the directory is, is searched for.
    ///
    /// # Errors
    /// As [`Self::open`], and if it has more than `most` bytes.
    pub fn open_stranger(path: &Path, most: u64) -> Result<Self, NpzError> {
        let unreadable = |source| NpzError::Unreadable { path: path.to_owned(), source };
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        let bytes = metadata.len();
        // What is no file is told below.
        if metadata.is_file() {
            let start = source::first_bytes(path).map_err(unreadable)?;
            if ![&b"PK"[..], &gunzip::MAGIC].iter().any(|magic| start.starts_with(magic)) {
                return Err(not_an_archive(path, &start));
            }
            if bytes > most {
                return Err(NpzError::TooLong { path: path.to_owned(), bytes, most });
            }
        }
        Self::open_up_to(path, most)
    }

    /// Opens an archive that has no more than `most` bytes when it is decompressed.
    fn open_up_to(path: &Path, most: u64) -> Result<Self, NpzError> {
        let unreadable = |source| NpzError::Unreadable { path: path.to_owned(), source };
        // Opening a named pipe would wait for a writer, so the kind is looked at first.
        let metadata = std::fs::metadata(path).map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(NpzError::NotAFile { path: path.to_owned() });
        }
        let (source, file_bytes) = ArchiveBytes::open(path, metadata.len(), most)?;
        let file = source.file();
        match ZipArchive::new(source) {
            Ok(archive) => Ok(Self { path: path.to_owned(), file_bytes, file, archive }),
            Err(reason) => Err(refused(path, &reason)),
        }
    }

    /// Opens the archive, unless it would first have to be decompressed.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_unless_gzipped(path: &Path) -> Result<Option<Self>, NpzError> {
        let is_gzipped = |start: Vec<u8>| start.starts_with(&gunzip::MAGIC);
        // What cannot be read is told below.
        match std::fs::metadata(path).and_then(|_| source::first_bytes(path)).map(is_gzipped) {
            Ok(true) => Ok(None),
            _ => Self::open(path).map(Some),
        }
    }

    /// The path the archive was opened at.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The keys, without `.npy`, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let members = self.archive.file_names().filter(|name| !name.ends_with('/'));
        let keys = members.map(|name| name.strip_suffix(ENDING).unwrap_or(name));
        let mut names: Vec<String> = keys.map(str::to_owned).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether the archive has the key `name`.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.index(name).is_some()
    }

    /// Reads the array `name` as `f64` in standard (C) layout.
    ///
    /// Accepts bool, int8 to int64, uint8 to uint64, float32 and float64, in either byte order
    /// and either layout. Integers beyond 2^53 are rounded to the nearest `f64`.
    ///
    /// # Errors
    /// If the key is missing, holds no real numbers, or is damaged.
    pub fn array_f64(&mut self, name: &str) -> Result<(ArrayD<f64>, SourceType), NpzError> {
        let (header, values) = self
            .read_member(name, NumberKind::Real, |member| member.values(ElementType::append_f64))?;
        Ok((self.shaped(name, &header, values)?, header.element.source_type()))
    }

    /// Reads the array `name` as `Complex64` in standard (C) layout.
    ///
    /// Accepts complex64, complex128 and what [`Self::array_f64`] accepts.
    ///
    /// # Errors
    /// If the key is missing, holds no numbers, or is damaged.
    pub fn array_complex(&mut self, name: &str) -> Result<ArrayD<Complex64>, NpzError> {
        let (header, values) = self.read_member(name, NumberKind::Complex, |member| {
            member.values(ElementType::append_complex)
        })?;
        self.shaped(name, &header, values)
    }

    /// Reads a one-dimensional array, of `expected_len` values if that is given.
    ///
    /// # Errors
    /// As [`Self::array_f64`], and if the shape is another.
    pub fn vector(
        &mut self,
        name: &str,
        expected_len: Option<usize>,
    ) -> Result<Vec<f64>, NpzError> {
        let (array, _) = self.array_f64(name)?;
        let fits = array.ndim() == 1 && expected_len.is_none_or(|length| array.len() == length);
        let expected = || match expected_len {
            Some(length) => format!("({length},)"),
            None => "one dimension".to_owned(),
        };
        if !fits {
            return Err(self.wrong_shape(name, array.shape(), expected()));
        }
        let vector = array.into_dimensionality::<Ix1>();
        vector
            .map(|vector| vector.to_vec())
            .map_err(|reason| self.damaged(name, reason.to_string()))
    }

    /// Reads a one-dimensional array of `expected_len` whole numbers: 64-bit integers to the last digit,
    /// floating-point numbers rounded, and `None` for those that are missing (NaN) or too large.
    ///
    /// # Errors
    /// As [`Self::vector`].
    pub fn whole_vector(
        &mut self,
        name: &str,
        expected_len: usize,
    ) -> Result<Vec<Option<i64>>, NpzError> {
        let read = |member: Member<_>| member.values(ElementType::append_whole);
        let (header, values) = self.read_member(name, NumberKind::Real, read)?;
        if header.shape != [expected_len] {
            return Err(self.wrong_shape(name, &header.shape, format!("({expected_len},)")));
        }
        Ok(self.shaped(name, &header, values)?.into_raw_vec_and_offset().0)
    }

    /// Reads a two-dimensional array with `columns` columns and any number of rows. 16-bit integers
    /// are left as they are: they take a quarter of the memory.
    ///
    /// # Errors
    /// As [`Self::array_f64`], and if the shape is another.
    pub fn matrix(&mut self, name: &str, columns: usize) -> Result<Matrix, NpzError> {
        let read = |member: Member<_>| {
            if member.header.element.is_i16() {
                member.values(ElementType::append_i16).map(Either::Narrow)
            } else {
                member.values(ElementType::append_f64).map(Either::Wide)
            }
        };
        let values = match self.read_member(name, NumberKind::Real, read)? {
            Either::Narrow((header, values)) => {
                Values::Narrow(self.rows(name, columns, &header, values)?)
            }
            Either::Wide((header, values)) => {
                let source = header.element.source_type();
                Values::Wide(self.rows(name, columns, &header, values)?, source)
            }
        };
        Ok(Matrix::new(columns, values))
    }

    /// The values of the array `name` row after row, if it has two dimensions and so many columns.
    fn rows<T: Clone>(
        &self,
        name: &str,
        columns: usize,
        header: &Header,
        values: Vec<T>,
    ) -> Result<Vec<T>, NpzError> {
        if header.shape.len() != 2 || header.shape[1] != columns {
            return Err(self.wrong_shape(name, &header.shape, format!("(N, {columns})")));
        }
        Ok(self.shaped(name, header, values)?.into_raw_vec_and_offset().0)
    }

    /// The values of the array `name` in the shape of its header, in standard layout.
    fn shaped<T: Clone>(
        &self,
        name: &str,
        header: &Header,
        values: Vec<T>,
    ) -> Result<ArrayD<T>, NpzError> {
        let shape = IxDyn(&header.shape).set_f(header.fortran_order);
        let array = ArrayD::from_shape_vec(shape, values)
            .map_err(|reason| self.damaged(name, format!("its shape is impossible: {reason}")))?;
        // An empty or one-dimensional Fortran array is in standard layout already.
        Ok(if array.is_standard_layout() { array } else { array.as_standard_layout().to_owned() })
    }

    /// The error for the array `name` whose shape is not the `expected` one.
    fn wrong_shape(&self, name: &str, found: &[usize], expected: String) -> NpzError {
        NpzError::Shape {
            path: self.path.clone(),
            key: name.to_owned(),
            found: header::python_shape(found),
            expected,
        }
    }

    /// The error for the array `name` whose bytes do not make sense.
    fn damaged(&self, name: &str, reason: String) -> NpzError {
        NpzError::Damaged { path: self.path.clone(), key: name.to_owned(), reason }
    }

    /// The archive's member that holds the key `name`: NumPy appends `.npy`, others may not.
    fn index(&self, name: &str) -> Option<usize> {
        let index = |member: &str| self.archive.index_for_name(member);
        index(&format!("{name}{ENDING}"))
            .or_else(|| index(name).filter(|_| !name.ends_with(ENDING)))
    }

    /// How a member is compressed, if in a way that is not read.
    fn compression(&mut self, index: usize) -> Option<&'static str> {
        let method = self.archive.by_index_raw(index).ok()?.compression();
        match method {
            CompressionMethod::Stored | CompressionMethod::Deflated => None,
            CompressionMethod::BZIP2 => Some("bzip2"),
            CompressionMethod::LZMA => Some("lzma"),
            CompressionMethod::ZSTD => Some("zstd"),
            CompressionMethod::XZ => Some("xz"),
            CompressionMethod::DEFLATE64 => Some("deflate64"),
            _ => Some("a method of another program"),
        }
    }

    /// What `read` makes of the member `name`, which holds the numbers `wanted`.
    fn read_member<T>(
        &mut self,
        name: &str,
        wanted: NumberKind,
        read: impl FnOnce(Member<ArchiveBytes>) -> Result<T, MemberFault>,
    ) -> Result<T, NpzError> {
        let Some(index) = self.index(name) else {
            return Err(NpzError::MissingKey {
                path: self.path.clone(),
                key: name.to_owned(),
                present: error::listed(&self.names()),
            });
        };
        let path = self.path.clone();
        let file_bytes = self.file_bytes;
        let compression = self.compression(index);
        let result = match self.archive.by_index(index) {
            Ok(file) => Member::open(file, file_bytes, wanted).and_then(read),
            Err(reason) => {
                let damaged = || MemberFault::Damaged(reason.to_string());
                Err(compression.map_or_else(damaged, MemberFault::Compressed))
            }
        };
        result.map_err(|fault| fault.at(path, name.to_owned(), wanted))
    }
}

/// A member whose elements were read as they are, or as `f64`.
enum Either {
    Narrow((Header, Vec<i16>)),
    Wide((Header, Vec<f64>)),
}

/// What NumPy appends to a key.
const ENDING: &str = ".npy";

/// Why the zip library refused the file at `path`: it is something else, or it is damaged.
fn refused(path: &Path, reason: &zip::result::ZipError) -> NpzError {
    let start = match ArchiveBytes::start(path) {
        Ok(start) => start,
        Err(error) => return error,
    };
    if start.starts_with(b"PK") {
        return NpzError::DamagedArchive { path: path.to_owned(), reason: reason.to_string() };
    }
    not_an_archive(path, &start)
}

fn not_an_archive(path: &Path, start: &[u8]) -> NpzError {
    let (start, hint) = (error::quoted(start), error::hint(start));
    NpzError::NotAnArchive { path: path.to_owned(), start, hint }
}

#[cfg(test)]
mod tests;
