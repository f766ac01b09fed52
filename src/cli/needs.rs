//! What `otfhpc plan` says of the memory that a run needs, beside what it asks Slurm for.

use crate::plan::{BoundPlan, Memory};
use crate::study::Study;

/// Threads of a task where the settings do not say: those of the array script.
const USUAL_THREADS: u64 = 2;

/// The lines about memory, without the name of the first.
pub(super) fn memory(plan: &BoundPlan, study: &Study) -> Vec<String> {
    let memory = Memory::of(&plan.plan, study);
    let threads = plan.launch.cpus_per_task.map_or(USUAL_THREADS, |n| u64::from(n.get()));
    let task = memory.of_task(threads);
    let further = memory.of_task(threads + 1) - task;
    let mut lines = vec![format!(
        "about {} a task on {threads} threads, {} for a further thread; {} for the merge",
        megabytes(task),
        megabytes(further),
        megabytes(memory.of_merge())
    )];
    if study.methods.iter().any(|method| method.is_external()) {
        lines.push("what external programs take is not counted".into());
    }
    let needed = task.max(memory.of_merge());
    lines.push(match &plan.launch.memory {
        None => "ask for it with --set slurm.memory=... where the cluster limits it".into(),
        Some(asked) => match bytes_of(asked) {
            Some(bytes) if bytes < needed => format!(
                "warning: slurm.memory={asked} is less than that: set {}M or more",
                needed.div_ceil(1 << 20)
            ),
            Some(_) => format!("slurm.memory={asked} is enough"),
            None => format!("slurm.memory={asked} is all that the node has, or not understood"),
        },
    });
    lines
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

/// A number as sbatch's `--mem` reads it: of mebibytes, unless a letter follows. 0 is all there is.
fn bytes_of(text: &str) -> Option<u64> {
    let letters = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let number: u64 = text[..text.len() - letters.len()].parse().ok()?;
    let unit = match letters.to_ascii_uppercase().trim_end_matches('B') {
        "K" => 1 << 10,
        "" | "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1_u64 << 40,
        _ => return None,
    };
    number.checked_mul(unit).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_sbatch_does() {
        let read = ["4G", "500", "500M", "512K", "1T", "0", "a lot", "", "4X"].map(bytes_of);
        let (mebi, gibi) = (1 << 20, 1_u64 << 30);
        let expected = [4 * gibi, 500 * mebi, 500 * mebi, mebi / 2, 1024 * gibi].map(Some);
        assert_eq!(read[..5], expected);
        assert_eq!(read[5..], [None; 4]);
    }
}
