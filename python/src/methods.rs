//! What there is: methods, how fits end, and configurations.

use otfhpc::science::fit::{MethodOption, Status, methods as registry};
use otfhpc::settings::BUILT_IN;
use pyo3::prelude::*;

/// A method, in words and numbers.
#[derive(IntoPyObject)]
pub(crate) struct MethodEntry {
    name: &'static str,
    summary: &'static str,
    minimises: &'static str,
    error_bars: &'static str,
    reference: &'static str,
    weighted: bool,
    couples_bins: bool,
    options: Vec<OptionEntry>,
}

/// A number that a method can be given.
#[derive(IntoPyObject)]
pub(crate) struct OptionEntry {
    name: &'static str,
    meaning: &'static str,
    default: f64,
    least: f64,
    most: f64,
}

/// Every method of the registry.
#[pyfunction]
pub(crate) fn methods() -> Vec<MethodEntry> {
    let option = |o: &MethodOption| OptionEntry {
        name: o.name,
        meaning: o.meaning,
        default: o.default,
        least: o.least,
        most: o.most,
    };
    let infos = registry().iter().map(|method| &method.info);
    infos
        .map(|info| MethodEntry {
            name: info.name,
            summary: info.summary,
            minimises: info.minimises,
            error_bars: info.error_bars,
            reference: info.reference,
            weighted: info.weighted,
            couples_bins: info.couples_bins,
            options: info.options.iter().map(option).collect(),
        })
        .collect()
}

/// How a bin may end: code, name, meaning.
#[pyfunction]
pub(crate) fn statuses() -> Vec<(u8, &'static str, &'static str)> {
    Status::codes().collect()
}

/// The names of the configurations that the program carries, but for studies of other programs, which
/// need files beside them.
#[pyfunction]
pub(crate) fn configs() -> Vec<&'static str> {
    let alone = BUILT_IN.iter().filter(|configuration| configuration.files.is_empty());
    alone.map(|configuration| configuration.name).collect()
}
