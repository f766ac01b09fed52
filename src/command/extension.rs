//! A larger study of a command takes over the results of a smaller one.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::runner::engine::{Keep, KeptColumn, Mapping};
use crate::runner::plan::Plan;

use super::settings::{CommandSettings, StopSettings};
use super::study::CommandStudy;
use super::template::Slot;

/// Most units of a study that is extended: each is looked up by its values.
const MOST_UNITS: u64 = 10_000_000;

/// From a plan to a larger one: all but the grid is the same, and nothing of the old grid is missing.
///
/// # Errors
/// Names everything that is in the way.
pub(super) fn to_larger(
    (old, old_plan): (&CommandStudy, &Plan),
    (new, new_plan): (&CommandStudy, &Plan),
) -> Result<Mapping, Vec<String>> {
    let mut differences = differences(old.settings(), new.settings());
    let shared: Vec<_> =
        old_plan.inputs.iter().filter(|input| !new_plan.inputs.contains(input)).collect();
    differences.extend(shared.iter().map(|input| format!("{} is another", input.path.display())));
    if uses_numbers(old) {
        differences.push(
            "{unit} or {AXIS.index} is a word of the command: other units would have it".into(),
        );
    }
    if old.units().max(new.units()) > MOST_UNITS {
        differences.push(format!("more than {MOST_UNITS} units"));
    }
    if !differences.is_empty() {
        return Err(differences);
    }
    let places: BTreeMap<String, u64> =
        (0..new.units()).map(|unit| (key(new, unit), unit)).collect();
    let moved: Vec<Option<u64>> =
        (0..old.units()).map(|unit| places.get(&key(old, unit)).copied()).collect();
    let lost = (0..old.units()).filter(|unit| moved[*unit as usize].is_none());
    let lost: Vec<String> = lost.map(|unit| format!("{} is missing", old.name_of(unit))).collect();
    if !lost.is_empty() {
        return Err(lost.into_iter().take(8).collect());
    }
    let keep = keep(old.settings(), new.settings());
    let column = KeptColumn { label: super::workload::NAME.into(), keep, why: WHY };
    let moved = move |unit: u64| moved.get(usize::try_from(unit).ok()?).copied().flatten();
    Ok(Mapping { columns: vec![column], moved: Box::new(moved) })
}

/// Why results are not kept, where they are not.
const WHY: &str = "they failed or were not run, and may come to more now";

/// What ended in time is what it would be with more of it, whatever stopped the rest.
fn keep(old: &CommandSettings, new: &CommandSettings) -> Keep {
    let (was, is) = (&old.command, &new.command);
    let more = is.timeout_seconds > was.timeout_seconds
        || is.retries > was.retries
        || old.stop != new.stop;
    if more { Keep::ButFailed } else { Keep::All }
}

/// The settings beside the grid that are not the same.
fn differences(old: &CommandSettings, new: &CommandSettings) -> Vec<String> {
    let (was, is) = (beside_the_grid(old), beside_the_grid(new));
    let (Value::Object(was), Value::Object(is)) = (was, is) else { return Vec::new() };
    let mut names: Vec<&String> = was.keys().chain(is.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let differs = names.into_iter().filter(|name| was.get(*name) != is.get(*name));
    let mut found: Vec<String> =
        differs.map(|name| format!("[{name}] is not what it was")).collect();
    let (before, now) = (&old.command, &new.command);
    if now.timeout_seconds < before.timeout_seconds {
        found.push("command.timeout_seconds is less than it was".into());
    }
    if now.retries < before.retries {
        found.push("command.retries is less than it was".into());
    }
    found
}

fn beside_the_grid(settings: &CommandSettings) -> Value {
    let mut settings = settings.clone();
    settings.grid.clear();
    settings.case.clear();
    settings.command.timeout_seconds = 0.0;
    settings.command.retries = 0;
    // They change what is made of results or which there are, and no result.
    settings.reduce = None;
    settings.stop = StopSettings::default();
    serde_json::to_value(settings).unwrap_or_default()
}

/// Whether a unit's words say where in the grid it stands, besides its values.
fn uses_numbers(study: &CommandStudy) -> bool {
    let templates = study.words.iter().chain(&study.input).chain(study.env.iter().map(|(_, t)| t));
    let mut slots = templates.flat_map(|template| template.slots());
    slots.any(|slot| matches!(slot, Slot::Unit | Slot::Index(_)))
}

/// The values of a unit, by name.
fn key(study: &CommandStudy, unit: u64) -> String {
    let mut cells: Vec<String> = study
        .cells(unit)
        .iter()
        .map(|cell| format!("{}={}={}", cell.name, cell.label, cell.value.canonical()))
        .collect();
    cells.sort_unstable();
    cells.join("\n")
}
