//! What `status` and `resume` say, word by word, of everything that can become of a shard: Slurm,
//! logs and files are made up, the answers stand in tests/golden. OTFHPC_UPDATE_GOLDEN=1 writes them
//! anew; then read them.
#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::program::{Ran, SMALL, otfhpc, otfhpc_with, text};
use otfhpc::runner::slurm::{Begun, TaskMemory, begin_line, end_line};
use otfhpc::runner::store::{Left, Why};
use tempfile::TempDir;

/// A planned run, and a Slurm that says what a test wants.
struct Run {
    folder: TempDir,
    path: String,
}

impl Run {
    /// A plan of so many shards, one unit each.
    fn planned(shards: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let standins = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/standins");
        let path = std::env::var("PATH").unwrap_or_default();
        let path = format!("{0}/answers:{0}:{path}", standins.display());
        let run = Self { folder, path };
        for file in ["live", "known", "jobs.txt"] {
            run.write(file, "");
        }
        let out = format!("--out={}", run.results().display());
        let bins = format!("--set=fit.bins=4-{}", 3 + shards);
        let shards = format!("--shards={shards}");
        let plan = ["plan", &shards, &out, &bins, "--set=slurm.extra=[\"--mem-per-cpu=100\"]"];
        otfhpc([&plan[..], &SMALL].concat()).ended(0);
        run
    }

    /// The same, submitted as array 100 and merge 101.
    fn submitted(shards: u32) -> Self {
        let run = Self::planned(shards);
        let submitted = run.otfhpc(&["submit"]).ended(0);
        assert!(submitted.stdout.contains("array      100: "), "{submitted:?}");
        run
    }

    fn results(&self) -> PathBuf {
        self.folder.path().join("results")
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.folder.path().join(name), content).unwrap();
    }

    /// The comment of a job, as it was submitted.
    fn comment(&self, job: &str) -> String {
        let jobs = fs::read_to_string(self.folder.path().join("jobs.txt")).unwrap();
        let line = jobs.lines().find(|line| line.starts_with(job)).unwrap();
        line.split('|').nth(1).unwrap().to_owned()
    }

    /// A line of squeue about a task of the array.
    fn known(&self, task: u32, state: &str, reason: &str, node: &str, wait: u32) -> String {
        let comment = self.comment("100");
        format!(
            "100_{task} |{state} |{reason} |{node} |N/A |otfhpc |{wait} |100M \
             |cpu=2,mem=200M,node=1 |{comment}\n"
        )
    }

    fn log(&self, task: u32, content: &str) {
        fs::write(self.results().join(format!("logs/mine-100_{task}.log")), content).unwrap();
    }

    fn fit(&self, shards: &str) {
        otfhpc(["run", "--quiet", "--shard", shards, text(&self.results())]).ended(0);
    }

    fn otfhpc(&self, arguments: &[&str]) -> Ran {
        self.with(&self.path, arguments)
    }

    fn with(&self, path: &str, arguments: &[&str]) -> Ran {
        let results = self.results();
        let variables = [("PATH", path), ("STANDIN", text(self.folder.path()))];
        otfhpc_with(&variables, [&arguments[..1], &[text(&results)], &arguments[1..]].concat())
    }

    /// What was said, without what differs from run to run, is what the file says.
    #[track_caller]
    fn assert_golden(&self, name: &str, ran: &Ran) {
        let said = format!("{}{}", ran.stderr, without_calls(&ran.stdout));
        let said = said
            .replace(text(&self.results()), "RESULTS")
            .replace(env!("CARGO_BIN_EXE_otfhpc"), "otfhpc");
        let said = format!("{said}exit code {}\n", ran.code.unwrap_or(-1));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        if std::env::var_os("OTFHPC_UPDATE_GOLDEN").is_some() {
            fs::write(&path, &said).unwrap();
        }
        let golden = fs::read_to_string(&path).unwrap_or_default();
        assert!(said == golden, "{name} is now:\n{said}\nand was:\n{golden}");
    }
}

/// Without the scripts and the calls of sbatch that a dry run prints.
fn without_calls(said: &str) -> String {
    let said = said.rfind("\nshards     ").map_or(said, |start| &said[start + 1..]);
    let lines = said.lines().filter(|line| !line.starts_with("job"));
    lines.map(|line| format!("{line}\n")).collect()
}

