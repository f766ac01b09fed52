//! How long a study will take, from how long its methods take at a few bins.

use std::time::Duration;

use crate::foundations::threads;
use crate::runner::engine::Cost;
use crate::science::data::DataError;
use crate::science::data::settings::{SimulateSettings, Source};

use super::probe::{Timed, thread_time, time_methods};
use super::segment::Campaigns;
use super::study::{Config, Study};

/// About as much as the look at the methods may take.
const BUDGET: Duration = Duration::from_secs(1);
/// Simulated records that are looked at; more of them take longer in proportion.
const MOST_RECORDS: usize = 600;

/// What a study takes. Data sets that were read are in `campaigns`; none if there are no threads.
///
/// # Errors
/// If a data set cannot be read.
pub(super) fn measure(
    config: &Config,
    study: &Study,
    campaigns: &mut Campaigns,
) -> Result<Option<Cost>, DataError> {
    let (mut config, mut larger) = (config.clone(), 1.0);
    let SimulateSettings { records, .. } = config.simulate;
    if config.data.source == Source::Simulate && records > MOST_RECORDS {
        config.simulate.records = MOST_RECORDS;
        larger = records as f64 / MOST_RECORDS as f64;
    }
    let Ok(pool) = threads::pool(1) else { return Ok(None) };
    let (timed, preparing) = pool.install(|| -> Result<_, DataError> {
        let clock = thread_time();
        // Simulated ones are made for this look alone: those that are fitted may have more records.
        let mut few = Campaigns::default();
        let simulated = config.data.source == Source::Simulate;
        let campaigns = if simulated { &mut few } else { campaigns };
        let campaign = campaigns.get(&config, study, 0)?;
        let preparing = thread_time() - clock;
        Ok((time_methods(study, &campaign, BUDGET)?, preparing))
    })?;
    let preparing = larger * preparing.as_secs_f64() * study.sets.len() as f64;
    let leaves_programs_out = study.methods.iter().any(|method| method.is_external());
    Ok(Some(Cost { fitting: larger * fitting(study, &timed), preparing, leaves_programs_out }))
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

#[cfg(test)]
mod tests {
    use super::*;

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
