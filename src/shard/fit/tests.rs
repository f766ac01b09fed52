//! What a shard's units become does not depend on how they are fitted.

use super::*;
use crate::shard::segment::{Campaigns, segments};
use crate::shard::tally::ConfigurationDone;
use crate::study::Config;
use std::ops::Range;
use std::sync::Mutex;

fn load(assignments: &[&str]) -> (Config, Study) {
    let assignments: Vec<String> = assignments.iter().map(|a| (*a).into()).collect();
    let config = Config::load(None, &assignments).unwrap();
    let study = Study::new(&config).unwrap();
    (config, study)
}

const SMALL: [&str; 6] = [
    "simulate.records=60",
    "simulate.plateau_records=5",
    "study.noise_levels=[0.01,0.1]",
    "study.trials=2",
    "fit.bins=4-9",
    "fit.methods=[\"smooth\",\"ols\",\"warm_start\",\"wls\"]",
];

fn fit(
    config: &Config,
    study: &Study,
    units: Range<u64>,
) -> (Vec<UnitResult>, Vec<ConfigurationDone>) {
    let (results, heard) = fit_rest(config, study, units.clone(), Results::none(&units));
    (results.complete().unwrap(), heard)
}

/// Fits what is not done.
fn fit_rest(
    config: &Config,
    study: &Study,
    units: Range<u64>,
    done: Results,
) -> (Results, Vec<ConfigurationDone>) {
    let (progress, heard) = (Progress::default(), Mutex::new(Vec::new()));
    let kept = Mutex::new(done.clone());
    let segments = segments(config, study, &units, &done, &mut Campaigns::default()).unwrap();
    let left = units.end - units.start - done.done();
    let fitting = Fitting {
        study,
        units,
        done: &done,
        segments: &segments,
        programs: &Programs::none(),
        stop: &Stop::default(),
        progress: &progress,
        listener: &|done| heard.lock().unwrap().push(done),
        keeper: &|first, results| {
            kept.lock().unwrap().put(first, results.to_vec());
        },
        profile: &Profile::off(),
    };
    let mut results = done.clone();
    for piece in fitting.run().pieces {
        let units = piece.results.len() as u64;
        assert_eq!(results.put(piece.first, piece.results), units, "fitted twice");
    }
    assert_eq!(progress.counts().done(), left);
    assert!(results == kept.into_inner().unwrap());
    (results, heard.into_inner().unwrap())
}

/// A unit's outcome is a function of its index: nothing passes from one unit to another, so
/// any way of cutting the units gives the same outcomes.
#[test]
fn any_cut_gives_the_same_outcomes() {
    let (config, study) = load(&SMALL);
    let (whole, _) = fit(&config, &study, 0..study.units());
    for parts in [2, 5, 56] {
        let cut = |i: u64| study.first_unit(study.pieces() * i / parts);
        let fitted: Vec<UnitResult> =
            (0..parts).flat_map(|i| fit(&config, &study, cut(i)..cut(i + 1)).0).collect();
        assert!(fitted == whole, "{parts} parts");
    }
}

#[test]
fn every_configuration_is_announced_once_with_its_units() {
    let (config, study) = load(&SMALL);
    for units in [0..study.units(), 3..18, 11..12, 12..18, 18..31] {
        let (_, heard) = fit(&config, &study, units.clone());
        let sum: u64 = heard.iter().map(|done| done.units).sum();
        assert_eq!(sum, units.end - units.start, "{units:?}");
        let mut order: Vec<u64> = heard.iter().map(|done| done.done).collect();
        order.sort_unstable();
        assert_eq!(order, (1..=heard.len() as u64).collect::<Vec<_>>());
        assert!(heard.iter().all(|done| done.of == heard.len() as u64));
    }
}

/// Whatever is done already, only the rest is fitted, and all is as if nothing had happened.
#[test]
fn only_what_is_not_done_is_fitted() {
    let mut settings = SMALL.to_vec();
    settings.push(r#"fit.methods=["wls","smooth","ols"]"#);
    let (config, study) = load(&settings);
    let units = 3..study.units();
    let (whole, _) = fit(&config, &study, units.clone());
    let mut kept = Results::none(&units);
    for pattern in 0..5_u64 {
        let mut unit = units.start;
        while unit < units.end {
            let length = study.order.piece_at(unit % study.order.units()).unwrap();
            let at = (unit - units.start) as usize;
            if (unit * 7 + pattern).is_multiple_of(5) {
                kept.put(unit, whole[at..at + length as usize].to_vec());
            }
            unit += length;
        }
        let left = units.end - units.start - kept.done();
        let (results, heard) = fit_rest(&config, &study, units.clone(), kept.clone());
        assert!(results.complete().unwrap() == whole, "pattern {pattern}");
        assert_eq!(heard.iter().map(|done| done.units).sum::<u64>(), left);
        assert!(heard.iter().all(|done| done.of == heard.len() as u64));
    }
    assert_eq!(kept.done(), units.end - units.start);
}
