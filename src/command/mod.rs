//! The workload `command`: any program in any language, one configuration a unit, one process a unit.

mod axis;
mod body;
mod check;
mod collect;
mod csv_file;
mod environment;
mod error;
mod extension;
mod folder;
mod grid;
mod inputs;
mod json;
mod judge;
mod pointer;
mod products;
mod rules;
mod runner;
mod same;
mod schema;
mod seed;
mod settings;
mod stopping;
mod study;
mod target;
mod template;
mod value;
mod vocabulary;
mod workload;

pub use error::CommandError;
pub use settings::CommandSettings;
pub use study::CommandStudy;
pub use workload::{CommandWork, NAME};
