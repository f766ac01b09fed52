//! `plan.json`: what will run, bound to settings, input and version by one hash.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data::Screening;
use crate::data::settings::Source;
use crate::foundations::{Digest, RunDir, files};
use crate::instrument::ChannelScan;
use crate::study::{Config, LaunchSettings, ProgramSettings, Study, StudyError};

use super::error::{PlanError, VERSION};
use super::live::{LiveShards, Split};
use super::program::{OtherProgram, Program};
use super::revision;
use super::shards::Shards;

/// Format of `plan.json`; raised when an older program could not read it.
const FORMAT: u32 = 1;

/// What will run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Format of this file.
    pub format: u32,
    /// Version of the program that made it.
    pub version: String,
    /// All settings, resolved.
    pub config: Config,
    /// The files that the results follow from.
    pub inputs: Vec<Input>,
    /// The data sets, and how many of their records are used.
    pub data_sets: Vec<DataSet>,
    /// Number of units, configurations times bins.
    pub units: u64,
    /// The first unit of each shard, and at the end the number of units.
    pub shards: Shards,
    /// Programs that were mended, so that results of both stand side by side.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mended: Vec<Mended>,
}

/// A program that was mended after it had fitted: what it had fitted well was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mended {
    /// Name of the method.
    pub method: String,
    /// Its files before, as far as they were there.
    pub before: Vec<Input>,
    /// Units that were kept of what it had fitted.
    pub kept_units: u64,
}

/// An earlier plan in the same folder of which results were taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakenOver {
    /// Hash of the earlier plan.
    pub plan: Digest,
    /// Units that were taken over.
    pub units: u64,
}

/// A file that the results follow from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Absolute path.
    pub path: PathBuf,
    /// BLAKE3 of its content.
    pub blake3: Digest,
}

/// A data set as the planner saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSet {
    /// Channel and scan mode.
    pub set: ChannelScan,
    /// Which records are used.
    pub screening: Screening,
}

/// A plan with the hash that everything made from it carries.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundPlan {
    /// The plan.
    pub plan: Plan,
    /// BLAKE3 of the plan as compact JSON.
    pub hash: Digest,
    /// How its jobs are started: beside the plan, since no result follows from it.
    pub launch: LaunchSettings,
    /// Its shards, with what was cut since.
    pub shards: LiveShards,
    /// The build that planned: beside the plan too. Older files do not have it.
    pub program: Option<Program>,
    /// Where some of its results came from: beside the plan too, since they are what they would be
    /// if it had fitted them.
    pub taken_over: Vec<TakenOver>,
}

/// `plan.json` as it stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    plan_hash: Digest,
    #[serde(default, skip_serializing_if = "LaunchSettings::is_default")]
    launch: LaunchSettings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    program: Option<Program>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    taken_over: Vec<TakenOver>,
    plan: Plan,
}

impl Plan {
    /// Makes the plan of a study. The files that `config` names are hashed, not otherwise read.
    ///
    /// # Errors
    /// If the settings do not fit together or a file cannot be read.
    pub fn make(
        mut config: Config,
        data_sets: Vec<DataSet>,
        shards: u32,
    ) -> Result<BoundPlan, PlanError> {
        let launch = std::mem::take(&mut config.slurm);
        make_absolute(&mut config);
        let study = Study::new(&config)?;
        let plan = Self {
            format: FORMAT,
            version: VERSION.into(),
            inputs: hash_inputs(&config)?,
            units: study.units(),
            shards: Shards::new(&study, shards)?,
            data_sets,
            config,
            mended: Vec::new(),
        };
        Ok(plan.bind(launch, Some(Program::running()?)))
    }

    fn bind(self, launch: LaunchSettings, program: Option<Program>) -> BoundPlan {
        let json = serde_json::to_vec(&self).expect("a plan has no map with keys that are no text");
        let shards = LiveShards::new(&self.shards);
        let taken_over = Vec::new();
        BoundPlan { hash: Digest::of(&json), plan: self, launch, shards, program, taken_over }
    }

    /// The files of a method's program, as they were when this was planned.
    #[must_use]
    pub fn files_of(&self, method: &ProgramSettings) -> Vec<Input> {
        let is_word = |input: &&Input| method.command.iter().any(|word| input.path == *word);
        self.inputs.iter().filter(is_word).cloned().collect()
    }

    /// Whether a file is a word of a method's command and nothing else.
    #[must_use]
    pub fn is_of_a_program(&self, input: &Input) -> bool {
        let Config { data, method, .. } = &self.config;
        let mut models = data.sets.iter().filter_map(|set| data.model_of(*set));
        let mut words = method.iter().flat_map(|program| &program.command);
        words.any(|word| input.path == *word)
            && data.path.as_ref() != Some(&input.path)
            && !models.any(|model| model == input.path)
    }
}

