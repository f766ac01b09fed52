//! How much memory the records of a data set take, as far as that is foretold.

use super::DataSet;
use super::study::{Config, Study};
use crate::science::data::settings::Source;
use crate::science::data::telemetry_size;
use crate::science::fit::WINDOW;
use crate::science::instrument::IFG_LENGTH;

/// Interferogram, temperatures and bolometer state of a record that is simulated.
pub(super) const OF_SIMULATED: u64 = IFG_LENGTH as u64 * 8 + OF_STATE;
/// Temperatures and bolometer state of a record.
const OF_STATE: u64 = 300;

/// What the records of a data set take.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordsMemory {
    /// Bytes of what is held.
    pub(super) held: u64,
    /// Bytes of the interferograms that a realisation has in hand, where they stay in their file.
    pub(super) piece: u64,
}

impl RecordsMemory {
    /// Of a data set. Of a file all records of the channel are read before some are chosen, in place.
    pub(super) fn of(config: &Config, study: &Study, set: &DataSet) -> Self {
        if config.data.source == Source::Simulate {
            return Self { held: set.screening.used as u64 * OF_SIMULATED, piece: 0 };
        }
        let records = set.screening.records as u64;
        let size = telemetry_size(set.set.channel, &study.recipe(config));
        if size.stays_in_file {
            let piece = records.min(WINDOW as u64) * size.of_row;
            Self { held: records * OF_STATE, piece }
        } else {
            Self { held: records * (size.of_row + OF_STATE), piece: 0 }
        }
    }
}
