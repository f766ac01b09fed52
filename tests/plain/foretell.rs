//! `plan` foretells how long a study takes, from a look at a few bins of which nothing is kept.
#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::fs;

use crate::support::program::{otfhpc, text};
use crate::support::turn;
use tempfile::tempdir;

#[test]
fn a_small_study_is_better_fitted_here_and_the_look_leaves_no_trace() {
    let _turn = turn();
    let folder = tempdir().unwrap();
    let plan = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let start = ["plan", "--out", text(&out), "--set=fit.methods=[\"all\"]"];
        let said = otfhpc([&start, more].concat()).ended(0).stdout;
        (said, fs::read(out.join("plan.json")).unwrap(), fs::read_dir(out).unwrap().count())
    };
    let (said, probed, files) = plan("probed", &[]);
    let line = |text: &str| said.lines().find(|line| line.contains(text)).map(str::to_owned);
    assert!(line("time ").unwrap().contains("of processor time"), "{said}");
    assert!(line(" local` with the same settings is faster").is_some(), "{said}");
    let (said, plain, files_without) = plan("plain", &["--no-probe"]);
    assert!(!said.contains("processor time"), "{said}");
    assert!(probed == plain && files == files_without);
}

#[test]
fn a_large_study_is_told_how_many_shards_and_how_much_time_fit() {
    let _turn = turn();
    let folder = tempdir().unwrap();
    let more = ["--set=study.trials=1000000", "--set=fit.methods=[\"lad\",\"smooth\"]"];
    let said =
        otfhpc([&["plan", "--out", text(folder.path())], &more[..]].concat()).ended(0).stdout;
    let line = said.lines().find(|line| line.contains("fits, with --set slurm.time=")).unwrap();
    let shards: u32 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(shards > 32, "{line}");
    // What it says is what `plan` takes.
    let time = line.split_whitespace().find(|word| word.starts_with("slurm.time=")).unwrap();
    let shards = shards.to_string();
    let again = ["plan", "--out", text(folder.path()), "--shards", &shards, "--set", time];
    otfhpc([&again, &more[..]].concat()).ended(0);
}
