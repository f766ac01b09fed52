//! A results folder on a disk that is full: what is there stays whole, the message says what to do,
//! and once there is space the same command goes on.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::planned::{Planned, SLOW, Working};
use crate::support::program::{Products, Ran, SMALL, assert_same, otfhpc, products, text};
use crate::support::{Trial, trial_unless};
use libtest_mimic::Failed;
use otfhpc::foundations::files::is_temporary;
use otfhpc::runner::store::RunDir;
use otfhpc::runner::store::{Journals, Partial, journals};
use otfhpc::workloads::open;
use tempfile::{TempDir, tempdir};

const SHARDS: u32 = 2;
/// 12 trials of 2 methods at 257 bins: products that take several steps to fit.
const SETTINGS: [&str; 3] = [SMALL[0], SMALL[1], "--set=study.trials=12"];
/// Shards of some seconds.
const SLOWER: [&str; 5] = {
    let mut settings = SLOW;
    settings[4] = "--set=study.trials=8";
    settings
};
const ALL: &str = "0-1";
const SIZE: &str = "64m";

pub(crate) fn trials() -> Vec<Trial> {
    let reason = Disk::new(SIZE).err();
    let test = |name: &str, run: fn()| -> Trial {
        let run = move || {
            run();
            Ok::<(), Failed>(())
        };
        trial_unless(reason.clone(), name, run)
    };
    vec![
        test("full_before_a_run_begins", full_before_a_run_begins),
        test("full_in_the_middle_of_a_shard", full_in_the_middle_of_a_shard),
        test("full_at_the_merge", full_at_the_merge),
    ]
}

/// A small disk in memory, until it is dropped.
struct Disk {
    folder: TempDir,
}

impl Disk {
    /// Says why there can be none, if there can be none.
    fn new(size: &str) -> Result<Self, String> {
        let disk = Self { folder: tempdir().map_err(|e| e.to_string())? };
        mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"], disk.folder.path())?;
        Ok(disk)
    }

    fn run(&self) -> RunDir {
        RunDir::new(self.folder.path().join("it's a run"))
    }

    fn filler(&self) -> PathBuf {
        self.folder.path().join("filler")
    }

    /// Fills the disk but for some bytes.
    fn fill_but(&self, bytes: u64) {
        let _ = fs::remove_file(self.filler());
        let stat = rustix::fs::statvfs(self.folder.path()).unwrap();
        let size = (stat.f_bavail * stat.f_frsize).saturating_sub(bytes);
        // If somebody else has taken the last of it by now, the disk is full just the same.
        let _ = fs::write(self.filler(), vec![1; size as usize]);
    }

    fn make_space(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.folder.path()).output();
    }
}

