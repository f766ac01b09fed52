//! What is wrong with a study of a command, before anything runs.

use std::path::PathBuf;

use thiserror::Error;

use crate::foundations::{FileError, Shown};

/// A study that cannot be made, or whose files are not there. Every message names the setting and
/// the mend.
#[derive(Debug, Error)]
pub enum CommandError {
    /// A list that must have an element.
    #[error("{setting} is empty: expected at least one, as in {example}")]
    Empty {
        /// The setting.
        setting: String,
        /// How to give one.
        example: &'static str,
    },
    /// Something listed twice, which would be run twice.
    #[error("{setting} lists {value} twice: expected each once")]
    Twice {
        /// The setting.
        setting: String,
        /// What is there twice.
        value: String,
    },
    /// A value that will not do.
    #[error("{setting} is {value}: expected {expected}")]
    Range {
        /// The setting.
        setting: String,
        /// Its value.
        value: String,
        /// What would do.
        expected: String,
    },
    /// A name that nothing has.
    #[error("{setting} names {name}: expected one of {valid}{hint}")]
    Unknown {
        /// The setting.
        setting: String,
        /// The name.
        name: String,
        /// The names that there are.
        valid: String,
        /// What was meant, if that can be guessed.
        hint: String,
    },
    /// Two values that could not be told apart where they are written.
    #[error("{setting}: {one} and {other} are both written {written}: give one of them {mend}")]
    Alike {
        /// The setting.
        setting: String,
        /// One of them.
        one: String,
        /// The other.
        other: String,
        /// How both are written.
        written: String,
        /// What tells them apart.
        mend: &'static str,
    },
    /// A placeholder that means nothing there.
    #[error(
        "{setting}: {{{placeholder}}} means nothing there: expected one of {valid}; a brace is \
         written {{{{ or }}}}{hint}"
    )]
    Placeholder {
        /// The setting.
        setting: String,
        /// What stands between the braces.
        placeholder: String,
        /// The placeholders that mean something there, with braces.
        valid: String,
        /// What was meant, if that can be guessed.
        hint: String,
    },
    /// A brace without its other half.
    #[error("{setting} = {text:?}: a brace has no other half; a brace is written {{{{ or }}}}")]
    Brace {
        /// The setting.
        setting: String,
        /// Its value.
        text: String,
    },
    /// A pattern that cannot be understood.
    #[error("{setting} has {pattern:?}: {message}; expected a pattern as in \"methods/**/*.py\"")]
    Pattern {
        /// The setting.
        setting: String,
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        message: String,
    },
    /// A case that is not one of the study's.
    #[error("[[case]] {number}: {message}")]
    Case {
        /// Which one, counted from 1.
        number: usize,
        /// What is wrong with it.
        message: String,
    },
    /// More units than there should be.
    #[error("the study has more than 2^40 units: expected fewer values on the axes of [[grid]]")]
    TooLarge,
    /// A pattern that no file has.
    #[error(
        "command.depends has {pattern:?}, but no file below {} is like it: remove it, or correct \
         command.directory",
        Shown(directory)
    )]
    NoMatch {
        /// The pattern.
        pattern: String,
        /// Where it begins.
        directory: PathBuf,
    },
    /// The input of a unit that is not there.
    #[error("unit {name}: its input {} {problem}: make it, or correct command.input", Shown(path))]
    Input {
        /// The unit.
        name: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file or folder that cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

impl CommandError {
    /// A value that will not do.
    pub(super) fn range(setting: &str, value: impl ToString, expected: impl Into<String>) -> Self {
        let (setting, value) = (setting.to_owned(), value.to_string());
        Self::Range { setting, value, expected: expected.into() }
    }
}
