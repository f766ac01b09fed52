//! From a calibration set, or a simulation of one, to the spectra that are fitted.

pub mod model;
pub mod npz;
pub mod settings;

mod baseline;
mod campaign;
mod random;
mod records;
mod screening;
mod simulate;
mod transform;
mod truth;

pub use campaign::{BinData, Campaign, DataError, Realisation, survey, truth_of};
pub use random::noise_key;
pub use records::RecordsError;
pub use screening::{Reason, Screening};
pub use truth::Truth;
