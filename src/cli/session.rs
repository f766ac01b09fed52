//! A run in a folder: its plan, and what the plan is for.

use anyhow::Result;

use crate::runner::engine::Workload;
use crate::runner::plan::BoundPlan;
use crate::runner::store::manifest::{Standing, standing};
use crate::runner::store::{RoomError, RunDir, check_room};
use crate::workloads;

/// A run in a folder.
#[derive(Debug)]
pub(super) struct Session {
    /// The folder.
    pub(super) run: RunDir,
    /// What will run.
    pub(super) plan: BoundPlan,
    /// What it is for.
    pub(super) workload: Box<dyn Workload>,
}

impl Session {
    /// Reads the plan in a folder.
    pub(super) fn open(run: RunDir) -> Result<Self> {
        let (plan, workload) = workloads::open(&run)?;
        Ok(Self { run, plan, workload })
    }

    /// Checks that there is room for the partials of shards.
    pub(super) fn check_room(&self, shards: &[u32]) -> Result<(), RoomError> {
        check_room(&self.run, &self.plan, self.workload.body_bytes(), shards)
    }

    /// Whether all files are there that a merge of this plan wrote.
    pub(super) fn is_merged(&self) -> bool {
        standing(&self.run, &self.plan, false) == Standing::Whole
    }

    /// The most important product.
    pub(super) fn main_product(&self) -> std::path::PathBuf {
        let mut products = self.run.products(&self.plan.plan.workload);
        products.swap_remove(0)
    }
}
