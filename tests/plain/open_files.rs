//! A low limit on open files is raised where that is allowed, and told where it is not.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use crate::support::program::{Ran, SMALL, otfhpc, shell, text};

/// Fits a small plan where the shell has set its limits.
fn limited(limits: &str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    otfhpc(["plan", "--shards=1", "--out", text(folder.path())].iter().chain(&SMALL)).ended(0);
    let (program, folder) = (env!("CARGO_BIN_EXE_otfhpc"), text(folder.path()));
    shell(&format!("{limits}; '{program}' run '{folder}' --shard 0 --threads 1")).ended(0)
}

#[test]
fn a_low_limit_is_raised_as_far_as_needed() {
    assert_eq!(limited("ulimit -S -n 24").stderr, "");
}

#[test]
fn where_it_cannot_be_raised_that_is_told() {
    let said = limited("ulimit -n 24").stderr;
    for part in ["warning", "may open 24 files", "`ulimit -n 68`"] {
        assert!(said.contains(part), "no `{part}` in: {said}");
    }
}
