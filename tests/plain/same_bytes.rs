//! The products have the same bytes, however the work was cut, spread, ordered and repeated.
//!
//! Why it must be so. What a unit needs follows from the plan's settings and from its own index
//! alone: the campaign and the noise are drawn from ChaCha streams keyed by seed, data set, noise
//! level, trial and record, never by shard, thread or time. What a unit computes is a sequential
//! program: every sum over records runs in the order of the records, inside one thread, and the
//! pool decides only which thread takes a unit and when. No unit reads what another wrote. The
//! elementary functions are compiled into the program and do not ask the processor what it can
//! do, and the compiler may neither reorder nor contract floating-point arithmetic. A partial
//! keeps every bit of its values, and names the place of each by the unit's index. The merge goes
//! through the units in their order, from shard to shard, and so writes each value into its place
//! and sums them in one order, wherever the cuts are. Times, machines and thread counts go into
//! `provenance.json` only, and the archive carries a constant date. So the bytes are a function
//! of settings and input; these tests look for the mistake in this argument.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::path::Path;
use std::sync::OnceLock;

use crate::support::program::{
    Products, SMALL, assert_same, below, otfhpc, otfhpc_with, products, shuffle, text,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tempfile::tempdir;

const THREADS: [&str; 3] = ["1", "2", "5"];
/// Two noise levels, two trials, five methods, two of which fit all bins together.
const STUDY: [&str; 3] = [
    "--set=study.noise_levels=[1e-8, 0.02]",
    "--set=study.trials=2",
    "--set=fit.methods=[\"smooth\",\"ols\",\"huber\",\"warm_start\",\"lbfgs\"]",
];
/// Takes the fast paths away from the system's mathematics, in the spelling of glibc 2.33 and
/// later and in the older one; a name that a glibc does not know does nothing.
const OTHER_PROCESSOR: (&str, &str) = (
    "GLIBC_TUNABLES",
    "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-FMA4,-AVX512F_Usable,-AVX2_Usable,-FMA_Usable,-FMA4_Usable",
);

/// Everything on one thread in one shard.
fn undisturbed() -> &'static Products {
    static PRODUCTS: OnceLock<Products> = OnceLock::new();
    PRODUCTS.get_or_init(|| local(&[], "1", "1"))
}

fn undisturbed_study() -> &'static Products {
    static PRODUCTS: OnceLock<Products> = OnceLock::new();
    PRODUCTS.get_or_init(|| local(&STUDY, "1", "1"))
}

fn local(settings: &[&str], shards: &str, threads: &str) -> Products {
    let folder = tempdir().unwrap();
    let out = ["local", "--out", text(folder.path()), "--shards", shards, "--threads", threads];
    otfhpc(out.iter().chain(&SMALL).chain(settings)).ended(0);
    products(folder.path())
}

fn plan(folder: &Path, settings: &[&str], shards: u32) {
    let shards = shards.to_string();
    let out = ["plan", "--out", text(folder), "--shards", &shards];
    otfhpc(out.iter().chain(&SMALL).chain(settings)).ended(0);
}

/// Fits some shards in one process of their own.
fn run(folder: &Path, variables: &[(&str, &str)], shards: &[u32], threads: &str) {
    let list: Vec<String> = shards.iter().map(u32::to_string).collect();
    let list = list.join(",");
    let run = ["--quiet", "run", text(folder), "--shard", &list, "--threads", threads];
    otfhpc_with(variables, run).ended(0);
}

fn merge(folder: &Path) -> Products {
    otfhpc(["merge", text(folder)]).ended(0);
    products(folder)
}

/// Plan, every shard in a random order, so many to a process, and merge.
fn through_an_array(
    settings: &[&str],
    shards: u32,
    to_a_process: usize,
    threads: &str,
) -> Products {
    let folder = tempdir().unwrap();
    plan(folder.path(), settings, shards);
    let mut order: Vec<u32> = (0..shards).collect();
    shuffle(&mut ChaCha8Rng::seed_from_u64(u64::from(shards)), &mut order);
    for process in order.chunks(to_a_process) {
        run(folder.path(), &[], process, threads);
    }
    merge(folder.path())
}

fn every_thread_count(shards: u32, to_a_process: usize) {
    for threads in THREADS {
        let what = format!("{shards} shards on {threads} threads");
        let found = through_an_array(&[], shards, to_a_process, threads);
        assert_same(undisturbed(), &found, &what);
        let found = local(&[], &shards.to_string(), threads);
        assert_same(undisturbed(), &found, &format!("local, {what}"));
    }
}

#[test]
fn one_shard() {
    every_thread_count(1, 1);
}

#[test]
fn seven_shards_each_in_its_own_process() {
    every_thread_count(7, 1);
}

#[test]
fn thirty_two_shards_each_in_its_own_process() {
    every_thread_count(32, 1);
}

#[test]
fn a_shard_for_every_two_units() {
    every_thread_count(257, 50);
}

