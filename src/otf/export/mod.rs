//! What is made of one configuration of a run on request: a calibration model, arrays for other programs,
//! spectra with their residuals.

mod array;
mod choice;
mod fitted;
mod instrument;
mod model;
mod shared;
mod spectra;

use std::path::PathBuf;

use thiserror::Error;

use crate::foundations::{FileError, Shown};
use crate::otf::Otf;
use crate::runner::plan::BoundPlan;
use crate::runner::store::PlanError;
use crate::science::data::DataError;

pub use array::write_array;
pub use choice::{Wanted, configurations};
pub use fitted::FittedConfiguration;
pub use model::{CalibrationModel, calibration_model, write_model};
pub use spectra::write_spectra;

/// Checks that the data, and the models of the instrument, are those that were planned with.
///
/// # Errors
/// Names the first file that changed or is gone.
pub fn check_data(otf: &Otf, plan: &BoundPlan) -> Result<(), PlanError> {
    plan.check_inputs_but(|input| otf.is_of_a_program(&input.path))
}

/// Why something cannot be made of a run.
#[derive(Debug, Error)]
pub enum ExportError {
    /// A file that cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// There is no such configuration.
    #[error(
        "there is no configuration {configuration}: expected 0 to {last}, as in configurations.csv"
    )]
    Configuration {
        /// As asked for.
        configuration: u64,
        /// The last one.
        last: u64,
    },
    /// The study has several methods, and none was named.
    #[error(
        "the study has several methods: name one with --method ({valid}), or a configuration of \
         configurations.csv with --configuration"
    )]
    SeveralMethods {
        /// All that there are.
        valid: String,
    },
    /// There is no such method.
    #[error("the study has no method `{method}`{meant}; it has {valid}")]
    Method {
        /// As typed.
        method: String,
        /// The one that may have been meant, as a question; empty if none is like it.
        meant: String,
        /// All that there are.
        valid: String,
    },
    /// A shard that has units of the configuration is not done.
    #[error("{}: {problem}; configuration {configuration} has units in it", Shown(path))]
    Shard {
        /// The partial.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// Whose units are missing.
        configuration: u64,
    },
    /// No bin in which a calibration model may have a point has a value.
    #[error(
        "configuration {configuration} has no value in bins {first} to {last}, which a calibration \
         model consists of: fit them (fit.bins), or choose another configuration"
    )]
    NoPoint {
        /// Which.
        configuration: u64,
        /// The first bin.
        first: usize,
        /// The last bin.
        last: usize,
    },
    /// The bolometer has no state by the fitted parameters.
    #[error("configuration {configuration}: with its fitted parameters {reason}")]
    Bolometer {
        /// Which.
        configuration: u64,
        /// What is wrong.
        reason: String,
    },
}
