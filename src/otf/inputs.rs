//! The files that a study follows from.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::foundations::{Digest, FileError};
use crate::runner::plan::Input;
use crate::science::data::Screening;
use crate::science::data::settings::Source;
use crate::science::instrument::ChannelScan;

use super::study::Config;

/// A data set as the planner saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSet {
    /// Channel and scan mode.
    pub set: ChannelScan,
    /// Which records are used.
    pub screening: Screening,
}

impl DataSet {
    /// What is wrong with what a plan says of it, if anything is.
    pub(super) fn problem(&self) -> Option<String> {
        let count = self.screening.impossible()?;
        Some(format!("data_sets, {}: {count} records: no file gives that", self.set))
    }
}

/// Array tasks may start in another folder than the planner did.
pub(super) fn make_absolute(config: &mut Config) {
    for path in [&mut config.data.path, &mut config.data.model].into_iter().flatten() {
        if let Ok(absolute) = std::path::absolute(&*path) {
            *path = absolute;
        }
    }
    for word in config.method.iter_mut().flat_map(|program| files_in_mut(&mut program.command)) {
        if let Ok(Ok(absolute)) =
            std::path::absolute(&*word).map(|path| path.into_os_string().into_string())
        {
            *word = absolute;
        }
    }
}

/// The words of a command that are files, by the paths that they are named by: links, as those of a
/// virtual environment, stay links.
fn files_in(command: &[String]) -> impl Iterator<Item = &String> {
    command.iter().enumerate().filter(|(place, word)| is_file(*place, word)).map(|(_, word)| word)
}

fn files_in_mut(command: &mut [String]) -> impl Iterator<Item = &mut String> {
    let words = command.iter_mut().enumerate();
    words.filter(|(place, word)| is_file(*place, word)).map(|(_, word)| word)
}

/// Whether a word of a command is the path of a file. The first one is looked up on the PATH if it
/// is a bare name, so that a file of that name here is another.
fn is_file(place: usize, word: &str) -> bool {
    (place > 0 || word.contains('/')) && Path::new(word).is_file()
}

/// Every file that the results follow from, each once.
pub(super) fn hash_inputs(config: &Config) -> Result<Vec<Input>, FileError> {
    let calibration = config.data.path.clone().filter(|_| config.data.source == Source::Npz);
    let models = config.data.sets.iter().filter_map(|set| config.data.model_of(*set));
    let programs = config.method.iter().flat_map(|program| files_in(&program.command));
    let programs = programs.map(PathBuf::from);
    let mut paths: Vec<PathBuf> = Vec::new();
    for path in calibration.into_iter().chain(models).chain(programs) {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    let hash = |path: PathBuf| Ok(Input { blake3: Digest::of_file(&path)?, path });
    paths.into_iter().map(hash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otf::Otf;
    use crate::runner::plan::{BoundPlan, Build, Plan};
    use crate::runner::store::{PlanError, PlanFile, RunDir};

    fn planned(assignments: &[&str]) -> BoundPlan {
        let assignments: Vec<String> = assignments.iter().map(|a| (*a).into()).collect();
        let otf = Otf::new(Config::load(None, &assignments).unwrap()).unwrap();
        let planned = otf.bound_to(Vec::new()).unwrap();
        Plan::make(planned, 2, Build::running().unwrap()).unwrap()
    }

    #[test]
    fn every_word_of_a_command_that_is_a_file_is_an_input_once() {
        // Tests run in the folder of Cargo.toml; there is no file of the first word on the way.
        let method = r#"method=[{name="a",command=["Cargo.toml","Cargo.toml","src","none.py"]},
                                {name="b",command=["./clippy.toml","Cargo.toml"]}]"#;
        let plan = planned(&[&method.replace('\n', " ")]).plan;
        let here = std::env::current_dir().unwrap();
        let (cargo, clippy) = (here.join("Cargo.toml"), here.join("clippy.toml"));
        let inputs: Vec<&PathBuf> = plan.inputs.iter().map(|input| &input.path).collect();
        assert_eq!(inputs, [&cargo, &clippy]);
        let config: Config = serde_json::from_value(plan.config.clone()).unwrap();
        let command = &config.method[0].command;
        assert_eq!(command[..], ["Cargo.toml", cargo.to_str().unwrap(), "src", "none.py"]);
        assert_eq!(config.method[1].command[0], clippy.to_str().unwrap());
    }

    #[test]
    fn how_jobs_are_started_is_kept_beside_the_plan_and_not_in_its_hash() {
        let (plain, launched) = (planned(&[]), planned(&["slurm.partition=short"]));
        assert_eq!(plain.hash, launched.hash);
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path());
        launched.write(&run).unwrap();
        let read = |run| PlanFile::read(run).unwrap().bound(run, plain.layout.clone()).unwrap();
        assert_eq!(read(&run), launched);
        assert_eq!(read(&run).launch.partition.as_deref(), Some("short"));
        // It may be changed in the file, and nothing else may.
        let text = std::fs::read_to_string(run.plan()).unwrap();
        std::fs::write(run.plan(), text.replace("\"short\"", "\"long\"")).unwrap();
        assert_eq!(read(&run).launch.partition.as_deref(), Some("long"));
        std::fs::write(run.plan(), text.replace("\"seed\": 1", "\"seed\": 2")).unwrap();
        assert!(matches!(PlanFile::read(&run), Err(PlanError::Edited { .. })));
    }
}
