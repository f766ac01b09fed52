//! From a calibration set, or a simulation of one, to the spectra that are fitted.

pub mod model;
pub mod settings;

mod baseline;
mod campaign;
mod conventions;
mod designs;
mod emitters;
mod error;
mod exclusion;
mod export;
mod known;
mod matching;
mod plateaus;
mod random;
mod realisation;
mod recipe;
mod records;
mod resample;
mod resolved;
mod screening;
mod simulate;
mod transform;
mod truth;

pub use campaign::{Campaign, Surveyed, survey};
pub use conventions::{BolometerTemperature, Conventions};
pub use designs::{Design, kept_bytes};
pub use emitters::{Emitter, EmitterError, EmitterSettings, choose, published_columns};
pub use error::DataError;
pub use export::write_calibration_set;
pub use random::noise_key;
pub use realisation::{BinData, Realisation};
pub use recipe::Recipe;
pub use records::RecordsError;
pub use resample::{Draw, Resampling};
pub use resolved::truth_of;
pub use screening::{Reason, Screening};
pub use truth::Truth;
