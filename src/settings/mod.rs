//! Settings as people write them, of any workload: TOML files, one over the other, and `--set key=value`
//! on top of them.

mod built_in;
mod layers;
mod schema;
mod words;

use serde::de::DeserializeOwned;
use thiserror::Error;
use toml::{Table, Value};

use crate::foundations::FileError;

pub use built_in::{BUILT_IN, BuiltIn};
pub use layers::{Given, Layer, Origin};
pub use schema::{schema_of, schema_of_either};
pub use words::Vocabulary;

use layers::merge;
use words::{in_plain_words, setting_at};

/// Settings that cannot be read.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The file itself.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not TOML, an unknown key, or a value of the wrong type; the message points at the line.
    #[error("{path}: {message}")]
    Toml {
        /// The file.
        path: String,
        /// What is wrong, where, and what is valid there.
        message: String,
    },
    /// No file, and no built-in configuration.
    #[error(
        "--config {path}: there is no such file, and no such built-in configuration{meant}; check the \
         path, or name one of {names}, which `otfhpc config` explains"
    )]
    NoConfig {
        /// As typed.
        path: String,
        /// What comes near.
        meant: String,
        /// The built-in ones.
        names: String,
    },
    /// A site's file with more than it may have.
    #[error(
        "{path}: has {key}; a site's settings, which nobody names, may have [slurm] alone, which \
         changes no result. What changes results is asked for: move it to another file, and add \
         --config with that file"
    )]
    Site {
        /// The file.
        path: String,
        /// What it must not have.
        key: String,
    },
    /// A `--set` without `=`.
    #[error("--set {0}: expected key=value, as in --set study.trials=5")]
    NoEquals(String),
    /// A `--set` whose key or value is refused.
    #[error("--set {assignment}: {message}")]
    Set {
        /// As typed.
        assignment: String,
        /// What is wrong, and what is valid there.
        message: String,
    },
}

/// Settings of one type, and how their mistakes are told.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// What the settings are called.
    pub words: &'a Vocabulary,
}

impl Reader<'_> {
    /// Lays what was given one over the other. What was typed comes with the settings, and nothing else.
    ///
    /// # Errors
    /// If a file or an assignment cannot be understood.
    pub fn read<T: DeserializeOwned>(&self, given: &Given) -> Result<Table, SettingsError> {
        let mut table = Table::new();
        for layer in given.layers() {
            self.check_layer::<T>(layer, given.is_layered())?;
            merge(&mut table, &layer.table);
        }
        if given.is_layered() {
            self.check_merged::<T>(given, &table)?;
        }
        for assignment in given.assignments() {
            table = self.assign::<T>(table, assignment)?;
        }
        Ok(table)
    }

    /// The settings that a table has which [`Self::read`] made.
    ///
    /// # Errors
    /// If it has others, or values of other types.
    pub fn settings<T: DeserializeOwned>(
        &self,
        given: &Given,
        table: Table,
    ) -> Result<T, SettingsError> {
        table.try_into().map_err(|error| self.toml_error(&names(given), "", &error))
    }

    /// Checks a file on its own, so that its mistakes are reported with their lines. What it lacks, another
    /// may have.
    fn check_layer<T: DeserializeOwned>(
        &self,
        layer: &Layer,
        is_layered: bool,
    ) -> Result<(), SettingsError> {
        let refused = |e: toml::de::Error| self.toml_error(&layer.origin.name(), &layer.text, &e);
        toml::from_str::<Table>(&layer.text).map_err(refused)?;
        match toml::from_str::<T>(&layer.text) {
            Err(error) if !(is_layered && lacks(&error)) => Err(refused(error)),
            _ => Ok(()),
        }
    }

    /// Checks what several files amount to, and names the one in which a mistake stands.
    fn check_merged<T: DeserializeOwned>(
        &self,
        given: &Given,
        table: &Table,
    ) -> Result<(), SettingsError> {
        let text = table.to_string();
        let Err(error) = toml::from_str::<T>(&text) else { return Ok(()) };
        let setting = error.span().map(|span| setting_at(&text, span.start)).unwrap_or_default();
        let place = Some(&error).filter(|error| !lacks(error));
        let place = place.and_then(|_| given.place_of(&setting));
        let message = in_plain_words(error.message(), &setting, self.words);
        Err(SettingsError::Toml { path: place.unwrap_or_else(|| names(given)), message })
    }

    /// A mistake in a file, where it stands and in plain words.
    fn toml_error(&self, path: &str, text: &str, error: &toml::de::Error) -> SettingsError {
        let place = error.span().map(|span| setting_at(text, span.start));
        let words = in_plain_words(error.message(), &place.unwrap_or_default(), self.words);
        let shown = error.to_string();
        let where_it_is = shown.split_once(error.message()).map_or("", |(before, _)| before);
        SettingsError::Toml { path: path.into(), message: format!("{where_it_is}{words}") }
    }

    /// Sets one key, and checks the result at once so that the error names the assignment.
    fn assign<T: DeserializeOwned>(
        &self,
        table: Table,
        assignment: &str,
    ) -> Result<Table, SettingsError> {
        let parts = assignment.split_once('=').filter(|(key, _)| !key.trim().is_empty());
        let (key, text) = parts.ok_or_else(|| SettingsError::NoEquals(assignment.into()))?;
        let refused =
            |message: String| SettingsError::Set { assignment: assignment.into(), message };
        let mut told: Option<toml::de::Error> = None;
        for value in readings(text) {
            let mut candidate = table.clone();
            insert(&mut candidate, key.trim(), value).map_err(&refused)?;
            match candidate.clone().try_into::<T>() {
                Ok(_) => return Ok(candidate),
                Err(error) => {
                    // A value that is refused says more than a reading of another type.
                    let other_type = |e: &toml::de::Error| e.message().starts_with("invalid type");
                    if told.as_ref().is_none_or(|told| other_type(told) && !other_type(&error)) {
                        told = Some(error);
                    }
                }
            }
        }
        let words =
            |error: toml::de::Error| in_plain_words(error.message(), key.trim(), self.words);
        Err(refused(told.map_or(String::new(), words)))
    }
}

/// Whether nothing is wrong with what is there, and something is missing.
fn lacks(error: &toml::de::Error) -> bool {
    error.message().starts_with("missing field")
}

/// All files, for what stands in none of them.
fn names(given: &Given) -> String {
    let names: Vec<String> = given.layers().iter().map(|layer| layer.origin.name()).collect();
    if names.is_empty() { "settings".into() } else { names.join(", ") }
}

/// The ways to read a value that was typed in a shell: as TOML, or as plain text (a path, a word)
/// that would need quotes in TOML.
fn readings(text: &str) -> Vec<Value> {
    let as_toml = toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"));
    let as_text = Value::String(text.into());
    as_toml.into_iter().chain([as_text]).collect()
}

/// Puts a value at a dotted key, making the tables on the way.
fn insert(table: &mut Table, key: &str, value: Value) -> Result<(), String> {
    match key.split_once('.') {
        None => {
            table.insert(key.into(), value);
            Ok(())
        }
        Some((head, rest)) => {
            let inner = table.entry(head).or_insert_with(|| Value::Table(Table::new()));
            match inner {
                Value::Table(inner) => insert(inner, rest, value),
                _ => Err(format!("`{head}` is a single value and has no `{rest}`")),
            }
        }
    }
}
