//! External programs that fail: caught before anything is submitted, and, when they are mended, just
//! their units are fitted again.
#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::program::{Ran, SMALL, assert_same, otfhpc, otfhpc_with, products, text};
use num_complex::Complex64;
use otfhpc::foundations::npz::write_npz;
use otfhpc::runner::carry::{failed_units, take_back};
use otfhpc::runner::plan::BoundPlan;
use otfhpc::runner::store::RunDir;
use otfhpc::workloads::open;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

/// Writes what fits the input, which is larger with five bins than with one, and notes the call.
const GOOD: &str = "\
     if [ $(wc -c <\"$1\") -gt 15000 ]; then echo x >>\"$S/calls\"; cp \"$S/five.npz\" \"$2\"; else cp \"$S/one.npz\" \"$2\"; fi";
/// Units of the study below: 2 noise levels, 5 bins, 2 methods.
const UNITS: u64 = 20;

/// A study of `wls` and a program of shell, `mine`, at two noise levels.
struct Stage {
    folder: TempDir,
    run: RunDir,
}

impl Stage {
    fn new() -> Self {
        let folder = tempdir().unwrap();
        for (name, bins) in [("one.npz", 1), ("five.npz", 5)] {
            let values = vec![Complex64::new(0.5, -0.25); bins * 7];
            let path = folder.path().join(name);
            write_npz(&path, |npz| npz.add("emissivity", (bins, 7), &values)).unwrap();
        }
        Self { run: RunDir::new(folder.path().join("results")), folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn script(&self, script: &str) {
        let folder = text(self.folder.path());
        fs::write(self.path("mine.sh"), format!("S='{folder}'\n{script}\n")).unwrap();
    }

    /// `plan` or `local` of the study, in the folder of the run or in another.
    fn settle(&self, command: &str, out: &Path, more: &[&str]) -> Ran {
        let method = format!(
            "--set=method=[{{name=\"mine\",command=[\"sh\",\"{}\"]}}]",
            text(&self.path("mine.sh"))
        );
        let settings = [
            &method,
            "--set=fit.methods=[\"mine\",\"wls\"]",
            "--set=fit.bins=5-9",
            "--set=study.noise_levels=[0.01,0.1]",
            "--shards=4",
        ];
        otfhpc([&[command, "--out", text(out)], &settings[..], &SMALL, more].concat())
    }

    fn here(&self, command: &str) -> Ran {
        self.settle(command, self.run.root(), &[])
    }

    fn resume(&self, more: &[&str]) -> Ran {
        otfhpc([&["resume", text(self.run.root()), "--failed"], more].concat())
    }

    /// How often the program was called since this was asked last.
    fn calls(&self) -> usize {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default().lines().count();
        let _ = fs::remove_file(self.path("calls"));
        calls
    }

    fn plan(&self) -> BoundPlan {
        open(&self.run).unwrap().0
    }

    fn provenance(&self) -> Value {
        serde_json::from_slice(&fs::read(self.run.provenance()).unwrap()).unwrap()
    }

    /// Products as a run has them that began with the program as it is now.
    fn assert_as_fresh(&self) -> BoundPlan {
        let fresh = self.path("fresh");
        self.settle("local", &fresh, &[]);
        assert_same(&products(&fresh), &products(self.run.root()), "mended");
        open(&RunDir::new(fresh)).unwrap().0
    }

    /// A Slurm of stand-ins; it says how often sbatch was called.
    fn slurm(&self, arguments: &[&str]) -> (Ran, usize) {
        let standins = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/standins");
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{}:{path}", standins.display());
        fs::write(self.path("max-array-size"), "1001\n").unwrap();
        fs::write(self.path("jobs.txt"), "").unwrap();
        let variables = [("PATH", path.as_str()), ("STANDIN", text(self.folder.path()))];
        // What sbatch notes is not what the program notes.
        let calls = fs::read(self.path("calls")).unwrap_or_default();
        let ran = otfhpc_with(&variables, arguments);
        let jobs = fs::read_to_string(self.path("jobs.txt")).unwrap();
        fs::write(self.path("calls"), calls).unwrap();
        (ran, jobs.lines().count())
    }
}

/// Units that were fitted, as a command says.
fn fitted(said: &str) -> u64 {
    let number = |name: &str| -> u64 {
        let line = said.lines().find(|line| line.starts_with(name));
        let word = line.and_then(|line| line.split_whitespace().nth(1));
        word.map_or(0, |word| word.trim_end_matches(':').parse().unwrap())
    };
    number("units") - number("resumed")
}

#[test]
fn a_program_that_is_missing_or_crashes_is_caught_before_anything_is_submitted() {
    let stage = Stage::new();
    stage.here("plan").ended(0);
    let folder = text(stage.run.root()).to_owned();
    let (refused, jobs) = stage.slurm(&["submit", &folder]);
    let said = refused.ended(2).stderr;
    assert_eq!(jobs, 0, "sbatch was called");
    for part in ["method `mine`", "mine.sh", "No such file", "nothing was submitted", "--untried"] {
        let missing = said.contains(part) || (part == "No such file" && said.contains("open"));
        assert!(missing, "no `{part}` in: {said}");
    }
    assert!(
        !stage.run.submissions().exists() || fs::read(stage.run.submissions()).unwrap().is_empty()
    );
    stage.script("echo the grid is upside down >&2; exit 4");
    stage.settle("plan", stage.run.root(), &[]).ended(0);
    let (refused, jobs) = stage.slurm(&["submit", &folder]);
    let said = refused.ended(2).stderr;
    assert!(said.contains("the grid is upside down") && said.contains("exit status: 4"), "{said}");
    assert_eq!(jobs, 0);
    let (_, jobs) = stage.slurm(&["submit", &folder, "--untried"]);
    assert_eq!(jobs, 2, "the array and the merge");
    stage.script(GOOD);
    stage.settle("plan", stage.run.root(), &[]).ended(0);
    let (ran, jobs) = stage.slurm(&["submit", &folder]);
    let said = ran.ended(0).stdout;
    assert!(said.contains("programs   mine: tried on one bin"), "{said}");
    assert_eq!(jobs, 2);
}

#[test]
fn status_counts_how_units_ended() {
    let stage = Stage::new();
    stage.script("exit 1");
    stage.here("plan").ended(0);
    let folder = text(stage.run.root());
    let status = || otfhpc(["status", folder]).ended(0).stdout;
    assert!(!status().contains("units of shards that are done"));
    stage.here("local").ended(1);
    let said = status();
    let expected = "of the 20 units of shards that are done: 10 converged, 10 failed";
    assert!(said.contains(expected) && said.contains(" --failed"), "{said}");
    let json = otfhpc(["status", folder, "--json"]).ended(0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["outcomes"]["failed"], &json["outcomes"]["not converged"]),
        (&10.into(), &0.into())
    );
}

#[test]
fn a_script_that_was_missing_is_fitted_when_it_is_there_and_nothing_else_is() {
    let stage = Stage::new();
    stage.here("local").ended(1);
    let old = fs::read(stage.run.partial(0)).unwrap();
    let told = stage.resume(&["--dry-run"]).ended(0).stdout;
    assert!(told.contains("10 units of mine are fitted again"), "{told}");
    assert_eq!(fs::read(stage.run.partial(0)).unwrap(), old);
    // It is tried before: one that still fails takes nothing back.
    let refused = stage.resume(&["--local"]).ended(2).stderr;
    assert!(
        refused.contains("nothing was fitted") && refused.contains("method `mine`"),
        "{refused}"
    );
    assert_eq!(fs::read(stage.run.partial(0)).unwrap(), old);
    stage.script(GOOD);
    let said = stage.resume(&["--local"]).ended(0).stdout;
    assert_eq!(fitted(&said), 10, "{said}");
    assert_eq!(stage.calls(), 2, "once for each configuration");
    assert!(stage.run.set_aside().join("shard-00000.bin.1").is_file());
    let fresh = stage.assert_as_fresh();
    assert_eq!(stage.plan().hash, fresh.hash, "nothing of another program was kept");
    // Nothing failed: nothing happens.
    stage.calls();
    let said = stage.resume(&["--local"]).ended(0).stdout;
    assert!(said.contains("no unit failed") && stage.calls() == 0, "{said}");
    // And the settings that planned it are still those of this run.
    stage.here("plan").ended(0);
    stage.here("local").ended(0);
    assert_eq!(stage.calls(), 0);
}

#[test]
fn what_a_program_fitted_well_is_kept_when_it_is_mended_and_that_is_told() {
    let stage = Stage::new();
    // It fails at one of two configurations: whichever comes second.
    stage
        .script(&format!("[ $(wc -c <\"$1\") -lt 15000 ] || mkdir \"$S/first\" || exit 1\n{GOOD}"));
    stage.here("local").ended(1);
    assert_eq!(stage.calls(), 1);
    stage.script(GOOD);
    let folder = text(stage.run.root());
    let refused = otfhpc(["resume", folder, "--local"]).ended(2).stderr;
    assert!(refused.contains("this input changed"), "{refused}");
    let refused = stage.resume(&["--local", "--method", "wls"]).ended(2).stderr;
    assert!(refused.contains("--method mine if it was mended"), "{refused}");
    let refused = stage.resume(&["--local", "--method", "mein"]).ended(2).stderr;
    assert!(refused.contains("it has mine, wls"), "{refused}");
    let ran = stage.resume(&["--local", "--method", "mine"]).ended(0);
    assert_eq!(stage.calls(), 1, "the configuration that failed");
    assert!(ran.stdout.contains("5 units that it had fitted before are kept"), "{}", ran.stdout);
    assert!(ran.stderr.contains("5 units of mine are of its program before"), "{}", ran.stderr);
    let provenance = stage.provenance();
    assert_eq!(provenance["mended"][0]["kept_units"], 5);
    assert_eq!(provenance["mended"][0]["method"], "mine");
    let fresh = stage.assert_as_fresh();
    assert!(stage.plan().hash != fresh.hash, "results of two programs are another plan");
    // The same settings go on with it, and lose nothing.
    stage.calls();
    stage.here("local").ended(0);
    assert_eq!(
        (stage.calls(), stage.provenance()["mended"][0]["kept_units"].as_u64()),
        (0, Some(5))
    );
}

#[test]
fn without_that_word_a_changed_program_fits_all_of_its_units_again() {
    let stage = Stage::new();
    stage.script(GOOD);
    stage.here("local").ended(0);
    stage.calls();
    stage.script(&format!("# mended\n{GOOD}"));
    let refused = stage.here("local").ended(2).stderr;
    assert!(refused.contains("--extend"), "{refused}");
    let said = stage.settle("local", stage.run.root(), &["--extend"]).ended(0).stdout;
    assert!(said.contains("10 units of mine are fitted again: its program changed"), "{said}");
    assert!(said.contains("10 units of the earlier plan"), "{said}");
    assert_eq!(stage.calls(), 2);
    assert_eq!(stage.plan().hash, stage.assert_as_fresh().hash);
}

#[test]
fn failed_units_of_an_unchanged_program_are_fitted_again_and_a_kill_loses_nothing() {
    let stage = Stage::new();
    // What the program needs beside its files.
    stage.script(&format!("[ -e \"$S/licence\" ] || exit 1\n{GOOD}"));
    stage.here("local").ended(1);
    let hash = stage.plan().hash;
    let (run, plan) = (&stage.run, stage.plan());
    fs::write(stage.path("licence"), "").unwrap();
    // As if it was killed when the units were taken back; and once more, at the first shard.
    let all = |_| true;
    let failed = failed_units(run, &plan, all).unwrap();
    assert_eq!((failed.sum(), failed.failed[0]), (10, 10));
    take_back(run, &plan, &failed, all).unwrap();
    assert_eq!(failed_units(run, &plan, all).unwrap().sum(), 0);
    let status = otfhpc(["status", text(run.root()), "--json"]).ended(0).stdout;
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!((&status["units"], &status["units_done"]), (&UNITS.into(), &10.into()));
    assert!(
        !run.product("solution.npz").exists() && run.set_aside().join("solution.npz.1").exists()
    );
    take_back(run, &plan, &failed, all).unwrap();
    let folder = text(run.root());
    let said = otfhpc(["resume", folder, "--local"]).ended(0).stdout;
    assert_eq!(fitted(&said), 10, "{said}");
    assert_eq!(stage.calls(), 2);
    assert_eq!(stage.plan().hash, hash);
    stage.assert_as_fresh();
}

#[test]
fn on_slurm_only_the_shards_with_failed_units_are_submitted() {
    let stage = Stage::new();
    stage.here("local").ended(1);
    stage.script(GOOD);
    let (ran, jobs) = stage.slurm(&["resume", text(stage.run.root()), "--failed"]);
    let said = ran.ended(0).stdout;
    assert_eq!(jobs, 2, "an array and a merge: {said}");
    let plan = stage.plan();
    let missing: Vec<u32> = plan
        .shards
        .live()
        .into_iter()
        .filter(|shard| !stage.run.partial(*shard).exists())
        .collect();
    assert!(!missing.is_empty() && missing.len() < 4, "{missing:?}");
    assert!(said.contains(&format!("{} done", 4 - missing.len())), "{said}");
    for shard in missing {
        otfhpc(["run", text(stage.run.root()), "--shard", &shard.to_string()]).ended(0);
    }
    otfhpc(["merge", text(stage.run.root())]).ended(0);
    stage.assert_as_fresh();
}
