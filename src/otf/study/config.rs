//! What a user writes: a TOML file, and `--set key=value` on top of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::foundations::text::lenient;
use crate::foundations::text::listed::Several;
use crate::runner::plan::LaunchSettings;
use crate::science::data::settings::{DataSettings, InstrumentSettings, SimulateSettings};
use crate::science::data::{BolometerTemperature, EmitterSettings, Resampling};
use crate::science::fit::Constraint;
use crate::science::fit::joint::JointSettings;
use crate::settings::{Given, Reader, SettingsError, Vocabulary};

use super::bins::BinSelection;
use super::choice::JOINT;
use super::schema::MethodName;
use super::unused::{self, UnusedSetting};

/// `workload`, in a file for this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorkloadName {
    /// This one.
    #[default]
    Otf,
}

/// All settings of a run, as written: each value has its type, but nothing is checked across
/// settings. [`super::Study::new`] does that.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which workload the file is for.
    #[serde(skip_serializing)]
    pub workload: WorkloadName,
    /// Where the records come from.
    pub data: DataSettings,
    /// The campaign that stands in when there is no file.
    pub simulate: SimulateSettings,
    /// How an interferogram becomes a spectrum.
    pub instrument: InstrumentSettings,
    /// What is fitted, and how.
    pub fit: FitSettings,
    /// The grid of configurations.
    pub study: StudySettings,
    /// Emitters beside the seven, or some of these otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub emitter: Vec<EmitterSettings>,
    /// Programs that are methods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub method: Vec<ProgramSettings>,
    /// How jobs are started. A plan keeps this apart from the rest: no result follows from it.
    #[serde(skip_serializing_if = "LaunchSettings::is_default")]
    pub slurm: LaunchSettings,
}

/// `[[method]]`: a program in any language that is a method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProgramSettings {
    /// Its name in `fit.methods`.
    pub name: String,
    /// The program and its arguments; the paths of its input and its output file follow.
    pub command: Vec<String>,
    /// Seconds after which it is killed.
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: f64,
}

fn default_timeout_seconds() -> f64 {
    300.0
}

/// `[fit]`: what is fitted, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FitSettings {
    /// Names of the methods; `all` stands for every one, and for every `[[method]]`.
    #[serde(deserialize_with = "lenient::list")]
    #[schemars(with = "Several<MethodName>")]
    pub methods: Vec<String>,
    /// What is imposed on the emissivities of a bin.
    pub constraint: Constraint,
    /// The temperature at which the channel's bolometer emits; by default, as the conventions have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bolometer_temperature: Option<BolometerTemperature>,
    /// The bins to fit.
    pub bins: BinSelection,
    /// Seconds after which an iterative method gives up at a bin. Off by default: with it the
    /// results depend on the speed of the machine, and are no longer the same everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_seconds: Option<f64>,
    /// Options of methods: `[fit.options.METHOD]`.
    #[serde(skip_serializing_if = "MethodOptions::is_empty")]
    pub options: MethodOptions,
    /// Whether the covariance among the emitters of a bin is kept, for methods that are linear; the joint
    /// fit keeps it in any case.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub covariance: bool,
}

/// `[fit.options]`: what methods are told.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MethodOptions {
    /// The joint fit, which takes more than numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joint: Option<JointSettings>,
    /// The others: numbers by name.
    #[serde(flatten)]
    pub of_methods: BTreeMap<String, BTreeMap<String, f64>>,
}

impl MethodOptions {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What one method is told.
    pub(crate) fn of(&self, method: &str) -> Self {
        let mut own = Self::default();
        if method == JOINT {
            own.joint = Some(self.joint.clone().unwrap_or_default());
        }
        let numbers = self.of_methods.get(method).filter(|numbers| !numbers.is_empty());
        own.of_methods.extend(numbers.map(|numbers| (method.to_owned(), numbers.clone())));
        own
    }
}

