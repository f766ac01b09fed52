//! Where the time of a run goes: measured only if somebody asked for it.

use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a run does, besides the work on units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Planning, and checking plan, inputs and executable.
    Begin,
    /// Reading or simulating data.
    Read,
    /// Making what the units of a block share.
    Prepare,
    /// Gathering what a unit needs.
    Gather,
    /// Writing journals and partials.
    Write,
    /// Merging, and writing the products.
    Merge,
}

impl Phase {
    /// All of them in the order of a run.
    pub const ALL: [Self; 6] =
        [Self::Begin, Self::Read, Self::Prepare, Self::Gather, Self::Write, Self::Merge];
}

/// Adds up, over all threads, the time spent in each phase and in each column.
///
/// A thread that waits for others may be given their work meanwhile. What is measured inside of
/// something that is measured is therefore counted once, for the inner one. The help that others
/// give to one phase is not seen: it is in what the sum lacks of wall time x threads.
#[derive(Debug)]
pub struct Profile {
    started: Instant,
    /// None if nobody asked.
    times: Option<Mutex<Times>>,
}

#[derive(Debug, Default)]
struct Times {
    phases: [Duration; Phase::ALL.len()],
    columns: Vec<ColumnParts>,
}

/// Where the time of one column went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ColumnParts {
    /// The part that the workload has a clock for.
    pub part: Duration,
    /// All else.
    pub rest: Duration,
}

thread_local! {
    /// What was measured inside of what this thread is measuring.
    static INNER: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

impl Profile {
    /// Begins now; measures nothing unless it is wanted.
    #[must_use]
    pub fn new(wanted: bool) -> Self {
        Self { started: Instant::now(), times: wanted.then(Mutex::default) }
    }

    /// Measures nothing.
    #[must_use]
    pub fn off() -> Self {
        Self::new(false)
    }

    /// Whether anybody asked.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.times.is_some()
    }

    /// Time since this was made.
    #[must_use]
    pub fn wall(&self) -> Duration {
        self.started.elapsed()
    }

    /// What passed up to now, and was nothing else, was the beginning.
    pub fn begun(&self) {
        if let Some(mut times) = self.times() {
            let known: Duration = times.phases.iter().sum();
            times.phases[Phase::Begin as usize] = self.wall().saturating_sub(known);
        }
    }

    /// Does the work of a phase.
    pub fn phase<T>(&self, phase: Phase, work: impl FnOnce() -> T) -> T {
        self.measure(work, |times, spent| times.phases[phase as usize] += spent)
    }

    /// Does the work of a column; `clock` is the workload's, of one part of it on this thread.
    pub fn column<T>(
        &self,
        column: usize,
        clock: impl Fn() -> Duration,
        work: impl FnOnce() -> T,
    ) -> T {
        let before = clock();
        self.measure(work, |times, spent| {
            let part = clock().saturating_sub(before).min(spent);
            let columns = times.columns.len().max(column + 1);
            times.columns.resize(columns, ColumnParts::default());
            times.columns[column].part += part;
            times.columns[column].rest += spent.saturating_sub(part);
        })
    }

    /// The time of a phase.
    #[must_use]
    pub fn of_phase(&self, phase: Phase) -> Duration {
        self.times().map_or(Duration::ZERO, |times| times.phases[phase as usize])
    }

    /// The time of a column.
    #[must_use]
    pub fn of_column(&self, column: usize) -> ColumnParts {
        let parts = self.times().and_then(|times| times.columns.get(column).copied());
        parts.unwrap_or_default()
    }

    fn measure<T>(&self, work: impl FnOnce() -> T, book: impl FnOnce(&mut Times, Duration)) -> T {
        if !self.is_wanted() {
            return work();
        }
        let (before, start) = (INNER.replace(Duration::ZERO), Instant::now());
        let done = work();
        let time = start.elapsed();
        let inner = INNER.replace(before + time);
        if let Some(mut times) = self.times() {
            book(&mut times, time.saturating_sub(inner));
        }
        done
    }

    /// A thread that panicked while it added a time has added it or not: both will do.
    fn times(&self) -> Option<MutexGuard<'_, Times>> {
        Some(self.times.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn phases_stand_where_their_numbers_say() {
        for (index, phase) in Phase::ALL.into_iter().enumerate() {
            assert_eq!(phase as usize, index);
        }
    }

    #[test]
    fn what_is_inside_is_counted_once() {
        let profile = Profile::new(true);
        let nap = || std::thread::sleep(SHORT);
        profile.phase(Phase::Prepare, || {
            profile.column(2, || Duration::ZERO, || profile.phase(Phase::Write, nap));
            profile.phase(Phase::Write, nap);
            nap();
        });
        let (outer, inner) = (profile.of_phase(Phase::Prepare), profile.of_phase(Phase::Write));
        assert!(inner >= 2 * SHORT && outer >= SHORT, "{profile:?}");
        let ColumnParts { part, rest } = profile.of_column(2);
        assert!(part + rest < SHORT, "{profile:?}");
        assert!(outer + inner + part + rest <= profile.wall(), "{profile:?}");
    }

    #[test]
    fn nothing_is_measured_unless_it_is_wanted() {
        let profile = Profile::off();
        profile.begun();
        assert_eq!(
            profile.phase(Phase::Read, || 3) + profile.column(0, || Duration::ZERO, || 4),
            7
        );
        assert_eq!(profile.of_phase(Phase::Begin) + profile.of_phase(Phase::Read), Duration::ZERO);
        assert_eq!(profile.of_column(0), ColumnParts::default());
    }
}
