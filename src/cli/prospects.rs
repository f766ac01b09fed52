//! What `resume` would do about the shards of a run: so that `status` never names a command that
//! does nothing.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::runner::life::{
    Life, Limits, Remedy, ShardState, State, failing_nodes, memory_of, remedy,
};
use crate::runner::plan::BoundPlan;
use crate::runner::store::RunDir;
use crate::runner::store::{Partial, results_so_far};

use super::needs::USUAL_THREADS;
use super::session::Session;

/// A shard that was submitted so often is left to a person, unless another number is given.
pub(super) const USUAL_ATTEMPTS: u32 = 5;

/// What bounds the remedies of a run.
pub(super) struct Bounds<'a> {
    life: &'a Life,
    limits: Limits,
    /// The options that the settings give to every job, as far as remedies have to do with them.
    pub(super) settings: Vec<String>,
}

impl<'a> Bounds<'a> {
    /// `given` are the options for sbatch that a person gives now.
    pub(super) fn new(session: &Session, life: &'a Life, attempts: u32, given: &[String]) -> Self {
        let Session { run, plan, workload } = session;
        let memory = plan.launch.memory.as_ref().map(|memory| format!("--mem={memory}"));
        let settings: Vec<String> =
            memory.into_iter().chain(plan.launch.extra.iter().cloned()).collect();
        let threads = plan.launch.cpus_per_task.map_or(USUAL_THREADS, |n| u64::from(n.get()));
        let cpus = cpus_of(given).or(cpus_of(&settings)).unwrap_or(threads);
        let estimate = workload.needs(plan).of_task(cpus).div_ceil(1 << 20);
        let done_on = hosts(run, plan, life);
        let limits = Limits {
            attempts,
            memory: memory_of(&settings),
            estimate,
            cpus,
            failing: failing_nodes(&life.shards, &done_on),
            done_on,
            new_memory: memory_of(given),
            has_new_deadline: given.iter().any(|word| word.starts_with("--deadline=")),
        };
        Self { life, limits, settings }
    }

    /// The options of a shard's last submission.
    pub(super) fn last_options(&self, shard: u32) -> &[String] {
        self.life.history.of(shard).map_or(&[], |had| had.options.as_slice())
    }

    /// Processors of a task.
    pub(super) fn cpus(&self) -> u64 {
        self.limits.cpus
    }

    /// What would help a shard.
    pub(super) fn remedy(&self, shard: &ShardState) -> Remedy {
        let memory = memory_of(self.last_options(shard.shard)).or(self.limits.memory);
        remedy(shard, &Limits { memory, ..self.limits.clone() })
    }
}

fn cpus_of(options: &[String]) -> Option<u64> {
    options.iter().rev().find_map(|word| word.strip_prefix("--cpus-per-task=")?.parse().ok())
}

/// The machines that finished shards; looked up only if there are failures to judge.
fn hosts(run: &RunDir, plan: &BoundPlan, life: &Life) -> BTreeSet<String> {
    let failed = |shard: &&ShardState| matches!(shard.state, State::Failed | State::Unknown);
    if life.shards.iter().find(failed).is_none() {
        return BTreeSet::new();
    }
    let done = life.shards.iter().filter(|shard| shard.state == State::Done);
    let host = |shard: &ShardState| Some(Partial::prove(run, plan, shard.shard).ok()?.host);
    done.filter_map(host).collect()
}

/// What `resume` would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Prospects {
    /// Shards that it would submit.
    pub(super) retried: usize,
    /// Shards that it would leave to a person.
    pub(super) held: usize,
}

impl Prospects {
    /// Looks what would be done about every shard.
    pub(super) fn of(session: &Session, life: &Life) -> Result<Self> {
        let bounds = Bounds::new(session, life, USUAL_ATTEMPTS, &[]);
        let mut prospects = Self::default();
        for shard in &life.shards {
            let is_retried = match bounds.remedy(shard) {
                Remedy::Nothing => continue,
                Remedy::Hold(_) => false,
                Remedy::Split(parts) => {
                    can_be_cut(&session.run, &session.plan, shard.shard, parts)?
                }
                Remedy::Again | Remedy::Memory(_) | Remedy::Without(_) => true,
            };
            prospects.retried += usize::from(is_retried);
            prospects.held += usize::from(!is_retried);
        }
        Ok(prospects)
    }
}

fn can_be_cut(run: &RunDir, plan: &BoundPlan, shard: u32, parts: u32) -> Result<bool> {
    let done = results_so_far(run, plan, shard)?;
    Ok(plan.shards.cut(&plan.layout, shard, |unit| done.has(unit), parts).is_some())
}
