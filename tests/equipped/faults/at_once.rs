//! Commands in one folder at once: the first is held at each of its renames in turn, as by a debugger,
//! while the second runs from its begin to its end. No set of products is ever mixed; exit codes say who
//! lost; and one rerun leaves what an undisturbed command does.

use std::fmt::Write;
use std::fs;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use otfhpc::runner::store::RunDir;
use otfhpc::runner::store::manifest::{Standing, standing};

use crate::support::planned::PATIENCE;
use crate::support::program::{Products, Ran, otfhpc_of, products};
use crate::support::{Trial, trial_unless};

use super::injector::{self, Fault};
use super::study::{Place, State};

/// What two commands do to a folder in which another study stands.
const COMMANDS: [&str; 4] = ["plan", "local", "merge", "run"];

/// What those say who do not get what they want.
const WORDS: [&str; 5] = [
    "another process",
    "the plan here was replaced",
    "incomplete: nothing was written",
    "there is no plan here",
    "is being fitted by",
];

pub(super) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for first in COMMANDS {
        for (name, no_locks) in [("at_once_with", false), ("without_locks_at_once_with", true)] {
            let test = move || {
                against_all(first, no_locks);
                Ok::<(), Failed>(())
            };
            trials.push(trial_unless(injector::reason(), &format!("{name}_{first}"), test));
        }
    }
    trials
}

fn against_all(first: &str, no_locks: bool) {
    let place = Place::new();
    let (mut wrong, mut meetings) = (String::new(), 0);
    for second in COMMANDS {
        for at in 1.. {
            let Some(meeting) = Meeting::hold(&place, (first, second), at, no_locks) else { break };
            meetings += 1;
            for problem in meeting.problems(&place, no_locks) {
                let (one, two) = (&meeting.first, &meeting.second);
                writeln!(
                    wrong,
                    "{first} held at rename {at}, {second}: {problem}: {one:?}, {two:?}"
                )
                .unwrap();
            }
        }
    }
    println!("{first}, held {meetings} times");
    assert!(meetings >= COMMANDS.len(), "{first} was held {meetings} times only");
    assert!(wrong.is_empty(), "{wrong}");
}

/// How two commands ended.
struct Meeting {
    first: Ran,
    second: Ran,
}

impl Meeting {
    /// Lets the second command run while the first is held; none if the first has fewer renames.
    fn hold(
        place: &Place,
        (first, second): (&str, &str),
        at: usize,
        no_locks: bool,
    ) -> Option<Self> {
        let with_run = [first, second].contains(&"run");
        place.bring_back(if with_run { State::OtherBegun } else { State::Other });
        let fault = Fault { no_locks, ..place.fault("rename", at, "hold") };
        let _ = fs::remove_file(fault.held());
        let words = words(place, first);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut child = fault.start(&words);
        if !is_held(&fault, &mut child) {
            child.wait().unwrap();
            return None;
        }
        let second =
            Fault { kinds: "", at: 0, ..fault.clone() }.run_beside(&self::words(place, second));
        fs::remove_file(fault.held()).unwrap();
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let first = Ran { code: output.status.code(), stdout: String::new(), stderr };
        Some(Self { first, second })
    }

    fn problems(&self, place: &Place, no_locks: bool) -> Vec<String> {
        let mut problems = Vec::new();
        for ran in [&self.first, &self.second] {
            if !matches!(ran.code, Some(0 | 2 | 3 | 75)) {
                problems.push(format!("exit code {:?}", ran.code));
            }
            if ran.code != Some(0) && !WORDS.iter().any(|word| ran.stderr.contains(word)) {
                problems.push("no word of who lost".into());
            }
            if ran.stderr.contains("panicked") {
                problems.push("a panic".into());
            }
        }
        if self.first.code != Some(0) && self.second.code != Some(0) {
            problems.push("nobody won".into());
        }
        let found = products(place.run().root());
        let is_of = |set: &Products| found.iter().all(|(name, bytes)| set[name] == *bytes);
        if !is_of(&place.undisturbed) && !is_of(&place.other) {
            // Without locks nobody can keep another process from writing what it has begun to write:
            // then the set does not pass for one.
            if !no_locks || passes(&place.run()) {
                problems.push("a mixed set of products".into());
            }
        }
        problems.extend(healed(place));
        problems
    }
}

/// What is wrong after one rerun.
fn healed(place: &Place) -> Option<String> {
    let again = place.undisturbed_run(&words(place, "local"));
    if again.code != Some(0) || products(place.run().root()) != place.undisturbed {
        return Some(format!("not healed by one rerun: {again:?}"));
    }
    let left = place.litter();
    (!left.is_empty()).then(|| format!("left behind: {left:?}"))
}

/// Whether the products in a folder pass for a whole set of the plan there.
fn passes(run: &RunDir) -> bool {
    let plan = otfhpc::workloads::open(run).map(|(plan, _)| plan);
    plan.is_ok_and(|plan| standing(run, &plan, true) == Standing::Whole)
}

fn words(place: &Place, command: &str) -> Vec<String> {
    match command {
        "plan" => place.words("plan", &["--no-probe", "--replace"]),
        "local" => place.words("local", &["--replace"]),
        "run" => place.words_on_results("run", &["--shard=0-1"]),
        command => place.words_on_results(command, &[]),
    }
}

/// Waits until the program is held, or has ended.
fn is_held(fault: &Fault, child: &mut Child) -> bool {
    let start = Instant::now();
    loop {
        if fault.held().exists() {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return fault.held().exists();
        }
        assert!(start.elapsed() < PATIENCE, "it is neither held nor does it end");
        sleep(Duration::from_millis(1));
    }
}

impl Fault {
    /// Runs the program, and does not touch what another one tells.
    fn run_beside(&self, words: &[String]) -> Ran {
        let variables = self.variables();
        let variables: Vec<_> = variables.iter().map(|(name, v)| (*name, v.as_str())).collect();
        otfhpc_of(injector::program(), &variables, words)
    }
}
