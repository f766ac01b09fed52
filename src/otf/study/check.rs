//! Settings checked against each other.

use std::time::Duration;

use thiserror::Error;

use crate::science::data::settings::Source;
use crate::science::data::{Emitter, EmitterError, Resampling, choose_emitters};
use crate::science::instrument::ChannelScan;

use super::choice::{ChoiceError, MethodChoice};
use super::config::{Config, FitSettings};

/// Noise level of a simulation when none is given, in units of the median null RMS.
const DEFAULT_NOISE_LEVEL: f64 = 0.02;

/// Largest error of a thermometer, K: the coldest body, at 1.5 K, is still read as warmer than zero.
const MOST_TEMPERATURE_ERROR_K: f64 = 0.1;

/// Largest relative error of the bolometer's parameters: with more, it may have no state.
const MOST_BOLOMETER_ERROR: f64 = 0.05;
/// Largest commanded bias: eight bits.
const MOST_BIAS_COUNTS: f64 = 255.0;

/// Settings that do not fit together. Every message names the setting and the mend.
#[derive(Debug, Error)]
pub enum StudyError {
    /// A list that must have an element.
    #[error("{setting} is empty: expected at least one, as in --set {example}")]
    Empty {
        /// The setting.
        setting: &'static str,
        /// How to give one.
        example: &'static str,
    },
    /// Something listed twice, which would be fitted twice.
    #[error("{setting} lists {value} twice: expected each once")]
    Twice {
        /// The setting.
        setting: &'static str,
        /// What is there twice.
        value: String,
    },
    /// A number out of range.
    #[error("{setting} is {value}: expected {expected}")]
    Range {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What would do.
        expected: String,
    },
    /// A method that cannot be chosen so.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// An emitter that cannot be chosen so.
    #[error(transparent)]
    Emitter(#[from] EmitterError),
    /// Noise levels for data that have their own noise.
    #[error(
        "study.noise_levels is set, but data.source is \"npz\": measured data have their own noise; \
         remove study.noise_levels"
    )]
    MeasuredNoise,
    /// Trials of measured data that would all be the same.
    #[error(
        "study.trials is {0}, but data.source is \"npz\": fitting the same records again gives the \
         same; say what a trial is with --set study.resampling=bootstrap or \
         --set study.resampling=cross-validation"
    )]
    MeasuredTrials(u64),
    /// Resampling of simulated data.
    #[error(
        "study.resampling is set, but data.source is \"simulate\": its trials are draws of noise; \
         remove study.resampling"
    )]
    SimulatedResampling,
    /// Cross-validation with one fold.
    #[error(
        "study.resampling is \"cross-validation\" with study.trials=1: expected two folds or more, \
         as in --set study.trials=5"
    )]
    OneFold,
    /// A channel's own bolometer named as another's.
    #[error(
        "data.other_bolometers has {channel}, whose own bolometer is emitter 6 already; \
         name other channels only"
    )]
    OwnBolometer {
        /// The channel.
        channel: String,
    },
    /// A setting of the joint fit.
    #[error("fit.options.joint: {0}")]
    Joint(String),
    /// Data sets to be fitted together that are not there.
    #[error(
        "fit.options.joint.together names `{name}`, which is no data set of this study{meant}; \
         data.sets has {valid}: add it there, or leave it out of fit.options.joint.together"
    )]
    Together {
        /// As typed.
        name: String,
        /// The one that may have been meant, as a question; empty if none is like it.
        meant: String,
        /// All that there are.
        valid: String,
    },
    /// More units than can be counted.
    #[error("the study has more than 2^63 units; reduce study.trials")]
    TooLarge,
}

/// Most records of a data set: some 40 GB of interferograms.
const MOST_RECORDS: u64 = 10_000_000;
/// Most trials.
pub const MOST_TRIALS: u64 = 1_000_000_000;
/// Most entries of a list.
const MOST_LISTED: usize = 1000;
/// Longest time that anything may take, s: some thirty years.
const MOST_SECONDS: f64 = 1e9;
/// Most processors of a task.
pub const MOST_THREADS: u32 = 4096;
/// Most tasks that Slurm lets an array have.
const MOST_TASKS: u32 = 4_000_000;

