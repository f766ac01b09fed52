//! `plan --extend`: a larger study takes over every result of a smaller one, fits nothing twice, and
//! leaves the bytes of a fresh study.
#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::fs;
use std::path::Path;

use crate::support::program::{Products, Ran, SMALL, assert_same, otfhpc, products, text};
use otfhpc::runner::plan::BoundPlan;
use otfhpc::runner::store::RunDir;
use otfhpc::runner::store::{Held, Partial, journals};
use otfhpc::workloads::open;
use tempfile::{TempDir, tempdir};

/// A run in a folder of its own.
struct Study {
    _folder: TempDir,
    run: RunDir,
}

const BASE: [&str; 2] = ["--set=fit.bins=4-9", "--set=fit.methods=[\"ols\",\"huber\"]"];

impl Study {
    fn new() -> Self {
        let folder = tempdir().unwrap();
        Self { run: RunDir::new(folder.path().join("results")), _folder: folder }
    }

    /// One that is fitted and merged.
    fn fitted(settings: &[&str]) -> Self {
        let study = Self::new();
        study.call("local", &["--shards=3"], settings).ended(0);
        study
    }

    fn call(&self, command: &str, more: &[&str], settings: &[&str]) -> Ran {
        let start = [command, "--out", self.path()];
        otfhpc([&start, &SMALL[..], &BASE, more, settings].concat())
    }

    fn path(&self) -> &str {
        text(self.run.root())
    }

    fn plan(&self) -> BoundPlan {
        open(&self.run).unwrap().0
    }

    fn products(&self) -> Products {
        products(self.run.root())
    }

    /// Units that need not be fitted again.
    fn held(&self) -> u64 {
        let (plan, found) = (self.plan(), journals(&self.run).unwrap());
        let held = |shard| Held::read(&self.run, &plan, shard, &found).unwrap();
        plan.shards.live().into_iter().map(|shard| held(shard).results.done()).sum()
    }

    /// Units that the last `resume --local` fitted, as it says.
    fn finish(&self) -> u64 {
        let said = otfhpc(["resume", self.path(), "--local"]).ended(0).stdout;
        let number = |name: &str| -> u64 {
            let line = said.lines().find(|line| line.starts_with(name));
            let word = line.and_then(|line| line.split_whitespace().nth(1));
            word.map_or(0, |word| word.trim_end_matches(':').parse().unwrap())
        };
        number("units") - number("resumed")
    }
}

fn assert_extends(small: &[&str], large: &[&str], new_units: u64, what: &str) {
    let study = Study::fitted(small);
    let before = study.held();
    let said = study.call("plan", &["--extend", "--shards=4"], large).ended(0).stdout;
    assert!(said.contains(&format!("{before} units of the earlier plan")), "{what}: {said}");
    assert_eq!(study.held(), before, "{what}");
    assert_eq!(study.plan().plan.units - before, new_units, "{what}");
    assert_eq!(study.products(), Products::new(), "{what}: old products are out of the way");
    assert_eq!(study.finish(), new_units, "{what}");
    let fresh = Study::fitted(large);
    assert_same(&fresh.products(), &study.products(), what);
}

#[test]
fn from_20_to_40_trials_only_the_new_ones_are_fitted() {
    assert_extends(&["--set=study.trials=20"], &["--set=study.trials=40"], 20 * 2 * 6, "trials");
}

#[test]
fn a_method_more_wherever_it_stands() {
    let more = ["--set=fit.methods=[\"huber+none\",\"smooth\",\"ols\"]"];
    assert_extends(&[], &more, 6, "a method");
}

#[test]
fn a_noise_level_more_and_a_data_set_more() {
    let levels = ["--set=study.noise_levels=[0.1]"];
    let more_levels = ["--set=study.noise_levels=[0.01,0.1]"];
    assert_extends(&levels, &more_levels, 12, "a noise level");
    assert_extends(&[], &["--set=data.sets=[\"rhss\",\"llss\"]"], 12, "a data set");
}

#[test]
fn bins_more_and_methods_that_fit_all_bins_are_fitted_again() {
    let methods = "--set=fit.methods=[\"ols\",\"smooth\"]";
    let study = Study::fitted(&[methods]);
    let large = [methods, "--set=fit.bins=2-9"];
    let said = study.call("plan", &["--extend", "--shards=3"], &large).ended(0).stdout;
    assert!(
        said.contains("6 units of smooth are fitted again: it fits all bins together"),
        "{said}"
    );
    assert_eq!(study.held(), 6);
    assert_eq!(study.finish(), 2 + 8);
    assert_same(&Study::fitted(&large).products(), &study.products(), "bins");
}

