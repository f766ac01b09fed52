//! What a user writes for a study of a command: the TOML file as typed. Each value has its type;
//! [`super::CommandStudy::new`] checks them against each other.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::value::Named;
use crate::foundations::text::lenient;
use crate::foundations::text::listed::{OneOrMore, Several};
use crate::runner::plan::LaunchSettings;

/// All settings of a study of a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandSettings {
    /// Which workload the file is for.
    pub workload: WorkloadName,
    /// The program, and what it must leave.
    pub command: ProgramSettings,
    /// The axes of the grid of configurations; the last runs fastest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grid: Vec<AxisSettings>,
    /// Configurations one by one, after those of the grid: a value for every axis. Axes that the
    /// grid does not have are in the order of the alphabet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub case: Vec<BTreeMap<String, Named>>,
    /// What is random, and what is repeated.
    #[serde(default, skip_serializing_if = "is_default")]
    pub study: TrialSettings,
    /// What is gathered from all units.
    #[serde(default, skip_serializing_if = "is_default")]
    pub collect: CollectSettings,
    /// What is run once on the complete results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduce: Option<ReduceSettings>,
    /// What is the same when a unit runs again.
    #[serde(default, skip_serializing_if = "is_default")]
    pub audit: AuditSettings,
    /// When the rest need not be run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub stop: StopSettings,
    /// How jobs are started. A plan keeps this apart from the rest: no result follows from it.
    #[serde(default, skip_serializing_if = "LaunchSettings::is_default")]
    pub slurm: LaunchSettings,
}

/// `workload`, in a file for this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorkloadName {
    /// This one.
    #[default]
    Command,
}

/// `[command]`: the program, and what it must leave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProgramSettings {
    /// The program and its arguments, which may have placeholders. No shell is between.
    #[serde(deserialize_with = "lenient::list_of_words")]
    #[schemars(with = "OneOrMore<String>")]
    pub run: Vec<String>,
    /// The file that a unit reads, with placeholders. It is hashed into the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// The file that a unit writes, in a folder that nothing else is in. `.json` and `.csv` are looked
    /// into. Empty: there is none, and the exit code alone counts.
    #[serde(default = "default_output")]
    pub output: String,
    /// Patterns of further files that the results follow from. They are hashed into the plan.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "lenient::list_of_words"
    )]
    #[schemars(with = "OneOrMore<String>")]
    pub depends: Vec<String>,
    /// Where the program runs, and where relative paths begin.
    #[serde(default = "default_directory")]
    pub directory: PathBuf,
    /// Seconds after which an attempt is killed.
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: f64,
    /// Environment variables, whose values may have placeholders.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Patterns of names of environment variables that are not inherited.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "lenient::list_of_words"
    )]
    #[schemars(with = "OneOrMore<String>")]
    pub env_clear: Vec<String>,
    /// What must be there: JSON pointers (`/methods`), or columns (`column:order`).
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "lenient::list_of_words"
    )]
    #[schemars(with = "OneOrMore<String>")]
    pub require: Vec<String>,
    /// What differs from run to run: JSON pointers with `*` for any name or number
    /// (`/methods/*/timing`), or columns (`column:timing`).
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "lenient::list_of_words"
    )]
    #[schemars(with = "OneOrMore<String>")]
    pub volatile: Vec<String>,
    /// Further attempts after a signal or a timeout.
    #[serde(default)]
    pub retries: u32,
    /// Exit codes that end a unit where they would be taken for a signal: shells say 128 + its number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fatal: Vec<i32>,
    /// Threads of one unit.
    #[serde(default = "default_threads")]
    pub threads: u32,
    /// Bytes that are kept of the standard output, and of the standard error, of an attempt: the last.
    #[serde(default = "default_log_bytes")]
    pub log_bytes: u64,
    /// Most bytes of all that is kept of a unit's outputs.
    #[serde(default = "default_output_bytes")]
    pub output_bytes: u64,
}

fn default_output() -> String {
    "output.json".into()
}

fn default_directory() -> PathBuf {
    ".".into()
}

fn default_timeout_seconds() -> f64 {
    3600.0
}

fn default_threads() -> u32 {
    1
}

fn default_log_bytes() -> u64 {
    16 << 20
}

fn default_output_bytes() -> u64 {
    1 << 30
}

/// `[[grid]]`: an axis, in one of three ways: `values`, `from` and `to`, or `zip`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AxisSettings {
    /// Its name, but of `zip`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Named>>,
    /// The first of whole numbers that are its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<i64>,
    /// The last of them, itself included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<i64>,
    /// Several names that advance together, in the order of the alphabet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zip: Option<BTreeMap<String, Vec<Named>>>,
}

/// `[study]`: what is random, and what is repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrialSettings {
    /// Every seed follows from this.
    #[serde(deserialize_with = "lenient::index")]
    pub seed: u64,
    /// The axes whose values enter the seed of a unit; all, if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::some_list")]
    #[schemars(with = "Option<Several<String>>")]
    pub seed_over: Option<Vec<String>>,
    /// Length of a seed: 53 bits are exact in every language, 31 fit where only an int does.
    pub seed_bits: u32,
    /// The axis over which a summary takes the mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trials: Option<String>,
}

impl Default for TrialSettings {
    fn default() -> Self {
        Self { seed: 1, seed_over: None, seed_bits: 53, trials: None }
    }
}

/// `[collect]`: what is gathered from all units.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CollectSettings {
    /// CSV files that every unit writes: their rows become one table.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::list_of_words")]
    #[schemars(with = "OneOrMore<String>")]
    pub tables: Vec<String>,
    /// The columns that tell the rows of a unit apart.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::list_of_words")]
    #[schemars(with = "OneOrMore<String>")]
    pub row_key: Vec<String>,
    /// Rows that every table of a unit with the columns of `row_key` must have at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_rows: Option<u64>,
    /// Patterns of further files that are kept, if a unit writes any.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::list_of_words")]
    #[schemars(with = "OneOrMore<String>")]
    pub files: Vec<String>,
}