fn begun(node: &str) -> String {
    let memory = Some(TaskMemory::PerCpu(100));
    begin_line(&Begun { node: Some(node.into()), memory }) + "\n"
}

fn asked(signal: u32, seconds: u64, preempted: bool) -> Why {
    Why::Asked { signal, left: Some(Left { seconds, limit: 3600, preempted }) }
}

const ENDED_WITH_75: u32 = 75 << 8;

/// Everything that can become of a shard, one each.
fn everything() -> Run {
    let run = Run::submitted(30);
    run.fit("0");
    fs::write(run.results().join("partials/shard-00001.bin"), "damaged").unwrap();
    let fail = |task: u32, reason: &str, wait| {
        run.known(task, "FAILED", reason, &format!("n{task}"), wait)
    };
    let exited = |task, code: u32| fail(task, "NonZeroExitCode", code << 8);
    let mut tasks = String::new();
    for (task, state, reason, node) in [
        (2, "PENDING", "Priority", ""),
        (3, "PENDING", "JobHeldUser", ""),
        (4, "REQUEUE_HOLD", "launch failed requeued held", ""),
        (5, "SPECIAL_EXIT", "None", ""),
        (6, "RESV_DEL_HOLD", "None", ""),
        (7, "PENDING", "JobHeldAdmin", ""),
        (8, "RUNNING", "None", "n2"),
        (9, "TIMEOUT", "TimeLimit", "n2"),
        (10, "OUT_OF_MEMORY", "OutOfMemory", "n2"),
        (11, "NODE_FAIL", "NodeDown", "n3"),
        (12, "RECONFIG_FAIL", "None", "n3"),
        (13, "PREEMPTED", "None", "n2"),
        (14, "CANCELLED", "None", "n2"),
        (15, "DEADLINE", "DeadLine", "n2"),
        (16, "COMPLETED", "None", "n2"),
    ] {
        tasks += &run.known(task, state, reason, node, 0);
    }
    let epilog = "site epilog: used 12 s of 3600 s\n".repeat(40);
    let changed = Why::Error { message: "cal.npz: this input changed since the plan".into() };
    tasks += &exited(17, 2);
    run.log(17, &format!("{}{}\notfhpc: cal.npz\n{epilog}", begun("n17"), end_line(&changed)));
    tasks += &exited(18, 127);
    run.log(18, "/spool/job00018/slurm_script: line 40: /x/otfhpc: No such file or directory\n");
    tasks += &fail(19, "JobLaunchFailure", 4021);
    tasks += &fail(20, "JobLaunchFailure", 9);
    run.log(20, "slurmstepd-n1: error: Exceeded job memory limit\nslurmstepd-n1: error: *** JOB 9 ON n1 CANCELLED AT 2026-11-25T09:49:36 ***\n");
    tasks += &fail(21, "JobLaunchFailure", 9);
    run.log(21, "a site's greeting\n");
    tasks += &run.known(22, "FAILED", "RaisedSignal:11(Segmentation fault)", "n22", 139);
    run.log(22, &begun("n22"));
    for (task, why) in [
        (23, Why::Elsewhere),
        (24, asked(10, 80, false)),
        (25, asked(10, 3000, false)),
        (26, asked(10, 3000, true)),
        (27, asked(15, 3000, false)),
    ] {
        tasks += &fail(task, "NonZeroExitCode", ENDED_WITH_75);
        run.log(
            task,
            &format!("{}otfhpc: stopped\n{}\n{epilog}", begun(&format!("n{task}")), end_line(&why)),
        );
    }
    // A requeue that was refused does not hide the time limit.
    tasks += &fail(28, "NonZeroExitCode", ENDED_WITH_75);
    let refused = "otfhpc: warning: not requeued: `scontrol requeue 100_28`: Access denied\n";
    let end = end_line(&asked(10, 80, false));
    run.log(28, &format!("{}{end}\notfhpc: asking for a requeue\n{refused}", begun("n2")));
    tasks += &exited(29, 1);
    run.log(29, "module: command not found\nplease load the modules of 2026\n");
    run.write("known", &tasks);
    let comment = run.comment("100");
    let live = |task| format!("100_{task}|PENDING|x||N/A|otfhpc|{comment}\n");
    run.write("live", &(2..=8).map(live).collect::<String>());
    run
}

