//! Which workload settings or a plan are of: the one place that knows them all.

use std::path::Path;

use thiserror::Error;

use crate::command::{self, CommandError, CommandWork};
use crate::otf::Otf;
use crate::otf::study::{Config, ConfigError, StudyError};
use crate::runner::engine::{WorkError, Workload};
use crate::runner::plan::{BoundPlan, Plan, USUAL_WORKLOAD};
use crate::runner::store::{PlanError, PlanFile, RunDir};
use crate::settings::{SettingsError, workload_named};

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
    /// What the workload says of its settings in a plan.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// The plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// The workload of settings: a file, or the default, and assignments on top of it.
///
/// # Errors
/// If they cannot be understood, or do not fit together.
pub fn load(file: Option<&Path>, assignments: &[String]) -> Result<Box<dyn Workload>, OpenError> {
    match workload_named(file, assignments).as_deref() {
        None | Some(USUAL_WORKLOAD) => Ok(Box::new(Otf::new(Config::load(file, assignments)?)?)),
        Some(command::NAME) => {
            let settings = CommandWork::settings(file, assignments)?;
            Ok(Box::new(CommandWork::new(settings)?))
        }
        Some(name) => Err(OpenError::Unknown { name: name.into() }),
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
