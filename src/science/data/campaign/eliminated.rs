//! Which emitter a fit under the Kirchhoff constraint leaves to the others, before there is a design.

use super::Campaign;
use super::realisation::RecordSubset;
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
            let window = first..self.records().min(first + WINDOW);
            let records = (window.clone().collect(), Vec::new());
            let subset = RecordSubset::new(self, None, records, &window);
            for (all, inverse) in hottest.iter_mut().zip(&subset.inverse_temperatures) {
                all.extend(inverse);
                let least = all.iter().copied().fold(f64::INFINITY, f64::min);
                all.retain(|inverse| *inverse <= least * (1.0 + ALIKE));
                all.sort_unstable_by(f64::total_cmp);
                all.dedup();
            }
        }
        hottest
    }
}