pub(super) fn ranges(config: &Config) -> Result<(), StudyError> {
    let (study, simulate) = (&config.study, &config.simulate);
    counted("study.trials", study.trials, MOST_TRIALS)?;
    counted("simulate.records", simulate.records as u64, MOST_RECORDS)?;
    counted("simulate.plateau_records", simulate.plateau_records as u64, MOST_RECORDS)?;
    let asked = [
        ("slurm.cpus_per_task", config.slurm.cpus_per_task, MOST_THREADS),
        ("slurm.throttle", config.slurm.throttle, MOST_TASKS),
    ];
    for (setting, value, most) in asked {
        counted(setting, value.map_or(1, |value| value.get().into()), most.into())?;
    }
    let listed = [
        ("fit.methods", config.fit.methods.len()),
        ("[[method]]", config.method.len()),
        ("study.noise_levels", study.noise_levels.as_ref().map_or(0, Vec::len)),
        ("data.sets", config.data.sets.len()),
        ("simulate.biases", simulate.biases.len()),
        ("data.other_bolometers", config.data.other_bolometers.len()),
        ("slurm.extra", config.slurm.extra.len()),
    ];
    for (setting, entries) in listed {
        let expected = || format!("{MOST_LISTED} or fewer");
        within(entries <= MOST_LISTED, setting, || format!("{entries} entries long"), expected)?;
    }
    numbers(config)?;
    check_levels(config)
}

/// A number of things: one or more, and not so many that asking for the memory would end it all.
fn counted(setting: &'static str, value: u64, most: u64) -> Result<(), StudyError> {
    let expected = || format!("a whole number, 1 to {most}");
    within((1..=most).contains(&value), setting, || value.to_string(), expected)
}

fn within(
    holds: bool,
    setting: &'static str,
    value: impl FnOnce() -> String,
    expected: impl FnOnce() -> String,
) -> Result<(), StudyError> {
    if holds {
        Ok(())
    } else {
        Err(StudyError::Range { setting, value: value(), expected: expected() })
    }
}

fn numbers(config: &Config) -> Result<(), StudyError> {
    let (simulate, full) = (&config.simulate, config.data.saturation_counts);
    let (dither, part) = (simulate.dither_counts, simulate.glitch_fraction);
    let (height, error) = (simulate.glitch_sigma, simulate.model_error);
    let (warm, match_s) = (config.data.max_temperature_k, config.data.match_within_s);
    let least = config.instrument.least_transfer.unwrap_or(0.0);
    let read_k = simulate.temperature_error_k;
    let is_small = |kelvin: f64| (0.0..=MOST_TEMPERATURE_ERROR_K).contains(&kelvin);
    let (plateau_k, relative) = (simulate.plateau_error_k, simulate.bolometer_error);
    let is_near = (0.0..=MOST_BOLOMETER_ERROR).contains(&relative);
    let not_negative = |value: f64| value >= 0.0 && value.is_finite();
    for (holds, setting, value, expected) in [
        (not_negative(dither), "simulate.dither_counts", dither, "zero or more counts"),
        ((0.0..=1.0).contains(&part), "simulate.glitch_fraction", part, "0 to 1"),
        (not_negative(height), "simulate.glitch_sigma", height, "zero or more standard deviations"),
        (not_negative(error), "simulate.model_error", error, "zero or more, relative"),
        (full > 0.0, "data.saturation_counts", full, "more than zero counts"),
        (warm > 0.0, "data.max_temperature_k", warm, "more than zero K"),
        (match_s >= 0.0, "data.match_within_s", match_s, "zero or more seconds"),
        ((0.0..1.0).contains(&least), "instrument.least_transfer", least, "zero or more, below 1"),
        (is_small(read_k), "simulate.temperature_error_k", read_k, "0 to 0.1 K"),
        (is_small(plateau_k), "simulate.plateau_error_k", plateau_k, "0 to 0.1 K"),
        (is_near, "simulate.bolometer_error", relative, "0 to 0.05, relative"),
    ] {
        within(holds, setting, || value.to_string(), || expected.into())?;
    }
    for &bias in &simulate.biases {
        let holds = bias > 0.0 && bias <= MOST_BIAS_COUNTS;
        let expected = || "counts, more than zero, up to 255".into();
        within(holds, "simulate.biases", || bias.to_string(), expected)?;
    }
    Ok(())
}

