//! The memory that `plan` foretells is not less than a run takes, and not twice as much.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::program::{otfhpc, text};
use crate::support::turn;
use otfhpc::runner::plan::{BoundPlan, Needs};
use otfhpc::runner::store::RunDir;
use otfhpc::workloads::open;
use tempfile::{TempDir, tempdir};

/// Most bytes that a command had in memory at once, as the system counts them until it ends.
fn peak(arguments: &[&str]) -> u64 {
    peak_of(arguments, 0)
}

/// The same of a command that ends with this code.
fn peak_of(arguments: &[&str], code: i32) -> u64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_otfhpc"));
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes: Option<u64> = line.and_then(|l| l.split_whitespace().next()?.parse().ok());
        peak = kibibytes.map_or(peak, |kibibytes| kibibytes * 1024);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(child.wait().unwrap().code(), Some(code), "{arguments:?}");
    peak
}

fn planned(settings: &[&str]) -> (TempDir, BoundPlan, Needs) {
    let folder = tempdir().unwrap();
    let sets: Vec<String> = settings.iter().map(|setting| format!("--set={setting}")).collect();
    let out = ["plan", "--shards=1", "--out", text(folder.path())].map(String::from);
    otfhpc(out.iter().chain(&sets)).ended(0);
    let (plan, workload) = open(&RunDir::new(folder.path())).unwrap();
    let memory = workload.needs(&plan);
    (folder, plan, memory)
}

fn assert_close(what: &str, foretold: u64, taken: u64) {
    println!("{what}: {} of {} MB", taken / 1_000_000, foretold / 1_000_000);
    assert!(taken <= foretold, "{what}: took {taken} bytes, {foretold} were foretold");
    assert!(foretold <= 2 * taken, "{what}: took {taken} bytes, {foretold} were foretold");
}

fn assert_run(settings: &[&str], threads: u64) {
    let (folder, _, memory) = planned(settings);
    let words = ["run", text(folder.path()), "--shard=0", "--threads", &threads.to_string()];
    let what = format!("{settings:?} on {threads} threads");
    assert_close(&what, memory.of_task(threads), peak(&words));
}

