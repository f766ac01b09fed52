//! When the rest of a task's units need not be run.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::foundations::counted;
use crate::runner::store::{Envelope, Results, UnitStatus};

use super::settings::StopSettings;
use super::study::CommandStudy;

/// Watches what units of a task leave: each task by itself, since it knows of no other.
pub(super) struct Stopping<'a> {
    study: &'a CommandStudy,
    begun: Instant,
    failures: AtomicU64,
    /// Why the rest is not run.
    why: OnceLock<String>,
}

impl<'a> Stopping<'a> {
    /// Begins now. Units that are done already count, but not the time that they took.
    pub(super) fn new(study: &'a CommandStudy, done: &Results) -> Self {
        let begun = Instant::now();
        let stopping = Self { study, begun, failures: AtomicU64::new(0), why: OnceLock::new() };
        done.iter().for_each(|(_, envelope)| stopping.heed(envelope));
        stopping
    }

    /// What becomes of a unit that need not be run; none if it is to be.
    pub(super) fn why_not(&self) -> Option<Envelope> {
        let StopSettings { budget_seconds, .. } = &self.study.settings().stop;
        if let Some(budget) = budget_seconds
            && Duration::try_from_secs_f64(*budget).is_ok_and(|most| self.begun.elapsed() > most)
        {
            let _ = self.why.set(format!("stop.budget_seconds is {budget}, and it is used up"));
        }
        let reason = format!("not run: {}", self.why.get()?);
        let (body, aside) = (Vec::new(), Vec::new());
        Some(Envelope { status: UnitStatus::Nothing, reason: Some(reason), body, aside })
    }

    /// Looks at what a unit left.
    pub(super) fn heed(&self, envelope: &Envelope) {
        let stop = &self.study.settings().stop;
        if envelope.status == UnitStatus::Failed {
            let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
            if let Some(most) = stop.max_failures.filter(|most| failures > *most) {
                let failed = counted(failures, "unit");
                let _ = self.why.set(format!("stop.max_failures is {most}, and {failed} failed"));
            }
        }
        if envelope.status == UnitStatus::Done && self.study.meets_target(envelope) {
            let target = stop.stop_when.as_deref().unwrap_or_default();
            let _ = self.why.set(format!("stop.stop_when: a unit came to {target}"));
        }
    }
}
