//! Settings as people write them: one value where a list may stand, words between commas, and
//! numbers whose mistakes are answered in plain words. For serde's `deserialize_with`.

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU32;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Unexpected, Visitor};

/// What a list of a setting holds.
pub trait Listed: Sized {
    /// What several look like, after "expected".
    const EXPECTED: &'static str;

    /// Reads one that was written without quotes.
    ///
    /// # Errors
    /// Says what is wrong with it.
    fn from_word(word: &str) -> Result<Self, String>;

    /// A number that stands where a list may; none if no number may.
    fn from_number(_: f64) -> Option<Self> {
        None
    }
}

impl Listed for String {
    const EXPECTED: &'static str = "one name or several, as in [\"a\", \"b\"]";

    fn from_word(word: &str) -> Result<Self, String> {
        Ok(word.to_owned())
    }
}

impl Listed for f64 {
    const EXPECTED: &'static str = "one number or several, as in [0.01, 0.1]";

    fn from_word(word: &str) -> Result<Self, String> {
        word.parse().map_err(|_| format!("`{word}` is not a number: expected {}", Self::EXPECTED))
    }

    fn from_number(number: f64) -> Option<Self> {
        Some(number)
    }
}

/// A list, one of its elements, or several in one text with commas between them. Brackets and
/// quotation marks in that text are left out: a shell may have taken only some of them away.
///
/// # Errors
/// If it is none of these.
pub fn list<'de, D: Deserializer<'de>, T: Listed + Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(Several { splits: true, item: PhantomData })
}

/// As [`list`], for a setting that need not be there.
///
/// # Errors
/// As [`list`].
pub fn some_list<'de, D: Deserializer<'de>, T: Listed + Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    list(deserializer).map(Some)
}

/// A list, or one of its elements, which may have commas in it.
///
/// # Errors
/// If it is neither.
pub fn list_of_words<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    d.deserialize_any(Several { splits: false, item: PhantomData })
}

struct Several<T> {
    splits: bool,
    item: PhantomData<T>,
}

impl<'de, T: Listed + Deserialize<'de>> Visitor<'de> for Several<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(items)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Vec<T>, E> {
        if !self.splits {
            return Ok(vec![T::from_word(text).map_err(E::custom)?]);
        }
        let inside = text.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let words = inside.unwrap_or(text).split(',');
        let words = words.map(|word| word.trim().trim_matches(['"', '\'']));
        let words = words.filter(|word| !word.is_empty());
        words.map(|word| T::from_word(word).map_err(E::custom)).collect()
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Vec<T>, E> {
        let refused = || E::invalid_type(Unexpected::Float(number), &self);
        Ok(vec![T::from_number(number).ok_or_else(refused)?])
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Vec<T>, E> {
        let refused = || E::invalid_type(Unexpected::Signed(number), &self);
        Ok(vec![T::from_number(number as f64).ok_or_else(refused)?])
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Vec<T>, E> {
        let refused = || E::invalid_type(Unexpected::Unsigned(number), &self);
        Ok(vec![T::from_number(number as f64).ok_or_else(refused)?])
    }
}

/// A whole number of things.
///
/// # Errors
/// If it is no whole number, or one that the type does not have. Zero is left to those who know
/// the range.
pub fn count<'de, D: Deserializer<'de>, T: TryFrom<u64>>(d: D) -> Result<T, D::Error> {
    d.deserialize_any(Whole { least: 1, number: PhantomData })
}

/// A place counted from zero, or any number that may be zero.
///
/// # Errors
/// If it is no whole number, or one that the type does not have.
pub fn index<'de, D: Deserializer<'de>, T: TryFrom<u64>>(d: D) -> Result<T, D::Error> {
    d.deserialize_any(Whole { least: 0, number: PhantomData })
}

/// As [`index`], for a setting that need not be there.
///
/// # Errors
/// As [`index`].
pub fn some_index<'de, D: Deserializer<'de>, T: TryFrom<u64>>(d: D) -> Result<Option<T>, D::Error> {
    index(d).map(Some)
}

/// A number of things that need not be given, and is not zero.
///
/// # Errors
/// If it is no whole number, or zero, or more than fits.
pub fn some_count<'de, D: Deserializer<'de>>(d: D) -> Result<Option<NonZeroU32>, D::Error> {
    let whole = Whole { least: 1, number: PhantomData };
    let number: u64 = d.deserialize_any(whole)?;
    let fitting = u32::try_from(number).ok().and_then(NonZeroU32::new);
    let refused = || D::Error::invalid_value(Unexpected::Unsigned(number), &Whole::<u64>::of(1));
    fitting.map(Some).ok_or_else(refused)
}

struct Whole<T> {
    least: u64,
    number: PhantomData<T>,
}

impl<T> Whole<T> {
    fn of(least: u64) -> Self {
        Self { least, number: PhantomData }
    }
}

impl<T: TryFrom<u64>> Visitor<'_> for Whole<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "a whole number, {} or more", self.least)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq, Default)]
    #[serde(default)]
    struct Settings {
        #[serde(deserialize_with = "list")]
        names: Vec<String>,
        #[serde(deserialize_with = "some_list")]
        levels: Option<Vec<f64>>,
        #[serde(deserialize_with = "list_of_words")]
        extra: Vec<String>,
        #[serde(deserialize_with = "count")]
        trials: u32,
        #[serde(deserialize_with = "some_count")]
        cpus: Option<NonZeroU32>,
    }

    fn read(text: &str) -> Result<Settings, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn one_or_several_or_words_with_commas() {
        for text in ["['a', 'b']", "'a,b'", "'a, b'", "'[a, b]'", "\"['a', b,]\""] {
            assert_eq!(read(&format!("names = {text}")).unwrap().names, ["a", "b"], "{text}");
        }
        assert_eq!(read("names = 'a'").unwrap().names, ["a"]);
        assert_eq!(read("names = ''").unwrap().names, [""; 0]);
        for text in ["[0.01, 1]", "'1e-2,1'", "'[0.01, 1]'"] {
            let read = read(&format!("levels = {text}")).unwrap();
            assert_eq!(read.levels, Some(vec![0.01, 1.0]), "{text}");
        }
        assert_eq!(read("levels = 2").unwrap().levels, Some(vec![2.0]));
        assert_eq!(read("extra = '--mail-type=A,B'").unwrap().extra, ["--mail-type=A,B"]);
    }

    #[test]
    fn what_is_none_of_these_is_refused_in_plain_words() {
        for (text, expected) in [
            ("names = 5", "invalid type: integer `5`, expected one name or several"),
            ("levels = 'few'", "`few` is not a number: expected one number or several"),
            ("trials = 'five'", "string \"five\", expected a whole number, 1 or more"),
            ("trials = -1", "integer `-1`, expected a whole number, 1 or more"),
            ("trials = 4294967296", "integer `4294967296`, expected a whole number"),
            ("trials = 1.5", "floating point `1.5`, expected a whole number"),
            ("cpus = 0", "integer `0`, expected a whole number, 1 or more"),
            ("cpus = 5000000000", "integer `5000000000`, expected a whole number"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
