//! Which methods fail at which noise, and why.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::otf::study::{Study, Unit};
use crate::science::fit::{Outcome, Status};

/// Units without a converged value, counted by where and why.
#[derive(Debug, Clone, Default)]
pub(super) struct Failures(BTreeMap<Key, u64>);

/// Data set, noise level, method, status, reason: sorts as the configurations do.
type Key = (usize, usize, usize, Status, String);

/// One row of `failures.csv`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::otf) struct FailureRow {
    pub(in crate::otf) data_set: String,
    pub(in crate::otf) method: String,
    /// In units of the median null RMS; 0 for measured data.
    pub(in crate::otf) noise_level: f64,
    pub(in crate::otf) status: &'static str,
    pub(in crate::otf) reason: String,
    pub(in crate::otf) units: u64,
}

impl FailureRow {
    pub(super) const COLUMNS: [&'static str; 6] =
        ["data_set", "method", "noise_level", "status", "reason", "units"];
}

impl Failures {
    /// Counts a unit, if it has a reason.
    pub(super) fn count(&mut self, study: &Study, unit: Unit, outcome: &Outcome) {
        let Some(reason) = outcome.reason() else { return };
        let id = study.realisation(unit.realisation);
        let key = (id.set, id.noise, unit.method, outcome.status(), reason.to_owned());
        *self.0.entry(key).or_insert(0) += 1;
    }

    /// The rows of `failures.csv`.
    pub(super) fn rows(&self, study: &Study) -> Vec<FailureRow> {
        let row = |((set, noise, method, status, reason), units): (&Key, &u64)| FailureRow {
            data_set: study.sets[*set].to_string(),
            method: study.methods[*method].label.clone(),
            noise_level: study.noise_levels[*noise],
            status: status.name(),
            reason: reason.clone(),
            units: *units,
        };
        self.0.iter().map(row).collect()
    }
}
