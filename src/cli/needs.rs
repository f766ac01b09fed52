//! What `otfhpc plan` says of the memory that a run needs, beside what it asks Slurm for.

use anyhow::{Result, bail};

use crate::foundations::machine::{MemoryLimit, memory_limit};
use crate::otf::study::{Config, Study};
use crate::otf::{Otf, check_simulation, check_spectra};
use crate::runner::plan::{BoundPlan, Needs};
use crate::runner::slurm::{Environment, TaskMemory, megabytes};

/// Threads of a task where the settings do not say: those of the array script.
pub(super) const USUAL_THREADS: u64 = 2;

/// The narrowest limit on the memory of this process: the machine's, or that of its job.
fn limit(slurm: &Environment) -> Option<MemoryLimit> {
    let of_job = slurm.memory.map(|bytes| {
        let source = "its Slurm job was given".to_owned();
        MemoryLimit { bytes, source }
    });
    of_job.into_iter().chain(memory_limit()).min_by_key(|limit| limit.bytes)
}

/// Refuses to fit a plan here on so many threads that the memory is not enough.
pub(super) fn check_task(needs: &Needs, threads: usize, slurm: &Environment) -> Result<()> {
    let Some(limit) = limit(slurm) else { return Ok(()) };
    Ok(needs.check_task(threads as u64, &limit)?)
}

/// Refuses to fit and merge here what is too much for the memory.
pub(super) fn check_all(needs: &Needs, threads: usize, slurm: &Environment) -> Result<()> {
    check_task(needs, threads, slurm)?;
    let Some(limit) = limit(slurm) else { return Ok(()) };
    Ok(needs.check_merge(&limit)?)
}

/// Refuses to simulate more than the memory holds.
pub(super) fn check_simulated(config: &Config, study: &Study) -> Result<()> {
    let records = config.simulate.records as u64;
    memory_limit().map_or(Ok(()), |limit| Ok(check_simulation(records, study, &limit)?))
}

/// Refuses to write the spectra of a data set where the memory does not hold them.
pub(super) fn check_written_spectra(otf: &Otf, set: usize) -> Result<()> {
    let (Some(limit), sets) = (memory_limit(), otf.data_sets()) else { return Ok(()) };
    let Some(set) = sets.get(set) else { return Ok(()) };
    Ok(check_spectra(otf.config(), otf.study(), set, &limit)?)
}

/// Refuses to submit tasks that would be given less memory than they need: `given` are the user's
/// options for sbatch.
pub(super) fn check_asked(plan: &BoundPlan, needs: &Needs, given: &[String]) -> Result<()> {
    let threads = plan.launch.cpus_per_task.map_or(USUAL_THREADS, |n| u64::from(n.get()));
    let launched = plan.launch.memory.as_deref().and_then(megabytes);
    let of_option = given.iter().rev().find_map(|word| TaskMemory::of_option(word));
    let of_option = of_option.map(|memory| memory.like(TaskMemory::PerNode(0), threads).amount());
    // 0 is all that the node has.
    let Some(asked) = of_option.or(launched).filter(|asked| *asked > 0) else { return Ok(()) };
    let needed = needs.of_task(threads).div_ceil(1 << 20);
    if needed > asked {
        bail!(
            "a task on {threads} threads needs about {needed}M of memory, but slurm.memory or --mem \
             asks for {asked}M; add --sbatch-arg=--mem={needed}M, or plan again with \
             --set slurm.memory={needed}M, or with fewer records or more shards"
        );
    }
    Ok(())
}

/// The lines about memory, without the name of the first.
pub(super) fn memory(plan: &BoundPlan, memory: &Needs, not_counted: Option<&str>) -> Vec<String> {
    let threads = plan.launch.cpus_per_task.map_or(USUAL_THREADS, |n| u64::from(n.get()));
    let task = memory.of_task(threads);
    let further = memory.of_task(threads + 1) - task;
    let further = match further {
        0 => String::new(),
        bytes => format!(", {} for a further thread", in_megabytes(bytes)),
    };
    let mut lines = vec![format!(
        "about {} a task on {threads} threads{further}; {} for the merge",
        in_megabytes(task),
        in_megabytes(memory.of_merge)
    )];
    lines.extend(not_counted.map(str::to_owned));
    let needed = task.max(memory.of_merge);
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
