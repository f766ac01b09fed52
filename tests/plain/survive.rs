//! Processes that are killed: whoever comes next goes on where they were, and nothing shows it.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests fail as the tests themselves do

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::support::planned::{PATIENCE, Planned, SLOW, Working};
use crate::support::program::{Products, SMALL, below, otfhpc, products, shell, text};
use crate::support::turn;
use otfhpc::runner::store::journals;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::tempdir;

/// Of the runs that take a few signals each.
const SHARDS: u32 = 3;

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

/// The pieces in a journal by their first units, as they stand in the file: each frame is 8 bytes
/// of magic, kind, length, 32 bytes of checksum, body. What is torn at the end is left out.
fn pieces_written(journal: &[u8]) -> Vec<u64> {
    const PIECE: u32 = 3;
    let (mut rest, mut firsts) = (journal, Vec::new());
    while let Some((head, body)) = rest.split_at_checked(52) {
        assert_eq!(&head[..8], b"OTFHPCJ\n", "something is between the frames");
        let length = u64::from_le_bytes(head[12..20].try_into().unwrap()) as usize;
        let Some((body, next)) = body.split_at_checked(length) else { break };
        if head[8..12] == PIECE.to_le_bytes() {
            firsts.push(first_number(body));
        }
        rest = next;
    }
    firsts
}

/// The number with which bincode's bytes begin.
fn first_number(body: &[u8]) -> u64 {
    match body[0] {
        251 => u64::from(u16::from_le_bytes(body[1..3].try_into().unwrap())),
        252 => u64::from(u32::from_le_bytes(body[1..5].try_into().unwrap())),
        253 => u64::from_le_bytes(body[1..9].try_into().unwrap()),
        small => u64::from(small),
    }
}

/// That no piece was fitted that was kept before.
fn assert_written_once(planned: &Planned) {
    for path in journals(&planned.run).unwrap().into_values().flatten() {
        let written = pieces_written(&std::fs::read(&path).unwrap());
        let distinct: BTreeSet<&u64> = written.iter().collect();
        assert_eq!(distinct.len(), written.len(), "{}: {written:?}", path.display());
    }
}

/// One process that worked on all shards.
struct Attempt {
    /// Units of every shard that were kept when it began.
    before: Vec<u64>,
    /// Units that its log told of, those included that were kept before of shards not yet done.
    told: u64,
    killed: bool,
}

impl Attempt {
    /// Runs all shards, and kills the process after some time, if there is one.
    fn run(planned: &Planned, killed_after: Option<Duration>) -> Self {
        let before = planned.kept();
        let all = format!("0-{}", planned.shards() - 1);
        let mut working = Working::start(planned.run.root(), &all);
        if let Some(time) = killed_after {
            std::thread::sleep(time);
            working.child.kill().unwrap();
        }
        let status = working.wait();
        let killed = status.signal().is_some();
        assert!(status.success() || (killed && killed_after.is_some()), "{status}");
        let told = working.units_told();
        Self { before, told, killed }
    }

    /// That what was kept still is, and all that it told of: so what the next one fits again is what
    /// its threads had in hand. Returns how many units are kept that were not before, and of the
    /// shards that it finished, how many it took from journals.
    fn check(&self, planned: &Planned, open: &[u32]) -> (u64, u64) {
        let (before, after) = (&self.before, planned.kept());
        assert!(before.iter().zip(&after).all(|(b, a)| a >= b), "{before:?} became {after:?}");
        assert_written_once(planned);
        let kept: u64 = open.iter().map(|shard| after[*shard as usize]).sum();
        assert!(kept >= self.told, "{} units were done, but {kept} are kept", self.told);
        let mut resumed = 0;
        for &shard in open {
            if let Some(partial) = planned.partial(shard) {
                // Who finished a shard fitted what was not there when it began, and no more.
                let from_journal = partial.provenance.units_from_journal;
                assert_eq!(from_journal, before[shard as usize], "shard {shard}");
                resumed += from_journal;
            }
        }
        (after.iter().sum::<u64>() - before.iter().sum::<u64>(), resumed)
    }
}

/// So soon after each other that fifty fall within one run of the slow study, also on quick cores.
#[test]
fn killed_at_fifty_moments_and_run_again() {
    let _turn = turn();
    const KILLS: usize = 50;
    // Milliseconds within which a process is killed. A machine that is busy with other things gives
    // it more, or none would come to anything.
    const SHORTEST: usize = 600;
    const LONGEST: usize = 6000;
    let mut pace = SHORTEST;
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let (mut kills, mut left_something, mut resumed) = (0, 0, 0);
    while kills < KILLS {
        let planned = Planned::new(64, &SLOW);
        let mut fitted = 0;
        while !planned.is_done() {
            let open: Vec<u32> =
                (0..planned.shards()).filter(|k| planned.partial(*k).is_none()).collect();
            let time = Duration::from_millis(below(&mut rng, pace) as u64);
            let attempt = Attempt::run(&planned, (kills < KILLS).then_some(time));
            let (gained, from_journal) = attempt.check(&planned, &open);
            kills += usize::from(attempt.killed);
            left_something += u64::from(attempt.killed && gained > 0);
            pace = if gained > 0 { SHORTEST.max(pace * 4 / 5) } else { LONGEST.min(pace * 3 / 2) };
            (fitted, resumed) = (fitted + gained, resumed + from_journal);
        }
        assert_eq!(fitted, planned.plan.plan.units);
        planned.assert_merges_to(undisturbed(), &format!("after {kills} kills"));
    }
    assert!(left_something > 10 && resumed > 0, "{left_something} attempts left something");
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
    let _turn = turn();
    for (signal, name) in
        [(Signal::USR1, "SIGUSR1"), (Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT")]
    {
        let planned = Planned::new(SHARDS, &SLOW);
        let mut working = Working::start(planned.run.root(), "0-2");
        working.wait_for_units();
        std::thread::sleep(Duration::from_millis(200));
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
    let _turn = turn();
    let much =
        ["--set=simulate.records=40000", "--set=fit.methods=[\"wls\"]", "--set=fit.bins=5-9"];
    let planned = Planned::new(SHARDS, &much);
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
        let planned = Planned::new(SHARDS, &settings);
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
        let ledger = std::fs::read_to_string(planned.run.product("ledger.json")).unwrap();
        assert!(!ledger.contains("143") && !ledger.contains("stopped"), "{ledger}");
        assert!(ledger.contains("exit status: 3"), "{ledger}");
    }
}

/// The command that goes on merges, too.
#[test]
fn a_local_run_that_is_stopped_names_the_command_that_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let run = otfhpc::runner::store::RunDir::new(folder.path().join("results"));
    let mut local = std::process::Command::new(env!("CARGO_BIN_EXE_otfhpc"));
    local.args(["local", "--shards=40", "--set=simulate.records=200", "--set=study.trials=40"]);
    local.arg("--out").arg(run.root()).env("OTFHPC_THREADS", "1");
    let mut local = local
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !run.journals().exists() {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(1));
    }
    let process = rustix::process::Pid::from_child(&local);
    rustix::process::kill_process(process, Signal::INT).unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(local.stderr.as_mut().unwrap(), &mut said).unwrap();
    assert_eq!(local.wait().unwrap().code(), STOPPED, "{said}");
    assert!(said.contains("otfhpc: stopped by SIGINT"), "{said}");
    let go_on = after(&said, "to go on here:");
    assert!(go_on.ends_with(" --local"), "{go_on}");
    shell(go_on).ended(0);
    assert!(run.product("solution.npz").exists());
}
