//! The account of every unit of the plan.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::fit::{Outcome, Status};

/// How many units ended how. The six always sum to the units of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Totals {
    /// The minimum was reached.
    pub converged: u64,
    /// The search stopped before the minimum.
    pub not_converged: u64,
    /// No usable value.
    pub failed: u64,
    /// Every Planck function is zero: no failure.
    pub no_signal: u64,
    /// Their shard left no partial.
    pub missing: u64,
    /// Their shard's partial cannot be trusted.
    pub corrupt: u64,
}

impl Totals {
    /// All units.
    #[must_use]
    pub fn sum(&self) -> u64 {
        let Self { converged, not_converged, failed, no_signal, missing, corrupt } = self;
        converged + not_converged + failed + no_signal + missing + corrupt
    }

    /// Whether some units have no converged value although they have signal.
    #[must_use]
    pub fn has_failures(&self) -> bool {
        self.failed + self.not_converged > 0
    }

    pub(super) fn count(&mut self, status: Status) {
        *match status {
            Status::Converged => &mut self.converged,
            Status::NotConverged => &mut self.not_converged,
            Status::Failed => &mut self.failed,
            Status::NoSignal => &mut self.no_signal,
        } += 1;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { converged, not_converged, failed, no_signal, missing, corrupt } = self;
        write!(
            f,
            "{} units: {converged} converged, {not_converged} not converged, {failed} failed, \
             {no_signal} no signal, {missing} missing, {corrupt} corrupt",
            self.sum()
        )
    }
}

/// Units that ended without a converged value for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReasonCount {
    /// How they ended.
    pub status: Status,
    /// Why.
    pub reason: String,
    /// How many.
    pub units: u64,
    /// The first of them: its configuration.
    pub first_configuration: u64,
    /// The first of them: its bin.
    pub first_bin: usize,
}

/// The account of a complete run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Ledger {
    /// How many units ended how.
    pub totals: Totals,
    /// Why units have no converged value, in the order of their first occurrence.
    pub reasons: Vec<ReasonCount>,
    #[serde(skip)]
    index: BTreeMap<(Status, String), usize>,
}

impl Ledger {
    /// Counts one unit.
    pub(super) fn count(&mut self, outcome: &Outcome, configuration: u64, bin: usize) {
        let status = outcome.status();
        self.totals.count(status);
        let Some(reason) = outcome.reason() else { return };
        let next = self.reasons.len();
        let at = *self.index.entry((status, reason.to_owned())).or_insert(next);
        if at == next {
            self.reasons.push(ReasonCount {
                status,
                reason: reason.to_owned(),
                units: 0,
                first_configuration: configuration,
                first_bin: bin,
            });
        }
        self.reasons[at].units += 1;
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
