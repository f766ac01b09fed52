//! What would help a shard that is not done.

use std::collections::{BTreeMap, BTreeSet};

use super::cause::Cause;
use super::state::{ShardState, State};

/// So many failures on one node, and nothing done there, are the node's fault if others get work
/// done.
const FAILURES_OF_A_NODE: usize = 3;
/// Most parts that a shard is cut into at once.
const MOST_PARTS: u32 = 64;
/// Parts of a shard of which it is not known how fast it is.
const USUAL_PARTS: u32 = 8;
/// The part of its time limit that a task is meant to need.
const USED: f64 = 0.8;

/// What would help a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// It is done, waits or runs.
    Nothing,
    /// The same once more.
    Again,
    /// Into so many parts.
    Split(u32),
    /// With so many megabytes.
    Memory(u64),
    /// Anywhere but on this node.
    Without(String),
    /// Nothing that can be done without a person.
    Hold(String),
}

/// What bounds the remedies.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// A shard that was submitted so often is not submitted again.
    pub attempts: u32,
    /// The memory that a task was given, megabytes, if it is known.
    pub memory: Option<u64>,
    /// What a task is estimated to need, megabytes.
    pub estimate: u64,
    /// Nodes that fail whatever they are given.
    pub failing: BTreeSet<String>,
}

/// What would help a shard.
#[must_use]
pub fn remedy(shard: &ShardState, limits: &Limits) -> Remedy {
    match shard.state {
        State::Done | State::Waiting | State::Running => return Remedy::Nothing,
        _ if shard.submitted >= limits.attempts => {
            let times = shard.submitted;
            return Remedy::Hold(format!("submitted {times} times already{}", why(shard)));
        }
        _ => {}
    }
    let failing = shard.node.as_ref().filter(|node| limits.failing.contains(*node));
    match (&shard.cause, failing) {
        (Some(Cause::TimeLimit), _) => Remedy::Split(parts(shard)),
        (Some(Cause::OutOfMemory), _) => more_memory(limits),
        (Some(Cause::NodeLost), _) => match &shard.node {
            Some(node) => Remedy::Without(node.clone()),
            None => Remedy::Again,
        },
        (_, Some(node)) => Remedy::Without(node.clone()),
        (Some(Cause::Error(message)), None) => Remedy::Hold(message.clone()),
        (_, None) => Remedy::Again,
    }
}

fn why(shard: &ShardState) -> String {
    shard.cause.as_ref().map_or(String::new(), |cause| format!(", last: {cause}"))
}

/// So many that each needs less than its time limit, if all attempts so far went up to it.
fn parts(shard: &ShardState) -> u32 {
    let done = shard.units_done as f64 / shard.units.max(1) as f64;
    let in_one = done / shard.attempts.max(1) as f64;
    let parts = (1.0 - done) / in_one / USED;
    match parts.is_finite() && shard.units_done > 0 {
        true => (parts.ceil() as u32).clamp(2, MOST_PARTS),
        false => USUAL_PARTS,
    }
}

/// Twice of what it had, and not less than what it should need.
fn more_memory(limits: &Limits) -> Remedy {
    Remedy::Memory(2 * limits.memory.unwrap_or(0).max(limits.estimate))
}

/// The nodes that fail whatever they are given, while others get work done. `done_on` are the nodes
/// that finished shards.
#[must_use]
pub fn failing_nodes(shards: &[ShardState], done_on: &BTreeSet<String>) -> BTreeSet<String> {
    let mut failures: BTreeMap<&String, usize> = BTreeMap::new();
    for shard in shards {
        let is_failure = match (&shard.cause, shard.state) {
            (Some(cause), State::Failed) => matches!(cause, Cause::Error(_) | Cause::NodeLost),
            (_, state) => state == State::Unknown,
        };
        if let Some(node) = shard.node.as_ref().filter(|_| is_failure) {
            *failures.entry(node).or_default() += 1;
        }
    }
    let elsewhere = |node: &String| done_on.iter().any(|other| other != node);
    let failing = failures.into_iter().filter(|(node, count)| {
        *count >= FAILURES_OF_A_NODE && !done_on.contains(*node) && elsewhere(node)
    });
    failing.map(|(node, _)| node.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::state::{Evidence, judge};
    use super::*;
    use crate::shard::{Found, Progressed};

    fn shard(state: State, cause: Option<Cause>) -> ShardState {
        let blank = judge(3, 100, &Found::Open(Progressed::default()), &Evidence::default());
        ShardState { state, cause, node: Some("n3".into()), submitted: 1, attempts: 1, ..blank }
    }

    fn limits() -> Limits {
        Limits { attempts: 5, memory: Some(1000), estimate: 90, failing: BTreeSet::new() }
    }

    #[test]
    fn each_cause_has_its_remedy() {
        let of = |state, cause| remedy(&shard(state, cause), &limits());
        for state in [State::Done, State::Waiting, State::Running] {
            assert_eq!(of(state, None), Remedy::Nothing);
        }
        for state in [State::NotStarted, State::Unknown, State::Damaged, State::Stopped] {
            assert_eq!(of(state, None), Remedy::Again);
        }
        assert_eq!(of(State::Stopped, Some(Cause::Preempted)), Remedy::Again);
        assert_eq!(of(State::Failed, Some(Cause::OutOfMemory)), Remedy::Memory(2000));
        assert_eq!(of(State::Failed, Some(Cause::NodeLost)), Remedy::Without("n3".into()));
        let error = Some(Cause::Error("no".into()));
        assert_eq!(of(State::Failed, error), Remedy::Hold("no".into()));
    }

    #[test]
    fn a_shard_is_cut_into_as_many_parts_as_its_time_limit_asks_for() {
        let after = |units_done, attempts| {
            let cut = shard(State::Failed, Some(Cause::TimeLimit));
            remedy(&ShardState { units_done, attempts, ..cut }, &limits())
        };
        // A tenth was done in the time: what is left takes nine times that, with room to spare.
        assert_eq!(after(10, 1), Remedy::Split(12));
        assert_eq!(after(90, 1), Remedy::Split(2));
        assert_eq!(after(20, 2), Remedy::Split(10));
        assert_eq!(after(1, 1), Remedy::Split(MOST_PARTS));
        assert_eq!(after(0, 1), Remedy::Split(USUAL_PARTS));
    }

    #[test]
    fn attempts_are_bounded() {
        let often = ShardState { submitted: 5, ..shard(State::Stopped, Some(Cause::Cancelled)) };
        let Remedy::Hold(reason) = remedy(&often, &limits()) else { panic!() };
        assert_eq!(reason, "submitted 5 times already, last: cancelled");
    }

    #[test]
    fn a_node_that_fails_everything_is_left_out_and_its_shards_are_not_given_up() {
        let error = || shard(State::Failed, Some(Cause::Error("no".into())));
        let nodes = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        let three = [error(), error(), error()];
        let failing = |done: &[&str]| failing_nodes(&three, &nodes(done));
        assert_eq!(failing(&["n1"]), nodes(&["n3"]));
        assert_eq!(failing(&["n1", "n3"]), nodes(&[]), "it gets work done");
        assert_eq!(failing(&[]), nodes(&[]), "so does nobody else");
        assert_eq!(failing_nodes(&three[..2], &nodes(&["n1"])), nodes(&[]));
        let limits = Limits { failing: nodes(&["n3"]), ..limits() };
        assert_eq!(remedy(&error(), &limits), Remedy::Without("n3".into()));
    }
}
