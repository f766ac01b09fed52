//! The grid of configurations and their units, by arithmetic: nothing is ever listed.

use std::time::Duration;

use crate::instrument::{ChannelScan, Emitter};
use thiserror::Error;

use crate::data::settings::Source;
use crate::data::{Draw, Resampling};

use super::choice::{ChoiceError, MethodChoice};
use super::config::{Config, FitSettings};
use super::order::UnitOrder;

/// Noise level of a simulation when none is given, in units of the median null RMS.
const DEFAULT_NOISE_LEVEL: f64 = 0.02;

/// A study whose settings have been checked against each other.
#[derive(Debug, Clone)]
pub struct Study {
    /// The data sets.
    pub sets: Vec<ChannelScan>,
    /// Noise levels; for measured data one, zero: the noise is in the data.
    pub noise_levels: Vec<f64>,
    /// Noise draws at each level; on measured data, draws of plateaus or folds.
    pub trials: u64,
    /// What the trials of measured data are.
    pub resampling: Resampling,
    /// The methods.
    pub methods: Vec<MethodChoice>,
    /// The bins to fit, ascending.
    pub bins: Vec<usize>,
    /// The emitters, in the order of the solution's last axis.
    pub emitters: Vec<Emitter>,
    /// Everything random follows from this.
    pub seed: u64,
    /// Time after which an iterative method gives up at a bin.
    pub unit_limit: Option<Duration>,
    /// The order of the units of a realisation.
    pub order: UnitOrder,
}

/// One data set with one draw of noise: what the configurations that differ only in method share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RealisationId {
    /// Index of the data set.
    pub set: usize,
    /// Index of the noise level.
    pub noise: usize,
    /// The noise draw: 1, 2, ...
    pub trial: u64,
}

/// One (configuration, bin): the smallest piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Index of the realisation.
    pub realisation: u64,
    /// Place among the chosen bins.
    pub position: usize,
    /// Index of the method.
    pub method: usize,
}

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

impl Study {
    /// Checks the settings against each other.
    ///
    /// # Errors
    /// The first thing that does not fit, with its mend.
    pub fn new(config: &Config) -> Result<Self, StudyError> {
        check_ranges(config)?;
        let (methods, bins) = (chosen_methods(config)?, config.fit.bins.bins());
        let couples: Vec<bool> = methods.iter().map(MethodChoice::couples_bins).collect();
        let study = Self {
            order: UnitOrder::new(bins.len(), &couples),
            sets: unique("data.sets", "data.sets='[\"llss\"]'", &config.data.sets)?,
            noise_levels: noise_levels(config)?,
            trials: config.study.trials,
            resampling: resampling(config)?,
            methods,
            bins,
            emitters: emitters(config)?,
            seed: config.study.seed,
            unit_limit: unit_limit(&config.fit)?,
        };
        let realisations = (study.sets.len() * study.noise_levels.len()) as u128;
        let configurations = realisations * u128::from(study.trials) * study.methods.len() as u128;
        if configurations * study.bins.len() as u128 > 1 << 63 {
            return Err(StudyError::TooLarge);
        }
        Ok(study)
    }

    /// Data set x noise level x trial.
    #[must_use]
    pub fn realisations(&self) -> u64 {
        self.sets.len() as u64 * self.noise_levels.len() as u64 * self.trials
    }

    /// Realisation x method.
    #[must_use]
    pub fn configurations(&self) -> u64 {
        self.realisations() * self.methods.len() as u64
    }

    /// Configuration x bin.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.realisations() * self.order.units()
    }

    /// Pieces: what no shard may cut. A unit, or the units of a configuration whose method fits
    /// all bins together.
    #[must_use]
    pub fn pieces(&self) -> u64 {
        self.realisations() * self.order.pieces()
    }

    /// The first unit of a piece.
    #[must_use]
    pub fn first_unit(&self, piece: u64) -> u64 {
        let per_realisation = self.order.pieces();
        let (realisation, rest) = (piece / per_realisation, piece % per_realisation);
        realisation * self.order.units() + self.order.first_unit(rest)
    }

    /// Which realisation an index stands for.
    #[must_use]
    pub fn realisation(&self, index: u64) -> RealisationId {
        let (rest, trial) = (index / self.trials, index % self.trials + 1);
        let levels = self.noise_levels.len() as u64;
        RealisationId { set: (rest / levels) as usize, noise: (rest % levels) as usize, trial }
    }

    /// What a realisation's records are.
    #[must_use]
    pub fn draw(&self, id: RealisationId) -> Draw {
        let noise_level = self.noise_levels[id.noise];
        Draw { noise_level, trial: id.trial, trials: self.trials, resampling: self.resampling }
    }

    /// Which unit an index stands for.
    ///
    /// Realisations follow each other, so that a shard makes the spectra of as few as it can.
    #[must_use]
    pub fn unit(&self, index: u64) -> Unit {
        let per_realisation = self.order.units();
        let (position, method) = self.order.at(index % per_realisation);
        Unit { realisation: index / per_realisation, position, method }
    }

    /// How many of the units before a unit are of a configuration.
    #[must_use]
    pub fn units_before(&self, index: u64, configuration: u64) -> u64 {
        let methods = self.methods.len() as u64;
        let (realisation, method) = (configuration / methods, (configuration % methods) as usize);
        let within = index.saturating_sub(realisation * self.order.units());
        self.order.units_before(within.min(self.order.units()), method)
    }

    /// The configuration that a unit belongs to: its place in `configurations.csv`.
    #[must_use]
    pub fn configuration_of(&self, unit: Unit) -> u64 {
        self.configuration_at(unit.realisation, unit.method)
    }

    /// The index of a configuration: its place in `configurations.csv`.
    #[must_use]
    pub fn configuration_index(&self, id: RealisationId, method: usize) -> u64 {
        let levels = self.noise_levels.len() as u64;
        let realisation = (id.set as u64 * levels + id.noise as u64) * self.trials + id.trial - 1;
        self.configuration_at(realisation, method)
    }

    /// The configuration of a method in the realisation with this index.
    #[must_use]
    pub fn configuration_at(&self, realisation: u64, method: usize) -> u64 {
        realisation * self.methods.len() as u64 + method as u64
    }

    /// The realisation and the method of a configuration.
    #[must_use]
    pub fn configuration(&self, index: u64) -> (RealisationId, usize) {
        let methods = self.methods.len() as u64;
        (self.realisation(index / methods), (index % methods) as usize)
    }
}

