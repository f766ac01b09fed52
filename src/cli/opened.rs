//! A run of the calibration, opened to make something of one of its configurations.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::foundations::Shown;
use crate::otf::Otf;
use crate::otf::export::{ExportError, FittedConfiguration, Wanted, check_data, configurations};
use crate::runner::plan::USUAL_WORKLOAD;
use crate::runner::store::RunDir;
use crate::science::instrument::ChannelScan;

use super::display::{folder, program};
use super::session::Session;

/// What stands for the data set in the name of a file.
const PLACEHOLDER: &str = "{set}";

/// A run of the calibration.
pub(super) struct Opened {
    pub(super) session: Session,
    pub(super) otf: Otf,
}

impl Opened {
    /// Reads the plan in a folder.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let session = Session::open(RunDir::new(folder))?;
        let plan = &session.plan.plan;
        if plan.workload != USUAL_WORKLOAD {
            bail!(
                "{} holds a study of a {}, which has no emissivities: name the results of a \
                 calibration",
                Shown(folder),
                plan.workload
            );
        }
        let otf = Otf::of_plan(plan, session.run.plan())?;
        Ok(Self { session, otf })
    }

    /// The configurations that are meant.
    pub(super) fn wanted(&self, wanted: Wanted) -> Result<Vec<u64>> {
        Ok(configurations(self.otf.study(), wanted)?)
    }

    /// The results of a configuration.
    pub(super) fn fitted(&self, configuration: u64) -> Result<FittedConfiguration> {
        let Session { run, plan, .. } = &self.session;
        match FittedConfiguration::read(&self.otf, (run, plan), configuration) {
            Err(error @ ExportError::Shard { .. }) => {
                let (program, folder) = (program(), folder(run));
                bail!(
                    "{error}; fit what is missing with `{program} resume {folder} --local` or \
                     `{program} submit {folder}`"
                )
            }
            other => Ok(other?),
        }
    }

    /// Checks that the data are those that were fitted.
    pub(super) fn check_data(&self) -> Result<()> {
        Ok(check_data(&self.otf, &self.session.plan)?)
    }

    /// The data set of a configuration.
    pub(super) fn set_of(&self, configuration: u64) -> ChannelScan {
        let study = self.otf.study();
        study.sets[study.configuration(configuration).0.set]
    }
}

/// The file for a data set: `{set}` in its name stands for that, in words as `of` writes them.
pub(super) fn file_for(name: &Path, set: ChannelScan, of: fn(ChannelScan) -> String) -> PathBuf {
    name.to_string_lossy().replace(PLACEHOLDER, &of(set)).into()
}

/// Refuses one name for the files of several data sets, and files that are there already.
pub(super) fn check_names(
    option: &str,
    name: &Path,
    files: &[PathBuf],
    may_replace: bool,
) -> Result<()> {
    if files.len() > 1 && !name.to_string_lossy().contains(PLACEHOLDER) {
        bail!(
            "{option} is {}, one name for the files of {} data sets: expected {PLACEHOLDER} in it, \
             which stands for the data set, or choose one with --configuration",
            Shown(name),
            files.len()
        );
    }
    match files.iter().find(|file| file.exists() && !may_replace) {
        Some(file) => {
            bail!("{} is there already; choose another {option}, or add --replace", Shown(file))
        }
        None => Ok(()),
    }
}
