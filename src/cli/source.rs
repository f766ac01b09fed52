//! The first line of every command that fits: whether these are measured data at all.

use crate::data::settings::Source;
use crate::plan::BoundPlan;

/// `SIMULATED` and what was simulated, or the file that the data are from.
pub(super) fn source_line(plan: &BoundPlan) -> String {
    let data = &plan.plan.config.data;
    let set = |set: &crate::plan::DataSet| format!("{}: {} records", set.set, set.screening.used);
    let sets = plan.plan.data_sets.iter().map(set).collect::<Vec<_>>().join(", ");
    match (data.source, &data.path) {
        (Source::Npz, Some(path)) => format!("{:<11}{}; {sets}\n", "MEASURED", path.display()),
        _ => simulated(&sets),
    }
}

/// That some data sets are simulated.
pub(super) fn simulated(sets: &str) -> String {
    format!("{:<11}{sets}; no measured data: those are named by data.path\n", "SIMULATED")
}
