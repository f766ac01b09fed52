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
        let mut archive = NpzArchive(NpzWriter::new_with_options(Seekable(w), options));
        fill(&mut archive)?;
        archive.0.finish().map_err(io_error)?;
        Ok(())
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
struct Seekable<'a, 'f>(&'a mut BufWriter<&'f File>);

impl Write for Seekable<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Seek for Seekable<'_, '_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.flush()?;
        self.0.get_mut().seek(to)
    }
}