/// Records in several windows, free and under the constraint.
#[test]
fn one_process_that_fits_and_merges_and_one_for_each() {
    const WINDOWS: [&str; 3] = [
        "--set=simulate.records=1700",
        "--set=study.trials=2",
        "--set=fit.methods=[\"wls\",\"ols+kirchhoff\"]",
    ];
    let expected = through_an_array(&WINDOWS, 3, 1, "2");
    for threads in THREADS {
        let found = local(&WINDOWS, "2", threads);
        assert_same(&expected, &found, &format!("local on {threads} threads"));
    }
}

#[test]
fn a_study_of_levels_trials_and_methods() {
    let one_process_each = through_an_array(&STUDY, 7, 1, "2");
    assert_same(undisturbed_study(), &one_process_each, "7 shards on 2 threads");
    let found = through_an_array(&STUDY, 257, 64, "5");
    assert_same(undisturbed_study(), &found, "257 shards on 5 threads");
    for (shards, threads) in [("1", "2"), ("32", "5")] {
        let found = local(&STUDY, shards, threads);
        assert_same(undisturbed_study(), &found, &format!("{shards} shards, {threads} threads"));
    }
}

#[test]
fn partials_that_were_lost_and_fitted_again() {
    let folder = tempdir().unwrap();
    plan(folder.path(), &[], 32);
    let all: Vec<u32> = (0..32).collect();
    run(folder.path(), &[], &all, "2");
    assert_same(undisturbed(), &merge(folder.path()), "at first");
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for threads in THREADS {
        let mut lost: Vec<u32> =
            (0..=below(&mut rng, 9)).map(|_| below(&mut rng, 32) as u32).collect();
        lost.sort_unstable();
        lost.dedup();
        for shard in &lost {
            let name = format!("partials/shard-{shard:05}.bin");
            std::fs::remove_file(folder.path().join(name)).unwrap();
        }
        for name in undisturbed().keys() {
            std::fs::remove_file(folder.path().join(name)).unwrap();
        }
        otfhpc(["merge", text(folder.path())]).ended(3);
        assert!(products(folder.path()).is_empty());
        run(folder.path(), &[], &lost, threads);
        assert_same(undisturbed(), &merge(folder.path()), &format!("after losing {lost:?}"));
    }
}

#[test]
fn another_processor_time_zone_and_language() {
    let elsewhere = [
        OTHER_PROCESSOR,
        ("TZ", "Pacific/Auckland"),
        ("LANG", "de_DE.UTF-8"),
        ("LC_ALL", "tr_TR.UTF-8"),
        ("HOME", "/nowhere"),
    ];
    let folder = tempdir().unwrap();
    plan(folder.path(), &STUDY, 4);
    // Two machines share the work, and a third merges.
    run(folder.path(), &elsewhere, &[0, 2], "2");
    run(folder.path(), &[], &[1, 3], "2");
    otfhpc_with(&elsewhere, ["merge", text(folder.path())]).ended(0);
    assert_same(undisturbed_study(), &products(folder.path()), "half elsewhere");

    let folder = tempdir().unwrap();
    let out = ["local", "--out", text(folder.path())];
    otfhpc_with(&elsewhere, out.iter().chain(&SMALL).chain(&STUDY)).ended(0);
    assert_same(undisturbed_study(), &products(folder.path()), "all elsewhere");
}

/// The start of the line in which a test process tells what its mathematics library computed.
const TOLD: &str = "the system's exponential: ";

/// Tells what the system's own exponential gives, for the test below.
#[test]
fn the_systems_exponential_is_about_right() {
    let mut hasher = blake3::Hasher::new();
    for i in 0..20_000 {
        let x = std::hint::black_box(f64::from(i) * 0.00137 - 10.0);
        #[allow(clippy::disallowed_methods)] // it is the system's that is asked
        let value = x.exp();
        assert!((value / libm::exp(x) - 1.0).abs() < 1e-14);
        hasher.update(&value.to_le_bytes());
    }
    println!("{TOLD}{}", hasher.finalize());
}

/// What a process of these tests tells when it runs with some variables.
fn told(variables: &[(&str, &str)]) -> String {
    let test = "same_bytes::the_systems_exponential_is_about_right";
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env_remove("GLIBC_TUNABLES")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let at = text.find(TOLD).expect("the process tells") + TOLD.len();
    text[at..].lines().next().unwrap().to_owned()
}

/// Where the processor has the fast paths, taking them away changes the system's mathematics: the
/// test above does run on what is, for every result, another machine.
#[test]
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
fn the_other_processor_has_other_mathematics() {
    let fast =
        std::arch::is_x86_feature_detected!("fma") && std::arch::is_x86_feature_detected!("avx2");
    assert_eq!(told(&[]), told(&[]));
    assert_eq!(told(&[]) != told(&[OTHER_PROCESSOR]), fast);
}

/// The comparisons above can fail: what ought to change the bytes does.
#[test]
fn another_seed_level_or_trial_gives_other_bytes() {
    for setting in ["study.seed=2", "study.noise_levels=[0.03]", "simulate.records=61"] {
        let found = local(&["--set", setting], "1", "1");
        assert_ne!(found["solution.npz"], undisturbed()["solution.npz"], "{setting}");
        assert_ne!(found["summary.csv"], undisturbed()["summary.csv"], "{setting}");
    }
}
