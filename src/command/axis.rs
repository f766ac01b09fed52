//! An axis of the grid: its name, and the values on it, each with its place and its label.

use std::borrow::Cow;
use std::collections::HashMap;

use super::error::CommandError;
use super::value::{Named, Value};

/// What an axis cannot be called, since it means something else.
pub(super) const RESERVED: [&str; 11] = [
    "seed",
    "unit",
    "attempt",
    "threads",
    "scratch",
    "input",
    "output",
    "output_folder",
    "outputs",
    "results",
    "reason",
];

/// Longest name of an axis, bytes.
const LONGEST_NAME: usize = 64;
/// Longest label, bytes: a line of a table must be readable.
const LONGEST_LABEL: usize = 1000;

/// An axis. Its values are whole numbers one after another, then any others.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    name: String,
    first: i64,
    count: u64,
    listed: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    value: Value,
    label: String,
    safe: String,
}

impl Axis {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many values it has.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.count + self.listed.len() as u64
    }

    /// Whether it has none, which no axis of a study has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at a place, which is below [`Self::len`].
    #[must_use]
    pub fn value(&self, index: u64) -> Value {
        match self.entry(index) {
            Ok(entry) => entry.value.clone(),
            Err(number) => Value::Whole(number),
        }
    }

    /// What stands for the value at a place.
    #[must_use]
    pub fn label(&self, index: u64) -> Cow<'_, str> {
        match self.entry(index) {
            Ok(entry) => Cow::Borrowed(&entry.label),
            Err(number) => Cow::Owned(number.to_string()),
        }
    }

    /// As [`Self::label`], fit for the name of a file.
    #[must_use]
    pub fn safe_label(&self, index: u64) -> Cow<'_, str> {
        match self.entry(index) {
            Ok(entry) => Cow::Borrowed(&entry.safe),
            Err(number) => Cow::Owned(number.to_string()),
        }
    }

    /// A listed value, or else the whole number at a place.
    fn entry(&self, index: u64) -> Result<&Entry, i64> {
        let place = index.checked_sub(self.count).and_then(|place| usize::try_from(place).ok());
        let number = || self.first.wrapping_add_unsigned(index);
        place.and_then(|place| self.listed.get(place)).ok_or_else(number)
    }
}

/// Makes an axis, value by value, and refuses those that could not be told apart.
#[derive(Debug)]
pub(super) struct AxisBuilder {
    axis: Axis,
    /// How messages call it: `[[grid]] noise`.
    setting: String,
    by_value: HashMap<String, u64>,
    by_label: HashMap<String, u64>,
    by_safe: HashMap<String, u64>,
}

impl AxisBuilder {
    /// An axis without values.
    pub(super) fn new(name: &str) -> Result<Self, CommandError> {
        check_name(name)?;
        let axis = Axis { name: name.into(), first: 0, count: 0, listed: Vec::new() };
        Ok(Self {
            axis,
            setting: format!("[[grid]] {name}"),
            by_value: HashMap::new(),
            by_label: HashMap::new(),
            by_safe: HashMap::new(),
        })
    }

    /// An axis of the whole numbers from one to another.
    pub(super) fn range(name: &str, from: i64, to: i64) -> Result<Self, CommandError> {
        let mut builder = Self::new(name)?;
        let count = to.checked_sub(from).and_then(|count| u64::try_from(count).ok());
        let expected = "a number not below `from`, and not 2^63 above it";
        builder.axis.count = count.and_then(|count| count.checked_add(1)).ok_or_else(|| {
            CommandError::range(&format!("{}, to", builder.setting), to, expected)
        })?;
        builder.axis.first = from;
        Ok(builder)
    }

    pub(super) fn len(&self) -> u64 {
        self.axis.len()
    }

    pub(super) fn name(&self) -> &str {
        &self.axis.name
    }

