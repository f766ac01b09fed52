//! The settings that a data set is prepared from.

use super::emitters::Emitter;
use super::settings::{DataSettings, InstrumentSettings, SimulateSettings};

/// The settings that a data set is prepared from, borrowed from wherever they were read.
#[derive(Debug, Clone, Copy)]
pub struct Recipe<'a> {
    /// Where the records come from.
    pub data: &'a DataSettings,
    /// The campaign that stands in where there is no file.
    pub simulate: &'a SimulateSettings,
    /// How an interferogram becomes a spectrum.
    pub instrument: &'a InstrumentSettings,
    /// What shines, in the order of the solution's last axis.
    pub emitters: &'a [Emitter],
    /// Everything random follows from this.
    pub seed: u64,
}
