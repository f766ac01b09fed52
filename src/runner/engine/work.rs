//! What a workload is given to do, and whom it tells.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::runner::store::{Envelope, Results};

use super::profile::Profile;
use super::stop::Stop;

/// Called with the first unit of a finished piece, its results, and the time that a unit took; from any
/// thread.
pub type Keeper<'a> = &'a (dyn Fn(u64, Vec<Envelope>, Duration) + Sync);

/// What a workload is given to do.
pub struct Work<'a> {
    /// The units of a shard, cut between pieces.
    pub units: Range<u64>,
    /// Those that are done already, whole pieces.
    pub done: &'a Results,
    /// How programs are run.
    pub programs: &'a Programs,
    /// When this is asked, what is in hand is finished, and nothing new is begun.
    pub stop: &'a Stop,
    /// Learns where the time goes.
    pub profile: &'a Profile,
    /// Whether these units were done before, and are run again to be compared: then none of them may
    /// be left out.
    pub is_again: bool,
    keeper: Keeper<'a>,
    prepared: OnceLock<Instant>,
}

/// How programs are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    /// How many at once, each in the place of one thread.
    pub at_once: usize,
    /// The folder in which their output is kept.
    pub logs: PathBuf,
}

impl<'a> Work<'a> {
    /// Units of a shard, and who keeps their results.
    #[must_use]
    pub fn new(
        units: Range<u64>,
        done: &'a Results,
        programs: &'a Programs,
        (stop, profile): (&'a Stop, &'a Profile),
        keeper: Keeper<'a>,
    ) -> Self {
        Self {
            units,
            done,
            programs,
            stop,
            profile,
            is_again: false,
            keeper,
            prepared: OnceLock::new(),
        }
    }

    /// The same, of units that are run again to be compared.
    #[must_use]
    pub fn again(self) -> Self {
        Self { is_again: true, ..self }
    }

    /// Hands in the results of a piece, given its first unit and the time that each unit took. When this
    /// returns, they are kept whatever becomes of the process.
    pub fn finish(&self, first: u64, results: Vec<Envelope>, time: Duration) {
        (self.keeper)(first, results, time);
    }

    /// Says that what is read or made before all units is there.
    pub fn prepared(&self) {
        self.prepared.get_or_init(Instant::now);
    }

    /// When it was.
    pub(super) fn prepared_at(&self) -> Option<Instant> {
        self.prepared.get().copied()
    }
}
