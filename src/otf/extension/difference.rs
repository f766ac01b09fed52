//! What in the settings of two plans is different, besides the grid.

use serde_json::{Map, Value};

use crate::otf::Otf;
use crate::otf::inputs::{DataSet, make_absolute};
use crate::otf::study::{BinSelection, Config, MethodOptions, ProgramSettings};
use crate::runner::plan::{Input, Plan};

/// The settings on which results depend wherever in the grid they stand, by name: those that are not
/// the same.
pub(super) fn settings(old: &Config, new: &Config) -> Vec<String> {
    let mut found = Vec::new();
    compare("", &beside_the_grid(old), &beside_the_grid(new), &mut found);
    found
}

/// Input files, other than those of programs, and the records of data sets that are not what they
/// were.
pub(super) fn inputs((old, was): (&Otf, &Plan), (new, is): (&Otf, &Plan)) -> Vec<String> {
    let data = was.inputs.iter().filter(|input: &&Input| !old.is_of_a_program(&input.path));
    let changed = data.filter(|input| !is.inputs.contains(input));
    let files = changed.map(|input| format!("the file {} is another", input.path.display()));
    let sets = old.data_sets().into_iter().filter(|was| {
        let other = |is: &DataSet| is.set == was.set && is.screening != was.screening;
        new.data_sets().iter().any(other)
    });
    files.chain(sets.map(|set| format!("data set {}: other records are used", set.set))).collect()
}

/// The words of a command, each file by its whole path.
pub(super) fn command(program: &ProgramSettings) -> Vec<String> {
    let mut config = Config { method: vec![program.clone()], ..Config::default() };
    make_absolute(&mut config);
    config.method.into_iter().flat_map(|program| program.command).collect()
}

fn beside_the_grid(config: &Config) -> Value {
    let mut config = config.clone();
    config.data.sets.clear();
    config.fit.methods.clear();
    config.fit.bins = BinSelection::All;
    // These are compared method by method.
    config.fit.options = MethodOptions::default();
    config.method.clear();
    (config.study.trials, config.study.noise_levels) = (1, None);
    serde_json::to_value(config).unwrap_or_default()
}

fn compare(path: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    if let (Value::Object(old), Value::Object(new)) = (old, new) {
        return compare_tables(path, old, new, found);
    }
    if old != new {
        found.push(format!("{path} was {}, and is {}", said(old), said(new)));
    }
}

fn compare_tables(
    path: &str,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    found: &mut Vec<String>,
) {
    let more = new.keys().filter(|key| !old.contains_key(*key));
    for key in old.keys().chain(more) {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let value = |table: &Map<String, Value>| table.get(key).cloned().unwrap_or_default();
        compare(&path, &value(old), &value(new), found);
    }
}

fn said(value: &Value) -> String {
    if value.is_null() { "not set".into() } else { value.to_string() }
}
