//! Writes `.npz` archives: whole, with a fixed date, the same bytes for the same arrays.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use ndarray::{ArrayView, Dimension, IntoDimension};
use ndarray_npy::{WritableElement, WriteNpyExt};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::header::python_shape;
use crate::foundations::files::{self, FileError, FilesTogether};

/// An archive that is being written.
pub struct NpzArchive<'a, 'f> {
    zip: ZipWriter<Seekable<'a, 'f>>,
    options: SimpleFileOptions,
}

impl NpzArchive<'_, '_> {
    /// Adds an array; `values` in C order.
    ///
    /// # Errors
    /// If the disk refuses, or there are not as many values as the shape says.
    pub fn add<T: WritableElement, D: Dimension>(
        &mut self,
        name: &str,
        shape: impl IntoDimension<Dim = D>,
        values: &[T],
    ) -> io::Result<()> {
        let view =
            ArrayView::from_shape(shape.into_dimension(), values).map_err(io::Error::other)?;
        let entry = self.begin(name)?;
        view.write_npy(BufWriter::new(entry)).map_err(io_error)
    }

    /// The same, of values that come in parts, each of which is let go before the next one is asked for.
    ///
    /// # Errors
    /// If the disk refuses, or there are not as many values as the shape says.
    pub fn add_parts<T: WritableElement, D: Dimension>(
        &mut self,
        name: &str,
        shape: impl IntoDimension<Dim = D>,
        parts: impl IntoIterator<Item = Vec<T>>,
    ) -> io::Result<()> {
        let shape = shape.into_dimension();
        let mut entry = BufWriter::new(self.begin(name)?);
        entry.write_all(&header::<T>(shape.slice()))?;
        let mut values = 0;
        for part in parts {
            T::write_slice(&part, &mut entry).map_err(io_error)?;
            values += part.len();
        }
        if values != shape.size() {
            let expected = shape.size();
            return Err(io::Error::other(format!("{values} values: expected {expected}")));
        }
        entry.flush()
    }

    fn begin(&mut self, name: &str) -> io::Result<&mut impl Write> {
        self.zip.start_file(format!("{name}.npy"), self.options).map_err(io_error)?;
        Ok(&mut self.zip)
    }
}

/// Writes an archive, whole.
///
/// # Errors
/// If the file cannot be written.
pub fn write_npz(
    path: &Path,
    fill: impl FnOnce(&mut NpzArchive) -> io::Result<()>,
) -> Result<(), FileError> {
    files::write_whole(path, |w| fill_archive(w, fill))
}

/// As [`write_npz`], one of some files that appear together.
///
/// # Errors
/// If the file cannot be written.
pub fn add_npz(
    files: &mut FilesTogether,
    path: &Path,
    fill: impl FnOnce(&mut NpzArchive) -> io::Result<()>,
) -> Result<(), FileError> {
    files.add(path, |w| fill_archive(w, fill))
}

fn fill_archive(
    w: &mut BufWriter<&File>,
    fill: impl FnOnce(&mut NpzArchive) -> io::Result<()>,
) -> io::Result<()> {
    // Stored: emissivities and interferograms are noise to a compressor.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
        .large_file(true);
    let mut archive = NpzArchive { zip: ZipWriter::new(Seekable::new(w)), options };
    fill(&mut archive)?;
    match archive.zip.finish().map_err(io_error)?.failed {
        true => Err(io::Error::other("the archive was not written to its end")),
        false => Ok(()),
    }
}

/// What an array of these elements and this shape, in C order, has before its values: as `ndarray_npy`
/// writes it, which only writes arrays that are in memory as a whole.
fn header<T: WritableElement>(shape: &[usize]) -> Vec<u8> {
    let (kind, shape) = (T::type_descriptor(), python_shape(shape));
    let text = format!("{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}}}");
    // The whole has a multiple of 64 bytes, and ends with a new line.
    let length = (MAGIC.len() + 2 + text.len() + 1).next_multiple_of(64);
    let mut header = MAGIC.to_vec();
    header.extend(((length - MAGIC.len() - 2) as u16).to_le_bytes());
    header.extend(text.as_bytes());
    header.resize(length - 1, b' ');
    header.push(b'\n');
    header
}

