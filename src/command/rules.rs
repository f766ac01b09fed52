//! What a unit must leave: which files, and what must be in them.

use glob::{MatchOptions, Pattern};

use super::body::is_inside;
use super::error::CommandError;
use super::pointer::{Pointer, Spot};
use super::settings::CommandSettings;

/// As what a file is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// By its name, `.json`.
    Json,
    /// By its name, `.csv`.
    Csv,
    /// Any other: it is not looked into.
    Other,
}

impl Format {
    /// By the name of a file.
    #[must_use]
    pub(super) fn of(name: &str) -> Self {
        match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("json") => Self::Json,
            Some("csv") => Self::Csv,
            _ => Self::Other,
        }
    }
}

/// Stands in a body, without a byte, for the main output of a study that has none: no output that a
/// program writes is a result without a byte.
pub(super) const NOTHING: &str = ".nothing";

/// The rules, checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rules {
    /// The main output; empty if there is none, so that the exit code alone counts.
    pub(super) output: String,
    /// Tables that must be there.
    pub(super) tables: Vec<String>,
    /// The columns that tell the rows of a unit apart.
    pub(super) row_key: Vec<String>,
    /// Rows that each table with these columns must have.
    pub(super) expected_rows: u64,
    /// Other files that are kept.
    pub(super) files: Vec<Pattern>,
    /// Places that must be there in a JSON output.
    pub(super) required_places: Vec<Pointer>,
    /// Columns of which each must be in one of the CSV files.
    pub(super) required_columns: Vec<String>,
    /// Places that are taken out of a JSON output.
    pub(super) volatile_places: Vec<Pointer>,
    /// Columns that are taken out of the CSV files.
    pub(super) volatile_columns: Vec<String>,
    /// Most bytes of all that is kept.
    pub(super) most_bytes: u64,
}

impl Rules {
    pub(super) fn new(settings: &CommandSettings) -> Result<Self, CommandError> {
        let (command, collect) = (&settings.command, &settings.collect);
        if !command.output.is_empty() {
            check_name("command.output", &command.output)?;
        }
        check_tables(&collect.tables)?;
        let (required_places, required_columns) =
            spots("command.require", &command.require, settings)?;
        let (volatile_places, volatile_columns) =
            spots("command.volatile", &command.volatile, settings)?;
        check_rows(settings)?;
        // A length in the plan is also one that memory is asked for.
        let most = 1 << 33;
        if !(1..=most).contains(&command.output_bytes) {
            let expected = format!("a number of bytes, 1 to {most}");
            return Err(CommandError::range(
                "command.output_bytes",
                command.output_bytes,
                expected,
            ));
        }
        Ok(Self {
            output: command.output.clone(),
            tables: collect.tables.clone(),
            row_key: collect.row_key.clone(),
            expected_rows: collect.expected_rows.unwrap_or(0),
            files: patterns("collect.files", &collect.files)?,
            required_places,
            required_columns,
            volatile_places,
            volatile_columns,
            most_bytes: command.output_bytes,
        })
    }

    /// What the main output of a body is called.
    pub(super) fn main(&self) -> &str {
        if self.output.is_empty() { NOTHING } else { &self.output }
    }

    /// Whether a file is looked into as a table: a table of the study, or a main output that is one.
    pub(super) fn is_table(&self, name: &str) -> bool {
        self.tables.iter().any(|table| table == name)
            || (name == self.output && Format::of(name) == Format::Csv)
    }

    /// Whether these columns have all that tell rows apart: a second table, of errors perhaps, need not.
    pub(super) fn has_key(&self, columns: &[String]) -> bool {
        self.row_key.iter().all(|name| columns.contains(name))
    }

    /// Whether a file is kept.
    pub(super) fn keeps(&self, name: &str) -> bool {
        name == self.main()
            || self.tables.iter().any(|table| table == name)
            || self.files.iter().any(|pattern| pattern.matches_with(name, OF_FILES))
    }
}

/// `*` is for what is within one folder; `**` is for folders.
pub(super) const OF_FILES: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// Patterns, understood.
pub(super) fn patterns(setting: &str, texts: &[String]) -> Result<Vec<Pattern>, CommandError> {
    let parse = |text: &String| {
        Pattern::new(text).map_err(|error| CommandError::Pattern {
            setting: setting.into(),
            pattern: text.clone(),
            message: error.msg.into(),
        })
    };
    texts.iter().map(parse).collect()
}

