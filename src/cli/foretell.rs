//! How long a study will take, from how long its methods take at a few bins.

use std::time::Duration;

use anyhow::Result;
use indicatif::HumanDuration;

use crate::runner::engine::{Cost, ThreadCount, Workload};
use crate::runner::plan::BoundPlan;

use super::display::program;
use super::needs::USUAL_THREADS;

/// A task should be worth its start, and be done before anybody's patience is at an end, s.
const TASK_SECONDS: f64 = 1200.0;
/// Of a study that takes less than this here, s, no cluster is asked.
const SMALL_SECONDS: f64 = 300.0;
/// A time limit is so many times what is foretold, and a start.
const MARGIN: f64 = 3.0;
const START_SECONDS: f64 = 300.0;

/// The lines about time, without the name of the first.
pub(super) fn time(plan: &BoundPlan, workload: &dyn Workload) -> Result<Vec<String>> {
    let Some(cost) = workload.foretell()? else { return Ok(Vec::new()) };
    let here = ThreadCount::choose(&[]).threads as f64;
    let threads = plan.launch.cpus_per_task.map_or(USUAL_THREADS, |n| u64::from(n.get())) as f64;
    let shards = plan.shards.live().len() as f64;
    let mut lines = vec![format!(
        "about {} of processor time; {} a shard on {threads} threads",
        human(cost.fitting),
        human(cost.preparing + cost.fitting / shards / threads)
    )];
    if cost.leaves_programs_out {
        lines.push("what external programs take is not counted".into());
    }
    lines.push(advice(&cost, (here, threads), plan.layout.pieces()));
    Ok(lines)
}

/// Where the study is fitted best, and how.
fn advice(cost: &Cost, (here, threads): (f64, f64), pieces: u64) -> String {
    let alone = cost.preparing + cost.fitting / here;
    if alone < SMALL_SECONDS {
        return format!(
            "{} on {here} threads here: `{} local` with the same settings is faster than a cluster",
            human(alone),
            program()
        );
    }
    let shards = (cost.fitting / threads / TASK_SECONDS).ceil().clamp(1.0, pieces as f64);
    let seconds = MARGIN * (cost.preparing + cost.fitting / threads / shards) + START_SECONDS;
    let minutes = (seconds / 60.0).ceil() as u64;
    format!(
        "--shards {shards} fits, with --set slurm.time={:02}:{:02}:00 or more",
        minutes / 60,
        minutes % 60
    )
}

fn human(seconds: f64) -> String {
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if seconds < 1.0 => format!("{} ms", time.as_millis().max(1)),
        Ok(time) => HumanDuration(time).to_string(),
        Err(_) => "too long to say".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(fitting: f64, preparing: f64) -> Cost {
        Cost { fitting, preparing, leaves_programs_out: false }
    }

    #[test]
    fn a_small_study_stays_here_and_a_large_one_is_cut_into_shards_of_twenty_minutes() {
        let small = advice(&cost(500.0, 1.0), (2.0, 2.0), 1000);
        assert!(small.contains("4 minutes on 2 threads here"), "{small}");
        assert!(small.contains(" local` with the same settings"), "{small}");
        let large = cost(240_000.0, 10.0);
        let told = advice(&large, (2.0, 2.0), 1_000_000);
        // 100 shards of 1200 s and 10 s before; three times that, and five minutes.
        assert_eq!(told, "--shards 100 fits, with --set slurm.time=01:06:00 or more");
        assert!(
            advice(&large, (2.0, 2.0), 7).starts_with("--shards 7 fits"),
            "no more than pieces"
        );
    }
}