impl BoundPlan {
    /// Writes `plan.json`, whole.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, run: &RunDir) -> Result<(), PlanError> {
        let Self { plan, hash, launch, program, taken_over, .. } = self.clone();
        let file = PlanFile { plan_hash: hash, launch, program, taken_over, plan };
        files::make_folder(run.root())?;
        files::write_whole(&run.plan(), |w| {
            serde_json::to_writer_pretty(&mut *w, &file)?;
            w.write_all(b"\n")
        })?;
        Ok(())
    }

    /// Reads `plan.json` and checks that nothing changed it and that this program may use it.
    ///
    /// # Errors
    /// If it is missing, damaged, edited, or of another version.
    pub fn read(run: &RunDir) -> Result<Self, PlanError> {
        let path = run.plan();
        let bytes = files::read(&path).map_err(|error| match error.is_not_found() {
            true => PlanError::Missing { path: path.clone() },
            false => error.into(),
        })?;
        let unreadable = |message: String| PlanError::Unreadable { path: path.clone(), message };
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|e| unreadable(e.to_string()))?;
        // Before the rest is looked at: another version may have other settings.
        if let Some(found) = value["plan"]["version"].as_str().filter(|v| *v != VERSION) {
            return Err(PlanError::Version { path, found: found.into() });
        }
        let file: PlanFile =
            serde_json::from_slice(&bytes).map_err(|e| unreadable(e.to_string()))?;
        let mut bound = file.plan.bind(file.launch, file.program);
        bound.taken_over = file.taken_over;
        if bound.hash != file.plan_hash {
            let (written, found) = (file.plan_hash.short(), bound.hash.short());
            return Err(PlanError::Edited { path, written, found });
        }
        let study = Study::new(&bound.plan.config)?;
        if bound.plan.format != FORMAT || !bound.plan.shards.cover(&study) {
            return Err(unreadable("its shards do not cover its units".into()));
        }
        revision::read(run, &bound.hash, &study, &mut bound.shards)?;
        Ok(bound)
    }

    /// The same plan, with the files of its programs as they are now; none if they are what they
    /// were. Its shards are those that it was cut into.
    ///
    /// # Errors
    /// If a file cannot be read, or another input changed.
    pub fn with_files_of_now(&self) -> Result<Option<Self>, PlanError> {
        let mut config = self.plan.config.clone();
        // A file that was missing when this was planned may be there now.
        make_absolute(&mut config);
        let inputs = hash_inputs(&config)?;
        let changed = |input: &&Input| !inputs.contains(input) && !self.plan.is_of_a_program(input);
        if self.plan.inputs.iter().any(|input| changed(&input)) {
            self.check_inputs()?;
        }
        let plan = Plan { inputs, config, ..self.plan.clone() };
        let is_new = plan.inputs != self.plan.inputs;
        Ok(is_new.then(|| plan.bind(self.launch.clone(), self.program.clone())))
    }

    /// The same plan, with programs that were mended.
    #[must_use]
    pub fn with_mended(self, mended: Vec<Mended>) -> Self {
        let Self { plan, launch, program, taken_over, .. } = self;
        Self { taken_over, ..Plan { mended, ..plan }.bind(launch, program) }
    }

    /// The plan as it stands in a folder, if that is the same one: with what was mended since, and
    /// with what is known of where its results came from.
    #[must_use]
    pub fn as_it_stands(self, run: &RunDir) -> Self {
        let Ok(old) = Self::read(run) else { return self };
        let mended = self.clone().with_mended(old.plan.mended.clone());
        match mended.hash == old.hash {
            true => Self { taken_over: old.taken_over, ..mended },
            false => self,
        }
    }

    /// The hash of the plan that stands in a folder, if there is one that says so.
    #[must_use]
    pub fn hash_in(run: &RunDir) -> Option<Digest> {
        #[derive(Deserialize)]
        struct Hash {
            plan_hash: Digest,
        }
        let bytes = files::read(&run.plan()).ok()?;
        Some(serde_json::from_slice::<Hash>(&bytes).ok()?.plan_hash)
    }

    /// Whether the revisions in a folder are those of another plan than the one there.
    #[must_use]
    pub fn has_foreign_revisions(run: &RunDir) -> bool {
        Self::hash_in(run).is_some_and(|hash| revision::is_foreign(&run.revisions(), &hash))
    }

    /// The same plan with the revisions in a folder, where it goes on.
    ///
    /// # Errors
    /// If they cannot be used.
    pub fn revised(mut self, run: &RunDir) -> Result<Self, PlanError> {
        self.shards = LiveShards::new(&self.plan.shards);
        revision::read(run, &self.hash, &self.study()?, &mut self.shards)?;
        Ok(self)
    }

    /// Cuts shards into more. When that is written down, the parts are fitted.
    ///
    /// # Errors
    /// If the parts of a shard are not the shard.
    pub fn cut(&mut self, splits: Vec<Split>) -> Result<(), PlanError> {
        let (study, mut shards) = (self.study()?, self.shards.clone());
        splits.into_iter().try_for_each(|split| shards.put(&study, split)).map_err(|message| {
            PlanError::Revisions { path: "revisions.json".into(), message: message.into() }
        })?;
        self.shards = shards;
        Ok(())
    }

    /// Writes down, whole, which shards were cut, if any were.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_revisions(&self, run: &RunDir) -> Result<(), PlanError> {
        match self.shards.splits() {
            [] => Ok(()),
            splits => Ok(revision::write(run, self.hash, splits)?),
        }
    }

    /// Whether the revisions in a folder, if there are any, are not of this plan.
    #[must_use]
    pub fn disowns_revisions(&self, run: &RunDir) -> bool {
        revision::is_foreign(&run.revisions(), &self.hash)
    }

    /// Checks that a build may fit this plan: it planned it, or nobody wrote down who did.
    ///
    /// # Errors
    /// If another build planned it.
    pub fn check_program(&self, run: &RunDir, running: &Program) -> Result<(), OtherProgram> {
        match &self.program {
            Some(planned) if planned.blake3 != running.blake3 => Err(OtherProgram {
                plan: run.plan(),
                planned: planned.blake3.short(),
                found: running.blake3.short(),
            }),
            _ => Ok(()),
        }
    }

    /// Checks that the input files are those that were planned with.
    ///
    /// # Errors
    /// Names the first file that changed or is gone.
    pub fn check_inputs(&self) -> Result<(), PlanError> {
        self.check_inputs_but(|_| false)
    }

    fn check_inputs_but(&self, skipped: impl Fn(&Input) -> bool) -> Result<(), PlanError> {
        for input in self.plan.inputs.iter().filter(|input| !skipped(input)) {
            let found = Digest::of_file(&input.path)?;
            if found != input.blake3 {
                return Err(PlanError::InputChanged {
                    path: input.path.clone(),
                    planned: input.blake3.short(),
                    found: found.short(),
                });
            }
        }
        Ok(())
    }

    /// As [`Self::check_inputs`], after the fits: those that are no longer there do no harm, but one
    /// that changed may have done so while tasks were at work, which look at it when they begin.
    ///
    /// # Errors
    /// Names the first file that changed.
    pub fn check_unchanged(&self) -> Result<(), PlanError> {
        self.check_inputs_but(|input| !input.path.exists())
    }

    /// The first file with the data, or with a model of the instrument, that is not there.
    #[must_use]
    pub fn absent_data(&self) -> Option<PathBuf> {
        let data = &self.plan.config.data;
        let models = data.sets.iter().filter_map(|set| data.model_of(*set));
        data.path.iter().cloned().chain(models).find(|path| !path.exists())
    }

    /// The study that the plan is for.
    ///
    /// # Errors
    /// Never for a plan that [`Self::read`] or [`Plan::make`] gave.
    pub fn study(&self) -> Result<Study, StudyError> {
        Study::new(&self.plan.config)
    }
}

