//! Settings checked against each other.

use std::time::Duration;

use thiserror::Error;

use crate::data::settings::Source;
use crate::data::{Emitter, EmitterError, Resampling, choose};
use crate::instrument::ChannelScan;

use super::choice::{ChoiceError, MethodChoice};
use super::config::{Config, FitSettings};

/// Noise level of a simulation when none is given, in units of the median null RMS.
const DEFAULT_NOISE_LEVEL: f64 = 0.02;

/// Largest error of a thermometer, K: the coldest body, at 1.5 K, is still read as warmer than zero.
const MOST_TEMPERATURE_ERROR_K: f64 = 0.1;

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
        expected: &'static str,
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
    /// More units than can be counted.
    #[error("the study has more than 2^63 units; reduce study.trials")]
    TooLarge,
}

pub(super) fn ranges(config: &Config) -> Result<(), StudyError> {
    let check = |holds: bool, setting, value: String, expected| {
        if holds { Ok(()) } else { Err(StudyError::Range { setting, value, expected }) }
    };
    let (study, simulate, data) = (&config.study, &config.simulate, &config.data);
    check(study.trials > 0, "study.trials", study.trials.to_string(), "one or more")?;
    let records = simulate.records;
    check(records > 0, "simulate.records", records.to_string(), "one or more")?;
    let plateau = simulate.plateau_records;
    check(plateau > 0, "simulate.plateau_records", plateau.to_string(), "one or more")?;
    let dither = simulate.dither_counts;
    let sound = dither >= 0.0 && dither.is_finite();
    check(sound, "simulate.dither_counts", dither.to_string(), "zero or more counts")?;
    let part = simulate.glitch_fraction;
    let sound = (0.0..=1.0).contains(&part);
    check(sound, "simulate.glitch_fraction", part.to_string(), "0 to 1")?;
    let height = simulate.glitch_sigma;
    let sound = height >= 0.0 && height.is_finite();
    check(sound, "simulate.glitch_sigma", height.to_string(), "zero or more standard deviations")?;
    let error = simulate.model_error;
    let sound = error >= 0.0 && error.is_finite();
    check(sound, "simulate.model_error", error.to_string(), "zero or more, relative")?;
    let limit = data.max_temperature_k;
    check(limit > 0.0, "data.max_temperature_k", limit.to_string(), "more than zero K")?;
    let within = data.match_within_s;
    check(within >= 0.0, "data.match_within_s", within.to_string(), "zero or more seconds")?;
    let least = config.instrument.least_transfer.unwrap_or(0.0);
    let sound = (0.0..1.0).contains(&least);
    check(sound, "instrument.least_transfer", least.to_string(), "zero or more, below 1")?;
    let error = simulate.temperature_error_k;
    let sound = (0.0..=MOST_TEMPERATURE_ERROR_K).contains(&error);
    check(sound, "simulate.temperature_error_k", error.to_string(), "0 to 0.1 K")?;
    let full = data.saturation_counts;
    check(full > 0.0, "data.saturation_counts", full.to_string(), "more than zero counts")?;
    check_levels(config)
}

/// Whether every realisation reads the temperatures with errors of its own.
pub(super) fn disturbs_readings(config: &Config) -> bool {
    config.data.source == Source::Simulate && config.simulate.temperature_error_k > 0.0
}

fn check_levels(config: &Config) -> Result<(), StudyError> {
    for &level in config.study.noise_levels.iter().flatten() {
        if !(level >= 0.0 && level.is_finite()) {
            return Err(StudyError::Range {
                setting: "study.noise_levels",
                value: level.to_string(),
                expected: "zero or more, in units of the median null RMS",
            });
        }
    }
    Ok(())
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
    let Some(seconds) = fit.unit_seconds else { return Ok(None) };
    match Duration::try_from_secs_f64(seconds) {
        Ok(limit) if !limit.is_zero() => Ok(Some(limit)),
        _ => Err(StudyError::Range {
            setting: "fit.unit_seconds",
            value: seconds.to_string(),
            expected: "seconds, more than zero",
        }),
    }
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

pub(super) fn chosen_methods(config: &Config) -> Result<Vec<MethodChoice>, StudyError> {
    let labels = MethodChoice::expand(&config.fit.methods, &config.method);
    let labels = unique("fit.methods", "fit.methods='[\"wls\"]'", &labels)?;
    Ok(MethodChoice::all(&labels, &config.fit, &config.method)?)
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
    let emitters = choose(&config.data, &config.emitter, rule)?;
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
    use crate::study::grid::tests::study;

    #[test]
    fn settings_that_do_not_fit_are_refused_by_name() {
        for (assignments, expected) in [
            (&["data.sets=[]"][..], "data.sets is empty"),
            (&["fit.methods=[]"], "fit.methods is empty"),
            (&["fit.methods=[\"ols\",\"ols\"]"], "fit.methods lists ols twice"),
            (&["fit.methods=[\"wsl\"]"], "no method `wsl`; the methods are ols, wls"),
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
            (&["simulate.glitch_sigma=-1"], "simulate.glitch_sigma is -1"),
            (&["data.other_bolometers=[\"ll\"]"], "own bolometer"),
            (&["data.other_bolometers=[\"rh\",\"rh\"]"], "lists rh twice"),
            (&["study.trials=9000000000000000000"], "more than 2^63"),
        ] {
            let error = study(assignments).unwrap_err().to_string();
            assert!(error.contains(expected), "{assignments:?}: {error}");
        }
    }
}
