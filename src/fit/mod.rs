//! Estimators: from the spectra of one bin to its emissivities with error bars.
//!
//! A [`Problem`] is linear with a real design and complex unknowns. One file per estimator;
//! [`methods`] is the registry. Nothing here knows of files, threads or shards.

mod basis;
mod chain;
mod clock;
mod constraint;
mod deadline;
mod exact_step;
mod external;
mod filter;
mod huber;
mod irls;
mod lad;
mod lbfgs;
mod least_squares;
mod legacy_regression;
mod levenberg_marquardt;
mod method;
mod moduli;
mod nelder_mead;
mod ols;
mod outcome;
mod plane;
mod plateau;
mod prior;
mod problem;
mod reflections;
mod registry;
mod residual;
mod ridge;
mod singular_values;
mod smooth;
mod student_t;
mod system;
mod tls;
mod tsvd;
mod tukey;
mod vector;
mod warm_start;
mod watched;
mod weighted;
mod whitened;
mod wls;

#[cfg(test)]
pub(crate) mod tests;

pub use clock::time_factoring;
pub use constraint::Constraint;
pub use deadline::Deadline;
pub use external::external_solution;
pub use method::{EACH_EMITTER, Method, MethodInfo, MethodOption, OptionValues, Registered};
pub use outcome::{NotFinite, Outcome, Solution, Status};
pub use problem::{Context, Problem, VarianceScale};
pub use registry::{fit_bin, fit_bins, method, methods};
pub use residual::{add_squares, prediction_error};
pub use system::Unusable;
pub use weighted::Shared;
