//! `instrument.corrections` and `simulate.corrections`: which corrections are in force.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::emitters::Emitter;
use super::error::DataError;
use super::model::PublishedModel;
use crate::science::instrument::Corrections;

/// Which corrections are in force: `"none"`, `"model"`, or a table of values.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum CorrectionChoice {
    /// None.
    #[default]
    None,
    /// Those of `data.model`.
    Model,
    /// These; what is not given is zero.
    Values(Box<Corrections>),
}

impl CorrectionChoice {
    /// Whether none are chosen.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// Whether the spectrum of other bins may be asked for at a bin.
    #[must_use]
    pub fn may_have_terms(&self) -> bool {
        match self {
            Self::None => false,
            Self::Model => true,
            Self::Values(values) => values.terms() != [false; 4],
        }
    }

    /// The corrections that a setting amounts to.
    pub(super) fn resolved(
        &self,
        setting: &'static str,
        model: Option<&PublishedModel>,
        emitters: &[Emitter],
    ) -> Result<Corrections, DataError> {
        match self {
            Self::None => Ok(Corrections::NONE),
            Self::Model => model
                .map(|model| model.corrections.clone())
                .ok_or(DataError::NoModelCorrections { setting }),
            Self::Values(values) => {
                let names: Vec<&str> = emitters.iter().map(Emitter::name).collect();
                let refused = |source| DataError::Correction { setting, source };
                values.check(&names).map_err(refused)?;
                Ok(Corrections::clone(values))
            }
        }
    }
}

impl Serialize for CorrectionChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_str("none"),
            Self::Model => serializer.serialize_str("model"),
            Self::Values(values) => values.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for CorrectionChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChoiceVisitor)
    }
}

struct ChoiceVisitor;

impl<'de> Visitor<'de> for ChoiceVisitor {
    type Value = CorrectionChoice;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("\"none\", \"model\" or a table, as in { xcal_offset_k = -1.5e-3, h2 = 1e-3 }")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<CorrectionChoice, E> {
        match word {
            "none" => Ok(CorrectionChoice::None),
            "model" => Ok(CorrectionChoice::Model),
            other => Err(E::invalid_type(Unexpected::Str(other), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<CorrectionChoice, A::Error> {
        let values = Corrections::deserialize(MapAccessDeserializer::new(map))?;
        Ok(CorrectionChoice::Values(Box::new(values)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::data::emitters::tests::standard;

    #[derive(Debug, PartialEq, Deserialize, Serialize)]
    struct Settings {
        corrections: CorrectionChoice,
    }

    fn read(text: &str) -> Result<CorrectionChoice, String> {
        let settings = toml::from_str::<Settings>(&format!("corrections = {text}"));
        settings.map(|s| s.corrections).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_word_or_a_table_of_values() {
        assert_eq!(read("\"none\""), Ok(CorrectionChoice::None));
        assert_eq!(read("\"model\""), Ok(CorrectionChoice::Model));
        let some = read("{ h2 = 1e-3, ical_drift = { time_yr = 0.3, amplitude_k = 4e-3 } }");
        let CorrectionChoice::Values(values) = some.clone().unwrap() else { panic!("{some:?}") };
        assert_eq!((values.h2, values.ical_drift.time_yr, values.h3), (1e-3, 0.3, 0.0));
        for choice in [CorrectionChoice::None, CorrectionChoice::Model, some.unwrap()] {
            let settings = Settings { corrections: choice };
            let json = serde_json::to_string(&settings).unwrap();
            assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
        }
    }

    #[test]
    fn what_it_is_not_is_refused() {
        let error = read("{ h4 = 1 }").unwrap_err();
        assert!(error.contains("h4") && error.contains("`h3`"), "{error}");
        assert!(read("\"modle\"").unwrap_err().contains("\"none\", \"model\" or a table"));
        assert!(read("3").unwrap_err().contains("\"none\", \"model\" or a table"));
    }

    #[test]
    fn the_model_must_be_there_and_values_must_be_possible() {
        let resolved = |choice: CorrectionChoice| {
            choice.resolved("instrument.corrections", None, &standard()).map_err(|e| e.to_string())
        };
        assert_eq!(resolved(CorrectionChoice::None), Ok(Corrections::NONE));
        let error = resolved(CorrectionChoice::Model).unwrap_err();
        assert!(error.contains("--set data.model="), "{error}");
        let values = Corrections { h2: f64::INFINITY, ..Corrections::NONE };
        let error = resolved(CorrectionChoice::Values(Box::new(values))).unwrap_err();
        assert!(error.starts_with("instrument.corrections: h2 is inf"), "{error}");
    }
}
