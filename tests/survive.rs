//! Processes that are killed: whoever comes next goes on where they were, and nothing shows it.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests fail as the tests themselves do

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use otfhpc::foundations::RunDir;
use otfhpc::plan::BoundPlan;
use otfhpc::shard::{Journals, Partial, Recorder, journals};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use support::program::{Products, assert_same, below, otfhpc, products, text};
use tempfile::{TempDir, tempdir};

const SHARDS: u32 = 3;
/// A study of many seconds: one method that fits each bin for itself, slowly, and one that fits
/// all together.
const SLOW: [&str; 5] = [
    "--set=simulate.records=1200",
    "--set=simulate.plateau_records=10",
    "--set=fit.methods=[\"lad\",\"smooth\"]",
    "--set=fit.bins=5-44",
    "--set=study.trials=16",
];
/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// A planned run in a folder of its own.
struct Planned {
    _folder: TempDir,
    run: RunDir,
    plan: BoundPlan,
}

impl Planned {
    fn new(settings: &[&str]) -> Self {
        let folder = tempdir().unwrap();
        // A name that a shell would take apart, were it not quoted.
        let run = RunDir::new(folder.path().join("it's a run"));
        let shards = SHARDS.to_string();
        let plan = ["plan", "--out", text(run.root()), "--shards", &shards];
        otfhpc(plan.iter().chain(settings)).ended(0);
        let plan = BoundPlan::read(&run).unwrap();
        Self { _folder: folder, run, plan }
    }

    fn path(&self) -> &str {
        text(self.run.root())
    }

    /// Units of every shard that need not be fitted again: in its partial, or in its journal.
    fn kept(&self) -> Vec<u64> {
        let (study, mut found) = (self.plan.study().unwrap(), journals(&self.run).unwrap());
        let kept = |shard| match Partial::read(&self.run, &self.plan, shard) {
            Ok(partial) => partial.results.len() as u64,
            Err(_) => {
                let paths = found.remove(&shard).unwrap_or_default();
                let read = Journals::read(&self.plan, &study, shard, &paths).unwrap();
                read.results.done()
            }
        };
        (0..SHARDS).map(kept).collect()
    }

    fn partial(&self, shard: u32) -> Option<Partial> {
        Partial::read(&self.run, &self.plan, shard).ok()
    }

    fn is_done(&self) -> bool {
        (0..SHARDS).all(|shard| self.partial(shard).is_some())
    }

    /// Merges, and compares with the run that nobody disturbed.
    fn assert_merges_to(&self, undisturbed: &Products, what: &str) {
        otfhpc(["merge", self.path()]).ended(0);
        assert_same(undisturbed, &products(self.run.root()), what);
        let left = std::fs::read_dir(self.run.journals()).unwrap().count();
        assert_eq!(left, 0, "{what}: journals are left");
    }
}

/// A process that fits shards, and what it says.
struct Working {
    child: Child,
    lines: Receiver<(Instant, String)>,
    heard: Vec<(Instant, String)>,
}

impl Working {
    fn start(folder: &Path, shards: &str) -> Self {
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
    fn told_before(&mut self, moment: Instant) -> u64 {
        self.heard.extend(self.lines.try_iter());
        let early = self.heard.iter().filter(|(when, _)| *when < moment);
        early.filter_map(|(_, line)| Self::units(line)).max().unwrap_or(0)
    }

    fn wait(&mut self) -> ExitStatus {
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

/// The products of the slow study, fitted without a break.
fn undisturbed() -> &'static Products {
    static UNDISTURBED: OnceLock<Products> = OnceLock::new();
    UNDISTURBED.get_or_init(|| {
        let folder = tempdir().unwrap();
        let local = ["local", "--out", text(folder.path()), "--shards", "2"];
        otfhpc(local.iter().chain(&SLOW)).ended(0);
        products(folder.path())
    })
}

#[test]
fn killed_at_any_moment_and_run_again() {
    const KILLS: usize = 20;
    // Pieces older than this are in the journal, unless the disk is very slow.
    let late = 2 * Recorder::PERIOD;
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let (mut kills, mut gained, mut resumed) = (0, 0, 0);
    while kills < KILLS {
        let planned = Planned::new(&SLOW);
        while !planned.is_done() {
            let before = planned.kept();
            let open: Vec<u32> = (0..SHARDS).filter(|k| planned.partial(*k).is_none()).collect();
            let done: u64 =
                (0..SHARDS).filter(|k| !open.contains(k)).map(|k| before[k as usize]).sum();
            let mut working = Working::start(planned.run.root(), "0-2");
            std::thread::sleep(Duration::from_millis(below(&mut rng, 6500) as u64));
            let told = working.told_before(Instant::now() - late);
            working.child.kill().unwrap();
            let killed = !working.wait().success();
            kills += usize::from(killed);
            let after = planned.kept();
            for shard in 0..SHARDS as usize {
                assert!(after[shard] >= before[shard], "{before:?} became {after:?}");
            }
            let (sum, earlier) = (after.iter().sum::<u64>(), before.iter().sum::<u64>());
            assert!(sum - done >= told, "{told} units were done long ago, but {sum} are kept");
            gained += u64::from(killed && sum > earlier);
            // Whoever finished a shard fitted what was not there when it began, and no more.
            for shard in open {
                if let Some(partial) = planned.partial(shard) {
                    let from_journal = partial.provenance.units_from_journal;
                    assert_eq!(from_journal, before[shard as usize], "shard {shard}");
                    resumed += from_journal;
                }
            }
        }
        planned.assert_merges_to(undisturbed(), &format!("after {kills} kills"));
    }
    assert!(gained > 3 && resumed > 0, "{gained} attempts that were killed left something");
}
