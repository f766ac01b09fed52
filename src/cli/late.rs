//! Waits, in a merge that Slurm started, for files that come late.

use std::time::{Duration, Instant};

use crate::foundations::files::listing;
use crate::runner::life::late_shards;
use crate::runner::plan::BoundPlan;
use crate::runner::slurm::ranges;
use crate::runner::store::Partial;
use crate::runner::store::RunDir;

use super::display::complain;
use super::exit::Volume;

/// As long as a network file system may keep what it last knew of a folder.
const LONGEST: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(500);

/// Waits for the partials of tasks that have done their work, for a bounded time; not at all where
/// this is no job of Slurm's.
pub(super) fn wait(run: &RunDir, plan: &BoundPlan, volume: Volume) {
    if variable("SLURM_JOB_ID").is_none() {
        return;
    }
    let mut late = late_shards(run, plan, &awaited());
    if late.is_empty() {
        return;
    }
    if volume > Volume::Quiet {
        let list = ranges(&late.iter().copied().collect::<Vec<u32>>());
        complain(&format!(
            "otfhpc: the tasks of shards {list} are completed, but their files are not there yet: \
             waiting up to {} s",
            LONGEST.as_secs()
        ));
    }
    let start = Instant::now();
    while !late.is_empty() && start.elapsed() < LONGEST {
        std::thread::sleep(PAUSE);
        // Reading the folder makes a network file system ask for it anew.
        let _ = listing::names(&run.partials());
        late.retain(|shard| Partial::check(run, plan, *shard).is_err());
    }
}

/// The jobs that this one had to wait for, as in `afterany:12:13`.
fn awaited() -> Vec<String> {
    let dependency = variable("SLURM_JOB_DEPENDENCY").unwrap_or_default();
    let numbers = dependency.split(|c: char| !c.is_ascii_digit() && c != '_');
    let jobs = numbers.map(|number| number.split('_').next().unwrap_or_default());
    jobs.filter(|job| !job.is_empty()).map(str::to_owned).collect()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
