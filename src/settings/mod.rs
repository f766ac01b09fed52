//! Settings as people write them, of any workload: a TOML file, and `--set key=value` on top of it.

mod words;

use std::path::Path;

use serde::de::DeserializeOwned;
use thiserror::Error;
use toml::{Table, Value};

use crate::foundations::{FileError, Shown, files};

pub use words::Vocabulary;

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

/// Which workload settings are for, as far as they say it in a way that can be read.
#[must_use]
pub fn workload_named(file: Option<&Path>, assignments: &[String]) -> Option<String> {
    let text = file.and_then(|path| files::read(path).ok()).unwrap_or_default();
    let table = toml::from_str::<Table>(&String::from_utf8_lossy(&text)).unwrap_or_default();
    let in_file = table.get("workload").and_then(Value::as_str).map(str::to_owned);
    let key_of = |assignment: &String| {
        let (key, value) = assignment.split_once('=')?;
        (key.trim() == "workload").then(|| value.trim().trim_matches(['"', '\'']).to_owned())
    };
    assignments.iter().rev().find_map(key_of).or(in_file)
}

/// Settings of one type, and how their mistakes are told.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// What the settings are called.
    pub words: &'a Vocabulary,
}

impl Reader<'_> {
    /// Reads a file, or takes the default, and applies assignments in order. What was typed comes with
    /// the settings.
    ///
    /// # Errors
    /// If the file or an assignment cannot be understood.
    pub fn read<T: DeserializeOwned>(
        &self,
        file: Option<&Path>,
        assignments: &[String],
    ) -> Result<Table, SettingsError> {
        let mut table = file.map_or(Ok(Table::new()), |path| self.read_file::<T>(path))?;
        for assignment in assignments {
            table = self.assign::<T>(table, assignment)?;
        }
        Ok(table)
    }

    /// The settings that a table has.
    ///
    /// # Errors
    /// If it has others, or values of other types.
    pub fn settings<T: DeserializeOwned>(
        &self,
        file: Option<&Path>,
        table: Table,
    ) -> Result<T, SettingsError> {
        table.try_into().map_err(|error| self.toml_error(file, "", &error))
    }

    /// Reads a file and checks it on its own, so that its mistakes are reported with their lines.
    fn read_file<T: DeserializeOwned>(&self, path: &Path) -> Result<Table, SettingsError> {
        let bytes = files::read(path)?;
        let text = String::from_utf8_lossy(&bytes);
        toml::from_str::<T>(&text).map_err(|e| self.toml_error(Some(path), &text, &e))?;
        toml::from_str(&text).map_err(|e| self.toml_error(Some(path), &text, &e))
    }

    /// A mistake in a file, where it stands and in plain words.
    fn toml_error(
        &self,
        path: Option<&Path>,
        text: &str,
        error: &toml::de::Error,
    ) -> SettingsError {
        let path = path.map_or("settings".into(), |p| Shown(p).to_string());
        let place = error.span().map(|span| setting_at(text, span.start));
        let words = in_plain_words(error.message(), &place.unwrap_or_default(), self.words);
        let shown = error.to_string();
        let where_it_is = shown.split_once(error.message()).map_or("", |(before, _)| before);
        SettingsError::Toml { path, message: format!("{where_it_is}{words}") }
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