/// `[reduce]`: what is run once on the complete results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReduceSettings {
    /// The program and its arguments, which may have placeholders.
    #[serde(deserialize_with = "lenient::list_of_words")]
    #[schemars(with = "OneOrMore<String>")]
    pub run: Vec<String>,
}

/// `[audit]`: what is the same when a unit runs again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuditSettings {
    /// Whether the program leaves the same when it runs again.
    pub repeatable: bool,
    /// By how much numbers may differ, relative to the larger one; none: the bytes are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self { repeatable: true, tolerance: None }
    }
}

/// `[stop]`: when the rest need not be run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StopSettings {
    /// A target, as in `nrmse < 1e-3`: a column of a table or of a CSV output, or a JSON pointer into
    /// the output, then `<`, `<=`, `>`, `>=` or `==`, then a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_when: Option<String>,
    /// So many units may fail; with one more, the rest need not be run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_failures: Option<u64>,
    /// So long may all take together, s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_seconds: Option<f64>,
}

/// What is as if nobody had said anything is not written: a setting that a later version brings
/// leaves the hashes of plans as they are.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl CommandSettings {
    /// Makes the folder that relative paths begin at absolute: a task may start elsewhere. No link is
    /// followed.
    pub fn make_absolute(&mut self) {
        if let Ok(absolute) = std::path::absolute(&self.command.directory) {
            self.command.directory = absolute;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = "workload = \"command\"\n[command]\nrun = [\"true\"]\n";
    const FULL: &str = r#"
workload = "command"
[command]
run = ["python3", "study.py", "{input}", "{output}"]
input = "inputs/{system}_noise{noise}_trial{trial}.json"
output = "result.json"
depends = ["methods/**/*.py", "uv.lock"]
directory = "."
timeout_seconds = 900
env = { OMP_NUM_THREADS = "1" }
env_clear = ["PY_*", "GP_*"]
require = ["/methods"]
volatile = ["/methods/*/timing", "column:timing"]
retries = 1
fatal = [137]
threads = 2
log_bytes = 1000
output_bytes = 100000
[[grid]]
name = "noise"
values = [1e-8, { value = 1e-3, label = "100000e-8" }]
[[grid]]
zip = { system = ["lotka", "lorenz"], order = [1, 2] }
[[grid]]
name = "trial"
from = 1
to = 3
[[case]]
noise = 0.5
system = "x"
order = 7
trial = 1
[study]
seed = 7
seed_over = ["noise", "trial"]
seed_bits = 31
trials = "trial"
[collect]
tables = ["results.csv"]
row_key = ["method", "order"]
expected_rows = 3
files = ["*.png"]
[reduce]
run = ["python3", "tables.py", "{outputs}"]
[audit]
repeatable = true
tolerance = 1e-9
[stop]
stop_when = "nrmse < 1e-3"
max_failures = 10
budget_seconds = 3600
"#;

    #[test]
    fn a_minimal_and_a_full_file_are_read_and_survive_a_plan() {
        for text in [MINIMAL, FULL] {
            let settings: CommandSettings = toml::from_str(text).unwrap();
            let json = serde_json::to_string(&settings).unwrap();
            assert_eq!(serde_json::from_str::<CommandSettings>(&json).unwrap(), settings);
        }
        let units = |text| {
            crate::command::CommandStudy::new(&toml::from_str(text).unwrap()).unwrap().units()
        };
        assert_eq!((units(MINIMAL), units(FULL)), (1, 2 * 2 * 3 + 1));
        let minimal: CommandSettings = toml::from_str(MINIMAL).unwrap();
        let expected = "{\"workload\":\"command\",\"command\":{\"run\":[\"true\"],\
                        \"output\":\"output.json\",\"directory\":\".\",\"timeout_seconds\":3600.0,\
                        \"retries\":0,\"threads\":1,\"log_bytes\":16777216,\
                        \"output_bytes\":1073741824}}";
        assert_eq!(serde_json::to_string(&minimal).unwrap(), expected);
    }

    #[test]
    fn an_unknown_setting_is_refused_in_every_table() {
        for (table, line) in [
            ("[command]\nrun = [\"true\"]", "tmeout_seconds = 3"),
            ("[[grid]]", "vlues = [1]"),
            ("[study]", "trails = \"x\""),
            ("[collect]", "table = \"x\""),
            ("[reduce]\nrun = \"x\"", "input = \"x\""),
            ("[audit]", "tolerence = 1"),
            ("[stop]", "after = 1"),
        ] {
            let first = if table.starts_with("[command]") { "" } else { "[command]\nrun=\"x\"\n" };
            let text = format!("workload = \"command\"\n{first}{table}\n{line}\n");
            let error = toml::from_str::<CommandSettings>(&text).unwrap_err().to_string();
            assert!(error.contains("unknown field"), "{error}");
        }
        assert!(toml::from_str::<CommandSettings>("workload = \"otf\"").is_err());
    }

    #[test]
    fn the_folder_is_made_absolute_and_no_link_is_followed() {
        let mut settings: CommandSettings = toml::from_str(MINIMAL).unwrap();
        settings.make_absolute();
        assert_eq!(settings.command.directory, std::env::current_dir().unwrap());
        settings.command.directory = "/proc/self/cwd".into();
        settings.make_absolute();
        assert_eq!(settings.command.directory, std::path::Path::new("/proc/self/cwd"));
    }
}