#[test]
fn methods_that_fit_each_bin_hold_the_spectra() {
    let _turn = turn();
    let few = ["simulate.records=1200", r#"fit.methods=["wls"]"#];
    assert_run(&few, 1);
    assert_run(&few, 2);
    assert_run(&["simulate.records=12000", r#"fit.methods=["wls"]"#], 2);
    assert_run(&["simulate.records=2400", r#"fit.methods=["wls"]"#, "study.trials=8"], 4);
    assert_run(&["simulate.records=60", r#"fit.methods=["ols"]"#, "study.trials=200"], 2);
}

#[test]
fn methods_that_fit_all_bins_hold_them_for_each_thread() {
    let _turn = turn();
    let smooth = r#"fit.methods=["smooth"]"#;
    assert_run(&["simulate.records=1200", smooth], 1);
    assert_run(&["simulate.records=6000", smooth], 2);
    assert_run(&["simulate.records=2400", smooth, "study.trials=6"], 2);
    let three = r#"fit.methods=["wls","smooth","warm_start"]"#;
    assert_run(&["simulate.records=1200", three, "study.trials=6"], 3);
}

#[test]
fn joint_fits_hold_the_bins_of_the_band() {
    let _turn = turn();
    let settings = ["simulate.records=6000", "fit.methods=joint", "study.noise_levels=[0.05]"];
    assert_run(&settings, 2);
    let plateaus = "fit.options.joint.free=[\"xcal_offset\", \"plateau_temperatures\"]";
    assert_run(&[&settings[..], &[plateaus]].concat(), 2);
}

#[test]
fn measured_data_are_held_as_they_are_read() {
    let _turn = turn();
    let folder = tempdir().unwrap();
    let file = folder.path().join("cal.npz");
    let simulated = ["simulate", "--set=simulate.records=6000", "--out", text(&file)];
    otfhpc(simulated).ended(0);
    let path = format!("data.path={}", text(&file));
    let wls = r#"fit.methods=["wls"]"#;
    assert_run(&["data.source=npz", &path, "data.sigma=1.0", wls], 2);
}

/// Whole counts are two bytes, and so they are foretold; what is large is not in memory at all.
#[test]
fn telemetry_is_foretold_as_it_is_held() {
    let _turn = turn();
    let folder = tempdir().unwrap();
    for (records, rounding) in [("20000", "true"), ("12000", "false"), ("40000", "true")] {
        let file = folder.path().join(format!("cal-{records}.npz"));
        let settings = ["records", "rounding"].iter().zip([records, rounding]);
        let settings = settings.map(|(name, value)| format!("--set=simulate.{name}={value}"));
        let words = ["simulate", "--out", text(&file)].map(str::to_owned);
        otfhpc(words.into_iter().chain(settings)).ended(0);
        let path = format!("data.path={}", text(&file));
        let methods = r#"fit.methods=["ols","wls"]"#;
        let settings = ["data.source=npz", &path, "data.sigma=1.0", methods];
        let (folder, _, memory) = planned(&settings);
        let task = peak(&["run", text(folder.path()), "--shard=0", "--threads=2"]);
        assert_close(&format!("{records}, run"), memory.of_task(2), task);
        let merge = peak(&["merge", text(folder.path())]);
        assert_close(&format!("{records}, merge"), memory.of_merge, merge);
    }
}

/// Of a record more, linear fits of each bin hold nothing but its telemetry, temperatures and state: the
/// spectra come window by window.
#[test]
fn memory_grows_with_the_telemetry_alone() {
    let _turn = turn();
    // Both come in windows of the largest size.
    let peaks = [7000, 17_000].map(|records| {
        let folder = tempdir().unwrap();
        let file = folder.path().join("cal.npz");
        let records = format!("--set=simulate.records={records}");
        let rounded = "--set=simulate.rounding=true";
        otfhpc(["simulate", rounded, &records, "--out", text(&file)]).ended(0);
        let path = format!("data.path={}", text(&file));
        let methods = r#"fit.methods=["ols","wls"]"#;
        let (folder, ..) = planned(&["data.source=npz", &path, "data.sigma=1.0", methods]);
        let run = text(folder.path());
        let task = peak(&["run", run, "--shard=0", "--threads=2"]);
        [task, peak(&["merge", run])]
    });
    for (what, of_record) in
        ["run", "merge"].iter().zip([0, 1].map(|i| (peaks[1][i] - peaks[0][i]) / 10_000))
    {
        println!("{what}: {of_record} bytes a record");
        assert!((1024..1024 + 700).contains(&of_record), "{what}: {of_record}");
    }
}

#[test]
fn the_merge_holds_the_products() {
    let _turn = turn();
    let settings = ["simulate.records=60", "study.trials=200", r#"fit.methods=["ols"]"#];
    let (folder, plan, memory) = planned(&settings);
    assert_eq!(plan.plan.units, 200 * 257);
    otfhpc(["run", text(folder.path()), "--shard=0"]).ended(0);
    assert_close("merge", memory.of_merge, peak(&["merge", text(folder.path())]));
}

#[test]
fn spectra_that_are_written_are_foretold_and_refused_where_there_is_too_little() {
    let _turn = turn();
    let folder = tempdir().unwrap();
    let out = folder.path().join("results");
    let simulated = ["--set=simulate.records=4000", "--set=fit.methods=wls"];
    otfhpc([&["local", "--out", text(&out)][..], &simulated].concat()).ended(0);
    let file = folder.path().join("spectra.npz");
    let words = ["spectra", text(&out), "--out", text(&file)];
    let taken = peak(&words);
    let limited = format!("ulimit -v 100000; exec \"$0\" {} --replace", words.join(" "));
    let program = env!("CARGO_BIN_EXE_otfhpc");
    let refused = Command::new("sh").args(["-c", &limited, program]).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    let needs = said.split("writing spectra needs about ").nth(1).expect(&said);
    let megabytes: u64 = needs.split(' ').next().unwrap().parse().unwrap();
    assert_close("spectra", megabytes * 1_000_000, taken);
}

/// A study of 10,000 configurations at 8 bins.
const MANY: [&str; 5] = [
    "simulate.records=60",
    "simulate.plateau_records=5",
    r#"fit.methods=["ols"]"#,
    "fit.bins=5-12",
    "study.trials=10000",
];

#[test]
fn the_merge_holds_the_bins_that_were_selected() {
    let _turn = turn();
    let (folder, plan, memory) = planned(&MANY);
    assert_eq!(plan.plan.units, 80_000);
    otfhpc(["run", text(folder.path()), "--shard=0"]).ended(0);
    let taken = peak(&["merge", text(folder.path())]);
    assert_close("merge of 8 bins", memory.of_merge, taken);
    assert!(taken < 40_000_000, "{taken}");
}

/// No arrays are made for what is not there.
#[test]
fn ten_thousand_missing_shards_are_told_with_little_memory() {
    let _turn = turn();
    let folder = tempdir().unwrap();
    let sets = MANY.map(|setting| format!("--set={setting}"));
    let out = ["plan", "--shards=10000", "--no-probe", "--out", text(folder.path())];
    otfhpc(out.map(String::from).iter().chain(&sets)).ended(0);
    for (command, code) in [("merge", 3), ("status", 0)] {
        let taken = peak_of(&[command, text(folder.path())], code);
        println!("{command}: {} MB", taken / 1_000_000);
        assert!(taken < 20_000_000, "{command}: {taken}");
    }
}

#[test]
fn plan_says_whether_what_is_asked_for_is_enough() {
    let said = |folder: &Path, memory: &str| {
        let set = format!("--set=slurm.memory={memory}");
        otfhpc(["plan", "--out", text(folder), &set]).ended(0).stdout
    };
    let folder = tempdir().unwrap();
    assert!(said(folder.path(), "4G").contains("slurm.memory=4G is enough"));
    let few = said(folder.path(), "8M");
    assert!(few.contains("warning: slurm.memory=8M is less than that: set "), "{few}");
    assert!(few.contains(" a task on 2 threads"), "{few}");
}
