//! A value of an axis of the grid: a number, a text, or true or false; and how it is written.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Whole numbers below this are the same as floating-point numbers, and can be told from these.
const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53

/// A value as a program may be given it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// True or false.
    Switch(bool),
    /// A whole number.
    Whole(i64),
    /// Any other number.
    Number(f64),
    /// Anything else.
    Text(String),
}

impl Value {
    /// A value that is equal to this one has the same text, and no other of its kind: the text that
    /// the seed follows from.
    ///
    /// A whole number is the same number whether or not it was written with a point.
    #[must_use]
    pub fn canonical(&self) -> String {
        match self {
            Self::Switch(value) => format!("switch {value}"),
            Self::Whole(_) | Self::Number(_) => format!("number {self}"),
            Self::Text(text) => format!("text {text}"),
        }
    }

    /// Whether it is a number, and then one that can be computed with.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        !matches!(self, Self::Number(number) if !number.is_finite())
    }
}

/// The shortest form that reads back: `1e-8`, `0.02`, `3`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch(value) => write!(f, "{value}"),
            Self::Whole(number) => write!(f, "{number}"),
            // Zero has one sign.
            Self::Number(number) if *number == 0.0 => f.write_str("0"),
            Self::Number(number) if number.fract() == 0.0 && number.abs() <= EXACT => {
                write!(f, "{}", *number as i64)
            }
            Self::Number(number) if (1e-4..1e16).contains(&number.abs()) => write!(f, "{number}"),
            Self::Number(number) => write!(f, "{number:e}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// A value as a study names it: with a label of its own, if that is not how the value is written.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Named {
    /// The label is the value as it is written.
    Plain(Value),
    /// The label is another.
    Labelled {
        /// The value.
        value: Value,
        /// What stands for it in file names and tables.
        label: String,
    },
}

impl Named {
    /// The value.
    #[must_use]
    pub fn value(&self) -> &Value {
        match self {
            Self::Plain(value) | Self::Labelled { value, .. } => value,
        }
    }

    /// What stands for it.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Plain(value) => value.to_string(),
            Self::Labelled { label, .. } => label.clone(),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(Written { may_be_labelled: false })? {
            Named::Plain(value) | Named::Labelled { value, .. } => Ok(value),
        }
    }
}

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written { may_be_labelled: true })
    }
}

struct Written {
    may_be_labelled: bool,
}

impl<'de> Visitor<'de> for Written {
    type Value = Named;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a text, true or false")?;
        if self.may_be_labelled {
            f.write_str(", or { value = 1e-3, label = \"0.001\" }")
        } else {
            Ok(())
        }
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Named, E> {
        Ok(Named::Plain(Value::Switch(value)))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Named, E> {
        Ok(Named::Plain(Value::Whole(number)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Named, E> {
        match i64::try_from(number) {
            Ok(number) => self.visit_i64(number),
            Err(_) => {
                Err(E::custom(format!("{number} is too large: expected at most {}", i64::MAX)))
            }
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Named, E> {
        Ok(Named::Plain(Value::Number(number)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Named, E> {
        Ok(Named::Plain(Value::Text(text.into())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named, A::Error> {
        if !self.may_be_labelled {
            return Err(A::Error::custom("a table cannot be a value here"));
        }
        let (mut value, mut label) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "value" => value = Some(map.next_value::<Value>()?),
                "label" => label = Some(map.next_value::<String>()?),
                other => return Err(A::Error::unknown_field(other, &["value", "label"])),
            }
        }
        let value = value.ok_or_else(|| A::Error::missing_field("value"))?;
        Ok(match label {
            Some(label) => Named::Labelled { value, label },
            None => Named::Plain(value),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct List {
        values: Vec<Named>,
    }

    fn read(values: &str) -> Result<List, String> {
        toml::from_str(&format!("values = {values}")).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn numbers_have_the_shortest_form_that_reads_back() {
        let list = read(
            "[1e-8, 0.02, 3, 3.0, 1e-3, 1e-4, 1e-5, -2.5e-7, 1e15, 1e16, 1.5e300, -0.0, \
                         100, 0.1, 9223372036854775807]",
        );
        let labels: Vec<String> = list.unwrap().values.iter().map(Named::label).collect();
        let expected = [
            "1e-8",
            "0.02",
            "3",
            "3",
            "0.001",
            "0.0001",
            "1e-5",
            "-2.5e-7",
            "1000000000000000",
            "1e16",
            "1.5e300",
            "0",
            "100",
            "0.1",
            "9223372036854775807",
        ];
        assert_eq!(labels, expected);
        for number in [0.1 + 0.2, 1.0 / 3.0, f64::MIN_POSITIVE, f64::MAX, EXACT + 2.0, 123456.789] {
            let text = Value::Number(number).to_string();
            assert_eq!(text.parse::<f64>(), Ok(number), "{text}");
        }
    }

    #[test]
    fn equal_values_and_no_others_are_the_same_for_the_seed() {
        let canonical = |value: Value| value.canonical();
        assert_eq!(canonical(Value::Whole(3)), canonical(Value::Number(3.0)));
        assert_eq!(canonical(Value::Number(0.0)), canonical(Value::Number(-0.0)));
        assert_ne!(canonical(Value::Whole(3)), canonical(Value::Text("3".into())));
        assert_ne!(canonical(Value::Switch(true)), canonical(Value::Text("true".into())));
        let (large, larger) = (Value::Whole(i64::MAX), Value::Whole(i64::MAX - 1));
        assert_ne!(canonical(large), canonical(larger));
    }

    #[test]
    fn a_list_survives_toml_and_json() {
        let list = read(
            "[1, 2.0, \"a\", true, { value = 1e-3, label = \"100000e-8\" }, \
                         { value = \"x\" }]",
        )
        .unwrap();
        assert_eq!(list.values[4].label(), "100000e-8");
        assert_eq!(*list.values[4].value(), Value::Number(1e-3));
        let json = serde_json::to_string(&list).unwrap();
        assert_eq!(serde_json::from_str::<List>(&json).unwrap(), list, "{json}");
        let toml = toml::to_string(&list).unwrap();
        assert_eq!(toml::from_str::<List>(&toml).unwrap(), list, "{toml}");
    }

    #[test]
    fn what_is_no_value_is_told_what_would_be_one() {
        let nested = read("[[1]]").unwrap_err();
        assert!(nested.contains("expected a number, a text, true or false, or {"), "{nested}");
        let unknown = read("[{ value = 1, lable = \"a\" }]").unwrap_err();
        assert!(
            unknown.contains("unknown field `lable`, expected `value` or `label`"),
            "{unknown}"
        );
        assert!(read("[{ label = \"a\" }]").unwrap_err().contains("missing field `value`"));
        assert!(read("[{ value = { value = 1 } }]").is_err());
    }
}
