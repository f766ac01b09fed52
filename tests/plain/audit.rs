//! A machine that computes wrongly and says nothing is found by computing again.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::fs;

use crate::support::program::{Ran, SMALL, assert_same, otfhpc, products, shell, text};
use otfhpc::otf::UnitResult;
use otfhpc::runner::audit::{Sample, sample};
use otfhpc::runner::plan::BoundPlan;
use otfhpc::runner::store::{Partial, RunDir, UnitStatus};
use otfhpc::science::fit::Outcome;
use otfhpc::workloads::open;
use tempfile::{TempDir, tempdir};

const FAULTY: &str = "n7";

/// A finished run of four shards, with a method that fits each bin and one that fits all.
struct Finished {
    _folder: TempDir,
    run: RunDir,
    plan: BoundPlan,
}

impl Finished {
    fn new() -> Self {
        let folder = tempdir().unwrap();
        let run = RunDir::new(folder.path().join("it's a run"));
        let methods = r#"--set=fit.methods=["wls","smooth"]"#;
        let words = ["local", "--shards=4", "--out", text(run.root()), "--set=fit.bins=0-20"];
        let more = [methods, "--set=study.trials=3"];
        otfhpc(words.iter().chain(&SMALL).chain(&more)).ended(0);
        let plan = open(&run).unwrap().0;
        Self { _folder: folder, run, plan }
    }

    fn audit(&self, more: &[&str]) -> Ran {
        otfhpc(["audit", text(self.run.root())].iter().chain(more))
    }

    fn rewrite(&self, shard: u32, change: impl FnOnce(&mut Partial)) {
        let mut partial = Partial::read(&self.run, &self.plan, shard).unwrap();
        change(&mut partial);
        fs::remove_file(self.run.partial(shard)).unwrap();
        assert!(partial.write(&self.run, &self.plan, shard).unwrap());
    }

    /// One bit of one value of a shard is wrong, and the file is sound.
    fn spoil(&self, shard: u32) {
        self.rewrite(shard, |partial| {
            FAULTY.clone_into(&mut partial.provenance.host);
            let mut done = partial.results.iter_mut().filter(|r| r.status == UnitStatus::Done);
            let envelope = done.next_back().unwrap();
            let mut result = UnitResult::open(envelope).unwrap();
            let Outcome::Converged(solution) = &mut result.outcome else { unreachable!() };
            let value = &mut solution.emissivity[2].im;
            *value = f64::from_bits(value.to_bits() ^ 1);
            *envelope = result.seal();
        });
    }
}

#[test]
fn a_clean_run_passes() {
    let finished = Finished::new();
    let said = finished.audit(&["--fraction=1"]).ended(0);
    assert_eq!(said.stderr, "");
    let units = finished.plan.plan.units.to_string();
    let line = said.stdout.lines().nth(1).unwrap();
    let cells: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(cells[1..], ["4", &units, "0"], "{}", said.stdout);
    // Nothing of it is kept.
    assert!(!finished.run.set_aside().exists());
}

#[test]
fn one_wrong_bit_is_found_named_and_mended() {
    let finished = Finished::new();
    let expected = products(finished.run.root());
    finished.spoil(2);
    otfhpc(["merge", text(finished.run.root())]).ended(0);
    let said = finished.audit(&["--fraction=1"]).ended(3).stderr;
    for part in ["shard-00002.bin", "shard 2, fitted on n7", "these units differ: ", "--exclude=n7"]
    {
        assert!(said.contains(part), "no `{part}` in: {said}");
    }
    let after = |start: &str| {
        let line = said.lines().find_map(|line| line.trim().strip_prefix(start));
        line.unwrap_or_else(|| panic!("no `{start}` in: {said}")).trim().to_owned()
    };
    for start in ["mend:", "then here:", "at the end:"] {
        shell(&after(start)).ended(0);
    }
    finished.audit(&["--fraction=1"]).ended(0);
    assert_same(&expected, &products(finished.run.root()), "mended");
}

#[test]
fn the_sample_depends_on_plan_and_seed_alone() {
    let finished = Finished::new();
    let table = |more: &[&str]| finished.audit(more).ended(0).stdout;
    let one = table(&["--fraction=0.3", "--threads=1"]);
    assert_eq!(one, table(&["--fraction=0.3", "--threads=3"]));
    let workload = open(&finished.run).unwrap().1;
    let drawn = |fraction: f64, seed: u64| {
        let how = Sample { fraction, seed, programs: false };
        sample(&finished.run, &finished.plan, &*workload, &how).unwrap().sampled
    };
    assert_eq!(drawn(0.3, 1), drawn(0.3, 1));
    assert_ne!(drawn(0.3, 1), drawn(0.3, 2));
}

#[test]
fn every_machine_is_looked_at() {
    let finished = Finished::new();
    for shard in 0..3 {
        finished.rewrite(shard, |partial| partial.provenance.host = format!("m{shard}"));
    }
    let said = finished.audit(&["--fraction=1e-9"]).ended(0).stdout;
    for line in said.lines().skip(1) {
        let cells: Vec<&str> = line.split_whitespace().collect();
        assert!(cells[2].parse::<u64>().unwrap() >= 1, "{said}");
    }
    assert_eq!(said.lines().count(), 5, "{said}");
}

#[test]
fn what_is_missing_is_told_and_what_is_damaged_is_named() {
    let finished = Finished::new();
    fs::remove_file(finished.run.partial(1)).unwrap();
    let said = finished.audit(&[]).ended(0);
    assert!(said.stdout.contains("no partial of 1 shard: 1\n"), "{said:?}");
    fs::write(finished.run.partial(3), b"short").unwrap();
    let said = finished.audit(&[]).ended(3).stderr;
    assert!(said.contains("shard-00003.bin: 5 bytes long, expected 104"), "{said}");
    fs::remove_dir_all(finished.run.partials()).unwrap();
    let said = finished.audit(&[]).ended(2).stderr;
    assert!(said.contains("no partial to audit"), "{said}");
}

#[test]
fn a_fraction_is_more_than_0_and_up_to_1() {
    for wrong in ["0", "-0.5", "1.01", "NaN", "inf", "half"] {
        let ran = otfhpc(["audit", "--fraction", wrong]).ended(2);
        assert!(ran.stderr.contains("more than 0, up to 1"), "{wrong}: {}", ran.stderr);
    }
}
