//! How long a study will take, from how long its methods take at a few bins.

use std::time::Duration;

use anyhow::Result;
use indicatif::HumanDuration;
use rayon::ThreadPoolBuilder;

use crate::data::settings::{SimulateSettings, Source};
use crate::plan::BoundPlan;
use crate::shard::{Campaigns, ThreadCount, Timed, thread_time, time_methods};
use crate::study::{Config, Study};

use super::display::program;
use super::needs::USUAL_THREADS;

/// About as much as the look at the methods may take.
const BUDGET: Duration = Duration::from_secs(1);
/// Simulated records that are looked at; more of them take longer in proportion.
const MOST_RECORDS: usize = 600;
/// A task should be worth its start, and be done before anybody's patience is at an end, s.
const TASK_SECONDS: f64 = 1200.0;
/// Of a study that takes less than this here, s, no cluster is asked.
const SMALL_SECONDS: f64 = 300.0;
/// A time limit is so many times what is foretold, and a start.
const MARGIN: f64 = 3.0;
const START_SECONDS: f64 = 300.0;

/// What a study takes on one thread.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cost {
    /// Seconds for all units.
    fitting: f64,
    /// Seconds for reading or simulating the data sets, in each process.
    preparing: f64,
}

/// The lines about time, without the name of the first. Data sets that were read are in `campaigns`.
pub(super) fn time(
    plan: &BoundPlan,
    study: &Study,
    campaigns: &mut Campaigns,
) -> Result<Vec<String>> {
    let cost = measure(&plan.plan.config, study, campaigns)?;
    let here = ThreadCount::choose(&[]).threads as f64;
    let threads = plan.launch.cpus_per_task.map_or(USUAL_THREADS, |n| u64::from(n.get())) as f64;
    let shards = plan.shards.live().len() as f64;
    let mut lines = vec![format!(
        "about {} of processor time; {} a shard on {threads} threads",
        human(cost.fitting),
        human(cost.preparing + cost.fitting / shards / threads)
    )];
    if study.methods.iter().any(|method| method.is_external()) {
        lines.push("what external programs take is not counted".into());
    }
    lines.push(advice(&cost, (here, threads), study.pieces()));
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

fn measure(config: &Config, study: &Study, campaigns: &mut Campaigns) -> Result<Cost> {
    let (mut config, mut larger) = (config.clone(), 1.0);
    let SimulateSettings { records, .. } = config.simulate;
    if config.data.source == Source::Simulate && records > MOST_RECORDS {
        config.simulate.records = MOST_RECORDS;
        larger = records as f64 / MOST_RECORDS as f64;
    }
    let pool = ThreadPoolBuilder::new().num_threads(1).build()?;
    let (timed, preparing) = pool.install(|| -> Result<_> {
        let clock = thread_time();
        // Simulated ones are made for this look alone: those that are fitted may have more records.
        let mut few = Campaigns::default();
        let simulated = config.data.source == Source::Simulate;
        let campaigns = if simulated { &mut few } else { campaigns };
        let campaign = campaigns.get(&config, study, 0)?;
        let preparing = thread_time() - clock;
        Ok((time_methods(study, &campaign, BUDGET), preparing))
    })?;
    let preparing = larger * preparing.as_secs_f64() * study.sets.len() as f64;
    Ok(Cost { fitting: larger * fitting(study, &timed), preparing })
}

/// Seconds for all units, on one thread.
fn fitting(study: &Study, timed: &Timed) -> f64 {
    let bins = study.bins.len() as f64;
    let native = || study.methods.iter().zip(&timed.units).filter(|(m, _)| !m.is_external());
    // Methods whose turn did not come take as much longer than the others as the registry says.
    let known =
        native().filter_map(|(m, time)| Some((f64::from(m.cost()), (*time)?.as_secs_f64())));
    let (costs, times) = known.fold((0.0, 0.0), |(c, t), (cost, time)| (c + cost, t + time));
    let of = |cost: u32| if costs > 0.0 { f64::from(cost) * times / costs } else { 0.0 };
    let units: f64 = native()
        .map(|(m, time)| time.map_or_else(|| of(m.cost()), |time| time.as_secs_f64()))
        .sum();
    let realisation =
        timed.realisation.as_secs_f64() + bins * (timed.gathering.as_secs_f64() + units);
    study.realisations() as f64 * realisation
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

    #[test]
    fn a_small_study_stays_here_and_a_large_one_is_cut_into_shards_of_twenty_minutes() {
        let small = advice(&Cost { fitting: 500.0, preparing: 1.0 }, (2.0, 2.0), 1000);
        assert!(small.contains("4 minutes on 2 threads here"), "{small}");
        assert!(small.contains(" local` with the same settings"), "{small}");
        let large = Cost { fitting: 240_000.0, preparing: 10.0 };
        let told = advice(&large, (2.0, 2.0), 1_000_000);
        // 100 shards of 1200 s and 10 s before; three times that, and five minutes.
        assert_eq!(told, "--shards 100 fits, with --set slurm.time=01:06:00 or more");
        assert!(
            advice(&large, (2.0, 2.0), 7).starts_with("--shards 7 fits"),
            "no more than pieces"
        );
    }

    #[test]
    fn what_was_not_measured_takes_as_much_longer_as_the_registry_says() {
        let settings = ["fit.methods=[\"ols\",\"lad\"]", "fit.bins=1-10", "study.trials=3"];
        let study = Study::new(&Config::load(None, &settings.map(String::from)).unwrap()).unwrap();
        let ms = Duration::from_millis;
        let all =
            Timed { realisation: ms(5), gathering: ms(1), units: vec![Some(ms(2)), Some(ms(7))] };
        assert!((fitting(&study, &all) - 3.0 * (0.005 + 10.0 * 0.010)).abs() < 1e-9);
        let some = Timed { units: vec![Some(ms(2)), None], ..all };
        let ratio = f64::from(study.methods[1].cost()) / f64::from(study.methods[0].cost());
        let expected = 3.0 * (0.005 + 10.0 * (0.001 + 0.002 * (1.0 + ratio)));
        assert!((fitting(&study, &some) - expected).abs() < 1e-9);
    }
}
