//! A study in a few lines, for people.

use crate::foundations::counted;
use crate::science::data::settings::Source;
use crate::science::data::{CorrectionChoice, Resampling};

use super::Otf;
use super::inputs::DataSet;
use super::study::{Config, ProgramSettings};

/// `SIMULATED` and what was simulated, or the file that the data are from.
pub(super) fn source_line(otf: &Otf) -> String {
    let data = &otf.config.data;
    let set = |set: &DataSet| format!("{}: {} records", set.set, set.screening.used);
    let sets = otf.data_sets().iter().map(set).collect::<Vec<_>>().join(", ");
    match (data.source, &data.path) {
        (Source::Npz, Some(path)) => format!("{:<11}{}; {sets}\n", "MEASURED", path.display()),
        _ => simulated(&sets),
    }
}

/// That some data sets are simulated.
pub(crate) fn simulated(sets: &str) -> String {
    format!("{:<11}{sets}; no measured data: those are named by data.path\n", "SIMULATED")
}

/// What will be fitted, each line with its name.
pub(super) fn lines(otf: &Otf) -> Vec<(&'static str, String)> {
    let (study, config) = (&otf.study, &otf.config);
    let sets = otf.data_sets();
    let sets = sets.iter().map(|data| ("data set", format!("{}: {}", data.set, data.screening)));
    let mut lines: Vec<(&'static str, String)> = sets.collect();
    let methods: Vec<_> = study.methods.iter().map(|m| m.label.as_str()).collect();
    let methods = methods.join(", ");
    lines.push(("methods", format!("{methods}; constraint {}", config.fit.constraint)));
    if let Some(words) = corrections(config) {
        lines.push(("corrected", words));
    }
    let unused = config.method.iter().filter(|program| !is_used(program, &config.fit.methods));
    let unused: Vec<_> = unused.map(|program| program.name.as_str()).collect();
    if !unused.is_empty() {
        lines.push(("not used", format!("{}: not in fit.methods", unused.join(", "))));
    }
    if study.resampling != Resampling::None {
        let word = if study.resampling == Resampling::Bootstrap { "bootstrap" } else { "folds" };
        lines.push(("trials", format!("{} ({word})", study.trials)));
    }
    if config.data.source == Source::Simulate {
        let levels: Vec<_> = study.noise_levels.iter().map(|level| format!("{level:e}")).collect();
        lines.push(("noise", format!("{}; trials {}", levels.join(", "), study.trials)));
    }
    let grid = counted(study.configurations(), "configuration");
    let bins = counted(study.bins.len(), "bin");
    lines.push(("units", format!("{} = {grid} x {bins}", study.units())));
    lines
}

/// Which corrections are in force; of measured data also that those of a model are not.
fn corrections(config: &Config) -> Option<String> {
    let is_measured = config.data.source == Source::Npz;
    match &config.instrument.corrections {
        CorrectionChoice::Model => Some("by data.model".into()),
        CorrectionChoice::Values(_) => Some("by the values of instrument.corrections".into()),
        CorrectionChoice::None if is_measured && config.data.model.is_some() => Some(
            "no; data.model has corrections: use them with --set instrument.corrections=model"
                .into(),
        ),
        CorrectionChoice::None => None,
    }
}

fn is_used(program: &ProgramSettings, labels: &[String]) -> bool {
    let name =
        |label: &String| label.split_once('+').map_or(label.clone(), |(name, _)| name.into());
    labels.iter().any(|label| label == "all" || name(label) == program.name)
}
