//! A joint fit gives the same bytes, whatever it was cut into, on however many threads, killed or not.
//!
//! It is one piece: its bins are linearised side by side, and what they give is added up in the order of
//! the bins. Data sets that are fitted together are one fit in each shard that has one of them.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::path::Path;
use std::time::Instant;

use crate::support::planned::{PATIENCE, Planned, Working};
use crate::support::program::{Products, assert_same, otfhpc, products, text};
use tempfile::tempdir;

/// A campaign in which all parameters act.
const CAMPAIGN: [&str; 7] = [
    "--set=simulate.records=120",
    "--set=simulate.plateau_records=8",
    "--set=simulate.biases=[25,35,45]",
    "--set=simulate.bolometer_error=0.01",
    "--set=simulate.corrections={xcal_offset_k=-1.5e-3,h2=1e-3,h3=-1e-3,\
     ical_drift={amplitude_k=4e-3,time_yr=0.3,offset_k=-3e-3},primary_vibration=[1e-5,0,0,0,0]}",
    "--set=study.noise_levels=[2]",
    "--set=fit.bins=0-40,100",
];
/// One data set: with and without the constraint, beside another method.
const ALONE: [&str; 3] = [
    "--set=fit.methods=[\"wls\",\"joint\",\"joint+kirchhoff\"]",
    "--set=study.trials=2",
    "--set=fit.options.joint.free=[\"bolometer\",\"xcal_offset\",\"ical_drift\",\"offsets\",\
     \"harmonics\",\"vibration\",\"plateau_temperatures\"]",
];
/// Two data sets of one channel and one of another, two of them fitted together, with glitches.
const TOGETHER: [&str; 7] = [
    "--set=fit.methods=[\"joint\"]",
    "--set=fit.constraint=kirchhoff",
    "--set=data.sets=[\"llss\",\"rlss\",\"llsf\"]",
    "--set=fit.options.joint.together=[\"llss\",\"llsf\"]",
    "--set=fit.options.joint.loss=huber",
    "--set=simulate.glitch_fraction=0.03",
    "--set=simulate.rounding=true",
];

fn local(settings: &[&str], shards: &str, threads: &str) -> Products {
    let folder = tempdir().unwrap();
    let out = ["local", "--out", text(folder.path()), "--shards", shards, "--threads", threads];
    otfhpc(out.iter().chain(&CAMPAIGN).chain(settings)).ended(0);
    let found = products(folder.path());
    assert_eq!(found.len(), 11, "{:?}", found.keys());
    found
}

fn through_an_array(settings: &[&str], shards: &[&str], threads: &str) -> Products {
    let folder = tempdir().unwrap();
    let count = shards.len().to_string();
    let plan = ["plan", "--out", text(folder.path()), "--shards", &count];
    otfhpc(plan.iter().chain(&CAMPAIGN).chain(settings)).ended(0);
    for shard in shards {
        run(folder.path(), shard, threads);
    }
    otfhpc(["merge", text(folder.path())]).ended(0);
    products(folder.path())
}

fn run(folder: &Path, shard: &str, threads: &str) {
    otfhpc(["--quiet", "run", text(folder), "--shard", shard, "--threads", threads]).ended(0);
}

fn any_threads_and_shards(settings: &[&str], most: &str) {
    let expected = local(settings, "1", "1");
    for (shards, threads) in [("1", "4"), (most, "2")] {
        let what = format!("{shards} shards on {threads} threads");
        assert_same(&expected, &local(settings, shards, threads), &what);
    }
    let found = through_an_array(settings, &["2", "0", "1"], "2");
    assert_same(&expected, &found, "three processes");
}

#[test]
fn of_one_data_set() {
    any_threads_and_shards(&ALONE, "5");
}

#[test]
fn of_data_sets_that_are_fitted_together() {
    any_threads_and_shards(&TOGETHER, "3");
}

/// A process that is killed leaves what it has done, and the next goes on.
#[test]
fn killed_and_run_again() {
    // Many fits, one after another.
    let settings: Vec<&str> = CAMPAIGN
        .into_iter()
        .chain(["--set=fit.methods=[\"joint\"]", "--set=study.trials=40"])
        .chain(["--set=simulate.records=480"])
        .collect();
    let undisturbed = {
        let folder = tempdir().unwrap();
        otfhpc(["local", "--out", text(folder.path())].iter().chain(&settings)).ended(0);
        products(folder.path())
    };
    let planned = Planned::new(1, &settings);
    let mut working = Working::start(planned.run.root(), "0");
    // As soon as something is kept.
    let start = Instant::now();
    while planned.kept() == [0] {
        assert!(start.elapsed() < PATIENCE, "it keeps nothing");
        assert!(working.child.try_wait().unwrap().is_none(), "it ended too early");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    working.child.kill().unwrap();
    working.wait();
    let kept = planned.kept()[0];
    assert!(kept > 0 && !planned.is_done(), "{kept} units are kept");
    let mut working = Working::start(planned.run.root(), "0");
    assert!(working.wait().success());
    let partial = planned.partial(0).unwrap();
    assert_eq!(partial.provenance.units_from_journal, kept);
    planned.assert_merges_to(&undisturbed, "killed once");
}