/// Array tasks may start in another folder than the planner did.
pub(crate) fn make_absolute(config: &mut Config) {
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
fn hash_inputs(config: &Config) -> Result<Vec<Input>, PlanError> {
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

    fn planned(assignments: &[&str]) -> BoundPlan {
        let assignments: Vec<String> = assignments.iter().map(|a| (*a).into()).collect();
        Plan::make(Config::load(None, &assignments).unwrap(), Vec::new(), 2).unwrap()
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
        let command = &plan.config.method[0].command;
        assert_eq!(command[..], ["Cargo.toml", cargo.to_str().unwrap(), "src", "none.py"]);
        assert_eq!(plan.config.method[1].command[0], clippy.to_str().unwrap());
    }

    #[test]
    fn how_jobs_are_started_is_kept_beside_the_plan_and_not_in_its_hash() {
        let (plain, launched) = (planned(&[]), planned(&["slurm.partition=short"]));
        assert_eq!(plain.hash, launched.hash);
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::new(folder.path());
        launched.write(&run).unwrap();
        let read = BoundPlan::read(&run).unwrap();
        assert_eq!(read, launched);
        assert_eq!(read.launch.partition.as_deref(), Some("short"));
        // It may be changed in the file, and nothing else may.
        let text = std::fs::read_to_string(run.plan()).unwrap();
        std::fs::write(run.plan(), text.replace("\"short\"", "\"long\"")).unwrap();
        assert_eq!(BoundPlan::read(&run).unwrap().launch.partition.as_deref(), Some("long"));
        std::fs::write(run.plan(), text.replace("\"seed\": 1", "\"seed\": 2")).unwrap();
        assert!(matches!(BoundPlan::read(&run), Err(PlanError::Edited { .. })));
    }
}
