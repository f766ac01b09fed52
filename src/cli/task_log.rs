//! What a task writes into its log for whoever asks later why it ended.

use std::io::IsTerminal;

use crate::runner::slurm::{Begun, TaskMemory, begin_line, end_line};
use crate::runner::store::Why;

use super::display::complain;

/// The log of this task; nothing is written where this is no job of Slurm's, or a person looks on.
#[derive(Debug, Clone, Copy)]
pub(super) struct TaskLog {
    is_kept: bool,
}

impl TaskLog {
    /// Writes that an attempt begins. This does not wait for the environment to be understood: what
    /// is wrong with it is to be told, too.
    pub(super) fn begin() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let is_kept = variable("SLURM_JOB_ID").is_some() && !std::io::stderr().is_terminal();
        if is_kept {
            let memory = TaskMemory::of_task(variable);
            complain(&begin_line(&Begun { node: variable("SLURMD_NODENAME"), memory }));
        }
        Self { is_kept }
    }

    /// Writes why the attempt ends.
    pub(super) fn end(self, why: &Why) {
        if self.is_kept {
            complain(&end_line(why));
        }
    }
}
