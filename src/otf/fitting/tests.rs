//! What a shard's units become does not depend on how they are fitted.

use std::ops::Range;
use std::sync::Mutex;

use super::*;
use crate::foundations::npz::Hold;
use crate::otf::segment::{Campaigns, segments};
use crate::otf::study::Config;
use crate::runner::engine::{Profile, Programs, Stop};
use crate::runner::store::{Envelope, Results};
use crate::science::data::{Campaign, write_calibration_set};

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

fn fit_all(config: &Config, study: &Study, units: Range<u64>) -> Vec<Envelope> {
    let results = fit_rest(config, study, units.clone(), Results::none(&units));
    results.complete().unwrap()
}

/// Fits what is not done.
fn fit_rest(config: &Config, study: &Study, units: Range<u64>, done: Results) -> Results {
    let segments = segments(config, study, &units, &done, &mut Campaigns::default()).unwrap();
    let left = units.end - units.start - done.done();
    let (kept, fresh) = (Mutex::new(done.clone()), Mutex::new(0));
    let keeper = |first, results: Vec<Envelope>, _| {
        let units = results.len() as u64;
        assert_eq!(kept.lock().unwrap().put(first, results), units, "fitted twice");
        *fresh.lock().unwrap() += units;
    };
    let programs = Programs { at_once: 1, logs: "".into() };
    let (stop, profile) = (Stop::default(), Profile::off());
    let work = Work::new(units, &done, &programs, (&stop, &profile), &keeper);
    fit(study, &segments, &work).unwrap();
    assert_eq!(fresh.into_inner().unwrap(), left);
    kept.into_inner().unwrap()
}

/// A unit's outcome is a function of its index: nothing passes from one unit to another, so
/// any way of cutting the units gives the same outcomes.
#[test]
fn any_cut_gives_the_same_outcomes() {
    let (config, study) = load(&SMALL);
    let whole = fit_all(&config, &study, 0..study.units());
    for parts in [2, 5, 56] {
        let cut = |i: u64| study.layout.first_unit(study.layout.pieces() * i / parts);
        let fitted: Vec<Envelope> =
            (0..parts).flat_map(|i| fit_all(&config, &study, cut(i)..cut(i + 1))).collect();
        assert!(fitted == whole, "{parts} parts");
    }
}

/// Whatever is done already, only the rest is fitted, and all is as if nothing had happened.
#[test]
fn only_what_is_not_done_is_fitted() {
    let mut settings = SMALL.to_vec();
    settings.push(r#"fit.methods=["wls","smooth","ols"]"#);
    let (config, study) = load(&settings);
    let units = 3..study.units();
    let whole = fit_all(&config, &study, units.clone());
    let mut kept = Results::none(&units);
    for pattern in 0..5_u64 {
        for piece in study.layout.pieces_of(units.clone()) {
            let at = |unit: u64| (unit - units.start) as usize;
            if (piece.start * 7 + pattern).is_multiple_of(5) {
                kept.put(piece.start, whole[at(piece.start)..at(piece.end)].to_vec());
            }
        }
        let results = fit_rest(&config, &study, units.clone(), kept.clone());
        assert!(results.complete().unwrap() == whole, "pattern {pattern}");
    }
    assert_eq!(kept.done(), units.end - units.start);
}

/// More records than a window has: fitted window by window they give the bits that they give at once, as
/// they are fitted where other methods need them all.
#[test]
fn windows_of_records_change_no_bit() {
    let settings = |methods: &'static str, more: &[&'static str]| {
        let fixed = ["simulate.records=3500", "study.trials=1", "fit.bins=0-3,20,256", methods];
        load(&[&fixed[..], more].concat())
    };
    for more in [
        &["study.noise_levels=[0.01]"][..],
        &["study.noise_levels=[0.01]", "instrument.corrections={h2=1e-3,h3=-1e-3}"][..],
        // Where only the ratios of variances are known, the methods need all records.
        &["study.noise_levels=[0.0]"][..],
    ] {
        let (config, study) = settings("fit.methods=[\"ols\",\"wls\",\"wls+kirchhoff\"]", more);
        let (config_of_all, all) =
            settings("fit.methods=[\"ridge\",\"ols\",\"wls\",\"wls+kirchhoff\"]", more);
        let at_once = fit_all(&config_of_all, &all, 0..all.units());
        let campaign = Campaigns::default().get(&config, &study, 0).unwrap();
        let draw = study.draw(study.realisation(0));
        for (threads, count) in [(1, 4), (8, 3)] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(|| campaign.windows(&draw).len()), count);
            let windows = pool.install(|| fit_all(&config, &study, 0..study.units()));
            for (position, method) in (0..study.bins.len()).flat_map(|p| [0, 1, 2].map(|m| (p, m)))
            {
                let unit = study.layout.order().unit_of(position, method).unwrap();
                let other = all.layout.order().unit_of(position, method + 1).unwrap();
                assert_eq!(windows[unit as usize], at_once[other as usize], "{position} {method}");
            }
        }
    }
}

/// Interferograms that can no longer be read end the fit with an error: no unit fails or is done for that.
#[test]
fn what_cannot_be_read_ends_the_fit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cal.npz");
    let (config, study) = load(&["simulate.records=1500", "simulate.rounding=true"]);
    let simulated = Campaign::prepare(study.sets[0], &study.recipe(&config)).unwrap();
    write_calibration_set(&path, &[simulated], 0.01, 1).unwrap();
    let source = format!("data.path={}", path.display());
    let whole = std::fs::read(&path).unwrap();
    for methods in ["[\"ols\",\"wls\"]", "[\"ridge\"]", "[\"smooth\"]", "[\"joint\"]", "all"] {
        let methods = format!("fit.methods={methods}");
        let settings = ["data.source=npz", &source, "data.sigma=1.0", "fit.bins=8-12", &methods];
        let (config, study) = load(&settings);
        std::fs::write(&path, &whole).unwrap();
        let recipe = study.recipe(&config);
        let left = Campaign::prepare_holding(study.sets[0], &recipe, Hold::Never).unwrap();
        let mut campaigns = Campaigns::default();
        campaigns.put(&study, 0, left);
        let units = 0..study.units();
        let done = Results::none(&units);
        let segments = segments(&config, &study, &units, &done, &mut campaigns).unwrap();
        let kept = Mutex::new(0);
        let keeper = |_, results: Vec<Envelope>, _| *kept.lock().unwrap() += results.len();
        let programs = Programs { at_once: 1, logs: "".into() };
        let (stop, profile) = (Stop::default(), Profile::off());
        let work = || Work::new(units.clone(), &done, &programs, (&stop, &profile), &keeper);
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(300_000).unwrap();
        let error = fit(&study, &segments, &work()).unwrap_err().to_string();
        assert!(error.contains("' changed while it was read (row "), "{methods}: {error}");
        assert_eq!(*kept.lock().unwrap(), 0, "{methods}");
    }
}