fn check_name(setting: &str, name: &str) -> Result<(), CommandError> {
    if is_inside(name) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let expected = "the name of a file below the folder of outputs, as in \"output.json\"";
    Err(CommandError::range(setting, format!("{name:?}"), expected))
}

fn check_tables(tables: &[String]) -> Result<(), CommandError> {
    for (i, table) in tables.iter().enumerate() {
        check_name("collect.tables", table)?;
        if Format::of(table) != Format::Csv {
            let expected = "names that end with .csv";
            return Err(CommandError::range("collect.tables", format!("{table:?}"), expected));
        }
        if tables[..i].contains(table) {
            let setting = "collect.tables".into();
            return Err(CommandError::Twice { setting, value: format!("{table:?}") });
        }
    }
    Ok(())
}

fn check_rows(settings: &CommandSettings) -> Result<(), CommandError> {
    let collect = &settings.collect;
    let unused = match collect {
        _ if !collect.tables.is_empty() => return Ok(()),
        _ if !collect.row_key.is_empty() => "collect.row_key",
        _ if collect.expected_rows.is_some() => "collect.expected_rows",
        _ => return Ok(()),
    };
    let expected = "nothing while collect.tables is empty: name the tables, or remove it";
    Err(CommandError::range(unused, "set", expected))
}

/// Places and columns, of which each needs a file that can have it.
fn spots(
    setting: &str,
    texts: &[String],
    settings: &CommandSettings,
) -> Result<(Vec<Pointer>, Vec<String>), CommandError> {
    let format = Format::of(&settings.command.output);
    let has_table = format == Format::Csv || !settings.collect.tables.is_empty();
    let (mut places, mut columns) = (Vec::new(), Vec::new());
    for text in texts {
        let refused = |expected| CommandError::range(setting, format!("{text:?}"), expected);
        match Spot::parse(setting, text)? {
            Spot::Pointer(pointer) if format == Format::Json => places.push(pointer),
            Spot::Column(column) if has_table => columns.push(column),
            Spot::Pointer(_) => {
                return Err(refused(
                    "a command.output that ends with .json, which has such places",
                ));
            }
            Spot::Column(_) => {
                return Err(refused("a command.output that ends with .csv, or collect.tables"));
            }
        }
    }
    Ok((places, columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(command: &str, collect: &str) -> Result<Rules, String> {
        let text = format!(
            "workload=\"command\"\n[command]\nrun=\"x\"\n{command}\n[collect]\n{collect}\n"
        );
        Rules::new(&toml::from_str(&text).unwrap()).map_err(|e| e.to_string())
    }

    #[test]
    fn files_are_kept_by_name_or_pattern() {
        let rules = rules("", "tables = [\"results.csv\"]\nfiles = [\"*.png\", \"fits/**/*.txt\"]");
        let rules = rules.unwrap();
        for (name, kept) in [
            ("output.json", true),
            ("results.csv", true),
            ("a.png", true),
            ("b/a.png", false),
            ("fits/a.txt", true),
            ("fits/b/c/a.txt", true),
            ("a.txt", false),
        ] {
            assert_eq!(rules.keeps(name), kept, "{name}");
        }
        assert!(rules.is_table("results.csv") && !rules.is_table("output.json"));
    }

    #[test]
    fn rules_that_no_file_could_meet_are_refused() {
        for (command, collect, expected) in [
            ("output = \"../x\"", "", "command.output is \"../x\": expected the name of a file"),
            ("output = \"/x\"", "", "command.output"),
            ("output_bytes = 0", "", "command.output_bytes is 0: expected a number of bytes"),
            ("require = [\"x\"]", "", "command.require is \"x\": expected a place"),
            ("require = [\"column:x\"]", "", "command.require is \"column:x\": expected a command"),
            ("output = \"a.csv\"\nvolatile = [\"/x\"]", "", "command.volatile is \"/x\": expected"),
            ("", "tables = [\"a.json\"]", "collect.tables is \"a.json\": expected names that end"),
            ("", "tables = [\"a.csv\", \"a.csv\"]", "collect.tables lists \"a.csv\" twice"),
            ("", "files = [\"a**\"]", "collect.files has \"a**\": "),
            ("", "row_key = [\"a\"]", "collect.row_key is set: expected nothing while"),
            ("", "expected_rows = 3", "collect.expected_rows is set: expected nothing while"),
        ] {
            let error = rules(command, collect).unwrap_err();
            assert!(error.starts_with(expected), "{error}\n{expected}");
        }
        assert!(rules("volatile = [\"column:t\"]", "tables = [\"a.csv\"]").is_ok());
    }
}
