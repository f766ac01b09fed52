//! Where the time of a run went, as a table.

use std::time::Duration;

use crate::foundations::text::tabular;
use crate::runner::engine::{ColumnParts, Phase, Profile, Workload};

/// The time of each phase and of the two parts of each method, over all threads, and the part that
/// it is of wall time x threads.
pub(super) fn profile_table(profile: &Profile, workload: &dyn Workload, threads: usize) -> String {
    let wall = profile.wall();
    let whole = wall.mul_f64(threads as f64);
    let part = |time: Duration| 100.0 * time.as_secs_f64() / whole.as_secs_f64();
    let seconds = |time: Duration| format!("{:.4}", time.as_secs_f64());
    let line = |(name, time): (String, Duration)| {
        vec![name, seconds(time), format!("{:.1} %", part(time))]
    };
    let rows = rows(profile, workload);
    let busy: Duration = rows.iter().map(|(_, time)| *time).sum();
    let mut lines = vec![vec!["phase".to_owned(), "seconds".into(), "part".into()]];
    lines.extend(rows.into_iter().map(line));
    lines.push(line(("idle, and the rest".into(), whole.saturating_sub(busy))));
    let wall = seconds(wall);
    format!("\ntime over all threads; whole: {wall} s x {threads} threads\n{}", tabular(1, &lines))
}

/// The phases in the order of a run, the columns in their place.
fn rows(profile: &Profile, workload: &dyn Workload) -> Vec<(String, Duration)> {
    let words = workload.words();
    let name = |phase: Phase| match phase {
        Phase::Begin => "begin",
        Phase::Read => "read",
        Phase::Prepare => words.phases[0],
        Phase::Gather => words.phases[1],
        Phase::Write => "write",
        Phase::Merge => "merge",
    };
    let named = |phase: &Phase| (name(*phase).to_owned(), profile.of_phase(*phase));
    let columns = workload.column_labels().into_iter().enumerate().flat_map(|(index, label)| {
        let ColumnParts { part, rest } = profile.of_column(index);
        [(words.parts[0], part), (words.parts[1], rest)]
            .map(|(word, time)| (format!("{word} {label}"), time))
    });
    let is_before = |phase: &&Phase| !matches!(phase, Phase::Write | Phase::Merge);
    let (first, last) = Phase::ALL.split_at(Phase::ALL.iter().take_while(is_before).count());
    let phases = first.iter().map(named).chain(columns).chain(last.iter().map(named));
    phases.filter(|(name, _)| !name.trim().is_empty()).collect()
}