/// Whether every realisation reads the temperatures with errors of its own.
pub(super) fn disturbs_readings(config: &Config) -> bool {
    config.data.source == Source::Simulate && config.simulate.temperature_error_k > 0.0
}

fn check_levels(config: &Config) -> Result<(), StudyError> {
    for &level in config.study.noise_levels.iter().flatten() {
        let expected = || "zero or more, in units of the median null RMS".into();
        let holds = level >= 0.0 && level.is_finite();
        within(holds, "study.noise_levels", || level.to_string(), expected)?;
    }
    Ok(())
}

/// A time limit, if it is one.
pub(super) fn seconds(seconds: f64) -> Result<Duration, String> {
    match Duration::try_from_secs_f64(seconds) {
        Ok(limit) if !limit.is_zero() && seconds <= MOST_SECONDS => Ok(limit),
        _ => Err(format!("seconds, more than zero, up to {MOST_SECONDS}")),
    }
}

pub(super) fn noise_levels(config: &Config) -> Result<Vec<f64>, StudyError> {
    let given = &config.study.noise_levels;
    if config.data.source == Source::Npz {
        return match given {
            Some(_) => Err(StudyError::MeasuredNoise),
            None => Ok(vec![0.0]),
        };
    }
    match given {
        None => Ok(vec![DEFAULT_NOISE_LEVEL]),
        Some(levels) => unique("study.noise_levels", "study.noise_levels=[0.02]", levels),
    }
}

pub(super) fn unit_limit(fit: &FitSettings) -> Result<Option<Duration>, StudyError> {
    let Some(given) = fit.unit_seconds else { return Ok(None) };
    let refused = |expected| StudyError::Range {
        setting: "fit.unit_seconds",
        value: given.to_string(),
        expected,
    };
    seconds(given).map(Some).map_err(refused)
}

pub(super) fn resampling(config: &Config) -> Result<Resampling, StudyError> {
    let (resampling, trials) = (config.study.resampling, config.study.trials);
    match (config.data.source, resampling) {
        (Source::Simulate, Resampling::Bootstrap | Resampling::CrossValidation) => {
            Err(StudyError::SimulatedResampling)
        }
        (Source::Npz, Resampling::None) if trials > 1 => Err(StudyError::MeasuredTrials(trials)),
        (Source::Npz, Resampling::CrossValidation) if trials < 2 => Err(StudyError::OneFold),
        _ => Ok(resampling),
    }
}

pub(super) fn chosen_methods(
    config: &Config,
    emitters: &[Emitter],
) -> Result<Vec<MethodChoice>, StudyError> {
    let names: Vec<&str> = emitters.iter().map(Emitter::name).collect();
    let labels = MethodChoice::expand(&config.fit.methods, &config.method);
    let labels = unique("fit.methods", "fit.methods='[\"wls\"]'", &labels)?;
    Ok(MethodChoice::all(&labels, &config.fit, &config.method, &names)?)
}

pub(super) fn emitters(config: &Config) -> Result<Vec<Emitter>, StudyError> {
    for &channel in &config.data.other_bolometers {
        if config.data.sets.iter().any(|set| set.channel == channel) {
            return Err(StudyError::OwnBolometer { channel: channel.to_string() });
        }
    }
    unique_or_none("data.other_bolometers", &config.data.other_bolometers)?;
    let conventions = config.instrument.conventions;
    let rule = config.fit.bolometer_temperature.unwrap_or(conventions.bolometer_temperature());
    let emitters = choose_emitters(&config.data, &config.emitter, rule)?;
    unique("data.emitters", "data.emitters='[\"xcal\", \"ical\"]'", &emitters)
}

