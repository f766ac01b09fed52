//! Which workload settings or a plan are of: the one place that knows them all.

use serde_json::Value;
use thiserror::Error;

use crate::command::{self, CommandError, CommandSettings, CommandWork};
use crate::otf::Otf;
use crate::otf::study::{Config, ConfigError, StudyError};
use crate::runner::engine::{WorkError, Workload};
use crate::runner::plan::{BoundPlan, Plan, USUAL_WORKLOAD};
use crate::runner::store::{PlanError, PlanFile, RunDir};
use crate::settings::{Given, SettingsError, schema_of, schema_of_either};

/// Settings or a plan that are of no workload.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The settings cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// They do not fit together.
    #[error(transparent)]
    Study(#[from] StudyError),
    /// Those of a command cannot be read.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// They do not fit together.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// No such workload.
    #[error("workload is \"{name}\": expected \"otf\" or \"command\"")]
    Unknown {
        /// As typed.
        name: String,
    },
    /// A built-in configuration runs files that are not here.
    #[error(
        "--config {name}: it runs {file}, which is not below the current folder; `otfhpc config \
         {name} --dir {name}` writes it there with the files that it runs, and `cd {name}` goes there"
    )]
    NoFiles {
        /// The configuration.
        name: &'static str,
        /// The first file that is not there.
        file: &'static str,
    },
    /// What the workload says of its settings in a plan.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// The plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// The workload of the settings that were given.
///
/// # Errors
/// If they cannot be understood, or do not fit together.
pub fn load(given: &Given) -> Result<Box<dyn Workload>, OpenError> {
    if let Some((built_in, file)) = given.without_its_files() {
        return Err(OpenError::NoFiles { name: built_in.name, file });
    }
    match given.workload().as_deref() {
        None | Some(USUAL_WORKLOAD) => Ok(Box::new(Otf::new(Config::of(given)?)?)),
        Some(command::NAME) => {
            let settings = CommandWork::settings(given)?;
            Ok(Box::new(CommandWork::new(settings)?))
        }
        Some(name) => Err(OpenError::Unknown { name: name.into() }),
    }
}

/// Settings of which workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaKind {
    /// Of any, as `workload` in the file says.
    All,
    /// Of the calibration.
    Otf,
    /// Of a command.
    Command,
}

/// The JSON schema of settings.
#[must_use]
pub fn schema(kind: SchemaKind) -> Value {
    const ALL: &str = "Settings of otfhpc";
    match kind {
        SchemaKind::All => schema_of_either::<CommandSettings, Config>(ALL, command::NAME),
        SchemaKind::Otf => schema_of::<Config>("Settings of a calibration with otfhpc"),
        SchemaKind::Command => schema_of::<CommandSettings>("Settings of a study with otfhpc"),
    }
}

/// The plan in a folder, with its workload.
///
/// # Errors
/// If it is missing, damaged, edited, or of another version.
pub fn open(run: &RunDir) -> Result<(BoundPlan, Box<dyn Workload>), OpenError> {
    let file = PlanFile::read(run)?;
    let workload = of_plan(run, &file.plan)?;
    Ok((file.bound(run, workload.layout().clone())?, workload))
}

fn of_plan(run: &RunDir, plan: &Plan) -> Result<Box<dyn Workload>, OpenError> {
    match plan.workload.as_str() {
        USUAL_WORKLOAD => Ok(Box::new(Otf::of_plan(plan, run.plan())?)),
        command::NAME => Ok(Box::new(CommandWork::of_plan(plan, run.plan())?)),
        other => {
            let message = format!("its workload is `{other}`, which this program does not know");
            Err(PlanError::unreadable(&run.plan(), message).into())
        }
    }
}
