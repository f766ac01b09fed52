//! `otfhpc submit` with stand-ins for Slurm's commands: every shard is submitted exactly once,
//! wherever a submission was interrupted.
#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::program::{Ran, SMALL, otfhpc, otfhpc_with, shell, text};
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
        self.submit_with(&[], more)
    }

    fn submit_with(&self, variables: &[(&str, &str)], more: &[&str]) -> Ran {
        let results = self.results();
        let variables = [&self.variables()[..], variables].concat();
        otfhpc_with(&variables, [&["submit", text(&results)], more].concat())
    }

    fn variables(&self) -> [(&str, &str); 5] {
        [
            ("PATH", self.path.as_str()),
            ("STANDIN", text(self.folder.path())),
            // A user's filter must not hide jobs from submit, nor a user's format their times.
            ("SQUEUE_STATES", "RUNNING"),
            ("SLURM_TIME_FORMAT", "relative"),
            ("OTFHPC_SETTLE_SECONDS", "0.1"),
        ]
    }

    fn status(&self) -> String {
        let results = self.results();
        otfhpc_with(&self.variables(), ["status", text(&results)]).ended(0).stdout
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.file("calls")).unwrap()
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

/// Reads NUMBER|COMMENT|TASKS|OFFSET|AFTER|NAME|TIME.
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
    for call in 1..=5 {
        let standin = Standin::new(&[]);
        standin.trouble(call, "refused");
        let ran = standin.submit(&[]).ended(2);
        assert!(ran.stderr.contains("Invalid partition"), "{ran:?}");
        assert!(ran.stderr.contains("not everything was submitted; next"), "{ran:?}");
        assert!(!standin.status().contains("not known"), "{}", standin.status());
        standin.submit(&[]).ended(0);
        standin.assert_each_once(&format!("refused {call}"));
    }
}

#[test]
fn a_job_that_sbatch_does_not_answer_for_is_found_in_the_queue() {
    for trouble in ["no-answer", "no-answer-and-late", "more-than-a-number", "killed-itself"] {
        for call in 1..=5 {
            let standin = Standin::new(&[]);
            standin.trouble(call, trouble);
            let patient = [("OTFHPC_SETTLE_SECONDS", "20")];
            let ran = standin.submit_with(&patient, &[]).ended(0);
            assert!(ran.stderr.contains(" is in the queue\n"), "{ran:?}");
            standin.assert_each_once(&format!("{trouble} {call}"));
            standin.submit(&[]).ended(0);
            standin.assert_each_once(&format!("{trouble} {call}, again"));
        }
    }
}

#[test]
fn what_is_not_known_is_said_until_it_is_known() {
    for (trouble, call) in [("lost", 2), ("lost", 5), ("no-answer-and-late", 2)] {
        let standin = Standin::new(&[]);
        standin.trouble(call, trouble);
        let ran = standin.submit(&[]).ended(2);
        assert!(ran.stderr.contains("not known whether a job was submitted"), "{ran:?}");
        assert!(ran.stderr.contains("Socket timed out"), "{ran:?}");
        let what = if call == 2 { "an array of shards 8-15" } else { "the merge" };
        if trouble == "lost" {
            let said = format!("it is not known whether {what} was submitted: ");
            assert!(standin.status().contains(&said), "{}", standin.status());
        } else {
            while standin.jobs().len() < 2 {
                std::thread::sleep(Duration::from_millis(10));
            }
            assert!(!standin.status().contains("not known"), "{}", standin.status());
            assert!(standin.status().contains("16 waiting"), "{}", standin.status());
        }
        standin.submit(&[]).ended(0);
        standin.assert_each_once(&format!("{trouble} {call}"));
        assert!(!standin.status().contains("not known"), "{}", standin.status());
    }
}

