//! What `plan` and `submit` say, in full: `tests/golden` has it, so that no word changes unseen.
//! `OTFHPC_UPDATE_GOLDEN=1` writes these files anew; what changed is then to be read and committed.
#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::program::{SMALL, text};
use tempfile::TempDir;

/// A folder in which commands are typed, with stand-ins for Slurm's.
struct Desk {
    folder: TempDir,
    /// What was typed, and what was said.
    told: String,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("max-array-size"), "8\n").unwrap();
        fs::write(folder.path().join("jobs.txt"), "").unwrap();
        Self { folder, told: String::new() }
    }

    /// Types a command that ends with this code.
    fn types(&mut self, code: i32, arguments: &[&str]) {
        let standins = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/standins");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut otfhpc = Command::new(env!("CARGO_BIN_EXE_otfhpc"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if ["SLURM", "SBATCH_", "SQUEUE_", "OTFHPC"].iter().any(|p| name.starts_with(p)) {
                otfhpc.env_remove(name);
            }
        }
        otfhpc.env("PATH", format!("{}:{path}", standins.display()));
        otfhpc.env("STANDIN", self.folder.path()).env("OTFHPC_SETTLE_SECONDS", "0");
        let output = otfhpc.args(arguments).current_dir(self.folder.path()).output().unwrap();
        let (out, err) = (utf8(&output.stdout), utf8(&output.stderr));
        let shown: Vec<&str> =
            arguments.iter().copied().filter(|argument| !SMALL.contains(argument)).collect();
        writeln!(self.told, "$ otfhpc {}", shown.join(" ")).unwrap();
        self.told += &self.plain(&out);
        for line in self.plain(&err).lines() {
            writeln!(self.told, "! {line}").unwrap();
        }
        assert_eq!(output.status.code(), Some(code), "{}", self.told);
        writeln!(self.told, "= {code}\n").unwrap();
    }

    fn trouble(&self, what: &str) {
        fs::write(self.folder.path().join("trouble"), what).unwrap();
    }

    /// Without what differs from run to run.
    fn plain(&self, said: &str) -> String {
        let real = self.folder.path().canonicalize().unwrap();
        let said = said.replace(text(&real), "/HERE").replace(text(self.folder.path()), "/HERE");
        let said = said.replace(env!("CARGO_BIN_EXE_otfhpc"), "otfhpc");
        hide(&hide(&said, "plan.json (", ")", "HASH"), "otfhpc:", ":", "HASH:ID")
    }

    #[track_caller]
    fn assert_golden(&self, name: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        if std::env::var_os("OTFHPC_UPDATE_GOLDEN").is_some() {
            fs::write(&path, &self.told).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        for (line, (found, expected)) in self.told.lines().zip(expected.lines()).enumerate() {
            assert_eq!(found, expected, "tests/golden/{name}, line {}", line + 1);
        }
        assert!(self.told == expected, "tests/golden/{name}: other lines; see {}", file!());
    }
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Replaces what stands between a start and an end; of a comment, both hash and id.
fn hide(said: &str, start: &str, end: &str, by: &str) -> String {
    let mut parts = said.split(start);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_hex = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
        let count = 1 + by.matches(':').count();
        let pieces: Vec<&str> = part.splitn(count + 1, end).collect();
        plain += start;
        match pieces.split_last() {
            Some((rest, hidden)) if hidden.len() == count && hidden.iter().all(|h| is_hex(h)) => {
                plain += &format!("{by}{end}{rest}");
            }
            _ => plain += part,
        }
    }
    plain
}

#[test]
fn plan() {
    let mut desk = Desk::new();
    // What it foretells differs from machine to machine; `foretell` tests it.
    let plan = |more: &[&'static str]| [&["plan", "--no-probe"], &SMALL[..], more].concat();
    desk.types(0, &plan(&["--shards=30"]));
    desk.types(2, &plan(&["--shards=30", "--set=study.seed=2", "--set=slurm.time=4h"]));
    desk.types(0, &plan(&["--out=50% mine", "--shards=1", "--set=fit.bins=4"]));
    desk.types(2, &plan(&["--out=a\\b"]));
    desk.types(2, &["status", "--quiet"]);
    desk.types(2, &["merge", "--verbose"]);
    desk.types(0, &["run", "--quiet", "--shard=0", "50% mine"]);
    let other = ["--out=50% mine", "--shards=1", "--set=study.seed=2"];
    desk.types(2, &plan(&other));
    desk.types(0, &plan(&[&other[..], &["--replace"]].concat()));
    desk.assert_golden("plan.txt");
}

#[test]
fn submit() {
    let mut desk = Desk::new();
    desk.types(0, &[&["plan", "--quiet", "--shards=18"], &SMALL[..]].concat());
    desk.types(0, &["submit", "--dry-run"]);
    desk.trouble("2 refused");
    desk.types(2, &["submit"]);
    desk.trouble("1 lost");
    desk.types(2, &["submit"]);
    desk.types(0, &["status"]);
    desk.trouble("1 no-answer");
    desk.types(0, &["submit"]);
    desk.types(0, &["submit"]);
    desk.types(0, &["submit", "--out", "results", "--verbose"]);
    desk.assert_golden("submit.txt");
}

#[test]
fn submit_in_portions() {
    let mut desk = Desk::new();
    desk.types(0, &[&["plan", "--quiet", "--shards=18"], &SMALL[..]].concat());
    fs::write(desk.folder.path().join("max-jobs"), "0").unwrap();
    desk.types(2, &["submit"]);
    fs::write(desk.folder.path().join("max-jobs"), "7").unwrap();
    desk.trouble("1 greetings");
    desk.types(0, &["submit"]);
    fs::write(desk.folder.path().join("jobs.txt"), "").unwrap();
    fs::write(desk.folder.path().join("max-jobs"), "8").unwrap();
    desk.types(3, &["submit"]);
    fs::write(desk.folder.path().join("jobs.txt"), "").unwrap();
    desk.types(0, &["submit", "--at-most=5"]);
    desk.types(0, &["submit", "--at-most=5"]);
    desk.assert_golden("portions.txt");
}
