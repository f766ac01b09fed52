//! The account of every unit of the plan.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use crate::runner::store::{Envelope, UnitStatus};

/// How many units ended how. The six always sum to the units of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// In the order of [`UnitStatus::ALL`].
    pub by_status: [u64; UnitStatus::ALL.len()],
    /// Their shard left no partial.
    pub missing: u64,
    /// Their shard's partial cannot be trusted.
    pub corrupt: u64,
}

impl Totals {
    /// Units that ended this way.
    #[must_use]
    pub fn of(&self, status: UnitStatus) -> u64 {
        self.by_status[status as usize]
    }

    /// All units.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.by_status.iter().sum::<u64>() + self.missing + self.corrupt
    }

    /// Whether some units have not the result that was asked for.
    #[must_use]
    pub fn has_failures(&self) -> bool {
        self.of(UnitStatus::Failed) + self.of(UnitStatus::Unfinished) > 0
    }

    /// In words, given those for the statuses; one without a word does not occur.
    #[must_use]
    pub fn describe(&self, words: &[&str; UnitStatus::ALL.len()]) -> String {
        let named = UnitStatus::ALL.iter().zip(words).filter(|(_, word)| !word.is_empty());
        let parts = named.map(|(status, word)| format!("{} {word}", self.of(*status)));
        let others = [(self.missing, "missing"), (self.corrupt, "corrupt")];
        let others = others.map(|(count, word)| format!("{count} {word}"));
        let parts: Vec<String> = parts.chain(others).collect();
        format!("{} units: {}", self.sum(), parts.join(", "))
    }
}

/// Units that have not the result that was asked for, for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonCount {
    /// How they ended.
    pub status: UnitStatus,
    /// Why.
    pub reason: String,
    /// How many.
    pub units: u64,
    /// The first of them.
    pub first: u64,
}

/// The account of a complete run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ledger {
    /// How many units ended how.
    pub totals: Totals,
    /// Why units have not the result that was asked for, in the order of their first occurrence.
    pub reasons: Vec<ReasonCount>,
    index: BTreeMap<(UnitStatus, String), usize>,
}

impl Ledger {
    /// Counts one unit.
    pub(super) fn count(&mut self, unit: u64, result: &Envelope) {
        let Envelope { status, reason, .. } = result;
        self.totals.by_status[*status as usize] += 1;
        let Some(reason) = reason else { return };
        let next = self.reasons.len();
        let at = *self.index.entry((*status, reason.clone())).or_insert(next);
        if at == next {
            let (status, reason) = (*status, reason.clone());
            self.reasons.push(ReasonCount { status, reason, units: 0, first: unit });
        }
        self.reasons[at].units += 1;
    }

    /// Counts the units of a partial that is not there, or not to be trusted.
    pub(super) fn miss(&mut self, units: &Range<u64>, is_missing: bool) {
        let Totals { missing, corrupt, .. } = &mut self.totals;
        *(if is_missing { missing } else { corrupt }) += units.end - units.start;
    }
}

/// Something in the results folder that keeps a run from being complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file at fault.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
    /// The shard to fit again; none for a file that belongs to no shard.
    pub shard: Option<u32>,
}
