//! Which frequency bins are fitted.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::science::instrument::SPECTRUM_BINS;

/// A choice of frequency bins: all, or ranges as in `5-47,60`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(into = "String")]
pub enum BinSelection {
    /// All 257.
    #[default]
    All,
    /// Some, ascending, each once.
    Some(Vec<usize>),
}

impl BinSelection {
    /// The chosen bins, ascending, each once.
    #[must_use]
    pub fn bins(&self) -> Vec<usize> {
        match self {
            Self::All => (0..SPECTRUM_BINS).collect(),
            Self::Some(bins) => bins.clone(),
        }
    }
}

impl FromStr for BinSelection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "all" {
            return Ok(Self::All);
        }
        let mut bins = Vec::new();
        for part in text.split(',') {
            bins.extend(range(part.trim()).ok_or_else(|| {
                format!(
                    "`{part}` in \"{text}\" is no bin or range of bins: expected \"all\", or bins \
                     from 0 to {} as in \"5-47,60\"",
                    SPECTRUM_BINS - 1
                )
            })?);
        }
        bins.sort_unstable();
        bins.dedup();
        Ok(Self::Some(bins))
    }
}

/// Reads `7` or `5-47`.
fn range(text: &str) -> Option<std::ops::RangeInclusive<usize>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last && last < SPECTRUM_BINS).then_some(first..=last)
}

impl fmt::Display for BinSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Some(bins) = self else { return f.write_str("all") };
        let runs = bins.chunk_by(|a, b| a + 1 == *b);
        for (i, run) in runs.enumerate() {
            let comma = if i > 0 { "," } else { "" };
            match run {
                [bin] => write!(f, "{comma}{bin}")?,
                _ => write!(f, "{comma}{}-{}", run[0], run[run.len() - 1])?,
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for BinSelection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// Bins as they are written: ranges in a text, one number, or a list of either.
struct Written;

/// One of a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Item {
    Number(i64),
    Range(String),
}

impl<'de> Visitor<'de> for Written {
    type Value = BinSelection;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "\"all\", or bins from 0 to {} as in \"5-47,60\"", SPECTRUM_BINS - 1)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<BinSelection, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, bin: i64) -> Result<BinSelection, E> {
        self.visit_str(&bin.to_string())
    }

    fn visit_u64<E: Error>(self, bin: u64) -> Result<BinSelection, E> {
        self.visit_str(&bin.to_string())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<BinSelection, A::Error> {
        let mut ranges = Vec::new();
        while let Some(item) = seq.next_element()? {
            ranges.push(match item {
                Item::Number(bin) => bin.to_string(),
                Item::Range(range) => range,
            });
        }
        self.visit_str(&ranges.join(","))
    }
}

impl From<BinSelection> for String {
    fn from(selection: BinSelection) -> Self {
        selection.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_are_read_sorted_and_each_bin_once() {
        let selection: BinSelection = "60, 5-7,6".parse().unwrap();
        assert_eq!(selection.bins(), [5, 6, 7, 60]);
        assert_eq!(selection.to_string(), "5-7,60");
        assert_eq!("all".parse::<BinSelection>().unwrap().bins().len(), SPECTRUM_BINS);
    }

    #[test]
    fn numbers_and_lists_are_read_as_ranges_are() {
        let read = |json: &str| serde_json::from_str::<BinSelection>(json).map(|s| s.to_string());
        for (json, ranges) in [("7", "7"), ("[5, 6, \"60-62\"]", "5-6,60-62"), ("\"5-7\"", "5-7")] {
            assert_eq!(read(json).unwrap(), ranges, "{json}");
        }
        for bad in ["-1", "[]", "[300]", "true", "1.5"] {
            assert!(read(bad).unwrap_err().to_string().contains("0 to 256"), "{bad}");
        }
    }

    #[test]
    fn what_is_no_bin_is_refused() {
        for bad in ["", "257", "7-5", "-3", "5-", "a", "1,,2"] {
            let error = bad.parse::<BinSelection>().unwrap_err();
            assert!(error.contains("0 to 256"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn text_and_back_is_the_same(bins in prop::collection::btree_set(0..SPECTRUM_BINS, 1..40)) {
            let selection = BinSelection::Some(bins.into_iter().collect());
            prop_assert_eq!(selection.to_string().parse(), Ok(selection));
        }
    }
}
