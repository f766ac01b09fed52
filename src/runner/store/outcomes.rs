//! How the units of the shards that are done have ended.

use rayon::prelude::*;

use super::run_dir::RunDir;
use crate::runner::plan::BoundPlan;

use super::envelope::{Envelope, UnitStatus};
use super::partial::Partial;

/// Units of the shards that are done, by how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcomes {
    by_status: [u64; UnitStatus::ALL.len()],
}

impl Outcomes {
    /// Counts those of every sound partial; one that is not sound counts nothing.
    #[must_use]
    pub fn of(run: &RunDir, plan: &BoundPlan) -> Self {
        let of_shard = |shard| {
            let mut outcomes = Self::default();
            let count = |_, result: Envelope| {
                outcomes.by_status[result.status as usize] += 1;
                Ok::<(), ()>(())
            };
            let read = Partial::stream(run, plan, shard, count);
            if read.is_ok() { outcomes } else { Self::default() }
        };
        plan.shards.live().into_par_iter().map(of_shard).reduce(Self::default, Self::plus)
    }

    fn plus(self, other: Self) -> Self {
        let mut sum = self;
        sum.by_status.iter_mut().zip(other.by_status).for_each(|(a, b)| *a += b);
        sum
    }

    /// Units that ended this way.
    #[must_use]
    pub fn count(&self, status: UnitStatus) -> u64 {
        self.by_status[status as usize]
    }

    /// All of them.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.by_status.iter().sum()
    }
}