#[test]
fn an_unfinished_study_is_extended_with_what_it_has() {
    let study = Study::new();
    study.call("plan", &["--shards=5"], &["--set=study.trials=4"]).ended(0);
    otfhpc(["run", study.path(), "--shard", "1,3"]).ended(0);
    let before = study.held();
    study.call("plan", &["--extend", "--shards=2"], &["--set=study.trials=6"]).ended(0);
    assert_eq!(study.held(), before);
    // Once more is not twice.
    study.call("plan", &["--extend", "--shards=2"], &["--set=study.trials=6"]).ended(0);
    study.call("plan", &["--shards=2"], &["--set=study.trials=6"]).ended(0);
    assert_eq!(study.finish(), 6 * 12 - before);
    let fresh = Study::fitted(&["--set=study.trials=6"]);
    assert_same(&fresh.products(), &study.products(), "unfinished");
    let provenance = fs::read_to_string(study.run.provenance()).unwrap();
    assert!(provenance.contains("\"taken_over\""), "{provenance}");
}

#[test]
fn what_would_change_results_is_refused_by_name_and_nothing_is_touched() {
    let study = Study::fitted(&["--set=study.trials=2"]);
    let (products, plan) = (study.products(), fs::read(study.run.plan()).unwrap());
    for (settings, expected) in [
        (["--set=study.trials=1", "-q"], "study.trials was 2, and is 1"),
        (["--set=study.trials=3", "--set=study.seed=2"], "study.seed was 1, and is 2"),
        (["--set=study.trials=3", "--set=simulate.dither_counts=1"], "simulate.dither_counts was"),
        (["--set=study.trials=3", "--set=fit.constraint=kirchhoff"], "fit.constraint was"),
        (["--set=study.trials=3", "--set=fit.options.huber.c=2"], "fit.options.huber"),
        (["--set=study.trials=3", "--set=fit.methods=[\"ols\"]"], "fit.methods: huber is missing"),
        (["--set=study.trials=3", "--set=fit.bins=4-8"], "fit.bins: 9 is missing"),
        (["--set=study.trials=3", "--set=data.sets=[\"rhss\"]"], "data.sets: llss is missing"),
        (["--set=study.trials=3", "--set=study.noise_levels=[1]"], "study.noise_levels: 2e-2"),
    ] {
        let refused = study.call("plan", &["--extend", "--shards=2"], &settings).ended(2).stderr;
        assert!(refused.contains(expected), "{expected}: {refused}");
    }
    assert_eq!(fs::read(study.run.plan()).unwrap(), plan);
    assert!(study.products() == products);
    let refused = study.call("plan", &["--shards=2"], &["--set=study.trials=3"]).ended(2).stderr;
    assert!(refused.contains("--extend"), "{refused}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

/// Every state of the folder that a kill could leave: before the new plan is there, all of the old
/// one counts; after it, nothing is fitted twice.
#[test]
fn killed_at_any_step_nothing_is_lost() {
    let (small, large) = (["--set=study.trials=2"], ["--set=study.trials=3"]);
    let fresh = Study::fitted(&large);
    let old = Study::fitted(&small);
    let new = Study::new();
    copy(old.run.root(), new.run.root());
    new.call("plan", &["--extend", "--shards=2"], &large).ended(0);
    // Before: journals of the new plan stand beside the files of the old one.
    let before = Study::new();
    copy(old.run.root(), before.run.root());
    copy(&new.run.journals(), &before.run.journals());
    assert_eq!(before.held(), 24, "the old plan has its partials");
    otfhpc(["merge", before.path()]).ended(0);
    before.call("plan", &["--extend", "--shards=2"], &large).ended(0);
    assert_eq!((before.held(), before.finish()), (24, 12));
    assert_same(&fresh.products(), &before.products(), "killed before");
    // After: the new plan is there, and old partials and products, some moved, some not.
    for moved in 0..3 {
        let after = Study::new();
        copy(old.run.root(), after.run.root());
        fs::copy(new.run.plan(), after.run.plan()).unwrap();
        // As it was before its first shards were finished.
        let staged = Study::new();
        copy(old.run.root(), staged.run.root());
        stage(&staged, &after);
        for shard in 0..moved {
            fs::remove_file(after.run.partial(shard)).unwrap();
        }
        after.call("plan", &["--extend", "--shards=2"], &large).ended(0);
        assert_eq!((after.held(), after.finish()), (24, 12), "{moved} moved");
        assert_same(&fresh.products(), &after.products(), "killed after");
        assert!(after.run.set_aside().join("solution.npz.1").is_file());
    }
}

/// Puts the journals that are written first, from `old`, which still has the old plan, into `after`.
fn stage(old: &Study, after: &Study) {
    let (plan, new) = (old.plan(), after.plan());
    let mapping = open(&after.run).unwrap().1.extension(&plan, &new).unwrap();
    otfhpc::runner::carry::take_over(&old.run, &plan, &new, &mapping).unwrap();
    copy(&old.run.journals(), &after.run.journals());
}

/// Tests of what is held must not pass because nothing is.
#[test]
fn old_partials_are_kept_aside() {
    let study = Study::fitted(&[]);
    let partial = Partial::read(&study.run, &study.plan(), 0).unwrap();
    let bytes = fs::read(study.run.partial(0)).unwrap();
    assert!(!partial.results.is_empty());
    study.call("plan", &["--extend", "--shards=2"], &["--set=study.trials=2"]).ended(0);
    assert_eq!(fs::read(study.run.set_aside().join("shard-00000.bin.1")).unwrap(), bytes);
}
