//! A results folder has one owner at a time, and what is written there is of the plan that stands there.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::planned::{PATIENCE, Planned, SLOW, Working};
use crate::support::program::{Ran, SMALL, assert_same, otfhpc, products, text};
use crate::support::turn;
use otfhpc::runner::store::RunDir;
use otfhpc::runner::store::manifest::{Standing, standing};
use rustix::process::Signal;
use tempfile::{TempDir, tempdir};

const SHARDS: &str = "--shards=2";
const OTHER: &str = "--set=study.seed=2";

/// A finished run of a small study.
fn finished(more: &[&str]) -> (TempDir, RunDir) {
    let folder = tempdir().unwrap();
    let run = RunDir::new(folder.path().join("results"));
    local(&run, more).ended(0);
    (folder, run)
}

fn local(run: &RunDir, more: &[&str]) -> Ran {
    let words = ["local", "--out", text(run.root()), SHARDS, "--set=fit.bins=5-7"];
    otfhpc(words.iter().chain(&SMALL).chain(more))
}

fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
}

/// Says exit code and words of a command that is to be refused.
#[track_caller]
fn assert_refused(ran: &Ran, says: &[&str]) {
    for word in says {
        assert!(ran.stderr.contains(word), "{word}: {ran:?}");
    }
}

#[test]
fn who_merges_or_plans_has_the_folder_alone() {
    let (_folder, run) = finished(&[]);
    let before = products(run.root());
    let held = File::create(run.folder_lock()).unwrap();
    held.lock().unwrap();
    fs::write(run.folder_lock(), r#"{"host":"n7","process":12}"#).unwrap();
    let says = ["planning or merging here", "n7, process 12", "type the same again"];
    assert_refused(&otfhpc(["merge", text(run.root())]).ended(2), &says);
    assert_refused(&local(&run, &[OTHER, "--replace"]).ended(2), &says);
    assert_refused(&otfhpc(["resume", text(run.root()), "--failed"]).ended(2), &says);
    assert_same(&before, &products(run.root()), "nothing was touched");
    assert!(!run.set_aside().exists());
    drop(held);
    // One rerun heals.
    local(&run, &[OTHER, "--replace"]).ended(0);
    assert!(!run.folder_lock().exists());
}

#[test]
fn a_plan_is_not_replaced_while_a_task_works() {
    let _turn = turn();
    let planned = Planned::new(2, &SLOW);
    let before = fs::read(planned.run.plan()).unwrap();
    let mut working = Working::start(planned.run.root(), "1");
    working.wait_for_units();
    let process = format!("process {}", working.child.id());
    let says = ["shard 1 is held by another process", &process];
    let words = ["plan", "--out", planned.path(), OTHER, "--replace", "--no-probe"];
    assert_refused(&otfhpc(words).ended(2), &says);
    assert_eq!(fs::read(planned.run.plan()).unwrap(), before);
    assert!(planned.run.journal(1).exists());
    // A task that is stopped has not gone: whoever tries its lock sees that.
    working.signal(Signal::STOP);
    wait_until_stopped(working.child.id());
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(1000);
    File::options().append(true).open(planned.run.journal(1)).unwrap().set_modified(old).unwrap();
    let said = otfhpc(["status", planned.path()]).ended(0).stdout;
    assert!(said.contains("running") && said.contains(&process), "{said}");
    working.signal(Signal::KILL);
    working.wait();
    let said = otfhpc(["status", planned.path()]).ended(0).stdout;
    assert!(!said.contains("running"), "{said}");
    otfhpc(words).ended(0);
}

/// A process that was sent the signal may go on for a moment, and its threads may write once more.
fn wait_until_stopped(process: u32) {
    let is_stopped = || {
        let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
        threads.flatten().all(|thread| {
            let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T'))
        })
    };
    let start = std::time::Instant::now();
    while !is_stopped() {
        assert!(start.elapsed() < PATIENCE, "it does not stop");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Where there are no locks, a plan may be replaced under a task: it notices before it writes.
#[test]
fn a_task_of_an_old_plan_leaves_the_results_of_the_new_one_alone() {
    let _turn = turn();
    let planned = Planned::new(1, &SLOW);
    let (_folder, new) = finished(&[]);
    let mut working = Working::start(planned.run.root(), "0");
    working.wait_for_units();
    for name in ["plan.json", "partials/shard-00000.bin"] {
        fs::create_dir_all(planned.run.partials()).unwrap();
        copy(&new.root().join(name), &planned.run.root().join(name));
    }
    let partial = fs::read(planned.run.partial(0)).unwrap();
    working.signal(Signal::TERM);
    drop(working.ended());
    // One that begins now works for the new plan; one that began before and comes to its end does not
    // touch what is there.
    assert_eq!(fs::read(planned.run.partial(0)).unwrap(), partial);
    assert!(!planned.run.set_aside().exists());
    let small =
        Planned::new(1, &[SMALL[0], SMALL[1], "--set=fit.bins=5-40", "--set=study.trials=60"]);
    let mut working = Working::start(small.run.root(), "0");
    copy(&new.plan(), &small.run.plan());
    fs::create_dir_all(small.run.partials()).unwrap();
    copy(&new.partial(0), &small.run.partial(0));
    let status = working.wait();
    if status.code() == Some(3) {
        let (_, said) = working.ended();
        assert!(said.contains("the plan here was replaced"), "{said}");
    }
    assert_eq!(fs::read(small.run.partial(0)).unwrap(), partial, "{status}");
    assert!(!small.run.set_aside().exists(), "{status}");
}

#[test]
fn products_of_another_plan_or_that_were_changed_are_told() {
    let (_ours, run) = finished(&[]);
    let (_other, other) = finished(&[OTHER]);
    let plan = otfhpc::workloads::open(&run).unwrap().0;
    assert_eq!(standing(&run, &plan, true), Standing::Whole);
    otfhpc(["audit", text(run.root()), "--fraction=0.5"]).ended(0);
    // One file of another run: a mixed set.
    copy(&other.product("solution.npz"), &run.product("solution.npz"));
    assert_eq!(standing(&run, &plan, true), Standing::Changed(vec!["solution.npz".into()]));
    let ran = otfhpc(["audit", text(run.root()), "--fraction=0.5"]).ended(3);
    assert_refused(&ran, &["changed since they were written: solution.npz", "merge"]);
    // All of another run.
    for path in other.products("otf") {
        copy(&path, &run.root().join(path.file_name().unwrap()));
    }
    let said = otfhpc(["status", text(run.root())]).ended(0).stdout;
    assert!(said.contains("the products here are of another plan"), "{said}");
    assert!(said.contains("next: ") && said.contains(" merge "), "{said}");
    assert_refused(&otfhpc(["audit", text(run.root())]).ended(3), &["of another plan"]);
    otfhpc(["merge", text(run.root())]).ended(0);
    let said = otfhpc(["status", text(run.root())]).ended(0).stdout;
    assert!(said.contains("merged: "), "{said}");
}

/// Standard output on a device that is full; only a pipe that nobody reads is silent.
#[test]
fn output_that_cannot_be_written_is_an_error() {
    let (_folder, run) = finished(&[]);
    let folder = text(run.root());
    let new = run.root().join("new");
    for words in [
        vec!["--version"],
        vec!["--help"],
        vec!["methods"],
        vec!["methods", "wls"],
        vec!["plan", "--out", text(&new), "--no-probe"],
        vec!["run", folder, "--shard=0"],
        vec!["merge", folder],
        vec!["status", folder],
        vec!["status", folder, "--json"],
        vec!["audit", folder],
        vec!["resume", folder, "--local"],
        vec!["local", "--out", folder, "--replace", SMALL[0], SMALL[1]],
        vec!["simulate", "--out", text(&run.root().join("cal.npz")), SMALL[0], SMALL[1]],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let ran = Command::new(env!("CARGO_BIN_EXE_otfhpc"))
            .args(&words)
            .stdout(Stdio::from(full))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{words:?}: {said}");
        assert_eq!(said.matches("cannot write to standard output").count(), 1, "{words:?}: {said}");
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_otfhpc"))
        .args(["status", folder])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ran = child.wait_with_output().unwrap();
    assert_eq!((ran.status.code(), &ran.stderr[..]), (Some(0), &b""[..]));
}

#[test]
fn what_dead_processes_left_unfinished_goes_with_the_next_command() {
    let (_folder, run) = finished(&[]);
    let left = [
        run.root().join(".solution.npz.x1y2z3.tmp"),
        run.partials().join(".shard-00000.bin.x1y2z3.tmp"),
    ];
    for command in ["merge", "local"] {
        left.iter().for_each(|path| fs::write(path, "numbers").unwrap());
        let living = File::create(run.partials().join(".shard-00001.bin.abc.tmp")).unwrap();
        living.lock().unwrap();
        match command {
            "merge" => otfhpc(["merge", text(run.root())]).ended(0),
            _ => local(&run, &[]).ended(0),
        };
        assert!(left.iter().all(|path| !path.exists()), "{command}");
        let living = run.partials().join(".shard-00001.bin.abc.tmp");
        assert!(living.exists(), "{command} took what another process is writing");
    }
}

#[test]
fn a_limit_on_the_length_of_files_is_an_error_of_the_file() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("results");
    let ran = Command::new("sh")
        .args(["-c", "ulimit -f 1; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_otfhpc")])
        .args(["plan", "--no-probe", "--out", text(&out), SMALL[0], SMALL[1]])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(2), "{said}");
    assert!(said.contains("cannot write") && said.contains("File too large"), "{said}");
}