/// The name of the format, and version 1.0, which has room for any shape of a few axes.
const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

/// An error of the kind that is at its bottom: a full disk must be told as one.
fn io_error(error: impl Error + Send + Sync + 'static) -> io::Error {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(this) = cause {
        if let Some(bottom) = this.downcast_ref::<io::Error>() {
            return io::Error::new(bottom.kind(), error);
        }
        cause = this.source();
    }
    io::Error::other(error)
}

/// `write_whole` hands out a buffered writer; an archive goes back to fill in its lengths.
///
/// After an error, which is told to whoever writes, nothing is written and nothing told: an archive that
/// is dropped tries to finish, and would tell the same once more, or end the process.
struct Seekable<'a, 'f> {
    writer: &'a mut BufWriter<&'f File>,
    /// Where the archive is.
    position: u64,
    /// Where it ends.
    end: u64,
    failed: bool,
}

impl<'a, 'f> Seekable<'a, 'f> {
    fn new(writer: &'a mut BufWriter<&'f File>) -> Self {
        Self { writer, position: 0, end: 0, failed: false }
    }

    /// Does something, unless that is no longer of use; `otherwise` is what is said then.
    fn unless_failed<T>(
        &mut self,
        otherwise: T,
        work: impl FnOnce(&mut BufWriter<&'f File>) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.failed {
            return Ok(otherwise);
        }
        let worked = work(self.writer);
        // What a signal interrupted is tried again.
        self.failed = worked.as_ref().is_err_and(|e| e.kind() != io::ErrorKind::Interrupted);
        worked
    }
}

impl Write for Seekable<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.unless_failed(bytes.len(), |writer| writer.write(bytes))?;
        self.position += written as u64;
        self.end = self.end.max(self.position);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unless_failed((), BufWriter::flush)
    }
}

impl Seek for Seekable<'_, '_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        // An archive relies on it that it never stands before what it has written.
        self.position = self.unless_failed(self.end, |writer| {
            writer.flush()?;
            writer.get_mut().seek(to)
        })?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_in_parts_has_the_bytes_of_one_at_once() {
        fn same<T: WritableElement + Clone, D: Dimension>(values: &[T], shape: D) {
            let folder = tempfile::tempdir().unwrap();
            let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
            write_npz(&whole, |npz| npz.add("name", shape.clone(), values)).unwrap();
            let pieces = values.chunks(7).map(<[T]>::to_vec);
            write_npz(&parts, |npz| npz.add_parts("name", shape.clone(), pieces)).unwrap();
            assert_eq!(std::fs::read(whole).unwrap(), std::fs::read(&parts).unwrap());
            let few = write_npz(&parts, |npz| npz.add_parts("name", shape, [values[1..].to_vec()]));
            assert!(few.is_err());
        }
        let numbers: Vec<f64> = (0..6000).map(f64::from).collect();
        let complex: Vec<_> =
            numbers.iter().map(|n| num_complex::Complex64::new(*n, 1.0)).collect();
        same(&numbers, [2, 3, 1000].into_dimension());
        same(&numbers, [6000].into_dimension());
        same(&complex, [6000, 1].into_dimension());
        same(&[1_u8, 2, 3, 4], [2, 2].into_dimension());
        same(&numbers[..1], [1, 1, 1, 1, 1, 1].into_dimension());
    }

    /// A full device takes nothing; the archive is dropped in the midst, or at its end.
    #[test]
    fn a_disk_that_is_full_is_one_error_wherever_it_is_met() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        for values in [10, 100_000] {
            let mut writer = BufWriter::new(&full);
            let options =
                SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
            let place = Seekable::new(&mut writer);
            let mut archive = NpzArchive { zip: ZipWriter::new(place), options };
            let added = (0..3)
                .try_for_each(|name| archive.add(&format!("a{name}"), values, &vec![1.0; values]));
            let error = added.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error}");
            // It believes that it ends well, and says nothing more.
            assert!(archive.zip.finish().is_ok_and(|place| place.failed));
        }
    }
}
