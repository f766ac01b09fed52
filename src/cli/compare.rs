//! `otfhpc compare`: by how many error bars two models or two runs differ.

use std::path::Path;

use anyhow::{Result, bail};

use crate::foundations::Shown;
use crate::otf::compare::{Comparison, Side, compare, table};
use crate::otf::export::{Wanted, calibration_model};
use crate::otf::study::RealisationId;

use super::args::CompareArgs;
use super::display::say;
use super::exit::Exit;
use super::opened::Opened;

pub(super) fn command(args: &CompareArgs) -> Result<Exit> {
    let other_method = args.other_method.as_deref().or(args.method.as_deref());
    let same = args.configuration.filter(|_| args.other_method.is_none());
    let other_configuration = args.other_configuration.or(same);
    let a = sides(&args.a, args.configuration, args.method.as_deref())?;
    let b = sides(&args.b, other_configuration, other_method)?;
    let comparisons = compared(&a, &b);
    if comparisons.is_empty() {
        let (a, b) = (described(&a), described(&b));
        bail!(
            "nothing to compare: {} has {a}, {} has {b}; choose with --configuration or --method, \
             and of the second with --other-configuration or --other-method",
            Shown(&args.a),
            Shown(&args.b)
        );
    }
    let text = match args.json {
        true => serde_json::to_string_pretty(&comparisons)? + "\n",
        false => comparisons.iter().map(table).collect::<Vec<_>>().join("\n"),
    };
    say(&text);
    Ok(Exit::Done)
}

/// What a path stands for: a file is one model; a folder has one for each configuration that is meant, or
/// those of all methods at the first noise level and in the first trial.
fn sides(path: &Path, configuration: Option<u64>, method: Option<&str>) -> Result<Vec<Side>> {
    if path.is_file() {
        return Ok(vec![Side::of_file(path)?]);
    }
    let opened = Opened::open(path)?;
    opened.check_data()?;
    let study = opened.otf.study();
    let chosen = match (configuration, method) {
        (None, None) => {
            let of_set = |set: usize| (0..study.methods.len()).map(move |method| (set, method));
            let index = |(set, method)| {
                study.configuration_index(RealisationId { set, noise: 0, trial: 1 }, method)
            };
            (0..study.sets.len()).flat_map(of_set).map(index).collect()
        }
        (configuration, method) => opened.wanted(Wanted { configuration, method })?,
    };
    let side = |configuration: u64| {
        let fitted = opened.fitted(configuration)?;
        let inputs = &opened.session.plan.plan.inputs;
        let made = calibration_model(&opened.otf, inputs, &fitted)?;
        let name = format!(
            "{}, configuration {configuration}: {}",
            path.display(),
            study.methods[fitted.method].label
        );
        Ok(Side::of_run(name, made))
    };
    chosen.into_iter().map(side).collect()
}

/// Each of the first with the one of the second that has the same data set and method, or is the only one
/// with that data set.
fn compared(a: &[Side], b: &[Side]) -> Vec<Comparison> {
    let of_set = |sides: &[Side], set: &str| sides.iter().filter(|side| side.set == set).count();
    let mut all = Vec::new();
    for first in a {
        for second in b.iter().filter(|second| second.set == first.set) {
            let is_only = of_set(a, &first.set) == 1 || of_set(b, &first.set) == 1;
            if first.method == second.method || is_only {
                all.push(compare(first, second));
            }
        }
    }
    all
}

fn described(sides: &[Side]) -> String {
    let name =
        |side: &Side| format!("{} {}", side.set, side.method.as_deref().unwrap_or("published"));
    sides.iter().map(name).collect::<Vec<_>>().join(", ")
}
