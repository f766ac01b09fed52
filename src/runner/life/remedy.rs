//! What would help a shard that is not done.

use std::collections::{BTreeMap, BTreeSet};

use crate::runner::slurm::TaskMemory;

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
    /// With so much memory.
    Memory(TaskMemory),
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
    /// The memory that a task asks for where it is not known what it had.
    pub memory: Option<TaskMemory>,
    /// What a task is estimated to need, megabytes.
    pub estimate: u64,
    /// Processors of a task.
    pub cpus: u64,
    /// Nodes that fail whatever they are given.
    pub failing: BTreeSet<String>,
    /// Nodes that finished shards.
    pub done_on: BTreeSet<String>,
    /// The memory that is given now to the next jobs, if any is.
    pub new_memory: Option<TaskMemory>,
    /// Whether the next jobs get a deadline that is given now.
    pub has_new_deadline: bool,
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
        (Some(Cause::Deadline), _) if limits.has_new_deadline => Remedy::Again,
        (Some(Cause::Deadline), _) => Remedy::Hold(
            "its deadline is over; give a later one with --sbatch-arg=--deadline=TIME".into(),
        ),
        (Some(Cause::OutOfMemory), _) => more_memory(shard, limits),
        (Some(Cause::NodeLost), _) => match &shard.node {
            Some(node) => Remedy::Without(node.clone()),
            None => Remedy::Again,
        },
        (_, Some(node)) => Remedy::Without(node.clone()),
        (Some(cause @ Cause::NotStarted(_)), None) => match &shard.node {
            Some(node) if is_done_elsewhere(node, &limits.done_on) => Remedy::Without(node.clone()),
            _ => Remedy::Hold(cause.to_string()),
        },
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
    if parts.is_finite() && shard.units_done > 0 {
        (parts.ceil() as u32).clamp(2, MOST_PARTS)
    } else {
        USUAL_PARTS
    }
}

/// Twice of what it had, in the form in which it was asked for, and not less than twice of what it
/// should need.
fn more_memory(shard: &ShardState, limits: &Limits) -> Remedy {
    if let Some(given) = limits.new_memory {
        return Remedy::Memory(given);
    }
    let had = shard.memory.or(limits.memory).unwrap_or(TaskMemory::PerNode(0));
    if limits.memory == Some(TaskMemory::PerNode(0)) {
        let had_all = "out of memory with all that its node has; give it a node with more";
        return Remedy::Hold(had_all.into());
    }
    // As the settings ask for it, if they do: the two forms exclude each other.
    let had = limits.memory.map_or(had, |asked| had.like(asked, limits.cpus));
    let estimate = TaskMemory::PerNode(limits.estimate).like(had, limits.cpus).amount();
    Remedy::Memory(had.with(2 * had.amount().max(estimate)))
}

/// Whether others got work done, and this node none.
fn is_done_elsewhere(node: &String, done_on: &BTreeSet<String>) -> bool {
    !done_on.contains(node) && !done_on.is_empty()
}

/// The nodes that fail whatever they are given, while others get work done. `done_on` are the nodes
/// that finished shards.
#[must_use]
pub fn failing_nodes(shards: &[ShardState], done_on: &BTreeSet<String>) -> BTreeSet<String> {
    let mut failures: BTreeMap<&String, usize> = BTreeMap::new();
    for shard in shards {
        let is_failure = match (&shard.cause, shard.state) {
            (Some(cause), State::Failed) => {
                matches!(cause, Cause::Error(_) | Cause::NotStarted(_) | Cause::NodeLost)
            }
            (_, state) => state == State::Unknown,
        };
        if let Some(node) = shard.node.as_ref().filter(|_| is_failure) {
            *failures.entry(node).or_default() += 1;
        }
    }
    let failing = failures
        .into_iter()
        .filter(|(node, count)| *count >= FAILURES_OF_A_NODE && is_done_elsewhere(node, done_on));
    failing.map(|(node, _)| node.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::state::{Evidence, judge};
    use super::*;
    use crate::runner::store::{Found, Progressed};

    fn shard(state: State, cause: Option<Cause>) -> ShardState {
        let blank = judge(3, 100, &Found::Open(Progressed::default()), &Evidence::default());
        ShardState { state, cause, node: Some("n3".into()), submitted: 1, attempts: 1, ..blank }
    }

    fn limits() -> Limits {
        let memory = Some(TaskMemory::PerNode(1000));
        Limits { attempts: 5, memory, estimate: 90, cpus: 2, ..Limits::default() }
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
        let twice = Remedy::Memory(TaskMemory::PerNode(2000));
        assert_eq!(of(State::Failed, Some(Cause::OutOfMemory)), twice);
        let late = remedy(&shard(State::Failed, Some(Cause::Deadline)), &limits());
        assert!(matches!(&late, Remedy::Hold(why) if why.contains("--deadline=TIME")), "{late:?}");
        let later = Limits { has_new_deadline: true, ..limits() };
        let late = shard(State::Failed, Some(Cause::Deadline));
        assert_eq!(remedy(&late, &later), Remedy::Again);
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
    fn memory_is_doubled_as_it_was_asked_for() {
        let (node, cpu) = (TaskMemory::PerNode, TaskMemory::PerCpu);
        for (had, asked, expected) in [
            // A default of the site.
            (Some(cpu(100)), None, cpu(200)),
            (Some(node(300)), None, node(600)),
            (None, Some(cpu(100)), cpu(200)),
            // What it had counts, in the form of the settings.
            (Some(node(300)), Some(cpu(100)), cpu(300)),
            (Some(cpu(150)), Some(node(200)), node(600)),
            // Nobody knows: what it should need.
            (None, None, node(180)),
            (Some(cpu(10)), None, cpu(90)),
        ] {
            let killed =
                ShardState { memory: had, ..shard(State::Failed, Some(Cause::OutOfMemory)) };
            let limits = Limits { memory: asked, ..limits() };
            assert_eq!(remedy(&killed, &limits), Remedy::Memory(expected), "{had:?} {asked:?}");
        }
        let all = Limits { memory: Some(node(0)), ..limits() };
        let held = remedy(&shard(State::Failed, Some(Cause::OutOfMemory)), &all);
        assert!(
            matches!(&held, Remedy::Hold(why) if why.contains("all that its node")),
            "{held:?}"
        );
        let given = Limits { new_memory: Some(node(5000)), ..all };
        let given = remedy(&shard(State::Failed, Some(Cause::OutOfMemory)), &given);
        assert_eq!(given, Remedy::Memory(node(5000)));
    }

    #[test]
    fn a_program_that_one_node_cannot_start_goes_to_another() {
        let missing = shard(State::Failed, Some(Cause::NotStarted("no such file".into())));
        let said = "the program could not be started: no such file";
        assert_eq!(remedy(&missing, &limits()), Remedy::Hold(said.into()));
        let others = Limits { done_on: ["n1".to_owned()].into(), ..limits() };
        assert_eq!(remedy(&missing, &others), Remedy::Without("n3".into()));
        let both = Limits { done_on: ["n1", "n3"].map(String::from).into(), ..limits() };
        assert_eq!(remedy(&missing, &both), Remedy::Hold(said.into()));
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