impl Default for FitSettings {
    fn default() -> Self {
        Self {
            methods: vec!["ols".into(), "wls".into()],
            constraint: Constraint::None,
            bolometer_temperature: None,
            bins: BinSelection::All,
            unit_seconds: None,
            options: MethodOptions::default(),
            covariance: false,
        }
    }
}

/// `[study]`: the grid of configurations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StudySettings {
    /// Everything random follows from this.
    #[serde(deserialize_with = "lenient::index")]
    pub seed: u64,
    /// Noise draws at each level; on measured data, draws of plateaus or folds.
    #[serde(deserialize_with = "lenient::count")]
    pub trials: u64,
    /// What the trials of measured data are.
    pub resampling: Resampling,
    /// In units of the median RMS of a null interferogram; simulated data only.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::some_list")]
    #[schemars(with = "Option<Several<f64>>")]
    pub noise_levels: Option<Vec<f64>>,
}

impl Default for StudySettings {
    fn default() -> Self {
        Self { seed: 1, trials: 1, resampling: Resampling::None, noise_levels: None }
    }
}

/// Settings that cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// They cannot be read.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A setting that nothing would use.
    #[error(transparent)]
    Unused(#[from] UnusedSetting),
}

/// Every setting, by its table.
const SETTINGS: [(&str, &[&str]); 8] = [
    (
        "data",
        &[
            "source",
            "path",
            "model",
            "sets",
            "sigma",
            "dark_above_ghz",
            "saturation_counts",
            "max_temperature_k",
            "exclude",
            "other_bolometers",
            "match_within_s",
            "emitters",
        ],
    ),
    (
        "simulate",
        &[
            "records",
            "plateau_records",
            "rounding",
            "dither_counts",
            "glitch_fraction",
            "glitch_sigma",
            "model_error",
            "temperature_error_k",
            "corrections",
            "biases",
            "bolometer_error",
            "plateau_error_k",
        ],
    ),
    (
        "instrument",
        &[
            "transform_length",
            "frequency_correction",
            "baseline",
            "apodise",
            "conventions",
            "peaks",
            "peak_sample",
            "gains",
            "bias",
            "apodisation",
            "least_transfer",
            "bolometer",
            "corrections",
        ],
    ),
    (
        "fit",
        &[
            "methods",
            "constraint",
            "bolometer_temperature",
            "bins",
            "unit_seconds",
            "options",
            "covariance",
        ],
    ),
    ("study", &["seed", "trials", "resampling", "noise_levels"]),
    ("emitter", &["name", "key", "channel", "column", "temperature", "simulated"]),
    ("method", &["name", "command", "timeout_seconds"]),
    ("slurm", &["partition", "account", "time", "memory", "cpus_per_task", "throttle", "extra"]),
];

/// What the settings are called.
const WORDS: Vocabulary = Vocabulary {
    tables: &SETTINGS,
    lists: &["emitter", "method"],
    of_several_types: ("data.sigma", "a number of counts, zero or more, or \"estimate\""),
};

impl Config {
    /// Reads a config file, or takes the default, and applies `--set` assignments in order.
    ///
    /// # Errors
    /// If the file or an assignment cannot be understood, or what it sets has no effect.
    pub fn load(file: Option<&Path>, assignments: &[String]) -> Result<Self, ConfigError> {
        let files: Vec<PathBuf> = file.into_iter().map(Path::to_path_buf).collect();
        Self::of(&Given::read(None, &files, assignments)?)
    }

    /// The settings that were given, over the default.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn of(given: &Given) -> Result<Self, ConfigError> {
        let reader = Reader { words: &WORDS };
        let mut table = reader.read::<Self>(given)?;
        unused::infer_source(&mut table);
        let config = reader.settings(given, table.clone())?;
        unused::check(&table, &config)?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::data::CorrectionChoice;
    use crate::settings::BuiltIn;

    fn set(assignments: &[&str]) -> Result<Config, ConfigError> {
        let assignments: Vec<String> = assignments.iter().map(|a| (*a).into()).collect();
        Config::load(None, &assignments)
    }

