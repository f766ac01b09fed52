//! Writes `.npz` archives: whole, with a fixed date, the same bytes for the same arrays.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use ndarray::{ArrayView, Dimension, IntoDimension};
use ndarray_npy::{NpzWriter, WritableElement, WriteNpzError};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime};

use crate::foundations::files::{self, FileError};

/// An archive that is being written.
pub struct NpzArchive<'a, 'f>(NpzWriter<Seekable<'a, 'f>>);

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
        self.0.add_array(name, &view).map_err(io_error)
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
    files::write_whole(path, |w| {
        // Stored: emissivities and interferograms are noise to a compressor.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644)
            .large_file(true);
        let mut archive = NpzArchive(NpzWriter::new_with_options(Seekable::new(w), options));
        fill(&mut archive)?;
        match archive.0.finish().map_err(io_error)?.failed {
            true => Err(io::Error::other("the archive was not written to its end")),
            false => Ok(()),
        }
    })
}

/// An error of the kind that is at its bottom: a full disk must be told as one.
fn io_error(error: WriteNpzError) -> io::Error {
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

    /// A full device takes nothing; the archive is dropped in the midst, or at its end.
    #[test]
    fn a_disk_that_is_full_is_one_error_wherever_it_is_met() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        for values in [10, 100_000] {
            let mut writer = BufWriter::new(&full);
            let options =
                SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
            let place = Seekable::new(&mut writer);
            let mut archive = NpzArchive(NpzWriter::new_with_options(place, options));
            let added = (0..3)
                .try_for_each(|name| archive.add(&format!("a{name}"), values, &vec![1.0; values]));
            let error = added.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error}");
            // It believes that it ends well, and says nothing more.
            assert!(archive.0.finish().is_ok_and(|place| place.failed));
        }
    }
}
