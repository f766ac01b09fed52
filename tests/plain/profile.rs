//! `--profile` says where the time of a run went, and leaves the results as they are.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::path::Path;

use crate::support::program::{SMALL, assert_same, otfhpc, products};

const THREADS: f64 = 2.0;
const METHODS: &str = "--set=fit.methods=[\"wls\",\"smooth\",\"huber\"]";
const PHASES: [&str; 13] = [
    "begin",
    "read",
    "transform",
    "design",
    "factor wls",
    "solve wls",
    "factor smooth",
    "solve smooth",
    "factor huber",
    "solve huber",
    "write",
    "merge",
    "idle, and the rest",
];
/// Each line is rounded to a tenth of a millisecond.
const ROUNDING: f64 = 0.00005 * (PHASES.len() + 2) as f64;

#[test]
fn local_tells_all_phases_and_they_fill_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let (with, without) = (folder.path().join("with"), folder.path().join("without"));
    let told = local(&with, &["--profile"]);
    check(&told);
    assert!(seconds(&told, "solve huber") > 0.0 && seconds(&told, "merge") > 0.0, "{told}");
    assert!(!local(&without, &[]).contains("time over all threads"));
    assert_same(&products(&without), &products(&with), "--profile");
}

#[test]
fn run_and_resume_tell_their_own_part() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().display().to_string();
    let plan = ["plan", "--shards=2", "--out", &folder, METHODS];
    otfhpc([&plan[..], &SMALL[..]].concat()).ended(0);
    let ran = otfhpc(["run", &folder, "--shard=0", "--threads=2", "--profile"]).ended(0).stdout;
    check(&ran);
    assert_eq!(seconds(&ran, "merge"), 0.0, "{ran}");
    let resumed = otfhpc(["resume", &folder, "--local", "--threads=2", "--profile"]).ended(0);
    check(&resumed.stdout);
    assert!(seconds(&resumed.stdout, "merge") > 0.0, "{resumed:?}");
}

#[test]
fn resume_profiles_only_what_it_does_itself() {
    let refused = otfhpc(["resume", "--profile"]).ended(2);
    assert!(refused.stderr.contains("--local"), "{refused:?}");
}

fn local(out: &Path, more: &[&str]) -> String {
    let out = out.display().to_string();
    let command = ["local", "--threads=2", "--out", &out, METHODS];
    otfhpc([&command[..], &SMALL[..], more].concat()).ended(0).stdout
}

/// The phases are there in their order, and with what is left they are the time of all threads.
fn check(told: &str) {
    let lines = table(told);
    let named: Vec<&str> = lines.iter().map(|(name, _)| *name).collect();
    assert_eq!(named, PHASES, "{told}");
    let (_, wall) = told.split_once("whole: ").unwrap();
    let wall: f64 = wall.split(' ').next().unwrap().parse().unwrap();
    let sum: f64 = lines.iter().map(|(_, seconds)| seconds).sum();
    assert!((sum - wall * THREADS).abs() <= ROUNDING, "{sum} of {wall} x {THREADS}: {told}");
}

fn seconds(told: &str, name: &str) -> f64 {
    table(told).iter().find(|(found, _)| *found == name).unwrap().1
}

/// Names and seconds.
fn table(told: &str) -> Vec<(&str, f64)> {
    let (_, table) = told.split_once("part\n").unwrap();
    let line = |line| {
        let (name, rest) = split_cell(line);
        (name, split_cell(rest).0.parse().unwrap())
    };
    table.lines().map(line).collect()
}

/// A cell, and what follows it: two spaces or more are between.
fn split_cell(line: &str) -> (&str, &str) {
    let (cell, rest) = line.split_once("  ").unwrap();
    (cell, rest.trim_start())
}
