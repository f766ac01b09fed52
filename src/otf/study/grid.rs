//! The grid of configurations and their units, by arithmetic: nothing is ever listed.

use std::time::Duration;

use crate::runner::plan::{Column, Layout, UnitPlace};
use crate::science::data::{Draw, Emitter, Recipe, Resampling};
use crate::science::fit::Windowed;
use crate::science::instrument::ChannelScan;

use super::check::{self, StudyError};
use super::choice::{Estimator, MethodChoice};
use super::config::Config;
use super::joint;

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
    /// Whether every realisation reads the temperatures with errors of its own.
    pub disturbs_readings: bool,
    /// The methods.
    pub methods: Vec<MethodChoice>,
    /// The bins to fit, ascending.
    pub bins: Vec<usize>,
    /// The emitters, in the order of the solution's last axis.
    pub emitters: Vec<Emitter>,
    /// Everything random follows from this.
    pub seed: u64,
    /// Whether the covariance among emitters is kept, of methods that are linear.
    pub covariance: bool,
    /// Time after which an iterative method gives up at a bin.
    pub unit_limit: Option<Duration>,
    /// The order of the units: a realisation is a block, a bin a row, a method a column.
    pub layout: Layout,
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
    /// UnitPlace among the chosen bins.
    pub position: usize,
    /// Index of the method.
    pub method: usize,
}

impl Study {
    /// Checks the settings against each other.
    ///
    /// # Errors
    /// The first thing that does not fit, with its mend.
    pub fn new(config: &Config) -> Result<Self, StudyError> {
        check::ranges(config)?;
        let emitters = check::emitters(config)?;
        let (methods, bins) = (check::chosen_methods(config, &emitters)?, config.fit.bins.bins());
        let (sets, noise_levels) = (check::sets(config)?, check::noise_levels(config)?);
        if let Some(settings) = &config.fit.options.joint {
            joint::check(settings, &emitters, &sets)?;
        }
        let draws = (sets.len() * noise_levels.len()) as u64;
        let realisations = draws.checked_mul(config.study.trials).ok_or(StudyError::TooLarge)?;
        let column = |method: &MethodChoice| Column {
            is_coupled: method.couples_bins(),
            cost: method.cost(),
        };
        let columns: Vec<Column> = methods.iter().map(column).collect();
        Ok(Self {
            layout: Layout::new(realisations, bins.len(), &columns).ok_or(StudyError::TooLarge)?,
            sets,
            noise_levels,
            trials: config.study.trials,
            resampling: check::resampling(config)?,
            disturbs_readings: check::disturbs_readings(config),
            methods,
            bins,
            emitters,
            seed: config.study.seed,
            covariance: config.fit.covariance,
            unit_limit: check::unit_limit(&config.fit)?,
        })
    }

    /// What the data sets are prepared from; `config` is what the study was made of.
    #[must_use]
    pub fn recipe<'a>(&'a self, config: &'a Config) -> Recipe<'a> {
        let Config { data, simulate, instrument, .. } = config;
        Recipe { data, simulate, instrument, emitters: &self.emitters, seed: self.seed }
    }

    /// Data set x noise level x trial.
    #[must_use]
    pub fn realisations(&self) -> u64 {
        self.layout.blocks()
    }

    /// Whether there are several realisations of the same records of a data set, which so have one
    /// design: where nothing is resampled or read anew, only noise tells them apart.
    #[must_use]
    pub fn repeats_designs(&self) -> bool {
        let is_one = self.resampling == Resampling::None && !self.disturbs_readings;
        is_one && self.realisations() > self.sets.len() as u64
    }

    /// How a method has the records of a window count, if it can be given them window by window.
    #[must_use]
    pub fn windowed(&self, method: usize) -> Option<Windowed> {
        let choice = &self.methods[method];
        match &choice.estimator {
            Estimator::Native(_, native) if !self.covariance => native.windowed(),
            _ => None,
        }
    }

    /// The data sets that some methods fit together with one, itself among them, by index; none if each
    /// fits it alone.
    #[must_use]
    pub fn sets_together(&self, set: usize, methods: &[usize]) -> Vec<usize> {
        let mut all: Vec<usize> = methods
            .iter()
            .flat_map(|&method| self.methods[method].together(set, &self.sets))
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Realisation x method.
    #[must_use]
    pub fn configurations(&self) -> u64 {
        self.layout.configurations()
    }

    /// Configuration x bin.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.layout.units()
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
        let UnitPlace { block, row, column } = self.layout.place(index);
        Unit { realisation: block, position: row, method: column }
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
        self.layout.configuration_at(realisation, method)
    }

    /// The realisation and the method of a configuration.
    #[must_use]
    pub fn configuration(&self, index: u64) -> (RealisationId, usize) {
        let methods = self.methods.len() as u64;
        (self.realisation(index / methods), (index % methods) as usize)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The study of the default settings with these.
    pub(in crate::otf::study) fn study(assignments: &[&str]) -> Result<Study, StudyError> {
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
}
