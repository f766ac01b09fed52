//! A planned run that several processes work on, one after another or at once.
#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use otfhpc::runner::plan::BoundPlan;
use otfhpc::runner::store::RunDir;
use otfhpc::runner::store::{Journals, Partial, journals};
use otfhpc::workloads::open;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::{TempDir, tempdir};

use super::program::{Products, assert_same, otfhpc, products, text};

/// A study of many seconds: one method that fits each bin for itself, slowly, and one that fits all
/// together.
pub(crate) const SLOW: [&str; 5] = [
    "--set=simulate.records=9600",
    "--set=simulate.plateau_records=10",
    "--set=fit.methods=[\"lad\",\"smooth\"]",
    "--set=fit.bins=5-44",
    "--set=study.trials=48",
];
/// How long anything may take that is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A planned run in a folder of its own.
pub(crate) struct Planned {
    _folder: TempDir,
    pub(crate) run: RunDir,
    pub(crate) plan: BoundPlan,
}

impl Planned {
    pub(crate) fn new(shards: u32, settings: &[&str]) -> Self {
        let folder = tempdir().unwrap();
        // A name that a shell would take apart, were it not quoted.
        let run = RunDir::new(folder.path().join("it's a run"));
        let shards = shards.to_string();
        let plan = ["plan", "--out", text(run.root()), "--shards", &shards];
        otfhpc(plan.iter().chain(settings)).ended(0);
        let plan = open(&run).unwrap().0;
        Self { _folder: folder, run, plan }
    }

    pub(crate) fn shards(&self) -> u32 {
        self.plan.plan.shards.len()
    }

    pub(crate) fn path(&self) -> &str {
        text(self.run.root())
    }

    /// Units of every shard that need not be fitted again: in its partial, or in its journal.
    pub(crate) fn kept(&self) -> Vec<u64> {
        let mut found = journals(&self.run).unwrap();
        let kept = |shard| match Partial::read(&self.run, &self.plan, shard) {
            Ok(partial) => partial.results.len() as u64,
            Err(_) => {
                let paths = found.remove(&shard).unwrap_or_default();
                let read = Journals::read(&self.plan, shard, &paths).unwrap();
                read.results.done()
            }
        };
        (0..self.shards()).map(kept).collect()
    }

    pub(crate) fn partial(&self, shard: u32) -> Option<Partial> {
        Partial::read(&self.run, &self.plan, shard).ok()
    }

    pub(crate) fn is_done(&self) -> bool {
        (0..self.shards()).all(|shard| self.partial(shard).is_some())
    }

    /// Merges, and compares with the run that nobody disturbed.
    pub(crate) fn assert_merges_to(&self, undisturbed: &Products, what: &str) {
        otfhpc(["merge", self.path()]).ended(0);
        assert_same(undisturbed, &products(self.run.root()), what);
        let left = std::fs::read_dir(self.run.journals()).unwrap().count();
        assert_eq!(left, 0, "{what}: journals are left");
    }
}

/// A process that fits shards, and what it says.
pub(crate) struct Working {
    pub(crate) child: Child,
    lines: Receiver<(Instant, String)>,
    heard: Vec<(Instant, String)>,
}

impl Working {
    pub(crate) fn start(folder: &Path, shards: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_otfhpc"));
        for (name, _) in std::env::vars_os() {
            if ["SLURM_", "SBATCH_", "OTFHPC_"]
                .iter()
                .any(|p| name.to_string_lossy().starts_with(p))
            {
                command.env_remove(&name);
            }
        }
        command.args(["run", text(folder), "--shard", shards, "--threads", "2"]);
        command.env("OTFHPC_LOG_SECONDS", "0.1");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (said, lines) = channel();
        let errors = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                let _ = said.send((Instant::now(), line));
            }
        });
        Self { child, lines, heard: Vec::new() }
    }

    /// Units done by a line of the log, those of earlier attempts included.
    fn units(line: &str) -> Option<u64> {
        line.split_once(" of ")?.0.parse().ok()
    }

    /// The most units that the log told of before a moment.
    pub(crate) fn told_before(&mut self, moment: Instant) -> u64 {
        self.heard.extend(self.lines.try_iter());
        let early = self.heard.iter().filter(|(when, _)| *when < moment);
        early.filter_map(|(_, line)| Self::units(line)).max().unwrap_or(0)
    }

    /// Waits until the log tells of units that were done.
    pub(crate) fn wait_for_units(&mut self) {
        let start = Instant::now();
        while self.told_before(Instant::now()) == 0 {
            assert!(start.elapsed() < PATIENCE, "it does nothing: {:?}", self.heard);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// All it said until it ended, and its exit code.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let status = self.wait();
        // The reader ends when the pipe does.
        let last = std::iter::from_fn(|| self.lines.recv_timeout(PATIENCE).ok());
        self.heard.extend(last);
        let said: Vec<&str> = self.heard.iter().map(|(_, line)| line.as_str()).collect();
        (status.code(), said.join("\n"))
    }

    /// The most units that its log told of until it ended.
    pub(crate) fn units_told(mut self) -> u64 {
        // The reader ends when the pipe does.
        self.heard.extend(std::iter::from_fn(|| self.lines.recv_timeout(PATIENCE).ok()));
        self.told_before(Instant::now())
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end: {:?}", self.heard);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
