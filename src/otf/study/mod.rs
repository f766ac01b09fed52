//! What is asked for: settings, and the grid of configurations and units that follows from them.

mod bins;
mod check;
mod choice;
mod config;
mod grid;
mod joint;
mod schema;
mod unused;

pub use bins::BinSelection;
pub use check::{MOST_THREADS, MOST_TRIALS, StudyError};
pub use choice::{ChoiceError, Estimator, MethodChoice};
pub use config::{Config, ConfigError, FitSettings, MethodOptions, ProgramSettings, StudySettings};
pub use grid::{RealisationId, Study, Unit};
pub use unused::UnusedSetting;