fn mount(arguments: &[&str], folder: &Path) -> Result<(), String> {
    let needs = |why: String| format!("needs root and mount(8), for a small disk: {why}");
    match Command::new("mount").args(arguments).arg(folder).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(needs(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
        Err(e) => Err(needs(e.to_string())),
    }
}

fn plan(run: &RunDir, settings: &[&str]) {
    let shards = SHARDS.to_string();
    let plan = ["plan", "--out", text(run.root()), "--shards", &shards];
    otfhpc(plan.iter().chain(settings)).ended(0);
}

fn fit(run: &RunDir) -> Ran {
    otfhpc(["run", text(run.root()), "--shard", ALL])
}

fn merge(run: &RunDir) -> Ran {
    otfhpc(["merge", text(run.root())])
}

/// The products where there is space.
fn undisturbed(settings: &[&str]) -> Products {
    let planned = Planned::new(SHARDS, settings);
    fit(&planned.run).ended(0);
    merge(&planned.run).ended(0);
    products(planned.run.root())
}

/// That a command was refused in a way that helps, and that nothing on the disk is half there.
fn assert_refused(ran: &Ran, run: &RunDir, codes: &[i32]) {
    assert!(ran.code.is_some_and(|code| codes.contains(&code)), "{ran:?}");
    for part in ["otfhpc: ", text(run.root()), "space"] {
        assert!(ran.stderr.contains(part), "{part}: {ran:?}");
    }
    assert_whole(run);
}

/// Every partial is sound, and nobody's half of a file is left.
fn assert_whole(run: &RunDir) {
    let plan = open(run).unwrap().0;
    for shard in 0..SHARDS {
        assert!(!run.partial(shard).exists() || Partial::read(run, &plan, shard).is_ok());
    }
    for folder in [run.root().to_path_buf(), run.partials()] {
        let entries = fs::read_dir(folder).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let litter: Vec<String> = names.filter(|name| is_temporary(name)).collect();
        assert!(litter.is_empty(), "{litter:?}");
    }
}

/// Units that the journals keep.
fn in_journals(run: &RunDir) -> u64 {
    let (plan, mut found) = (open(run).unwrap().0, journals(run).unwrap());
    let done = |shard| {
        let paths = found.remove(&shard).unwrap_or_default();
        Journals::read(&plan, shard, &paths).unwrap().results.done()
    };
    (0..SHARDS).map(done).sum()
}

fn assert_completes(run: &RunDir, expected: &Products) {
    fit(run).ended(0);
    merge(run).ended(0);
    assert_same(expected, &products(run.root()), "after space was made");
    assert_eq!(fs::read_dir(run.journals()).unwrap().count(), 0);
}

fn full_before_a_run_begins() {
    let disk = Disk::new(SIZE).unwrap();
    let run = disk.run();
    plan(&run, &SETTINGS);
    disk.fill_but(0);
    assert_refused(&fit(&run), &run, &[2, 75]);
    disk.make_space();
    assert_completes(&run, &undisturbed(&SETTINGS));
}

fn full_in_the_middle_of_a_shard() {
    let disk = Disk::new(SIZE).unwrap();
    let run = disk.run();
    plan(&run, &SLOWER);
    let mut working = Working::start(run.root(), ALL);
    working.wait_for_units();
    disk.fill_but(0);
    let (code, stderr) = working.ended();
    assert_refused(&Ran { code, stdout: String::new(), stderr }, &run, &[2, 75]);
    // What stands in the journal is not fitted again.
    let kept = in_journals(&run);
    assert!(kept > 0);
    disk.make_space();
    fit(&run).ended(0);
    let plan = open(&run).unwrap().0;
    let resumed = |shard| Partial::read(&run, &plan, shard).unwrap().provenance.units_from_journal;
    assert_eq!((0..SHARDS).map(resumed).sum::<u64>(), kept);
    assert_completes(&run, &undisturbed(&SLOWER));
}

/// With more and more space, so that every product is once the one that does not fit.
fn full_at_the_merge() {
    let expected = undisturbed(&SETTINGS);
    let disk = Disk::new(SIZE).unwrap();
    let run = disk.run();
    plan(&run, &SETTINGS);
    fit(&run).ended(0);
    let mut named = BTreeSet::new();
    let mut free = 0;
    loop {
        for path in run.products("otf") {
            let _ = fs::remove_file(path);
        }
        disk.fill_but(free);
        let ran = merge(&run);
        let found = products(run.root());
        assert!(found.iter().all(|(name, bytes)| expected[name] == *bytes), "half is there");
        if ran.code == Some(0) {
            break;
        }
        assert_refused(&ran, &run, &[2]);
        let mut written = run.products("otf").into_iter().chain([run.product("work.html")]);
        let at_fault = written.find(|p| ran.stderr.contains(text(p))).unwrap();
        // The solution is much larger than the rest.
        free += if at_fault == run.product("solution.npz") { 64 << 10 } else { 4 << 10 };
        named.insert(at_fault);
    }
    assert!(named.len() > 3, "{named:?}");
    disk.make_space();
    assert_completes(&run, &expected);
}
