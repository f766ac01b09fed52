//! What is asked for: settings, and the grid of configurations and units that follows from them.

mod bins;
mod choice;
mod config;
mod grid;

pub use bins::BinSelection;
pub use choice::{ChoiceError, MethodChoice};
pub use config::{Config, ConfigError, DEFAULT_TOML, FitSettings, StudySettings};
pub use grid::{RealisationId, Study, StudyError, Unit};