fn check_ranges(config: &Config) -> Result<(), StudyError> {
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
    let full = data.saturation_counts;
    check(full > 0.0, "data.saturation_counts", full.to_string(), "more than zero counts")?;
    check_levels(config)
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

fn noise_levels(config: &Config) -> Result<Vec<f64>, StudyError> {
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

fn unit_limit(fit: &FitSettings) -> Result<Option<Duration>, StudyError> {
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

fn resampling(config: &Config) -> Result<Resampling, StudyError> {
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

fn chosen_methods(config: &Config) -> Result<Vec<MethodChoice>, StudyError> {
    let labels = MethodChoice::expand(&config.fit.methods, &config.method);
    let labels = unique("fit.methods", "fit.methods='[\"wls\"]'", &labels)?;
    Ok(MethodChoice::all(&labels, &config.fit, &config.method)?)
}

fn emitters(config: &Config) -> Result<Vec<Emitter>, StudyError> {
    for &channel in &config.data.other_bolometers {
        if config.data.sets.iter().any(|set| set.channel == channel) {
            return Err(StudyError::OwnBolometer { channel: channel.to_string() });
        }
    }
    unique("data.other_bolometers", "data.other_bolometers=[]", &config.data.emitters())
}

fn unique<T: PartialEq + Clone + std::fmt::Display>(
    setting: &'static str,
    example: &'static str,
    values: &[T],
) -> Result<Vec<T>, StudyError> {
    if values.is_empty() {
        return Err(StudyError::Empty { setting, example });
    }
    for (i, value) in values.iter().enumerate() {
        if values[..i].contains(value) {
            return Err(StudyError::Twice { setting, value: value.to_string() });
        }
    }
    Ok(values.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn study(assignments: &[&str]) -> Result<Study, StudyError> {
        let assignments: Vec<String> = assignments.iter().map(|a| (*a).into()).collect();
        Study::new(&Config::load(None, &assignments).unwrap())
    }

    #[test]
    fn every_unit_index_stands_for_one_unit_of_one_configuration() {
        let study = study(&[
            "data.sets=[\"llss\",\"rhss\"]",
            "study.noise_levels=[0.1,0.2,0.3]",
            "study.trials=2",
            "fit.bins=5-7",
        ])
        .unwrap();
        assert_eq!((study.realisations(), study.configurations(), study.units()), (12, 24, 72));
        let mut counts = vec![0; 24];
        for index in 0..study.units() {
            let unit = study.unit(index);
            let configuration = study.configuration_of(unit);
            counts[configuration as usize] += 1;
            let (realisation, method) = study.configuration(configuration);
            assert_eq!(realisation, study.realisation(unit.realisation));
            assert_eq!(method, unit.method);
            assert_eq!(study.configuration_index(realisation, method), configuration);
        }
        assert_eq!(counts, vec![3; 24]);
        let last = study.realisation(11);
        assert_eq!(last, RealisationId { set: 1, noise: 2, trial: 2 });
    }

    #[test]
    fn a_million_configurations_cost_nothing() {
        let study = study(&["study.trials=500000"]).unwrap();
        assert_eq!(study.configurations(), 1_000_000);
        assert_eq!(study.units(), 257_000_000);
    }

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
            (&["simulate.glitch_sigma=-1"], "simulate.glitch_sigma is -1"),
            (&["data.other_bolometers=[\"ll\"]"], "own bolometer"),
            (&["data.other_bolometers=[\"rh\",\"rh\"]"], "lists bolometer_rh twice"),
            (&["study.trials=9000000000000000000"], "more than 2^63"),
        ] {
            let error = study(assignments).unwrap_err().to_string();
            assert!(error.contains(expected), "{assignments:?}: {error}");
        }
    }
}
