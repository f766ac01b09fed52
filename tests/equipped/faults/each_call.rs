//! Every call of a command fails once, or is the last thing that it does: it succeeds with the same
//! bytes, or says what is wrong; and the same command again leaves what an undisturbed one does.

use std::fmt::Write;
use std::fs;

use crate::support::program::{Ran, assert_same, products};
use otfhpc::runner::store::RunDir;

use super::injector::Fault;
use super::study::{Place, State};

/// In rotation, so that every call has one of them, and every kind of call all.
const ERRORS: [&str; 5] = ["EIO", "ENOSPC", "EDQUOT", "ESTALE", "short"];
/// After a kill, only what was changed before counts.
const CHANGES: &str = "write,truncate,rename,unlink,mkdir,lock";
/// A command that makes fewer calls was not reached by the library.
const FEWEST: usize = 10;
/// Of an audit, which changes nothing.
const READS: &str = "open,read,close";

/// A command, and where it begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    pub(super) command: &'static str,
    pub(super) more: &'static [&'static str],
    pub(super) from: State,
}

impl Case {
    fn words(&self, place: &Place) -> Vec<String> {
        match self.command {
            "plan" | "local" => place.words(self.command, self.more),
            command => place.words_on_results(command, self.more),
        }
    }
}

/// Lets each call fail in turn.
pub(super) fn each_call_fails(case: Case) {
    disturb(case, "all", |at| ERRORS[at % ERRORS.len()]);
}

/// Kills the command at each call that changes something.
pub(super) fn killed_at_each_call(case: Case) {
    let kinds = if case.command == "audit" { READS } else { CHANGES };
    disturb(case, kinds, |_| "torn");
}

fn disturb(case: Case, kinds: &'static str, what: impl Fn(usize) -> &'static str) {
    let place = Place::new();
    let mut wrong = String::new();
    let mut calls = 0;
    for at in 1.. {
        place.bring_back(case.from);
        let fault = place.fault(kinds, at, what(at));
        let words = case.words(&place);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (ran, told) = fault.run(&words);
        if told.len() < at {
            break;
        }
        calls = at;
        let call = told[at - 1].clone();
        for problem in problems(case, &place, &fault, (&call, &ran)) {
            let said = ran.stderr.trim();
            writeln!(wrong, "{at}: {}: {call}: {problem}: {:?}: {said}", fault.what, ran.code)
                .unwrap();
        }
    }
    assert!(calls >= FEWEST, "{case:?}: {calls} calls only");
    println!("{case:?}: {calls} calls");
    assert!(wrong.is_empty(), "{case:?}\n{wrong}");
}

/// What is wrong after a command was disturbed, and after it was typed again.
fn problems(case: Case, place: &Place, fault: &Fault, (call, ran): (&str, &Ran)) -> Vec<String> {
    let mut problems = Vec::new();
    let mut expect = |is_so: bool, what: &str| {
        if !is_so {
            problems.push(what.to_owned());
        }
    };
    let killed = fault.what == "torn";
    expect(matches!(ran.code, None | Some(0 | 1 | 2 | 3 | 75)), "exit code");
    expect(killed == ran.code.is_none(), "ended by a signal");
    let errors = errors(&ran.stderr);
    let failed = matches!(ran.code, Some(2 | 3 | 75));
    expect(killed || failed == (errors > 0), "a word for each failure, and none for success");
    expect(errors <= 1, "one error, one message");
    let is_ours = |line: &str| ["otfhpc: ", "skipped "].iter().any(|start| line.starts_with(start));
    expect(ran.code != Some(2) || ran.stderr.lines().all(is_ours), "words of somebody else");
    let left = place.litter();
    // A file whose lock fails may be the lock of somebody else.
    let may_leave = killed || call.starts_with("unlink") || call.ends_with(".lock");
    expect(may_leave || left.is_empty(), &format!("left behind: {left:?}"));
    let found = products(place.run().root());
    let is_whole = |(name, bytes): (&String, &Vec<u8>)| {
        place.undisturbed[name] == *bytes || place.other[name] == *bytes
    };
    let is_whole = found.iter().all(is_whole);
    expect(is_whole, "half a product");
    let is_done = ran.code == Some(0) && matches!(case.command, "merge" | "local" | "resume");
    expect(!is_done || found.len() == place.undisturbed.len(), "not all products");
    // The same again.
    let again = place.undisturbed_run(&case.words(place));
    expect(again.code == Some(0), &format!("the same again: {again:?}"));
    expect(case.command != "plan" || place.litter().is_empty(), "left behind by the same again");
    finish(case, place, &mut expect);
    problems
}

/// Goes on to the products.
fn finish(case: Case, place: &Place, expect: &mut impl FnMut(bool, &str)) {
    let run: RunDir = place.run();
    if case.command == "plan" {
        let scripts = [run.plan(), run.array_script(), run.merge_script(), run.id()];
        expect(scripts.iter().all(|path| path.is_file()), "a file of the plan is not there");
        let ran = place.undisturbed_run(&place.words_on_results("run", &["--shard=0-1"]));
        expect(ran.code == Some(0), &format!("run: {ran:?}"));
    }
    if matches!(case.command, "plan" | "run") {
        let ran = place.undisturbed_run(&place.words_on_results("merge", &[]));
        expect(ran.code == Some(0), &format!("merge: {ran:?}"));
    }
    let left = place.litter();
    expect(left.is_empty(), &format!("left behind at the end: {left:?}"));
    let journals = fs::read_dir(run.journals()).into_iter().flatten().count();
    expect(journals == 0, "journals are left");
    if std::panic::catch_unwind(|| {
        assert_same(&place.undisturbed, &products(run.root()), "at the end");
    })
    .is_err()
    {
        expect(false, "other bytes");
    }
}

/// How many errors are told.
fn errors(said: &str) -> usize {
    let is_error = |line: &&str| {
        line.starts_with("otfhpc: ")
            && !line.starts_with("otfhpc: warning:")
            && !line.starts_with("otfhpc: moved ")
    };
    said.lines().filter(is_error).count()
}