    /// The place of a value, which is a new one if the axis does not have it yet.
    pub(super) fn place(&mut self, named: &Named) -> Result<u64, CommandError> {
        let (value, label) = (named.value(), named.label());
        self.check(value, &label)?;
        let canonical = value.canonical();
        let known = self.in_range(value).or_else(|| self.by_value.get(&canonical).copied());
        if let Some(place) = known {
            let before = self.axis.label(place);
            if before != label {
                let expected = format!("the label {before:?}, which this value has elsewhere");
                return Err(CommandError::range(&self.setting, format!("{label:?}"), expected));
            }
            return Ok(place);
        }
        let safe = safe(&label);
        let alike = self.by_label.get(&label).or_else(|| self.by_safe.get(&safe)).copied();
        let alike = alike.or_else(|| self.in_range_as(&safe));
        if let Some(place) = alike {
            return Err(CommandError::Alike {
                setting: self.setting.clone(),
                one: self.axis.label(place).into_owned(),
                other: label,
                written: safe,
                mend: "a label of its own, as in { value = 1e-3, label = \"a\" }",
            });
        }
        let place = self.len();
        self.by_value.insert(canonical, place);
        self.by_label.insert(label.clone(), place);
        self.by_safe.insert(safe.clone(), place);
        self.axis.listed.push(Entry { value: value.clone(), label, safe });
        Ok(place)
    }

    /// As [`Self::place`], but the axis must not have the value yet.
    pub(super) fn add(&mut self, named: &Named) -> Result<(), CommandError> {
        let before = self.len();
        let place = self.place(named)?;
        if place == before { Ok(()) } else { Err(self.twice(&named.label())) }
    }

    pub(super) fn twice(&self, label: &str) -> CommandError {
        CommandError::Twice { setting: self.setting.clone(), value: label.into() }
    }

    pub(super) fn finish(self) -> Axis {
        self.axis
    }

    fn check(&self, value: &Value, label: &str) -> Result<(), CommandError> {
        let refused = |found: String, expected: &str| {
            Err(CommandError::range(&self.setting, found, expected))
        };
        if !value.is_finite() {
            return refused(value.to_string(), "a number that is finite");
        }
        if label.is_empty() {
            return refused("\"\"".into(), "a label, as in { value = \"\", label = \"none\" }");
        }
        if label.len() > LONGEST_LABEL {
            let shown: String = label.chars().take(40).collect();
            return refused(format!("{shown:?}..."), "a label of at most 1000 bytes");
        }
        if label.chars().chain(value.to_string().chars()).any(char::is_control) {
            return refused(format!("{label:?}"), "a text without control characters");
        }
        Ok(())
    }

    /// The place of a whole number among those one after another.
    fn in_range(&self, value: &Value) -> Option<u64> {
        let place = |number: i64| u64::try_from(number.checked_sub(self.axis.first)?).ok();
        let number: i64 = match value {
            Value::Whole(_) | Value::Number(_) => value.to_string().parse().ok()?,
            Value::Switch(_) | Value::Text(_) => return None,
        };
        place(number).filter(|place| *place < self.axis.count)
    }

    fn in_range_as(&self, safe: &str) -> Option<u64> {
        let number: i64 = safe.parse().ok()?;
        self.in_range(&Value::Whole(number)).filter(|_| number.to_string() == safe)
    }
}

fn check_name(name: &str) -> Result<(), CommandError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if !begins || !name.chars().all(is_plain) || name.len() > LONGEST_NAME {
        let expected = "a letter, then letters, digits, `_` or `-`, at most 64";
        return Err(CommandError::range("[[grid]] name", format!("{name:?}"), expected));
    }
    if RESERVED.contains(&name) {
        let expected =
            format!("another name than {}: these mean something else", RESERVED.join(", "));
        return Err(CommandError::range("[[grid]] name", format!("{name:?}"), expected));
    }
    Ok(())
}

