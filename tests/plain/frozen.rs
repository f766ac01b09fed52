//! A run stays with the build that planned it: another is refused, or told in the provenance, and
//! in neither case does a product show it.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::support::program::{
    Products, Ran, SMALL, assert_same, otfhpc, otfhpc_of, products, text,
};
use otfhpc::foundations::Digest;
use otfhpc::runner::store::RunDir;
use otfhpc::workloads::open;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

const SHARDS: &str = "3";

fn planned_build() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_otfhpc"))
}

/// The same program with a byte more at its end, which the system does not look at.
fn other_build() -> &'static Path {
    static OTHER: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let make = || {
        let folder = tempdir().unwrap();
        let path = folder.path().join("otfhpc");
        fs::copy(planned_build(), &path).unwrap();
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"!").unwrap();
        (folder, path)
    };
    &OTHER.get_or_init(make).1
}

/// A planned run in a folder of its own.
struct Planned {
    _folder: TempDir,
    run: RunDir,
}

impl Planned {
    fn new() -> Self {
        let folder = tempdir().unwrap();
        let planned = Self { run: RunDir::new(folder.path().join("results")), _folder: folder };
        planned.settle(planned_build(), "plan", &[]).ended(0);
        planned
    }

    /// `plan` or `local` with the same settings.
    fn settle(&self, build: &Path, command: &str, more: &[&str]) -> Ran {
        let words = [command, "--out", self.path(), "--shards", SHARDS, "--set=fit.bins=0-12"];
        otfhpc_of(build, &[], words.iter().chain(&SMALL).chain(more))
    }

    fn path(&self) -> &str {
        text(self.run.root())
    }

    fn fit(&self, build: &Path, shards: &str, more: &[&str]) -> Ran {
        otfhpc_of(build, &[], ["run", self.path(), "--shard", shards].iter().chain(more))
    }

    fn merge(&self) -> Ran {
        otfhpc(["merge", self.path()]).ended(0)
    }

    fn provenance(&self) -> Value {
        serde_json::from_slice(&fs::read(self.run.provenance()).unwrap()).unwrap()
    }
}

fn hash(build: &Path) -> Digest {
    Digest::of_file(build).unwrap()
}

fn expected() -> &'static Products {
    static EXPECTED: OnceLock<Products> = OnceLock::new();
    EXPECTED.get_or_init(|| {
        let planned = Planned::new();
        planned.fit(planned_build(), "0-2", &[]).ended(0);
        assert_eq!(planned.merge().stderr, "");
        let provenance = planned.provenance();
        assert_eq!(provenance["shards_of_other_binaries"], 0);
        assert_eq!(provenance["program"]["blake3"], hash(planned_build()).to_string());
        products(planned.run.root())
    })
}

#[test]
fn another_build_is_refused_with_both_hashes_and_what_to_do() {
    let planned = Planned::new();
    let said = planned.fit(other_build(), "0", &[]).ended(2).stderr;
    let (ours, theirs) = (hash(planned_build()).short(), hash(other_build()).short());
    let plan = planned.run.plan();
    for part in [text(&plan), &ours, &theirs, "--any-binary", "OTFHPC_ANY_BINARY=1"] {
        assert!(said.contains(part), "no `{part}` in: {said}");
    }
    assert!(!planned.run.partial(0).exists());
    for command in ["submit", "resume"] {
        let ran = otfhpc_of(other_build(), &[], [command, planned.path()]).ended(2);
        assert!(ran.stderr.contains("--any-binary"), "{}", ran.stderr);
    }
    let wrong = [("OTFHPC_ANY_BINARY", "yes")];
    let ran = otfhpc_of(other_build(), &wrong, ["run", planned.path(), "--shard", "0"]).ended(2);
    assert!(ran.stderr.contains("expected 1 or 0"), "{}", ran.stderr);
}

