//! Limits on a process that are too low: a small stack, a small address space, no threads. All end with a
//! word and the figure that is needed, and never with an abort.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::path::Path;

use crate::support::program::{Ran, SMALL, otfhpc, shell, text};
use tempfile::{TempDir, tempdir};

const BINS: &str = "--set=fit.bins=5-7";

/// Every command, as words of a shell; `F` is the folder of a finished run.
const COMMANDS: [&str; 9] = [
    "status F",
    "plan --out F/new --no-probe",
    "run F --shard 0 --threads 1",
    "merge F",
    "audit F --threads 1",
    "resume F --local --threads 1",
    "local --out F/other --threads 1 --set=simulate.records=60 --set=fit.bins=5-7",
    "simulate --out F/cal.npz --replace --set=simulate.records=60",
    "methods",
];

fn finished() -> (TempDir, String) {
    let folder = tempdir().unwrap();
    let out = folder.path().join("results");
    otfhpc(["local", "--out", text(&out), BINS].iter().chain(&SMALL)).ended(0);
    let out = text(&out).to_owned();
    (folder, out)
}

/// A command where the shell has set its limits.
fn limited(limits: &str, words: &str, folder: &str) -> Ran {
    let words = words.replace('F', folder);
    shell(&format!("{limits} && exec '{}' {words}", env!("CARGO_BIN_EXE_otfhpc")))
}

/// The line of a shell that an error tells to type.
fn told(ran: &Ran) -> String {
    let (_, line) = ran.stderr.split_once("type `").unwrap();
    line.split('`').next().unwrap().to_owned()
}

#[test]
fn a_small_stack_is_refused_with_the_figure_that_is_needed() {
    let (_folder, out) = finished();
    for words in COMMANDS {
        let ran = limited("ulimit -s 64", words, &out).ended(2);
        let says = ["`ulimit -s` allows 64 KiB of stack", "needs 512 at the least"];
        assert!(says.iter().all(|part| ran.stderr.contains(part)), "{words}: {ran:?}");
        limited(&told(&ran), words, &out).ended(0);
    }
}

#[test]
fn a_small_address_space_is_refused_with_the_figure_that_is_needed() {
    let (_folder, out) = finished();
    for words in COMMANDS {
        for kibibytes in [20_000, 65_535] {
            let ran = limited(&format!("ulimit -v {kibibytes}"), words, &out).ended(2);
            let says = [&format!("`ulimit -v` allows {kibibytes} KiB of address space"), "65536"];
            assert!(says.iter().all(|part| ran.stderr.contains(part)), "{words}: {ran:?}");
            assert_eq!(told(&ran), "ulimit -v 65536");
        }
        // Enough for a program on one thread; what needs more says so, and none ends without a word.
        for kibibytes in (65_536..200_000).step_by(24_000) {
            let ran = limited(&format!("ulimit -v {kibibytes}"), words, &out);
            let has_word =
                ["not enough memory", "cannot make "].iter().any(|word| ran.stderr.contains(word));
            assert!(ran.code == Some(0) || (ran.code == Some(2) && has_word), "{words}: {ran:?}");
            assert!(ran.code == Some(0) || !words.contains("run"), "{words}: {ran:?}");
        }
    }
}

#[test]
fn what_failed_is_named_where_no_thread_can_be_made() {
    let (_folder, out) = finished();
    let out = Path::new(&out).join("threads");
    let words = format!("local --out '{}' --threads 200 {BINS} {}", text(&out), SMALL.join(" "));
    let ran = limited("ulimit -v 250000", &words, "F").ended(2);
    let says = ["cannot make 200 worker threads", "`ulimit -u`", "use fewer threads"];
    assert!(says.iter().all(|part| ran.stderr.contains(part)), "{ran:?}");
    assert_eq!(ran.stderr.matches("otfhpc: cannot").count(), 1, "{ran:?}");
    limited("ulimit -v 250000", &words.replace("200", "2"), "F").ended(0);
}
