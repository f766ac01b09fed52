//! Calls of the system that fail, are short, or are the last of a process, by a library that is loaded
//! before the program; and commands that are held at each rename while others go on.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

mod at_once;
mod each_call;
mod injector;
mod study;
mod submitted;

use crate::support::{Trial, trial_unless};
use each_call::{Case, each_call_fails, killed_at_each_call};
use libtest_mimic::Failed;
use study::State;

const CASES: [(&str, Case); 8] = [
    ("local", Case { command: "local", more: &[], from: State::Nothing }),
    ("local_replace", Case { command: "local", more: &["--replace"], from: State::Other }),
    (
        "plan_replace",
        Case { command: "plan", more: &["--no-probe", "--replace"], from: State::Other },
    ),
    ("plan", Case { command: "plan", more: &["--no-probe"], from: State::Nothing }),
    ("run", Case { command: "run", more: &["--shard=0-1"], from: State::Planned }),
    ("merge", Case { command: "merge", more: &[], from: State::Fitted }),
    ("resume", Case { command: "resume", more: &["--local"], from: State::Begun }),
    ("audit", Case { command: "audit", more: &["--fraction=1"], from: State::Merged }),
];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = at_once::trials();
    let submit = || {
        submitted::no_end_of_a_pipe_stops_submit();
        Ok::<(), Failed>(())
    };
    trials.push(trial_unless(injector::reason(), "no_end_of_a_pipe_stops_submit", submit));
    for (name, case) in CASES {
        let mut trial = |what: &str, run: fn(Case)| {
            let test = move || {
                run(case);
                Ok::<(), Failed>(())
            };
            trials.push(trial_unless(injector::reason(), &format!("{what}_{name}"), test));
        };
        trial("each_call_fails_in", each_call_fails);
        trial("killed_at_each_call_of", killed_at_each_call);
    }
    trials
}