#[test]
fn another_build_that_may_goes_on_and_only_the_provenance_tells() {
    let planned = Planned::new();
    planned.fit(planned_build(), "0", &[]).ended(0);
    let ran = planned.fit(other_build(), "1", &["--any-binary"]).ended(0);
    assert!(ran.stderr.contains("at work with another build"), "{}", ran.stderr);
    let any = [("OTFHPC_ANY_BINARY", "1")];
    otfhpc_of(other_build(), &any, ["run", planned.path(), "--shard", "2"]).ended(0);
    let said = planned.merge().stderr;
    assert!(said.contains("worked on 2 of 3 shards"), "{said}");
    let provenance = planned.provenance();
    assert_eq!(provenance["shards_of_other_binaries"], 2);
    assert_eq!(provenance["program"]["blake3"], hash(planned_build()).to_string());
    for (shard, build) in [planned_build(), other_build(), other_build()].into_iter().enumerate() {
        assert_eq!(provenance["shards"][shard]["binary"], hash(build).to_string());
    }
    assert_same(expected(), &products(planned.run.root()), "fitted by two builds");
}

/// An attempt of another build that was broken off has left units that this one takes over.
#[test]
fn what_another_build_began_is_told_too() {
    use otfhpc::runner::store::{Attempt, JournalWriter, Origin, Partial, Why};
    let planned = Planned::new();
    planned.fit(planned_build(), "0-2", &[]).ended(0);
    let plan = open(&planned.run).unwrap().0;
    let done = Partial::read(&planned.run, &plan, 0).unwrap();
    fs::remove_file(planned.run.partial(0)).unwrap();
    let attempt = Attempt::of_this_process(&Origin::default(), hash(other_build()));
    let recorder = JournalWriter::begin(&planned.run, &plan, 0, &attempt).unwrap();
    recorder.keep(0, &done.results[..1]);
    recorder.close(&Why::Asked { signal: 0, left: None }).unwrap();
    planned.fit(planned_build(), "0", &[]).ended(0);
    let said = planned.merge().stderr;
    assert!(said.contains("worked on 1 of 3 shards"), "{said}");
    let shard = &planned.provenance()["shards"][0];
    assert_eq!(shard["units_from_journal"], 1);
    assert_eq!(shard["earlier_binaries"][0], hash(other_build()).to_string());
    assert_same(expected(), &products(planned.run.root()), "begun by another build");
}

#[test]
fn planning_again_with_another_build_does_not_take_over_results_unasked() {
    let planned = Planned::new();
    // Nothing is lost yet: the plan is simply the other's.
    planned.settle(other_build(), "plan", &[]).ended(0);
    planned.fit(other_build(), "1", &[]).ended(0);
    for command in ["plan", "local"] {
        let said = planned.settle(planned_build(), command, &[]).ended(2).stderr;
        let parts = [planned.path(), "another build", "1 partial,", "--replace", "--any-binary"];
        for part in parts {
            assert!(said.contains(part), "no `{part}` in: {said}");
        }
    }
    // Also where the plan is lost, and only the partial knows.
    fs::remove_file(planned.run.plan()).unwrap();
    planned.settle(planned_build(), "plan", &[]).ended(2);
    let ran = planned.settle(planned_build(), "local", &["--any-binary"]).ended(0);
    assert!(ran.stdout.contains("1 shard (already complete)"), "{}", ran.stdout);
    assert!(ran.stderr.contains("worked on 1 of 3 shards"), "{}", ran.stderr);
    assert_same(expected(), &products(planned.run.root()), "taken over");
    planned.settle(other_build(), "local", &[]).ended(2);
    let ran = planned.settle(other_build(), "local", &["--replace"]).ended(0);
    assert!(!ran.stdout.contains("already complete"), "{}", ran.stdout);
    assert_eq!(planned.provenance()["shards_of_other_binaries"], 0);
    assert_same(expected(), &products(planned.run.root()), "replaced");
}

#[test]
fn an_older_plan_does_not_say_which_build_and_any_may_fit_it() {
    let planned = Planned::new();
    let mut plan: Value = serde_json::from_slice(&fs::read(planned.run.plan()).unwrap()).unwrap();
    assert!(plan.as_object_mut().unwrap().remove("program").is_some());
    fs::write(planned.run.plan(), plan.to_string()).unwrap();
    assert_eq!(planned.fit(other_build(), "0-2", &["-q"]).ended(0).stderr, "");
    assert_eq!(planned.merge().stderr, "");
    assert_same(expected(), &products(planned.run.root()), "an older plan");
}
