//! Where finished pieces of a shard are handed in.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::runner::plan::Layout;
use crate::runner::store::{ColumnTime, Envelope, JournalWriter, Piece, Results};

use super::profile::{Phase, Profile};
use super::progress::Progress;
use super::tally::{Listener, Tally};
use super::timing::Timing;

/// Where finished pieces are handed in, from any thread: they are written down, counted, and kept.
pub(super) struct Desk<'a> {
    layout: &'a Layout,
    profile: &'a Profile,
    recorder: &'a JournalWriter,
    progress: &'a Progress,
    listener: Listener<'a>,
    tally: Tally,
    timing: Timing,
    pieces: Mutex<Vec<Piece>>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(
        (layout, profile): (&'a Layout, &'a Profile),
        (units, done): (&Range<u64>, &Results),
        recorder: &'a JournalWriter,
        (progress, listener): (&'a Progress, Listener<'a>),
    ) -> Self {
        let tally = Tally::new(layout, units, done);
        let timing = Timing::new(layout.columns());
        let pieces = Mutex::default();
        Self { layout, profile, recorder, progress, listener, tally, timing, pieces }
    }

    /// What is counted is kept: no kill takes back what was told.
    pub(super) fn keep(&self, first: u64, results: Vec<Envelope>, time: Duration) {
        self.profile.phase(Phase::Write, || self.recorder.keep(first, &results));
        let column = self.layout.column_of(first);
        let configuration = self.layout.configuration_of(first);
        for result in &results {
            self.progress.unit_done(result.status, time);
            self.timing.add(column, time);
            if let Some(done) = self.tally.count(configuration) {
                (self.listener)(done);
            }
        }
        // A thread that panicked while it added a piece has added it or not: both will do.
        let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.push(Piece { first, results });
    }

    pub(super) fn close(self, labels: Vec<String>) -> (Vec<Piece>, Vec<ColumnTime>) {
        let pieces = self.pieces.into_inner().unwrap_or_else(PoisonError::into_inner);
        (pieces, self.timing.summary(labels))
    }
}
