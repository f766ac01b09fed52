//! Where the settings of a command are from: a site's file, `--config`, `--set`; and how that is told.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use crate::foundations::{Digest, Shown};
use crate::runner::plan::{SettingsFile, SettingsFrom};
use crate::settings::{Given, Layer, Origin, SettingsError};

use super::args::SourceArgs;
use super::message;

/// The settings of a site, where it has some.
const SITE: &str = "/etc/otfhpc/site.toml";
/// What names another file for them; nothing in it: there is none.
const VARIABLE: &str = "OTFHPC_SITE_CONFIG";

/// All that was given, the site's first.
pub(super) fn given(args: &SourceArgs) -> Result<Given, SettingsError> {
    Given::read(site(), &args.configs, &args.assignments)
}

/// What was given on the command line.
pub(super) fn without_site(args: &SourceArgs) -> Result<Given, SettingsError> {
    Given::read(None, &args.configs, &args.assignments)
}

fn site() -> Option<PathBuf> {
    match std::env::var_os(VARIABLE) {
        Some(path) => Some(path.into()).filter(|path: &PathBuf| !path.as_os_str().is_empty()),
        None => Some(PathBuf::from(SITE)).filter(|path| path.exists()),
    }
}

/// Tells with a mistake where the settings stand that it speaks of, if that may be in several places.
pub(super) fn placed<T, E: Into<anyhow::Error>>(given: &Given, checked: Result<T, E>) -> Result<T> {
    checked.map_err(|error| {
        let error = error.into();
        let message = message(&error);
        match given.places_in(&message) {
            places if places.is_empty() => error,
            places => anyhow!("{message}{places}"),
        }
    })
}

/// What a plan keeps of where its settings are from.
pub(super) fn settings_from(given: &Given) -> Vec<SettingsFrom> {
    let file = |path: &Path, layer: &Layer| SettingsFile {
        path: std::path::absolute(path).unwrap_or_else(|_| path.into()),
        blake3: Digest::of(layer.text.as_bytes()),
    };
    let of_layer = |layer: &Layer| match &layer.origin {
        Origin::Site(path) => SettingsFrom::Site(file(path, layer)),
        Origin::File(path) => SettingsFrom::File(file(path, layer)),
        Origin::BuiltIn(built_in) => SettingsFrom::BuiltIn(built_in.name.into()),
    };
    let layers = given.layers().iter().map(of_layer);
    layers.chain(given.assignments().iter().cloned().map(SettingsFrom::Set)).collect()
}

/// The files, the later over the earlier, if there are any.
pub(super) fn in_a_line(from: &[SettingsFrom]) -> Option<String> {
    let name = |source: &SettingsFrom| match source {
        SettingsFrom::Site(file) => Some(format!("{} (site)", Shown(&file.path))),
        SettingsFrom::File(file) => Some(Shown(&file.path).to_string()),
        SettingsFrom::BuiltIn(name) => Some(format!("{name} (built-in)")),
        SettingsFrom::Set(_) => None,
    };
    let files: Vec<String> = from.iter().filter_map(name).collect();
    let sets = from.iter().filter(|source| matches!(source, SettingsFrom::Set(_))).count();
    let sets = if sets > 0 { format!(", then {sets} by --set") } else { String::new() };
    (!files.is_empty()).then(|| files.join(", then ") + &sets)
}
