//! The workload that this program exists for: the optical transfer function and the emissivities of a
//! spectrometer, fitted at every bin of every configuration of a study.

pub mod compare;
mod description;
pub mod export;
mod extension;
pub mod external;
mod fitting;
mod foretell;
mod inputs;
mod joint;
mod joint_memory;
mod memory;
mod probe;
pub mod products;
mod records_memory;
mod report;
mod result;
mod segment;
pub mod study;
mod workload;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::runner::engine::WorkError;
use crate::runner::plan::{Plan, PlanRequest, USUAL_WORKLOAD};
use crate::runner::store::PlanError;
use crate::science::data::survey;

pub(crate) use description::simulated;
pub use inputs::DataSet;
pub(crate) use memory::{check_simulation, check_spectra};
pub use result::{UnitResult, fitted_as, kept_as};
pub use segment::Campaigns;
pub use study::Study;

use inputs::{hash_inputs, make_absolute};
use study::{Config, StudyError};

/// A study with its settings and what it has read of its data.
#[derive(Debug)]
pub struct Otf {
    config: Config,
    study: Study,
    /// Which records are used of each data set, once that is known.
    data_sets: Mutex<Vec<DataSet>>,
    campaigns: Mutex<Campaigns>,
}

impl Otf {
    /// Checks the settings against each other.
    ///
    /// # Errors
    /// The first thing that does not fit, with its mend.
    pub fn new(mut config: Config) -> Result<Self, StudyError> {
        make_absolute(&mut config);
        let (study, data_sets) = (Study::new(&config)?, Mutex::default());
        Ok(Self { config, study, data_sets, campaigns: Mutex::default() })
    }

    /// The study of a plan that stands in a folder.
    ///
    /// # Errors
    /// If its settings cannot be read, or do not fit together.
    pub fn of_plan(plan: &Plan, path: PathBuf) -> Result<Self, WorkError> {
        let unreadable =
            |e: serde_json::Error| WorkError::new(PlanError::unreadable(&path, e.to_string()));
        let config: Config = serde_json::from_value(plan.config.clone()).map_err(unreadable)?;
        let seen: Vec<DataSet> = serde_json::from_value(plan.seen.clone()).map_err(unreadable)?;
        if let Some(problem) = seen.iter().find_map(DataSet::problem) {
            return Err(WorkError::new(PlanError::unreadable(&path, problem)));
        }
        let study = Study::new(&config).map_err(WorkError::new)?;
        Ok(Self { config, study, data_sets: Mutex::new(seen), campaigns: Mutex::default() })
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The study.
    #[must_use]
    pub fn study(&self) -> &Study {
        &self.study
    }

    /// The data sets, and which of their records are used.
    #[must_use]
    pub fn data_sets(&self) -> Vec<DataSet> {
        self.data_sets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The data sets that were prepared. A thread that panicked while it added one has added it or not.
    fn campaigns(&self) -> MutexGuard<'_, Campaigns> {
        self.campaigns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the records of all data sets; those that had to be read are kept.
    fn survey(&self) -> Result<Vec<DataSet>, WorkError> {
        let (study, mut found) = (&self.study, Vec::new());
        for (index, &set) in study.sets.iter().enumerate() {
            let trials = (study.resampling, study.trials);
            let recipe = study.recipe(&self.config);
            let surveyed = survey(set, &recipe, trials).map_err(WorkError::new)?;
            found.push(DataSet { set, screening: surveyed.screening });
            if let Some(campaign) = surveyed.campaign {
                self.campaigns().put(study, index, campaign);
            }
        }
        self.data_sets.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&found);
        Ok(found)
    }

    /// What is planned, of these data sets.
    fn bound_to(&self, data_sets: Vec<DataSet>) -> Result<PlanRequest, WorkError> {
        let mut config = self.config.clone();
        let launch = std::mem::take(&mut config.slurm);
        Ok(PlanRequest {
            workload: USUAL_WORKLOAD,
            inputs: hash_inputs(&config).map_err(WorkError::new)?,
            config: to_value(&config),
            seen: to_value(&data_sets),
            launch,
            layout: self.study.layout.clone(),
        })
    }

    /// The files of the program that is a method, as far as they are there.
    fn files_of(&self, method: &str) -> Vec<PathBuf> {
        let of_method = self.config.method.iter().filter(|program| program.name == method);
        let words = of_method.flat_map(|program| &program.command).map(PathBuf::from);
        words.filter(|path| self.is_of_a_program(path)).collect()
    }

    /// Whether a file is a word of a program's command and nothing else.
    fn is_of_a_program(&self, path: &std::path::Path) -> bool {
        let Config { data, method, .. } = &self.config;
        let mut models = data.sets.iter().filter_map(|set| data.model_of(*set));
        let mut words = method.iter().flat_map(|program| &program.command);
        words.any(|word| path.as_os_str() == word.as_str())
            && data.path.as_deref() != Some(path)
            && !models.any(|model| model == path)
    }

    /// The first file with the data, or with a model of the instrument, that is not there.
    fn absent_data(&self) -> Option<PathBuf> {
        let data = &self.config.data;
        let models = data.sets.iter().filter_map(|set| data.model_of(*set));
        data.path.iter().cloned().chain(models).find(|path| !path.exists())
    }
}

fn to_value(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("settings have no map with keys that are no text")
}
