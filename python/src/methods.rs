//! What there is: methods, how fits end, and the studies of `configs/`.

use otfhpc::science::fit::{MethodOption, Status, methods as registry};
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
    let one = |(_, code, name, meaning)| (code, name, meaning);
    let not_selected = (Status::NOT_SELECTED, "not selected", "the run was not asked to fit it");
    Status::REGISTRY.into_iter().map(one).chain([not_selected]).collect()
}

/// The studies that the program comes with: name, and text in TOML.
#[pyfunction]
pub(crate) fn configs() -> [(&'static str, &'static str); 6] {
    [
        ("default", include_str!("../../configs/default.toml")),
        ("quickstart", include_str!("../../configs/quickstart.toml")),
        ("comprehensive", include_str!("../../configs/comprehensive.toml")),
        ("measured", include_str!("../../configs/measured.toml")),
        ("joint", include_str!("../../configs/joint.toml")),
        ("joint_measured", include_str!("../../configs/joint_measured.toml")),
    ]
}