#[test]
fn greetings_are_passed_on_and_are_no_numbers() {
    let standin = Standin::new(&[]);
    standin.trouble(0, "greetings");
    let ran = standin.submit(&[]).ended(0);
    standin.assert_each_once("greeted");
    for said in ["sbatch: 7 hours are left in the budget", "sbatch: Welcome, 5 nodes are idle"] {
        assert_eq!(ran.stderr.matches(said).count(), 5, "{ran:?}");
    }
    let record = fs::read_to_string(standin.results().join("submissions.jsonl")).unwrap();
    assert_eq!(record.matches(r#""cluster":"east""#).count(), 5, "{record}");
    assert_eq!(Standin::new(&[]).submit(&["--quiet"]).ended(0).stderr, "");
}

#[test]
fn a_slow_sbatch_is_shown_while_it_lasts() {
    let standin = Standin::new(&[]);
    standin.trouble(2, "slow");
    let mut submit = Command::new(env!("CARGO_BIN_EXE_otfhpc"));
    submit.arg("submit").arg(standin.results()).envs(standin.variables());
    let mut submit = submit.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(submit.stderr.take().unwrap()).lines();
    let said = lines.next().unwrap().unwrap();
    assert!(said.contains("unable to accept job, sleeping and retrying"), "{said}");
    let status = standin.status();
    let expected = "an array of shards 8-15 is being submitted: sbatch has not answered yet\n";
    assert!(status.contains(expected), "{status}");
    assert!(status.contains("8 waiting, 22 not started"), "{status}");
    fs::write(standin.file("go-on"), "").unwrap();
    assert!(submit.wait().unwrap().success());
    standin.assert_each_once("slowly");
}

#[test]
fn settings_of_the_environment_change_nothing_that_the_scripts_rely_on() {
    let plain = Standin::new(&[]);
    plain.submit(&[]).ended(0);
    let standin = Standin::new(&[]);
    let variables = [
        ("SBATCH_JOB_NAME", "mine"),
        ("SBATCH_WAIT", "1"),
        ("SBATCH_ARRAY_INX", "0-99"),
        ("SBATCH_EXPORT", "NONE"),
        ("SBATCH_OUTPUT", "/dev/null"),
        ("SBATCH_OPEN_MODE", "truncate"),
        ("SBATCH_SIGNAL", "KILL@3000"),
        ("SLURM_JOB_ID", "77"),
    ];
    standin.submit_with(&variables, &[]).ended(0);
    standin.assert_each_once("in another environment");
    // Ids and folders differ; nothing else does.
    let same = |standin: &Standin| {
        let calls = standin.calls().replace(text(standin.folder.path()), "FOLDER");
        let words = calls.split(' ').filter(|word| !word.starts_with("--comment="));
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(same(&standin), same(&plain));
    assert!(plain.calls().contains("--job-name=otfhpc-merge --open-mode=append"));
    // Who types the commands of a dry run is spared them, too.
    let dry = Standin::new(&[]).submit_with(&variables[1..3], &["--dry-run"]).ended(0);
    let start = "=$(env -u SBATCH_ARRAY_INX -u SBATCH_WAIT sbatch --parsable ";
    assert_eq!(dry.stdout.matches(start).count(), 5, "{dry:?}");
}

#[test]
fn the_warning_comes_a_tenth_of_the_time_before_its_end_however_the_time_is_given() {
    let partitions = "PartitionName=all Default=YES DefaultTime=NONE MaxTime=UNLIMITED\n\
                      PartitionName=short Default=NO DefaultTime=00:02:00 MaxTime=01:00:00\n";
    let calls = |settings: &[&str], variables: &[(&str, &str)], more: &[&str]| {
        let standin = Standin::new(settings);
        fs::write(standin.file("partitions"), partitions).unwrap();
        standin.submit_with(variables, more).ended(0);
        let calls = standin.calls();
        let words = |start: &str| calls.split(' ').filter(|word| word.starts_with(start)).count();
        assert_eq!(words("--signal="), 4, "{calls}");
        assert_eq!(words("--time=") + words("-t"), 5, "{calls}");
        calls
    };
    let (usual, two) = (calls(&[], &[], &[]), ("SBATCH_TIMELIMIT", "2"));
    assert!(usual.contains("--signal=B:USR1@90 --time=01:00:00 "), "{usual}");
    for calls in [
        calls(&[], &[two], &[]),
        calls(&[], &[], &["--sbatch-arg=-t2"]),
        calls(&["--set=slurm.time=2:00"], &[], &[]),
        calls(&["--set=slurm.partition=short"], &[], &[]),
        calls(&[], &[("SBATCH_PARTITION", "short")], &[]),
    ] {
        assert!(calls.contains("--signal=B:USR1@12 "), "{calls}");
    }
    // What is said here counts more.
    let long = calls(&["--set=slurm.time=10:00:00"], &[two], &[]);
    assert!(long.contains("--signal=B:USR1@90 --time=10:00:00 "), "{long}");
}

#[test]
fn the_same_folder_by_another_path_is_the_same_run_and_a_copy_is_another() {
    let standin = Standin::new(&[]);
    standin.submit(&[]).ended(0);
    let link = standin.file("link");
    std::os::unix::fs::symlink(standin.results(), &link).unwrap();
    let submit = |folder: &Path| otfhpc_with(&standin.variables(), ["submit", text(folder)]);
    let again = submit(&link).ended(0);
    assert!(again.stdout.contains("30 in the queue, 0 to submit"), "{again:?}");
    let moved = standin.file("moved");
    fs::rename(standin.results(), &moved).unwrap();
    submit(&moved).ended(0);
    standin.assert_each_once("by another path");

    let copy = standin.file("copy");
    assert!(Command::new("cp").arg("-r").args([&moved, &copy]).status().unwrap().success());
    let looked = otfhpc_with(&standin.variables(), ["status", text(&copy)]).ended(0);
    assert!(looked.stdout.contains("30 shards: 30 not started"), "{looked:?}");
    let own = submit(&copy).ended(0);
    assert!(own.stderr.contains(&format!("is a copy of {}", moved.display())), "{own:?}");
    assert!(own.stdout.contains("0 in the queue, 30 to submit"), "{own:?}");
    let second = submit(&copy).ended(0);
    assert!(second.stdout.contains("30 in the queue, 0 to submit"), "{second:?}");
    assert!(submit(&moved).ended(0).stdout.contains("30 in the queue, 0 to submit"));
}

#[test]
fn a_number_that_was_given_again_is_not_believed() {
    let standin = Standin::new(&[]);
    fs::write(standin.file("no-comments"), "").unwrap();
    standin.submit(&[]).ended(0);
    // The controller was reset: the same numbers and names, of other jobs.
    let jobs = fs::read_to_string(standin.file("jobs.txt")).unwrap();
    let others: Vec<String> = jobs
        .lines()
        .map(|line| format!("{}|2031-01-01T00:00:00", line.rsplit_once('|').unwrap().0))
        .collect();
    fs::write(standin.file("jobs.txt"), others.join("\n") + "\n").unwrap();
    let again = standin.submit(&[]).ended(0);
    assert!(again.stdout.contains("0 in the queue, 30 to submit"), "{again:?}");
}

#[test]
fn where_there_may_be_no_more_jobs_what_was_accepted_stands_and_the_merge_goes_on() {
    let standin = Standin::new(&[]);
    let results = standin.results();
    fs::write(standin.file("max-jobs"), "12\n").unwrap();
    let first = standin.submit(&[]).ended(0);
    assert!(first.stderr.contains("there may be no more jobs: "), "{first:?}");
    assert!(first.stderr.contains("QOSMaxSubmitJobPerUserLimit"), "{first:?}");
    assert!(first.stderr.contains("left for later: 19 shards (11-29): the merge"), "{first:?}");
    assert_eq!(standin.arrays().iter().map(|job| job.shards.len()).sum::<usize>(), 11);
    assert_eq!(standin.merges().len(), 1);
    // Whoever submits again meanwhile, is told the same, and nothing is there twice.
    let mut merge = standin.merges()[0].number.clone();
    let mut done = Vec::new();
    for round in 0..40 {
        let fitted: Vec<u32> = standin.arrays().into_iter().flat_map(|job| job.shards).collect();
        // One shard is never done, and is not tried for ever.
        for shard in fitted.iter().filter(|shard| **shard != 12) {
            let shard = shard.to_string();
            otfhpc(["run", "--quiet", "--shard", &shard, text(&results)]).ended(0);
        }
        done.extend(fitted);
        // Its turn: only it is in the queue.
        let calls = standin.calls();
        let call = calls.lines().rfind(|call| call.contains("otf_merge.sh")).unwrap();
        let arguments: Vec<&str> =
            call.split(text(&results)).last().unwrap().split_whitespace().collect();
        let jobs = fs::read_to_string(standin.file("jobs.txt")).unwrap();
        let own = jobs.lines().find(|job| job.starts_with(&format!("{merge}|"))).unwrap();
        fs::write(standin.file("jobs.txt"), format!("{own}\n").repeat(1)).unwrap();
        if arguments.is_empty() {
            break;
        }
        assert!(round < 30, "it comes to an end");
        let inside = [("SLURM_JOB_ID", merge.as_str())];
        let ran = standin.submit_with(&inside, &arguments);
        if ran.code == Some(3) {
            assert!(ran.stderr.contains("shard-00012.bin"), "{ran:?}");
            break;
        }
        let ran = ran.ended(0);
        let line = ran.stdout.lines().find(|line| line.starts_with("merge ")).unwrap();
        merge = line["merge".len()..].trim().split(':').next().unwrap().to_owned();
    }
    done.sort_unstable();
    assert_eq!(done, (0..SHARDS).collect::<Vec<_>>());
}

#[test]
fn at_most_so_many_jobs_are_in_the_queue() {
    let standin = Standin::new(&[]);
    let few = standin.submit(&["--at-most", "2"]).ended(2);
    assert!(few.stderr.contains("--at-most 2 is too little: expected 3 or more"), "{few:?}");
    let ran = standin.submit(&["--at-most=12", "--sbatch-arg=--qos=high"]).ended(0);
    assert!(
        ran.stdout.contains("30: 0 done, 0 in the queue, 11 to submit now, 19 later"),
        "{ran:?}"
    );
    let shards: Vec<u32> = standin.arrays().into_iter().flat_map(|job| job.shards).collect();
    assert_eq!(shards, (0..11).collect::<Vec<_>>());
    assert!(
        standin.calls().trim_end().ends_with("results --rest --at-most=12 --sbatch-arg=--qos=high")
    );
    // There is no room, and the merge goes on by itself.
    let again = standin.submit(&["--at-most=12"]).ended(0);
    assert!(
        again.stdout.contains("30: 0 done, 11 in the queue, 0 to submit now, 19 later"),
        "{again:?}"
    );
    assert_eq!(standin.jobs().len(), 3);
    let status = standin.status();
    let said = "the merge, 102, first submits the shards that no job has had\n";
    assert!(status.ends_with(said), "{status}");
    let results = standin.results();
    let resumed = otfhpc_with(&standin.variables(), ["resume", text(&results)]).ended(0);
    assert!(resumed.stdout.contains("0 to submit"), "{resumed:?}");
    assert_eq!(standin.jobs().len(), 3);
    // All the rest, by hand.
    standin.submit(&[]).ended(0);
    let shards: Vec<u32> = standin.arrays().into_iter().flat_map(|job| job.shards).collect();
    assert_eq!(shards, (0..SHARDS).collect::<Vec<_>>());
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
    assert!(dry.stdout.starts_with("shards     30: 0 done, 0 in the queue, 30 to submit\n"));
    let verbose = standin.submit(&[&args[..], &["--dry-run", "-v"]].concat()).ended(0);
    for script in ["otf_array.sh", "otf_merge.sh"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("slurm").join(script);
        let script = fs::read_to_string(path).unwrap();
        assert!(!dry.stdout.contains(&script), "{}", dry.stdout);
        assert!(verbose.stdout.contains(&script), "{}", verbose.stdout);
    }
    standin.submit(&args[..]).ended(0);
    let calls = standin.calls();
    assert!(calls.contains("--array=0-7%3"), "{calls}");
    let options = "--partition=it\\'s --time=01:00:00 --qos=high";
    assert_eq!(calls.matches(options).count(), 5, "{calls}");

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

/// What cannot be told of what was submitted is an error; it is submitted all the same, once.
#[test]
fn a_submission_that_cannot_be_told_is_an_error() {
    let standin = Standin::new(&[]);
    let variables = standin.variables().map(|(name, value)| format!("{name}='{value}'")).join(" ");
    let (program, results) = (env!("CARGO_BIN_EXE_otfhpc"), standin.results());
    for words in ["submit", "resume"] {
        let line = format!("{variables} '{program}' {words} '{}' >/dev/full", results.display());
        let ran = shell(&line).ended(2);
        let told = ran.stderr.matches("cannot write to standard output").count();
        assert_eq!(told, 1, "{words}: {ran:?}");
    }
    standin.submit(&[]).ended(0);
    standin.assert_each_once("after a full device");
}