#[test]
fn everything_that_can_become_of_a_shard() {
    let run = everything();
    run.assert_golden("status.txt", &run.otfhpc(&["status"]).ended(0));
    let dry = run.otfhpc(&["resume", "--dry-run"]).ended(3);
    let jobs = fs::read_to_string(run.folder.path().join("jobs.txt")).unwrap();
    assert_eq!(jobs.lines().count(), 2, "a dry run submits nothing");
    run.assert_golden("resume_dry_run.txt", &dry);
    let resumed = run.otfhpc(&["resume"]).ended(3);
    run.assert_golden("resume.txt", &resumed);
    // What was promised was done.
    let promised = |said: &str| {
        let lines = said.lines().filter(|line| line.starts_with("shard"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(promised(&without_calls(&dry.stdout)), promised(&resumed.stdout));
    let calls = |said: &str| said.lines().filter(|line| line.starts_with("job")).count();
    let jobs = fs::read_to_string(run.folder.path().join("jobs.txt")).unwrap();
    assert_eq!(jobs.lines().count() - 2, calls(&dry.stdout));
    let submitted = fs::read_to_string(run.folder.path().join("calls")).unwrap();
    assert!(submitted.contains("--mem-per-cpu=200M"), "{submitted}");
}

#[test]
fn what_is_known_while_nobody_answers() {
    let run = everything();
    run.write("down", "");
    run.assert_golden("status_silent.txt", &run.otfhpc(&["status"]).ended(0));
    run.assert_golden("resume_silent.txt", &run.otfhpc(&["resume"]).ended(2));
}

/// What the queue has forgotten is asked of the accounting.
#[test]
fn the_accounting_tells_memory_too() {
    let run = Run::submitted(2);
    let accounted = format!(
        "100_0|OUT_OF_MEMORY|n1|Unknown|one|0:125|300M|cpu=2,mem=300M,node=1|otfhpc|{}\n",
        run.comment("100")
    );
    run.write("accounted", &accounted);
    let resumed = run.otfhpc(&["resume", "--dry-run"]).ended(0);
    // Asked for by processor in the settings, so by processor again.
    assert!(resumed.stdout.contains("shard 0: failed, out of memory: with --mem-per-cpu=300M\n"));
    assert!(resumed.stdout.contains("shard 1: unknown: once more\n"), "{resumed:?}");
}

#[test]
fn what_would_fail_again_is_not_promised() {
    let run = Run::submitted(2);
    let gone = "/spool/slurm_script: line 40: /x/otfhpc: No such file or directory\n";
    let mut tasks = String::new();
    for task in 0..2 {
        tasks += &run.known(task, "FAILED", "NonZeroExitCode", "n1", 127 << 8);
        run.log(task, gone);
    }
    run.write("known", &tasks);
    run.assert_golden("status_held.txt", &run.otfhpc(&["status"]).ended(0));
    run.assert_golden("resume_held.txt", &run.otfhpc(&["resume"]).ended(3));
    run.assert_golden("resume_held_dry_run.txt", &run.otfhpc(&["resume", "--dry-run"]).ended(3));
    let jobs = fs::read_to_string(run.folder.path().join("jobs.txt")).unwrap();
    assert_eq!(jobs.lines().count(), 2);
}

#[test]
fn from_the_plan_to_the_products() {
    let run = Run::planned(2);
    run.assert_golden("status_planned.txt", &run.otfhpc(&["status"]).ended(0));
    run.otfhpc(&["submit"]).ended(0);
    run.fit("0-1");
    let merge = |state: &str, reason: &str| {
        run.write(
            "known",
            &format!(
                "101 |{state} |{reason} | |N/A |otfhpc-merge |0 |100M |cpu=1,node=1 |{}\n",
                run.comment("101")
            ),
        );
        run.otfhpc(&["status"]).ended(0)
    };
    run.assert_golden("status_merge_waits.txt", &merge("PENDING", "Dependency"));
    run.assert_golden("status_merge_held.txt", &merge("PENDING", "JobHeldUser"));
    run.assert_golden("status_merge_runs.txt", &merge("RUNNING", "None"));
    run.assert_golden("status_merge_failed.txt", &merge("TIMEOUT", "TimeLimit"));
    run.write("known", "");
    run.assert_golden("status_unmerged.txt", &run.otfhpc(&["status"]).ended(0));
    otfhpc(["merge", "--quiet", text(&run.results())]).ended(0);
    run.assert_golden("status_merged.txt", &run.otfhpc(&["status"]).ended(0));
    run.assert_golden("resume_merged.txt", &run.otfhpc(&["resume"]).ended(0));
}

#[test]
fn without_slurm_one_line_says_what_to_do_here() {
    let run = Run::planned(2);
    let nowhere = tempfile::tempdir().unwrap();
    let without = |arguments: &[&str]| run.with(text(nowhere.path()), arguments);
    run.assert_golden("status_without_slurm.txt", &without(&["status"]).ended(0));
    for command in ["submit", "resume"] {
        let ran = without(&[command]).ended(2);
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        run.assert_golden(&format!("{command}_without_slurm.txt"), &ran);
    }
    without(&["resume", "--local"]).ended(0);
}

/// The partial of a task that Slurm calls completed is waited for, in a job, and no other.
#[test]
fn a_merge_waits_for_files_that_come_late() {
    let run = Run::submitted(2);
    run.fit("0-1");
    let partial = run.results().join("partials/shard-00001.bin");
    let elsewhere = run.folder.path().join("late");
    fs::rename(&partial, &elsewhere).unwrap();
    let merge = |job: &str| {
        let variables = [
            ("PATH", run.path.as_str()),
            ("STANDIN", text(run.folder.path())),
            ("SLURM_JOB_ID", job),
        ];
        otfhpc_with(&variables, ["merge", text(&run.results())])
    };
    run.write("known", &run.known(1, "NODE_FAIL", "None", "n1", 0));
    let start = Instant::now();
    merge("101").ended(3);
    run.write("known", &run.known(1, "COMPLETED", "None", "n1", 0));
    merge("").ended(3);
    assert!(start.elapsed() < Duration::from_secs(20), "nothing was late");
    let merged = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(2));
            fs::rename(&elsewhere, &partial).unwrap();
        });
        merge("101")
    });
    let merged = merged.ended(0);
    let expected = "otfhpc: the tasks of shards 1 are completed, but their files are not there yet";
    assert!(merged.stderr.contains(expected), "{merged:?}");
    assert!(run.results().join("solution.npz").exists());
}