    #[test]
    fn the_commented_default_is_the_default() {
        let text = BuiltIn::named("default").unwrap().text;
        assert_eq!(toml::from_str::<Config>(text).unwrap(), Config::default());
        // So is the simulated campaign, whose lines are comments, since beside a file they are errors.
        let section = text.split("[simulate]\n").nth(1).unwrap();
        let lines = section.lines().take_while(|line| !line.is_empty());
        let lines: Vec<&str> = lines.map(|line| line.strip_prefix("# ").unwrap()).collect();
        let simulate: SimulateSettings = toml::from_str(&lines.join("\n")).unwrap();
        assert_eq!((simulate, lines.len()), (SimulateSettings::default(), 12));
    }

    #[test]
    fn settings_survive_json_to_the_last_bit() {
        let config = set(&[
            "study.noise_levels=[1e-8, 0.1, 0.3333333333333333]",
            "data.sigma=0.020000000000000004",
            "instrument.bolometer={r0_ohm=0.1,t0_k=1,g1=2.125785e-8,beta=1.172,rho_k_per_v=2.3,\
             c1=5.9e-10,c3=2.4e-10,j0_v=1.7,jg=0.92,rl_ohm=4e7}",
        ])
        .unwrap();
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), config);
    }

    #[test]
    fn values_may_be_typed_with_or_without_quotes() {
        for text in ["fit.constraint=none", "fit.constraint=\"none\""] {
            assert_eq!(set(&[text]).unwrap().fit.constraint, Constraint::None);
        }
        let config = set(&["data.path=../a b.npz", "fit.methods=[\"ols\"]", "study.trials=5"]);
        let config = config.unwrap();
        assert_eq!(config.data.path.unwrap(), Path::new("../a b.npz"));
        assert_eq!(config.fit.methods, ["ols"]);
        assert_eq!(config.study.trials, 5);
        // A path that looks like a number is still a path.
        assert_eq!(set(&["data.path=12"]).unwrap().data.path.unwrap(), Path::new("12"));
    }

    #[test]
    fn what_slurm_is_asked_for_may_look_like_a_number() {
        let config = set(&["slurm.time=60", "slurm.memory=4000", "slurm.cpus_per_task=4"]).unwrap();
        let text = |value: Option<String>| value.unwrap();
        assert_eq!(
            (text(config.slurm.time), text(config.slurm.memory)),
            ("60".into(), "4000".into())
        );
        assert_eq!(config.slurm.cpus_per_task.unwrap().get(), 4);
    }

    #[test]
    fn an_unknown_key_is_answered_with_the_valid_ones() {
        let error = set(&["study.trails=5"]).unwrap_err().to_string();
        assert!(error.contains("--set study.trails=5: "), "{error}");
        assert!(error.contains("did you mean study.trials?; study has seed, trials"), "{error}");
        let error = set(&["studdy.trials=5"]).unwrap_err().to_string();
        assert!(
            error.contains("did you mean study.trials?; the settings have workload, data"),
            "{error}"
        );
        let error = set(&["data.source=nzp"]).unwrap_err().to_string();
        assert!(error.contains("`npz`; did you mean \"npz\"?"), "{error}");
        let error = set(&["data.sets=[\"lxss\"]"]).unwrap_err().to_string();
        assert!(error.contains("llss"), "{error}");
    }

    #[test]
    fn corrections_are_a_word_or_a_table() {
        let config = set(&["instrument.corrections=model", "simulate.biases=25,35"]).unwrap();
        assert_eq!(config.instrument.corrections, CorrectionChoice::Model);
        assert_eq!(config.simulate.biases, [25.0, 35.0]);
        for text in ["instrument.corrections={h2=1e-3}", "instrument.corrections.h2=1e-3"] {
            let CorrectionChoice::Values(values) = set(&[text]).unwrap().instrument.corrections
            else {
                panic!("{text}")
            };
            assert_eq!((values.h2, values.h3), (1e-3, 0.0));
        }
        for text in ["simulate.corrections={h4=1}", "simulate.corrections.h4=1"] {
            let error = set(&[text]).unwrap_err().to_string();
            assert!(
                error.contains("there is no setting simulate.corrections.h4; did you"),
                "{error}"
            );
            assert!(error.contains("xcal_offset_k, ical_drift, offsets_k, h2, h3"), "{error}");
        }
        for (text, expected) in [
            (
                "instrument.corrections=modle",
                "is \"modle\": expected \"none\", \"model\" or a table",
            ),
            ("instrument.corrections={h2=\"x\"}", "is \"x\": expected a number"),
            ("instrument.corrections=3", "is 3: expected \"none\", \"model\" or a table"),
        ] {
            let error = set(&[text]).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        // What is not there is not written: plans without corrections are as they were.
        let json = serde_json::to_string(&set(&[]).unwrap()).unwrap();
        assert!(!json.contains("corrections") && !json.contains("biases"), "{json}");
    }

    #[test]
    fn one_value_or_several_without_brackets_may_stand_for_a_list() {
        let config = set(&[
            "fit.methods=wls,ols",
            "data.sets=llss",
            "data.other_bolometers=rh,rl",
            "study.noise_levels=1e-4,1e-2",
            "fit.bins=[5,\"7-9\"]",
            "slurm.extra=--mail-type=END,FAIL",
        ]);
        let config = config.unwrap();
        assert_eq!(config.fit.methods, ["wls", "ols"]);
        assert_eq!((config.data.sets.len(), config.data.other_bolometers.len()), (1, 2));
        assert_eq!(config.study.noise_levels, Some(vec![1e-4, 1e-2]));
        assert_eq!(config.fit.bins.to_string(), "5,7-9");
        assert_eq!(config.slurm.extra, ["--mail-type=END,FAIL"]);
        let config = set(&["study.noise_levels=0.1", "fit.methods=wls", "fit.bins=7"]).unwrap();
        assert_eq!(config.study.noise_levels, Some(vec![0.1]));
        assert_eq!((config.fit.methods, config.fit.bins.bins()), (vec!["wls".into()], vec![7]));
    }

    #[test]
    fn impossible_values_are_refused_with_the_assignment() {
        for bad in [
            "study.trials=-1",
            "study.seed=x",
            "data.sigma=-0.1",
            "data.sigma=guess",
            "data.source.x=1",
            "fit.bins=5-",
            "fit.bins=300",
            "study",
            "slurm.throttle=0",
        ] {
            let error = set(&[bad]).unwrap_err().to_string();
            assert!(error.contains(bad), "{bad}: {error}");
        }
    }

    #[test]
    fn a_file_with_a_mistake_is_reported_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        std::fs::write(&path, "[study]\nseed = 3\ntrails = 5\n").unwrap();
        let error = Config::load(Some(&path), &[]).unwrap_err().to_string();
        assert!(error.contains("mine.toml") && error.contains("line 3"), "{error}");
        assert!(error.contains("trials"), "{error}");
        std::fs::write(&path, "[study]\nseed = 3\n").unwrap();
        let config = Config::load(Some(&path), &["study.trials=2".into()]).unwrap();
        assert_eq!((config.study.seed, config.study.trials), (3, 2));
    }

    #[test]
    fn all_settings_are_known_here() {
        for (table, names) in SETTINGS {
            let is_list = ["method", "emitter"].contains(&table);
            let header = if is_list { format!("[[{table}]]") } else { format!("[{table}]") };
            let error = toml::from_str::<Config>(&format!("{header}\nx = 1\n")).unwrap_err();
            let (_, expected) = error.message().split_once(", expected ").unwrap();
            assert_eq!(quoted(expected), names, "{table}");
        }
        let error = toml::from_str::<Config>("x = 1").unwrap_err();
        let (_, expected) = error.message().split_once(", expected ").unwrap();
        // All tables, and which workload it is.
        assert_eq!(quoted(expected).len(), SETTINGS.len() + 1);
    }

    /// The words between backticks.
    fn quoted(text: &str) -> Vec<&str> {
        text.split('`').skip(1).step_by(2).collect()
    }
}
