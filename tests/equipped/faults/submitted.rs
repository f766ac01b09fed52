//! `submit` where a file or pipe cannot be read or closed, whatever it is: it does not hang, says what is
//! wrong, and every shard is submitted once.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::program::{Ran, SMALL, otfhpc_of, text};
use tempfile::{TempDir, tempdir};

use super::injector::{Fault, program};

/// A plan, and the stand-ins for Slurm's commands.
struct Standin(TempDir);

impl Standin {
    fn new() -> Self {
        let standin = Self(tempdir().unwrap());
        let out = standin.results();
        let words = ["plan", "--no-probe", "--shards=2", "--out", text(&out)];
        standin.run(&words.iter().chain(&SMALL).copied().collect::<Vec<_>>(), None).ended(0);
        standin
    }

    fn results(&self) -> PathBuf {
        self.0.path().join("results")
    }

    /// Nothing is submitted yet.
    fn begin(&self) {
        fs::write(self.0.path().join("max-array-size"), "8\n").unwrap();
        fs::write(self.0.path().join("jobs.txt"), "").unwrap();
        let _ = fs::remove_file(self.results().join("submissions.jsonl"));
    }

    fn run(&self, words: &[&str], fault: Option<&Fault>) -> Ran {
        let standins = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/standins");
        let path = format!("{}:{}", standins.display(), std::env::var("PATH").unwrap());
        let preloaded = fault.map(Fault::variables).unwrap_or_default();
        let mut variables: Vec<_> =
            preloaded.iter().map(|(n, value)| (*n, value.as_str())).collect();
        variables.extend([("PATH", path.as_str()), ("STANDIN", text(self.0.path()))]);
        variables.push(("OTFHPC_SETTLE_SECONDS", "0.1"));
        otfhpc_of(program(), &variables, words)
    }

    fn submit(&self, fault: Option<&Fault>) -> Ran {
        let out = self.results();
        self.run(&["submit", text(&out)], fault)
    }

    /// The tasks of all jobs; nothing for a merge.
    fn jobs(&self) -> Vec<String> {
        let jobs = fs::read_to_string(self.0.path().join("jobs.txt")).unwrap();
        jobs.lines().map(|line| line.split('|').nth(2).unwrap().to_owned()).collect()
    }
}

pub(super) fn no_end_of_a_pipe_stops_submit() {
    let standin = Standin::new();
    for (kinds, what) in [("close", "stuck"), ("close", "EIO"), ("read", "EIO")] {
        let mut calls = 0;
        for at in 1.. {
            standin.begin();
            let beside = standin.0.path().to_path_buf();
            let under = PathBuf::from("pipe:");
            let fault = Fault { under, beside, kinds, at, what, no_locks: false };
            let _ = fs::remove_file(fault.told());
            let ran = standin.submit(Some(&fault));
            if fs::read_to_string(fault.told()).unwrap_or_default().lines().count() < at {
                break;
            }
            calls = at;
            let said = format!("{kinds} {at}, {what}: {ran:?}");
            assert!(matches!(ran.code, Some(0 | 2)), "{said}");
            assert_eq!(ran.code == Some(2), ran.stderr.contains("otfhpc: "), "{said}");
            standin.submit(None).ended(0);
            let mut jobs = standin.jobs();
            jobs.sort_unstable();
            assert_eq!(jobs, ["", "0-1"], "{said}");
        }
        println!("{kinds}, {what}: {calls} calls");
        assert!(calls > 3, "{kinds}: {calls}");
    }
}
