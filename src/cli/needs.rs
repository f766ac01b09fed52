//! What `otfhpc plan` says of the memory that a run needs, beside what it asks Slurm for.

use crate::plan::{BoundPlan, Memory};
use crate::slurm::megabytes;
use crate::study::Study;

/// Threads of a task where the settings do not say: those of the array script.
pub(super) const USUAL_THREADS: u64 = 2;

/// The lines about memory, without the name of the first.
pub(super) fn memory(plan: &BoundPlan, study: &Study) -> Vec<String> {
    let memory = Memory::of(&plan.plan, study);
    let threads = plan.launch.cpus_per_task.map_or(USUAL_THREADS, |n| u64::from(n.get()));
    let task = memory.of_task(threads);
    let further = memory.of_task(threads + 1) - task;
    let mut lines = vec![format!(
        "about {} a task on {threads} threads, {} for a further thread; {} for the merge",
        in_megabytes(task),
        in_megabytes(further),
        in_megabytes(memory.of_merge())
    )];
    if study.methods.iter().any(|method| method.is_external()) {
        lines.push("what external programs take is not counted".into());
    }
    let needed = task.max(memory.of_merge());
    lines.push(match &plan.launch.memory {
        None => "ask for it with --set slurm.memory=... where the cluster limits it".into(),
        Some(asked) => match megabytes(asked) {
            Some(asked_for) if asked_for << 20 < needed => format!(
                "warning: slurm.memory={asked} is less than that: set {}M or more",
                needed.div_ceil(1 << 20)
            ),
            Some(_) => format!("slurm.memory={asked} is enough"),
            None => format!("slurm.memory={asked} is all that the node has, or not understood"),
        },
    });
    lines
}

fn in_megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}
