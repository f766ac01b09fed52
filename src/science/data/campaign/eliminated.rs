//! Which emitter a fit under the Kirchhoff constraint leaves to the others, before there is a design.

use super::Campaign;
use crate::science::fit::{Constraint, WINDOW, eliminated_emitter};
use crate::science::instrument::PlanckSteps;

/// Temperatures that differ by less, relative to them, may have Planck functions that are rounded to the wrong
/// order.
const ALIKE: f64 = 1e-9;

impl Campaign {
    /// The [`eliminated_emitter`] of the design of all records, one for each of some bins; that design is
    /// not made, since the hottest records alone decide.
    #[must_use]
    pub fn eliminated_at(&self, bins: &[usize]) -> Vec<Option<usize>> {
        let (hottest, planck) = (self.hottest(), PlanckSteps::default());
        let at = |&bin: &usize| {
            let design = planck.columns(bin, |bin| self.axis.frequency_hz(bin), &hottest);
            let columns: Vec<&[f64]> = design.iter().map(|column| &column[..]).collect();
            eliminated_emitter(Constraint::Kirchhoff, &columns)
        };
        bins.iter().map(at).collect()
    }

    /// One over the highest temperatures at which each emitter emits, 1/K, each once.
    fn hottest(&self) -> Vec<Vec<f64>> {
        let mut hottest: Vec<Vec<f64>> = vec![Vec::new(); self.emitters.len()];
        for first in (0..self.records()).step_by(WINDOW) {
            let window: Vec<usize> = (first..self.records().min(first + WINDOW)).collect();
            for (all, column) in hottest.iter_mut().zip(self.temperatures_of(&window)) {
                all.extend(column.iter().map(|temperature| 1.0 / temperature));
                let least = all.iter().copied().fold(f64::INFINITY, f64::min);
                all.retain(|inverse| *inverse <= least * (1.0 + ALIKE));
                all.sort_unstable_by(f64::total_cmp);
                all.dedup();
            }
        }
        hottest
    }

    /// At which emitters emit, with corrections, K, `[emitter][record]`.
    fn temperatures_of(&self, records: &[usize]) -> Vec<Vec<f64>> {
        let chosen = |column: &Vec<f64>| records.iter().map(|&record| column[record]).collect();
        let read: Vec<Vec<f64>> = self.selected.temperatures.iter().map(chosen).collect();
        if self.corrections.changes_temperatures() { self.corrected(&read, records) } else { read }
    }
}
