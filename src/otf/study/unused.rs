//! Settings that somebody wrote and that nothing would use: better refused than passed over.
//!
//! This looks at what was written, not at what it amounts to: a plan has all settings, also those
//! that are not used.

use thiserror::Error;
use toml::{Table, Value};

use crate::science::data::settings::{Sigma, Source};

use super::config::Config;

/// A setting that would have no effect. The message names it, why, and the mend.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum UnusedSetting {
    /// A file beside a source that reads none.
    #[error(
        "data.path is set, but data.source is \"simulate\": the file would not be read; remove \
         data.source, which is \"npz\" where a path is given, or remove data.path"
    )]
    Path,
    /// A part of the simulation where nothing is simulated.
    #[error(
        "simulate.{0} is set, but data.source is \"npz\": nothing is simulated; remove \
         simulate.{0}, or data.path and data.source"
    )]
    Simulation(String),
    /// How records are read and screened that are simulated.
    #[error(
        "{0} is set, but data.source is \"simulate\": simulated records are not screened; remove \
         {0}, or give a file with --set data.path=cal.npz"
    )]
    Screening(String),
    /// Where noise would be estimated that is known.
    #[error(
        "data.dark_above_ghz is set, but the noise is not estimated: {0}; remove \
         data.dark_above_ghz, or say --set data.sigma=estimate"
    )]
    Dark(&'static str),
}

/// Settings of how the records of a file are read and screened.
const OF_FILES: [(&str, &str); 5] = [
    ("data", "saturation_counts"),
    ("data", "max_temperature_k"),
    ("data", "exclude"),
    ("data", "match_within_s"),
    ("instrument", "bias"),
];

/// Where a file is named, it is read, unless something else is said.
pub(super) fn infer_source(table: &mut Table) {
    if let Some(Value::Table(data)) = table.get_mut("data")
        && data.contains_key("path")
        && !data.contains_key("source")
    {
        data.insert("source".into(), Value::String("npz".into()));
    }
}

/// Checks that what was written in a table is used, given the settings that it amounts to.
///
/// # Errors
/// The first setting that is not.
pub(super) fn check(table: &Table, config: &Config) -> Result<(), UnusedSetting> {
    let section = |name: &str| table.get(name).and_then(Value::as_table);
    let wrote = |key: &str| section("data").is_some_and(|data| data.contains_key(key));
    match config.data.source {
        Source::Simulate if wrote("path") => return Err(UnusedSetting::Path),
        Source::Npz => {
            if let Some(key) = section("simulate").and_then(|simulate| simulate.keys().next()) {
                return Err(UnusedSetting::Simulation(key.clone()));
            }
        }
        Source::Simulate => {
            let of = |(part, key): &&(&str, &str)| {
                section(part).is_some_and(|section| section.contains_key(*key))
            };
            if let Some((part, key)) = OF_FILES.iter().find(of) {
                return Err(UnusedSetting::Screening(format!("{part}.{key}")));
            }
        }
    }
    let known = match (config.data.sigma, config.data.source) {
        (Some(Sigma::Given(_)), _) => Some("data.sigma gives it"),
        (None, Source::Simulate) => Some("that of a simulation is known"),
        _ => None,
    };
    match known.filter(|_| wrote("dark_above_ghz")) {
        Some(why) => Err(UnusedSetting::Dark(why)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(assignments: &[&str]) -> Result<Config, String> {
        let assignments: Vec<String> = assignments.iter().map(|a| (*a).into()).collect();
        Config::load(None, &assignments).map_err(|error| error.to_string())
    }

    #[test]
    fn a_path_alone_means_a_file() {
        let source = |assignments: &[&str]| load(assignments).unwrap().data.source;
        assert_eq!(source(&["data.path=cal.npz"]), Source::Npz);
        assert_eq!(source(&["data.path=cal.npz", "data.source=npz"]), Source::Npz);
        assert_eq!(source(&["data.sets=[\"llss\"]"]), Source::Simulate);
        assert_eq!(source(&[]), Source::Simulate);
    }

    #[test]
    fn what_would_have_no_effect_is_refused_with_the_mend() {
        for (assignments, says) in [
            (&["data.path=a", "data.source=simulate"][..], ["data.path is set", "remove"]),
            (&["data.path=a", "simulate.records=5"], ["simulate.records is set", "remove"]),
            (&["data.source=npz", "simulate={rounding=true}"], ["simulate.rounding", "remove"]),
            (&["data.saturation_counts=9"], ["data.saturation_counts", "remove"]),
            (&["data.exclude=[\"fake != 0\"]"], ["data.exclude", "remove"]),
            (&["instrument.bias=signed"], ["instrument.bias", "remove"]),
            (&["data.dark_above_ghz=700"], ["data.dark_above_ghz", "simulation"]),
            (
                &["data.path=a", "data.sigma=0.1", "data.dark_above_ghz=700"],
                ["data.dark_above_ghz", "data.sigma gives it"],
            ),
        ] {
            let error = load(assignments).unwrap_err();
            assert!(says.iter().all(|part| error.contains(part)), "{assignments:?}: {error}");
        }
    }

    #[test]
    fn what_is_used_may_be_written() {
        for assignments in [
            &["data.path=a", "data.saturation_counts=9", "data.dark_above_ghz=700"][..],
            &["data.path=a", "data.sigma=estimate", "data.dark_above_ghz=700"],
            &["data.sigma=estimate", "data.dark_above_ghz=700"],
            &["data.sigma=0.1", "data.model=a.FITS", "data.source=simulate"],
            &["data.source=npz", "data.path=a", "simulate={}"],
        ] {
            load(assignments).unwrap();
        }
    }

    #[test]
    fn settings_that_a_plan_has_are_read_back_whatever_their_source() {
        for assignments in [&[][..], &["data.path=a"], &["simulate.records=5"]] {
            let config = load(assignments).unwrap();
            let json = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), config);
        }
    }
}
