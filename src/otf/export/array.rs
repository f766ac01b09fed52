//! The emissivities of a configuration as one array, as older programs have them.

use std::io;
use std::path::Path;

use ndarray::ArrayView2;
use ndarray_npy::WriteNpyExt;
use num_complex::Complex64;

use super::fitted::FittedConfiguration;
use crate::foundations::{FileError, files};
use crate::science::instrument::SPECTRUM_BINS;

/// Writes the emissivities, `[bin][emitter]`, as complex numbers in a `.npy` file; NaN where a bin has no
/// value.
///
/// # Errors
/// If the file cannot be written.
pub fn write_array(path: &Path, fitted: &FittedConfiguration) -> Result<(), FileError> {
    let (emitters, nan) = (fitted.emitters(), Complex64::new(f64::NAN, f64::NAN));
    let mut values = vec![nan; SPECTRUM_BINS * emitters];
    for (bin, row) in values.chunks_exact_mut(emitters.max(1)).enumerate() {
        if let Some(emissivity) = fitted.emissivity(bin) {
            row.copy_from_slice(emissivity);
        }
    }
    files::write_whole(path, |w| {
        let view = ArrayView2::from_shape((SPECTRUM_BINS, emitters), &values);
        view.map_err(io::Error::other)?.write_npy(w).map_err(io::Error::other)
    })
}
