//! `otfhpc submit` with stand-ins for Slurm's commands: every shard is submitted exactly once,
//! wherever a submission was interrupted.
#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use support::program::{Ran, SMALL, otfhpc, otfhpc_with, text};
use tempfile::TempDir;

const SHARDS: u32 = 30;

/// A plan, and a Slurm of shell scripts that remembers what was submitted.
struct Standin {
    folder: TempDir,
    path: String,
}

/// A job that was submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Job {
    number: String,
    shards: Vec<u32>,
    after: Vec<String>,
}

impl Standin {
    fn new(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let standins = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/standins");
        let path = std::env::var("PATH").unwrap_or_default();
        let standin = Self { folder, path: format!("{}:{path}", standins.display()) };
        fs::write(standin.file("max-array-size"), "8\n").unwrap();
        fs::write(standin.file("jobs.txt"), "").unwrap();
        let out = format!("--out={}", standin.results().display());
        let plan = ["plan", "--shards=30", &out];
        otfhpc([&plan[..], &SMALL, settings].concat()).ended(0);
        standin
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn results(&self) -> PathBuf {
        self.file("results")
    }

    fn submit(&self, more: &[&str]) -> Ran {
        let results = self.results();
        let variables = [
            ("PATH", self.path.as_str()),
            ("STANDIN", text(self.folder.path())),
            // A user's filter must not hide jobs from submit.
            ("SQUEUE_STATES", "RUNNING"),
        ];
        otfhpc_with(&variables, [&["submit", text(&results)], more].concat())
    }

    /// What goes wrong at the nth call of sbatch from now on.
    fn trouble(&self, call: u32, what: &str) {
        fs::write(self.file("trouble"), format!("{call} {what}\n")).unwrap();
    }

    /// Waits until a stand-in has made a file.
    fn wait_for(&self, name: &str) {
        let start = Instant::now();
        while !self.file(name).exists() {
            assert!(start.elapsed() < Duration::from_secs(30), "still waiting for {name}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn jobs(&self) -> Vec<Job> {
        let text = fs::read_to_string(self.file("jobs.txt")).unwrap();
        text.lines().map(job).collect()
    }

    fn arrays(&self) -> Vec<Job> {
        self.jobs().into_iter().filter(|job| !job.shards.is_empty()).collect()
    }

    fn merges(&self) -> Vec<Job> {
        self.jobs().into_iter().filter(|job| job.shards.is_empty()).collect()
    }

    /// The jobs have ended, and did nothing.
    fn lose_jobs(&self) {
        fs::write(self.file("jobs.txt"), "").unwrap();
    }

    /// All shards once, and one merge after all of them.
    #[track_caller]
    fn assert_each_once(&self, what: &str) {
        let (arrays, merges) = (self.arrays(), self.merges());
        let mut shards: Vec<u32> = arrays.iter().flat_map(|job| job.shards.clone()).collect();
        shards.sort_unstable();
        assert_eq!(shards, (0..SHARDS).collect::<Vec<_>>(), "{what}");
        let numbers: Vec<String> = arrays.iter().map(|job| job.number.clone()).collect();
        assert_eq!(merges.len(), 1, "{what}: {merges:?}");
        assert_eq!(merges[0].after, numbers, "{what}");
    }
}

/// Reads NUMBER|COMMENT|TASKS|OFFSET|AFTER.
fn job(line: &str) -> Job {
    let fields: Vec<&str> = line.split('|').collect();
    let offset: u32 = fields[3].parse().unwrap_or(0);
    let mut shards = Vec::new();
    for range in fields[2].split(',').filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().unwrap(), last.parse().unwrap());
        assert!(last < 8, "task {last} is not below MaxArraySize");
        shards.extend(offset + first..=offset + last);
    }
    let after = fields[4].split(':').filter(|job| !job.is_empty()).map(String::from).collect();
    Job { number: fields[0].into(), shards, after }
}

#[test]
fn everything_is_submitted_once_and_the_merge_after_it() {
    let standin = Standin::new(&[]);
    let first = standin.submit(&[]).ended(0);
    standin.assert_each_once("at once");
    assert_eq!(standin.arrays().len(), 4);
    assert!(first.stdout.contains("array      101: shards 8-15 (tasks 0-7, each plus 8)\n"));
    assert!(first.stdout.contains("merge      104: after 100, 101, 102, 103\n"), "{first:?}");
    assert!(first.stdout.contains(" status "), "{first:?}");
    let again = standin.submit(&[]).ended(0);
    assert!(again.stdout.contains("30: 0 done, 30 in the queue, 0 to submit\n"), "{again:?}");
    assert!(again.stdout.contains("merge      104 is in the queue: nothing"), "{again:?}");
    standin.assert_each_once("again");
}

#[test]
fn a_submission_that_was_killed_anywhere_is_completed() {
    // Four arrays and the merge.
    for call in 1..=5 {
        for trouble in ["killed-before", "killed-after", "killed-and-late"] {
            let standin = Standin::new(&[]);
            standin.trouble(call, trouble);
            assert_eq!(standin.submit(&[]).code, None, "killed at call {call}");
            standin.submit(&[]).ended(0);
            if trouble == "killed-and-late" {
                standin.wait_for("late");
            }
            standin.assert_each_once(&format!("{trouble} {call}"));
            standin.submit(&[]).ended(0);
            standin.assert_each_once(&format!("{trouble} {call}, again"));
        }
    }
}

#[test]
fn a_submission_that_is_killed_every_time_comes_to_its_end() {
    let standin = Standin::new(&[]);
    standin.trouble(0, "killed-after");
    for _ in 0..5 {
        assert_eq!(standin.submit(&[]).code, None);
    }
    standin.submit(&[]).ended(0);
    standin.assert_each_once("killed at every job");
}

#[test]
fn an_answer_that_was_not_written_down_or_half_is_found_in_the_queue() {
    let standin = Standin::new(&[]);
    standin.submit(&[]).ended(0);
    let record = standin.results().join("submissions.jsonl");
    let whole = fs::read_to_string(&record).unwrap();
    assert_eq!(whole.lines().count(), 10);
    let without_answers: String =
        whole.lines().filter(|l| l.contains("\"intent\"")).map(|l| format!("{l}\n")).collect();
    let last = whole.trim_end().rfind('\n').unwrap() + 1;
    for left in [&whole[..last], &whole[..last + 9], &whole[..whole.len() - 1], &without_answers] {
        fs::write(&record, left).unwrap();
        standin.submit(&[]).ended(0);
        standin.assert_each_once(left);
    }
    // Without any record the shards are still known; what the merge waits for is not.
    fs::remove_file(&record).unwrap();
    standin.submit(&[]).ended(0);
    assert_eq!((standin.arrays().len(), standin.merges().len()), (4, 2));
}

#[test]
fn a_site_that_changes_comments_is_known_by_the_numbers() {
    let standin = Standin::new(&[]);
    fs::write(standin.file("no-comments"), "").unwrap();
    standin.submit(&[]).ended(0);
    standin.submit(&[]).ended(0);
    standin.assert_each_once("without comments");
}

#[test]
fn an_error_of_sbatch_is_told_and_the_rest_submitted_later() {
    for (trouble, said) in [("refused", "Invalid partition"), ("no-answer", "timed out")] {
        for call in 1..=5 {
            let standin = Standin::new(&[]);
            standin.trouble(call, trouble);
            let ran = standin.submit(&[]).ended(2);
            assert!(ran.stderr.contains(said), "{ran:?}");
            assert!(ran.stderr.contains("not everything was submitted; next"), "{ran:?}");
            standin.submit(&[]).ended(0);
            standin.assert_each_once(&format!("{trouble} {call}"));
        }
    }
}

#[test]
fn without_an_answer_of_the_queue_nothing_is_submitted_but_by_force() {
    let standin = Standin::new(&[]);
    fs::write(standin.file("down"), "").unwrap();
    let ran = standin.submit(&[]).ended(2);
    assert!(ran.stderr.contains("Unable to contact slurm controller"), "{ran:?}");
    assert!(ran.stderr.contains("or add --force"), "{ran:?}");
    standin.submit(&["--dry-run"]).ended(2);
    assert_eq!(standin.jobs(), []);
    let forced = standin.submit(&["--force"]).ended(0);
    assert!(forced.stderr.contains("warning"), "{forced:?}");
    standin.assert_each_once("by force");
}

#[test]
fn only_what_has_no_sound_partial_is_submitted_and_at_last_only_the_merge() {
    let standin = Standin::new(&[]);
    let results = standin.results();
    let run = |shards: &str| {
        otfhpc(["run", "--quiet", "--shard", shards, text(&results)]).ended(0);
    };
    run("0-6,8-18,20-28");
    fs::write(results.join("partials/shard-00009.bin"), "damaged").unwrap();
    let ran = standin.submit(&[]).ended(0);
    assert!(ran.stdout.contains("30: 26 done, 0 in the queue, 4 to submit"), "{ran:?}");
    let shards: Vec<_> = standin.arrays().into_iter().map(|job| job.shards).collect();
    assert_eq!(shards, [vec![7, 9], vec![19], vec![29]]);
    assert_eq!(standin.merges()[0].after, ["100", "101", "102"]);

    standin.lose_jobs();
    run("7,9,19,29");
    let ran = standin.submit(&[]).ended(0);
    assert!(ran.stdout.contains("at once, since all shards are done"), "{ran:?}");
    assert_eq!((standin.arrays().len(), standin.merges().len()), (0, 1));
    assert_eq!(standin.merges()[0].after, [] as [&str; 0]);
    standin.submit(&[]).ended(0);
    assert_eq!(standin.jobs().len(), 1);

    standin.lose_jobs();
    otfhpc(["merge", "--quiet", text(&results)]).ended(0);
    let ran = standin.submit(&[]).ended(0);
    assert!(ran.stdout.contains("nothing to submit"), "{ran:?}");
    assert_eq!(standin.jobs(), []);
}

#[test]
fn a_shard_lost_later_gets_a_merge_of_its_own() {
    let standin = Standin::new(&[]);
    standin.submit(&[]).ended(0);
    // The task of shard 9 has ended, and left nothing.
    let jobs = fs::read_to_string(standin.file("jobs.txt")).unwrap();
    fs::write(standin.file("jobs.txt"), jobs.replacen("shards+8|0-7|", "shards+8|0,2-7|", 1))
        .unwrap();
    standin.trouble(2, "killed-before");
    assert_eq!(standin.submit(&[]).code, None);
    standin.submit(&[]).ended(0);
    let arrays = standin.arrays();
    assert_eq!(arrays[4].shards, [9]);
    let merges = standin.merges();
    let all: Vec<String> = arrays.iter().map(|job| job.number.clone()).collect();
    assert_eq!((merges.len(), &merges[1].after), (2, &all));
    standin.submit(&[]).ended(0);
    assert_eq!((standin.arrays().len(), standin.merges().len()), (5, 2));
}

#[test]
fn a_dry_run_prints_what_would_be_done_and_does_nothing() {
    let settings = ["--set=slurm.partition=it's", "--set=slurm.throttle=3"];
    let standin = Standin::new(&settings);
    let listed = || fs::read_dir(standin.results()).unwrap().count();
    let before = listed();
    let args = ["--sbatch-arg", "--qos=high"];
    let refused = standin.submit(&["--sbatch-arg", "--export=NONE"]).ended(2);
    assert!(refused.stderr.contains("`--export=NONE`"), "{refused:?}");
    let dry = standin.submit(&[&args[..], &["--dry-run"]].concat()).ended(0);
    assert_eq!((standin.jobs(), listed()), (vec![], before));
    for script in ["otf_array.sh", "otf_merge.sh"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("slurm").join(script);
        assert!(dry.stdout.contains(&fs::read_to_string(path).unwrap()), "{}", dry.stdout);
    }
    standin.submit(&args[..]).ended(0);
    let calls = fs::read_to_string(standin.file("calls")).unwrap();
    assert!(calls.contains("--array=0-7%3"), "{calls}");
    assert_eq!(calls.matches("--partition=it\\'s --qos=high").count(), 5, "{calls}");

    // What was printed, typed.
    fs::remove_file(standin.file("calls")).unwrap();
    standin.lose_jobs();
    let lines: String =
        dry.stdout.lines().filter(|l| l.starts_with("job")).map(|l| format!("{l}\n")).collect();
    let mut bash = Command::new("bash");
    bash.env("PATH", &standin.path).env("STANDIN", standin.folder.path()).args(["-ec", &lines]);
    assert!(bash.status().unwrap().success(), "{lines}");
    assert_eq!(fs::read_to_string(standin.file("calls")).unwrap(), calls);
    standin.assert_each_once("as typed");
}

#[test]
fn a_cluster_without_arrays_is_told_how_to_do_without() {
    let standin = Standin::new(&[]);
    fs::write(standin.file("max-array-size"), "0\n").unwrap();
    let ran = standin.submit(&[]).ended(2);
    assert!(ran.stderr.contains("MaxArraySize is 0"), "{ran:?}");
    assert!(ran.stderr.contains("--shard 0-29"), "{ran:?}");
}
