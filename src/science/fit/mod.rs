//! Estimators: from the spectra of one bin to its emissivities with error bars.
//!
//! A [`Problem`] is linear, with a real design and complex unknowns. A [`Method`] turns it into an
//! [`Outcome`]: a solution, or a reason why there is none. [`methods`] lists the registry, [`method`]
//! finds one by name, and [`fit_bin`] fits. Nothing here knows of files, threads or shards.
//!
//! Within: `linear` is linear algebra alone. On it stand `weighted_fit` and `spectral_filter`, then
//! `robust` (iterations) and `search` (argmin), and on these `methods`, one estimator a file.

mod clock;
mod constraint;
mod correlation;
mod deadline;
mod external;
pub mod joint;
mod linear;
mod method;
mod methods;
mod outcome;
mod problem;
mod registry;
mod residual;
mod robust;
mod search;
mod spectral_filter;
mod weighted_fit;
mod windows;

#[cfg(test)]
pub(crate) mod tests;

pub use clock::time_factoring;
pub use constraint::Constraint;
pub use correlation::weighted_correlation;
pub use deadline::Deadline;
pub use external::external_solution;
pub use linear::system::{Unusable, eliminated_emitter};
pub use linear::weighted::SharedFactors;
pub use method::{EACH_EMITTER, Method, MethodInfo, MethodOption, OptionValues, Registered};
pub use outcome::{NotFinite, Outcome, Solution, Status};
pub use problem::{Context, Problem, VarianceScale};
pub use registry::{fit_bin, fit_bins, method, methods};
pub use residual::{add_squared_residuals, prediction_error, standard_residuals};
pub use windows::{WINDOW, WINDOW_STEP, Windowed, WindowedFit};
