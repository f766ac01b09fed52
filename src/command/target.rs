//! The target of `stop.stop_when`: `nrmse < 1e-3`.

use csv::StringRecord;

use super::body::Body;
use super::csv_file;
use super::error::CommandError;
use super::json;
use super::pointer::Pointer;
use super::rules::Format;
use super::settings::CommandSettings;
use super::study::CommandStudy;
use crate::runner::store::Envelope;

/// A target: when a value that a unit leaves comes to it, the rest need not be run.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Where the value is.
    pub source: Source,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what.
    pub value: f64,
}

/// Where a value is that a target is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In a JSON output.
    Place(Pointer),
    /// In any row of a table, or of a CSV output.
    Column(String),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
}

/// The longer first: `<=` begins with `<`.
const COMPARISONS: [(&str, Comparison); 5] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("==", Comparison::Equal),
    ("<", Comparison::Below),
    (">", Comparison::Above),
];

impl Target {
    pub(super) fn parse(text: &str, settings: &CommandSettings) -> Result<Self, CommandError> {
        let refused =
            |expected: &str| CommandError::range("stop.stop_when", format!("{text:?}"), expected);
        let target = Self::read(text).ok_or_else(|| {
            refused(
                "a column or a place, a comparison (<, <=, >, >=, ==) and a number, as in \
                     \"nrmse < 1e-3\"",
            )
        })?;
        let format = Format::of(&settings.command.output);
        let has_table = format == Format::Csv || !settings.collect.tables.is_empty();
        match &target.source {
            Source::Place(_) if format != Format::Json => {
                Err(refused("a command.output that ends with .json, which has such places"))
            }
            Source::Column(_) if !has_table => {
                Err(refused("a command.output that ends with .csv, or collect.tables"))
            }
            _ => Ok(target),
        }
    }

    fn read(text: &str) -> Option<Self> {
        let sign = |(sign, comparison)| Some((text.split_once(sign)?, comparison));
        let ((left, right), comparison) = COMPARISONS.into_iter().find_map(sign)?;
        let value: f64 = right.trim().parse().ok().filter(|value: &f64| value.is_finite())?;
        let left = left.trim();
        let source = match Pointer::parse(left) {
            Some(pointer) => Source::Place(pointer),
            None => Source::Column(left.strip_prefix("column:").unwrap_or(left).to_owned()),
        };
        (!left.is_empty()).then_some(Self { source, comparison, value })
    }

    /// Whether a value has come to it.
    #[must_use]
    pub fn is_met_by(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Below => value < self.value,
            Comparison::AtMost => value <= self.value,
            Comparison::Above => value > self.value,
            Comparison::AtLeast => value >= self.value,
            Comparison::Equal => value == self.value,
        }
    }
}

impl CommandStudy {
    /// Whether a value that a unit left has come to the target of `stop.stop_when`; not if there is
    /// no target, or the unit failed.
    #[must_use]
    pub fn meets_target(&self, envelope: &Envelope) -> bool {
        let Some(target) = self.target() else { return false };
        let Ok(body) = Body::decode(&envelope.body) else { return false };
        match &target.source {
            Source::Place(pointer) => body.main().is_some_and(|file| {
                let Ok(looked) = json::look(&file.bytes, &[pointer], 1) else { return false };
                let values = looked.found.into_iter().map(|found| &file.bytes[found.value]);
                values.into_iter().any(|value| target.is_met_by_text(value))
            }),
            Source::Column(column) => {
                let mut tables = body.files.iter().filter(|file| self.rules.is_table(&file.name));
                tables.any(|table| has_row(&table.bytes, column, target))
            }
        }
    }
}

impl Target {
    fn is_met_by_text(&self, text: &[u8]) -> bool {
        let number = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok());
        number.is_some_and(|number| self.is_met_by(number))
    }
}

fn has_row(table: &[u8], column: &str, target: &Target) -> bool {
    let mut reader = csv_file::reader(table);
    let place = reader.headers().ok().and_then(|names| names.iter().position(|n| n == column));
    let Some(place) = place else { return false };
    let mut row = StringRecord::new();
    while let Ok(true) = reader.read_record(&mut row) {
        if row.get(place).is_some_and(|value| target.is_met_by_text(value.as_bytes())) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::body::OutputFile;
    use crate::runner::store::UnitStatus;

    #[test]
    fn targets_are_understood() {
        for (text, met, unmet) in [
            ("nrmse < 1e-3", 0.0009, 0.001),
            ("nrmse<=1e-3", 0.001, 0.0011),
            (" a b >= -2 ", -2.0, -3.0),
            ("x > 5", 6.0, 5.0),
            ("/best/*/score == 1", 1.0, 2.0),
        ] {
            let target = Target::read(text).unwrap();
            assert!(target.is_met_by(met) && !target.is_met_by(unmet), "{text}");
            assert!(!target.is_met_by(f64::NAN));
        }
        let source = |text| Target::read(text).unwrap().source;
        assert_eq!(source("a b > 1"), Source::Column("a b".into()));
        assert_eq!(source("column:/x > 1"), Source::Column("/x".into()));
        assert!(matches!(source("/x > 1"), Source::Place(_)));
        for text in ["", "x", "x <", "< 1", "x < y", "x < nan", "x = 1"] {
            assert_eq!(Target::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_target_needs_a_file_that_can_have_it() {
        let parse = |output: &str, target: &str| {
            let text = format!("workload=\"command\"\n[command]\nrun=\"x\"\noutput=\"{output}\"");
            Target::parse(target, &toml::from_str(&text).unwrap()).is_ok()
        };
        assert!(parse("a.json", "/x < 1") && parse("a.csv", "x < 1"));
        assert!(!parse("a.csv", "/x < 1") && !parse("a.json", "x < 1"));
    }

    #[test]
    fn a_unit_meets_it_or_not() {
        let meets = |target: &str, json: &str, table: &str| {
            let text = format!(
                "workload=\"command\"\n[command]\nrun=\"x\"\n[collect]\ntables=\"t.csv\"\n\
                 [stop]\nstop_when=\"{target}\""
            );
            let study = CommandStudy::new(&toml::from_str(&text).unwrap()).unwrap();
            let file =
                |name: &str, text: &str| OutputFile { name: name.into(), bytes: text.into() };
            let files = vec![file("output.json", json), file("t.csv", table)];
            let body = Body { files }.encode();
            let (reason, aside) = (None, Vec::new());
            study.meets_target(&Envelope { status: UnitStatus::Done, reason, body, aside })
        };
        assert!(meets("/m/*/rmse < 1e-3", "{\"m\": {\"a\": {\"rmse\": 5e-4}}}", "x\n"));
        assert!(!meets("/m/*/rmse < 1e-3", "{\"m\": {\"a\": {\"rmse\": NaN}}}", "x\n"));
        assert!(!meets("/m < 1e-3", "{\"m\": \"1e-9\"}", "x\n"));
        assert!(meets("rmse < 1e-3", "{}", "a,rmse\n1,2\n1,0.0002\n"));
        assert!(!meets("rmse < 1e-3", "{}", "a,rmse\n1,\n1,nan\n"));
        assert!(!meets("rmse < 1e-3", "{}", "a\n1\n"));
    }
}
