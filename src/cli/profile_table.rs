//! Where the time of a run went, as a table.

use std::time::Duration;

use crate::shard::{MethodParts, Phase, Profile};
use crate::study::Study;

use super::report::aligned;

/// The time of each phase and of the two parts of each method, over all threads, and the part that
/// it is of wall time x threads.
pub(super) fn profile_table(profile: &Profile, study: &Study, threads: usize) -> String {
    let wall = profile.wall();
    let whole = wall.mul_f64(threads as f64);
    let part = |time: Duration| 100.0 * time.as_secs_f64() / whole.as_secs_f64();
    let seconds = |time: Duration| format!("{:.4}", time.as_secs_f64());
    let line = |(name, time): (String, Duration)| {
        vec![name, seconds(time), format!("{:.1} %", part(time))]
    };
    let rows = rows(profile, study);
    let busy: Duration = rows.iter().map(|(_, time)| *time).sum();
    let mut lines = vec![vec!["phase".to_owned(), "seconds".into(), "part".into()]];
    lines.extend(rows.into_iter().map(line));
    lines.push(line(("idle, and the rest".into(), whole.saturating_sub(busy))));
    let wall = seconds(wall);
    format!("\ntime over all threads; whole: {wall} s x {threads} threads\n{}", aligned(&lines))
}

/// The phases in the order of a run, the methods in their place.
fn rows(profile: &Profile, study: &Study) -> Vec<(String, Duration)> {
    let phase = |(phase, name): &(Phase, &str)| ((*name).to_owned(), profile.of_phase(*phase));
    let methods = study.methods.iter().enumerate().flat_map(|(index, method)| {
        let MethodParts { factor, solve } = profile.of_method(index);
        [("factor", factor), ("solve", solve)]
            .map(|(part, time)| (format!("{part} {}", method.label), time))
    });
    let before = |(phase, _): &&(Phase, &str)| *phase != Phase::Write && *phase != Phase::Merge;
    let (first, last) = Phase::REGISTRY.split_at(Phase::REGISTRY.iter().take_while(before).count());
    first.iter().map(phase).chain(methods).chain(last.iter().map(phase)).collect()
}