fn unique_or_none<T: PartialEq + std::fmt::Display>(
    setting: &'static str,
    values: &[T],
) -> Result<(), StudyError> {
    match values.iter().enumerate().find(|(i, value)| values[..*i].contains(value)) {
        None => Ok(()),
        Some((_, value)) => Err(StudyError::Twice { setting, value: value.to_string() }),
    }
}

fn unique<T: PartialEq + Clone + std::fmt::Display>(
    setting: &'static str,
    example: &'static str,
    values: &[T],
) -> Result<Vec<T>, StudyError> {
    if values.is_empty() {
        return Err(StudyError::Empty { setting, example });
    }
    unique_or_none(setting, values)?;
    Ok(values.to_vec())
}

pub(super) fn sets(config: &Config) -> Result<Vec<ChannelScan>, StudyError> {
    unique("data.sets", "data.sets='[\"llss\"]'", &config.data.sets)
}

#[cfg(test)]
mod tests {
    use crate::otf::study::grid::tests::study;

    #[test]
    fn settings_that_do_not_fit_are_refused_by_name() {
        for (assignments, expected) in [
            (&["data.sets=[]"][..], "data.sets is empty"),
            (&["fit.methods=[]"], "fit.methods is empty"),
            (&["fit.methods=[\"ols\",\"ols\"]"], "fit.methods lists ols twice"),
            (
                &["fit.methods=[\"wsl\"]"],
                "no method `wsl`; did you mean wls?; the methods are ols, wls",
            ),
            (&["study.trials=0"], "study.trials is 0"),
            (&["study.noise_levels=[-1]"], "study.noise_levels is -1"),
            (&["study.noise_levels=[]"], "study.noise_levels is empty"),
            (&["study.noise_levels=[0.1,0.1]"], "lists 0.1 twice"),
            (&["simulate.records=0"], "simulate.records is 0"),
            (&["simulate.plateau_records=0"], "simulate.plateau_records is 0"),
            (&["data.source=npz", "study.trials=2"], "study.resampling=bootstrap"),
            (&["data.source=npz", "study.noise_levels=[0.1]"], "measured data have their own"),
            (&["fit.unit_seconds=0"], "fit.unit_seconds is 0"),
            (&["study.resampling=bootstrap"], "draws of noise"),
            (&["data.source=npz", "study.resampling=cross-validation"], "two folds"),
            (&["simulate.glitch_fraction=1.5"], "simulate.glitch_fraction is 1.5"),
            (&["simulate.model_error=-1"], "simulate.model_error is -1"),
            (&["simulate.temperature_error_k=1"], "simulate.temperature_error_k is 1"),
            (&["simulate.plateau_error_k=1"], "simulate.plateau_error_k is 1: expected 0 to 0.1 K"),
            (&["simulate.bolometer_error=1"], "simulate.bolometer_error is 1: expected 0 to 0.05"),
            (&["simulate.biases=35,300"], "simulate.biases is 300: expected counts"),
            (&["simulate.glitch_sigma=-1"], "simulate.glitch_sigma is -1"),
            (&["data.other_bolometers=[\"ll\"]"], "own bolometer"),
            (&["data.other_bolometers=[\"rh\",\"rh\"]"], "lists rh twice"),
            (
                &["study.trials=1000000001"],
                "is 1000000001: expected a whole number, 1 to 1000000000",
            ),
            (&["simulate.records=9223372036854775807"], "expected a whole number, 1 to 10000000"),
            (&["simulate.plateau_records=4000000000"], "simulate.plateau_records is 4000000000"),
            (&["fit.unit_seconds=1e300"], "expected seconds, more than zero, up to 1000000000"),
            (&["slurm.cpus_per_task=4000000000"], "expected a whole number, 1 to 4096"),
            (&["slurm.throttle=4000001"], "slurm.throttle is 4000001"),
        ] {
            let error = study(assignments).unwrap_err().to_string();
            assert!(error.contains(expected), "{assignments:?}: {error}");
        }
    }
}
