//! The extension module of the Python package `otfhpc`: the science, on NumPy arrays, in process.
//!
//! It has no mathematics of its own. A run (`local`, `submit`) is not made here: the package starts the
//! program for that, which the wheel carries.

mod fit;
mod instrument;
mod interrupt;
mod methods;
mod spectra;
mod views;

use pyo3::prelude::pymodule;

#[pymodule]
mod _otfhpc {
    #[pymodule_export]
    use super::fit::fit_bins;
    #[pymodule_export]
    use super::instrument::{
        axis, bolometer_response, bolometer_states, electronics, planck, published_bolometer,
    };
    #[pymodule_export]
    use super::methods::{configs, methods, statuses};
    #[pymodule_export]
    use super::spectra::spectra;
}
