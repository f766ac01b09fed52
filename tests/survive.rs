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
use rustix::process::{Pid, Signal, kill_process};
use support::program::{Products, SMALL, assert_same, below, otfhpc, products, shell, text};
use tempfile::{TempDir, tempdir};

const SHARDS: u32 = 3;
/// A study of many seconds, so that a shard takes longer than the journal waits: one method that
/// fits each bin for itself, slowly, and one that fits all together.
const SLOW: [&str; 5] = [
    "--set=simulate.records=1200",
    "--set=simulate.plateau_records=10",
    "--set=fit.methods=[\"lad\",\"smooth\"]",
    "--set=fit.bins=5-44",
    "--set=study.trials=48",
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

    /// Waits until the log tells of units that were done.
    fn wait_for_units(&mut self) {
        let start = Instant::now();
        while self.told_before(Instant::now()) == 0 {
            assert!(start.elapsed() < PATIENCE, "it does nothing: {:?}", self.heard);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// All it said until it ended, and its exit code.
    fn ended(mut self) -> (Option<i32>, String) {
        let status = self.wait();
        // The reader ends when the pipe does.
        let last = std::iter::from_fn(|| self.lines.recv_timeout(PATIENCE).ok());
        self.heard.extend(last);
        let said: Vec<&str> = self.heard.iter().map(|(_, line)| line.as_str()).collect();
        (status.code(), said.join("\n"))
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

/// Exit code of a process that was asked to stop.
const STOPPED: Option<i32> = Some(75);

/// What follows a label in the line that begins with it.
fn after<'a>(said: &'a str, label: &str) -> &'a str {
    let found = said.lines().find_map(|line| line.strip_prefix(label));
    found.unwrap_or_else(|| panic!("no line with `{label}` in: {said}")).trim()
}

#[test]
fn a_signal_stops_and_the_printed_command_goes_on() {
    for (signal, name) in
        [(Signal::USR1, "SIGUSR1"), (Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT")]
    {
        let planned = Planned::new(&SLOW);
        let mut working = Working::start(planned.run.root(), "0-2");
        working.wait_for_units();
        std::thread::sleep(Duration::from_millis(500));
        let (told, asked) = (working.told_before(Instant::now()), Instant::now());
        working.signal(signal);
        let (code, said) = working.ended();
        assert_eq!(code, STOPPED, "{said}");
        assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
        // All that was done is kept, and the message says so.
        let kept = planned.kept();
        assert!(told > 0 && kept.iter().sum::<u64>() >= told, "{told} done, {kept:?} kept");
        let shard = (0..SHARDS).find(|shard| planned.partial(*shard).is_none()).unwrap();
        let units = planned.plan.plan.shards.units(shard).unwrap();
        let journal = planned.run.journal(shard);
        let message = format!(
            "otfhpc: stopped by {name}: {} of {} units of shard {shard} are done, and kept in {}",
            kept[shard as usize],
            units.end - units.start,
            journal.display()
        );
        assert!(said.contains(&message), "{message}: {said}");
        let status = otfhpc(["status", planned.path()]).ended(0).stdout;
        assert!(status.contains("stopped") && !status.contains("running"), "{status}");

        let go_on = after(&said, "to go on here:");
        shell(go_on).ended(0);
        let provenance = planned.partial(shard).unwrap().provenance;
        assert_eq!(provenance.units_from_journal, kept[shard as usize]);
        assert_eq!(provenance.attempts, 2);
        planned.assert_merges_to(undisturbed(), name);
    }
}

/// While data are prepared, a first signal is only noted.
#[test]
fn a_second_signal_ends_at_once() {
    let much =
        ["--set=simulate.records=40000", "--set=fit.methods=[\"wls\"]", "--set=fit.bins=5-9"];
    let planned = Planned::new(&much);
    let working = Working::start(planned.run.root(), "0");
    let start = Instant::now();
    while !planned.run.journal(0).exists() {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(1));
    }
    working.signal(Signal::USR1);
    std::thread::sleep(Duration::from_millis(20));
    working.signal(Signal::TERM);
    let asked = Instant::now();
    let (code, said) = working.ended();
    assert_eq!((code, said.as_str()), (STOPPED, ""));
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    assert!(planned.partial(0).is_none());
    otfhpc(["run", planned.path(), "--shard", "0"]).ended(0);
}

/// A program from outside that runs is killed, also one that the signal reaches before us, and
/// leaves no result.
#[test]
fn a_program_in_hand_is_killed_and_run_again() {
    let stage = tempdir().unwrap();
    let (script, begun) = (stage.path().join("fails"), stage.path().join("begun"));
    // Fails in the same way whenever it is not stopped.
    let text_of = format!(
        "trap 'exit 143' TERM; if mkdir '{0}'; then echo $$ >'{0}/pid'; sleep 1000 & wait; fi; exit 3",
        text(&begun)
    );
    std::fs::write(&script, text_of).unwrap();
    let method =
        format!("--set=method=[{{name=\"fails\",command=[\"sh\",\"{}\"]}}]", text(&script));
    let mut settings = SMALL.to_vec();
    settings.extend([&method, "--set=fit.methods=[\"wls\",\"fails\"]", "--set=fit.bins=5-9"]);
    settings.push("--set=study.trials=4");
    for to_program_first in [false, true] {
        let planned = Planned::new(&settings);
        let _ = std::fs::remove_dir_all(&begun);
        let working = Working::start(planned.run.root(), "0-2");
        let start = Instant::now();
        let pid = loop {
            assert!(start.elapsed() < PATIENCE);
            let read = std::fs::read_to_string(begun.join("pid")).unwrap_or_default();
            if let Some(pid) = read.trim().parse().ok().and_then(Pid::from_raw) {
                break pid;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        if to_program_first {
            kill_process(pid, Signal::TERM).unwrap();
        }
        working.signal(Signal::TERM);
        let (code, said) = working.ended();
        assert_eq!(code, STOPPED, "{said}");
        assert!(start.elapsed() < Duration::from_secs(30));
        assert!(kill_process(pid, Signal::TERM).is_err(), "the program runs on");
        // Every unit of it fails in its own way.
        otfhpc(["run", planned.path(), "--shard", "0-2"]).ended(1);
        otfhpc(["merge", planned.path()]).ended(1);
        let ledger = std::fs::read_to_string(planned.run.ledger()).unwrap();
        assert!(!ledger.contains("143") && !ledger.contains("stopped"), "{ledger}");
        assert!(ledger.contains("exit status: 3"), "{ledger}");
    }
}

/// The slow study with fewer trials.
const SHORT: &str = "--set=study.trials=3";

#[test]
fn two_at_once_share_the_shards_and_nothing_else() {
    let settings: Vec<&str> = SLOW.into_iter().chain([SHORT]).collect();
    let alone = Planned::new(&settings);
    otfhpc(["run", alone.path(), "--shard", "0-2"]).ended(0);
    otfhpc(["merge", alone.path()]).ended(0);
    let undisturbed = products(alone.run.root());
    let mut met = 0;
    for round in 0..6_u64 {
        let planned = Planned::new(&settings);
        let both = [0, 1].map(|second| {
            std::thread::sleep(Duration::from_millis(second * round * 40));
            Working::start(planned.run.root(), "0-2")
        });
        let pids = both.each_ref().map(|working| working.child.id());
        for (working, other) in both.into_iter().zip([pids[1], pids[0]]) {
            let (code, said) = working.ended();
            let meets = said.matches(" is being fitted by ").count();
            assert_eq!(meets, said.matches("; nothing to do here").count(), "{said}");
            assert!(said.matches(&format!(", process {other};")).count() <= meets, "{said}");
            // Who met the other at the last shard does not know how that ended.
            assert!(code == Some(0) || (code == STOPPED && meets > 0), "{code:?}: {said}");
            met += meets;
        }
        // Every shard was fitted once.
        assert!(planned.is_done());
        for shard in 0..SHARDS {
            let provenance = planned.partial(shard).unwrap().provenance;
            assert_eq!((provenance.attempts, provenance.units_from_journal), (1, 0));
            assert!(pids.contains(&provenance.process));
        }
        otfhpc(["run", planned.path(), "--shard", "0-2"]).ended(0);
        planned.assert_merges_to(&undisturbed, &format!("round {round}"));
    }
    assert!(met > 0, "they never met");
}
