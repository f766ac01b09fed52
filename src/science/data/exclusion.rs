//! Rules by which records are left out, by flags that the calibration set carries.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Leaves out the records of which something holds: `fake != 0`, `data_quality[5] >= 2`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Exclusion {
    /// As it was typed.
    text: String,
    /// Name of the array, without the channel.
    pub(super) key: String,
    /// The column of an array of two dimensions.
    pub(super) column: Option<usize>,
    comparison: Comparison,
    value: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Below,
    AtMost,
    Above,
    AtLeast,
}

/// Longer ones first: `<=` begins with `<`.
const COMPARISONS: [(&str, Comparison); 6] = [
    ("!=", Comparison::NotEqual),
    ("==", Comparison::Equal),
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("<", Comparison::Below),
    (">", Comparison::Above),
];

impl Exclusion {
    /// Whether a record is left out whose flag has this value. A missing one (NaN) is not equal to any
    /// number, and neither above nor below.
    pub(super) fn holds(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::Equal => value == self.value,
            Comparison::NotEqual => value != self.value,
            Comparison::Below => value < self.value,
            Comparison::AtMost => value <= self.value,
            Comparison::Above => value > self.value,
            Comparison::AtLeast => value >= self.value,
        }
    }
}

impl FromStr for Exclusion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || {
            format!(
                "\"{text}\" is no rule: expected an array, perhaps with a column, a comparison (!=, \
                 ==, <, <=, >, >=) and a number, as in \"fake != 0\" or \"data_quality[5] != 0\""
            )
        };
        let split = |(sign, comparison): &(&str, Comparison)| {
            text.split_once(sign).map(|(flag, value)| (flag, *comparison, value))
        };
        let (flag, comparison, value) = COMPARISONS.iter().find_map(split).ok_or_else(refused)?;
        let (key, column) = flag_of(flag.trim()).ok_or_else(refused)?;
        let value: f64 = value.trim().parse().map_err(|_| refused())?;
        if value.is_nan() {
            return Err(refused());
        }
        Ok(Self { text: text.trim().into(), key, column, comparison, value })
    }
}

/// Reads `fake` or `data_quality[5]`.
fn flag_of(text: &str) -> Option<(String, Option<usize>)> {
    let (key, column) = match text.split_once('[') {
        None => (text, None),
        Some((key, rest)) => (key.trim(), Some(rest.strip_suffix(']')?.trim().parse().ok()?)),
    };
    let is_name = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    (!key.is_empty() && is_name).then(|| (key.to_owned(), column))
}

impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Exclusion {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Exclusion> for String {
    fn from(rule: Exclusion) -> Self {
        rule.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Exclusion {
        text.parse().unwrap()
    }

    #[test]
    fn rules_are_read_with_and_without_a_column() {
        let plain = rule(" fake != 0 ");
        assert_eq!((plain.key.as_str(), plain.column), ("fake", None));
        assert_eq!(plain.to_string(), "fake != 0");
        let column = rule("data_quality[5]>=2");
        assert_eq!((column.key.as_str(), column.column), ("data_quality", Some(5)));
        let json = serde_json::to_string(&column).unwrap();
        assert_eq!(serde_json::from_str::<Exclusion>(&json).unwrap(), column);
    }

    #[test]
    fn every_comparison_does_what_it_says() {
        for (text, holds) in [
            ("a == 2", [false, true, false]),
            ("a != 2", [true, false, true]),
            ("a < 2", [true, false, false]),
            ("a <= 2", [true, true, false]),
            ("a > 2", [false, false, true]),
            ("a >= 2", [false, true, true]),
        ] {
            assert_eq!([1.0, 2.0, 3.0].map(|value| rule(text).holds(value)), holds, "{text}");
        }
        assert!(rule("a != 0").holds(f64::NAN) && !rule("a > 0").holds(f64::NAN));
    }

    #[test]
    fn what_is_no_rule_is_refused_with_an_example() {
        for bad in ["", "fake", "fake = 1", "!= 0", "a[ != 0", "a[x] != 0", "a != b", "a != nan"] {
            let error = bad.parse::<Exclusion>().unwrap_err();
            assert!(error.contains(bad) && error.contains("fake != 0"), "{error}");
        }
    }
}