/// A label in which whatever is odd in a file's name is a dash. `=` tells names from labels.
fn safe(label: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || ['.', '-', '+', '_'].contains(&c);
    label.chars().map(|c| if is_plain(c) { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(value: Value) -> Named {
        Named::Plain(value)
    }

    fn text(text: &str) -> Named {
        plain(Value::Text(text.into()))
    }

    fn labelled(value: f64, label: &str) -> Named {
        Named::Labelled { value: Value::Number(value), label: label.into() }
    }

    #[test]
    fn values_have_places_labels_and_labels_for_files() {
        let mut builder = AxisBuilder::new("noise").unwrap();
        builder.add(&plain(Value::Number(1e-8))).unwrap();
        builder.add(&labelled(1e-3, "100000e-8")).unwrap();
        builder.add(&text("a b/c=ü")).unwrap();
        assert_eq!(builder.place(&labelled(1e-3, "100000e-8")).unwrap(), 1);
        let axis = builder.finish();
        assert_eq!((axis.name(), axis.len()), ("noise", 3));
        assert_eq!((axis.label(1).as_ref(), axis.value(1)), ("100000e-8", Value::Number(1e-3)));
        assert_eq!(axis.safe_label(2), "a-b-c-ü");
    }

    #[test]
    fn a_range_is_counted_and_not_listed() {
        let mut builder = AxisBuilder::range("trial", -1, 1 << 39).unwrap();
        assert_eq!(builder.len(), (1 << 39) + 2);
        assert_eq!(builder.place(&plain(Value::Number(3.0))).unwrap(), 4);
        assert_eq!(builder.place(&text("x")).unwrap(), (1 << 39) + 2);
        assert!(builder.place(&text("7")).is_err());
        assert!(builder.place(&labelled(7.0, "seven")).is_err());
        let axis = builder.finish();
        assert_eq!((axis.label(0).as_ref(), axis.value(0)), ("-1", Value::Whole(-1)));
        assert_eq!(axis.label((1 << 39) + 2), "x");
        for (from, to) in [(1, 0), (i64::MIN, i64::MAX), (-2, i64::MAX)] {
            assert!(AxisBuilder::range("trial", from, to).is_err());
        }
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        let refused = |first: &Named, second: &Named| {
            let mut builder = AxisBuilder::new("a").unwrap();
            builder.add(first).unwrap();
            builder.add(second).unwrap_err().to_string()
        };
        let twice = refused(&plain(Value::Whole(3)), &plain(Value::Number(3.0)));
        assert_eq!(twice, "[[grid]] a lists 3 twice: expected each once");
        let other_label = refused(&labelled(1.0, "x"), &plain(Value::Whole(1)));
        assert!(other_label.contains("expected the label \"x\""), "{other_label}");
        let one_label = refused(&labelled(1.0, "x"), &labelled(2.0, "x"));
        assert!(one_label.contains("x and x are both written x"), "{one_label}");
        let alike = refused(&text("a b"), &text("a/b"));
        assert!(alike.contains("a b and a/b are both written a-b: give one"), "{alike}");
        assert!(refused(&plain(Value::Whole(1)), &text("1")).contains("both written 1"));
    }

    #[test]
    fn odd_values_and_names_are_refused() {
        let mut builder = AxisBuilder::new("a").unwrap();
        for odd in [
            plain(Value::Number(f64::NAN)),
            plain(Value::Number(f64::NEG_INFINITY)),
            text(""),
            text("a\nb"),
            text("a\0"),
            text(&"x".repeat(1001)),
            Named::Labelled { value: Value::Text("\0".into()), label: "a".into() },
        ] {
            assert!(builder.add(&odd).is_err(), "{odd:?}");
        }
        for name in ["", "1a", "a b", "a.b", "{a}", "ä", "seed", "output_folder", &"a".repeat(65)]
        {
            assert!(AxisBuilder::new(name).is_err(), "{name}");
        }
    }
}