/// Whatever this program says to people, nothing of it is read: fed with every message in its
/// source, the reader of logs knows of no end. Its own line among them is found.
#[test]
fn no_message_of_the_program_is_taken_for_the_end_of_an_attempt() {
    let mut messages = String::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    collect_strings(&source, &mut messages);
    assert!(messages.lines().count() > 800, "{}", messages.lines().count());
    for word in ["another process is at work", "not requeued", "stopped by", "this input changed"] {
        assert!(messages.contains(word), "{word}");
    }
    let found = otfhpc::runner::slurm::last_words(&messages);
    assert_eq!((found.word, found.begun), (None, false));
    let why = Why::Error { message: messages.clone() };
    let log = format!("{}{messages}{}\n{messages}", begun("n1"), end_line(&why));
    let found = otfhpc::runner::slurm::last_words(&log);
    assert_eq!(found.word, Some(otfhpc::runner::slurm::Word::Ended(why)));
}

/// The texts between quotation marks in the sources outside of tests, a line each, as they stand
/// there and with the program's name before; without those by which logs are read.
fn collect_strings(folder: &Path, messages: &mut String) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect_strings(&path, messages);
            continue;
        }
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        if !is_source || path.ends_with("slurm/words.rs") || path.ends_with("tests.rs") {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let source = source.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        // The script's own line, which the shell of a job prints that found no program.
        let source = source.replace("otfhpc not found in", "");
        for line in source.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for text in line.split('"').skip(1).step_by(2) {
                let _ = write!(messages, "{text}\notfhpc: {text}\notfhpc: warning: {text}\n");
            }
        }
    }
}
