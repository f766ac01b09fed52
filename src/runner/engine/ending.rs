//! How the work on a shard ended.

use std::path::PathBuf;
use std::time::Duration;

use crate::runner::store::Attempt;

use super::progress::Counts;

/// How the work on a shard ended.
#[derive(Debug, Clone, PartialEq)]
pub enum ShardEnd {
    /// A sound partial of this plan was there already; nothing was done.
    AlreadyDone,
    /// It was fitted now.
    Fitted(Summary),
    /// It was asked to stop before it was done.
    Stopped(Stopped),
    /// Another process works on it: the last that is known to have begun, if any is.
    Elsewhere(Option<Attempt>),
}

/// The figures of a fitted shard.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Units by status, and the time spent in them.
    pub counts: Counts,
    /// Reading or simulating the data sets.
    pub preparing: Duration,
    /// Fitting, spectra included.
    pub fitting: Duration,
    /// A damaged partial was in the way and was moved aside.
    pub set_aside: bool,
    /// How many files in the place of journals were not of this shard of this plan, and were moved
    /// aside.
    pub foreign_journals: u64,
    /// Why the journal was not kept as it should be, if it was not. The results do not need it.
    pub journal_trouble: Option<String>,
    /// What of the state of the run somebody else changed meanwhile. The results do not rest on it.
    pub changed: Vec<String>,
}

/// How far a shard came that was asked to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// The shard.
    pub shard: u32,
    /// Its units that stand in its journal, and will not be fitted again.
    pub kept: u64,
    /// Its units.
    pub units: u64,
    /// The journal.
    pub journal: PathBuf,
    /// Why the journal has not all that was finished, if it has not.
    pub trouble: Option<String>,
}
