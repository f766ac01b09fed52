//! A folder that cannot be written, or is too full, is refused before anything is fitted.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::program::{Ran, SMALL, otfhpc, text};
use crate::support::{Trial, trial_unless};
use libtest_mimic::Failed;
use otfhpc::runner::store::RunDir;
use otfhpc::runner::store::partial_bytes;
use otfhpc::workloads::open;
use tempfile::{TempDir, tempdir};

/// Two methods at all bins.
const TWO: &str = r#"--set=fit.methods=["wls","smooth"]"#;

pub(crate) fn trials() -> Vec<Trial> {
    let reason = Small::new().is_none().then(|| "needs the right to mount a tmpfs".to_owned());
    let trial = |name, test: fn() -> Result<(), Failed>| trial_unless(reason.clone(), name, test);
    vec![
        trial_unless(None, "a_folder_below_a_file_is_refused", below_a_file),
        trial_unless(None, "partials_are_as_large_as_foretold", as_large_as_foretold),
        trial("a_folder_that_is_too_full_is_refused", too_full),
        trial("a_folder_that_cannot_be_written_is_refused", read_only),
    ]
}

/// A file system of 96 KB, as long as this lives.
struct Small {
    folder: TempDir,
}

impl Small {
    fn new() -> Option<Self> {
        let folder = tempdir().ok()?;
        let small = ["-t", "tmpfs", "-o", "size=96k", "tmpfs"];
        let mounted = Command::new("mount").args(small).arg(folder.path()).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self { folder })
    }

    fn results(&self) -> PathBuf {
        self.folder.path().join("results")
    }

    fn read_only(&self) {
        let words = ["-o", "remount,ro"];
        let output = Command::new("mount").args(words).arg(self.folder.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.folder.path()).output();
    }
}

/// `plan` or `local` into a folder.
fn settle(command: &str, out: &Path, more: &[&str]) -> Ran {
    let words = [command, "--shards=2", "--out", text(out)];
    otfhpc(words.iter().chain(&SMALL).chain(more))
}

#[track_caller]
fn assert_says(ran: &Ran, parts: &[&str]) {
    for part in parts {
        assert!(ran.stderr.contains(part), "no `{part}` in: {ran:?}");
    }
}

fn below_a_file() -> Result<(), Failed> {
    let folder = tempdir()?;
    let file = folder.path().join("file");
    fs::write(&file, b"")?;
    for command in ["plan", "local"] {
        let ran = settle(command, &file.join("results"), &[]).ended(2);
        assert_says(&ran, &[text(&file), "a file stands where a folder should"]);
    }
    Ok(())
}

fn as_large_as_foretold() -> Result<(), Failed> {
    let folder = tempdir()?;
    settle("local", folder.path(), &[TWO]).ended(0);
    let run = RunDir::new(folder.path());
    let (plan, workload) = open(&run)?;
    for shard in 0..plan.plan.shards.len() {
        let units = plan.plan.shards.units(shard).ok_or("no such shard")?;
        let foretold = partial_bytes(workload.body_bytes(), units.end - units.start);
        let real = fs::metadata(run.partial(shard))?.len();
        assert!(real <= foretold && foretold <= 2 * real, "{real} bytes, {foretold} foretold");
    }
    Ok(())
}

fn too_full() -> Result<(), Failed> {
    let small = Small::new().ok_or("cannot mount")?;
    let results = small.results();
    let ran = settle("local", &results, &[TWO]).ended(2);
    let refusal = [text(&results), "free space", "of 2 shards", "--out"];
    assert_says(&ran, &refusal);
    assert!(!results.exists());
    // A plan may be made only to be looked at, or be run when there is room; submitting it is refused.
    let ran = settle("plan", &results, &[TWO]).ended(0);
    assert_says(&ran, &[&refusal[..], &["warning"]].concat());
    for command in ["submit", "resume"] {
        assert_says(&otfhpc([command, text(&results)]).ended(2), &refusal);
    }
    fs::remove_dir_all(&results)?;
    // A few bins find room; then the room is taken, and what is done needs none.
    settle("plan", &results, &["--set=fit.bins=4-60"]).ended(0);
    otfhpc(["run", text(&results), "--shard=0"]).ended(0);
    fs::write(small.folder.path().join("ballast"), vec![0; 64 << 10])?;
    let ran = otfhpc(["run", text(&results), "--shard=1"]).ended(2);
    assert_says(&ran, &["free space", "of 1 shard need"]);
    assert!(!RunDir::new(&results).journal(1).exists());
    otfhpc(["run", text(&results), "--shard=0"]).ended(0);
    Ok(())
}

fn read_only() -> Result<(), Failed> {
    let small = Small::new().ok_or("cannot mount")?;
    let results = small.results();
    settle("plan", &results, &["--set=fit.bins=4-6"]).ended(0);
    small.read_only();
    let folder = text(&results);
    let again = settle("plan", &results, &["--set=fit.bins=4-6"]);
    let fit = otfhpc(["run", folder, "--shard=0"]);
    let local = settle("local", &results, &["--set=fit.bins=4-6"]);
    let merge = otfhpc(["merge", folder]);
    for ran in [again, fit, local, merge] {
        assert_says(&ran.ended(2), &["cannot make a file in", folder, "give yourself access"]);
    }
    Ok(())
}
