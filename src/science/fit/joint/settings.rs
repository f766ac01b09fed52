//! What a user can say of the joint fit: `[fit.options.joint]`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::foundations::text::lenient;
use crate::foundations::text::listed::Several;

/// `[fit.options.joint]`: which parameters are fitted with the emissivities, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JointSettings {
    /// The parameters that are fitted: groups or single names.
    #[serde(deserialize_with = "lenient::list")]
    #[schemars(with = "Several<String>")]
    pub free: Vec<String>,
    /// Standard errors of what is known beforehand, by group or name. Those of bolometer parameters are
    /// relative; temperatures in K. Zero holds a parameter fixed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub prior: BTreeMap<String, Prior>,
    /// What is known beforehand, where it is not what the model of the instrument says.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub value: BTreeMap<String, f64>,
    /// Where the search begins, where that is not what is known beforehand.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub start: BTreeMap<String, f64>,
    /// What has temperature errors of its own: each plateau, or each record.
    pub plateau: PlateauUnit,
    /// How residuals count.
    pub loss: JointLoss,
    /// Data sets that are fitted together; by default, each for itself.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient::list")]
    #[schemars(with = "Several<String>")]
    pub together: Vec<String>,
    /// The square of a step, in posterior standard errors, at which the search has converged.
    pub tolerance: f64,
    /// Steps after which it gives up.
    #[serde(deserialize_with = "lenient::count")]
    pub max_iterations: usize,
}

impl Default for JointSettings {
    fn default() -> Self {
        let free = ["bolometer", "xcal_offset", "ical_drift", "offsets", "harmonics", "vibration"];
        Self {
            free: free.map(String::from).to_vec(),
            prior: BTreeMap::new(),
            value: BTreeMap::new(),
            start: BTreeMap::new(),
            plateau: PlateauUnit::Plateau,
            loss: JointLoss::Squares,
            together: Vec::new(),
            tolerance: 1e-12,
            max_iterations: 200,
        }
    }
}

/// What is known of a parameter beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "PriorText", into = "PriorText")]
pub enum Prior {
    /// This standard error.
    Sigma(f64),
    /// Nothing: the data alone must determine it.
    None,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum PriorText {
    Number(f64),
    Word(String),
}

impl TryFrom<PriorText> for Prior {
    type Error = String;

    fn try_from(text: PriorText) -> Result<Self, String> {
        match text {
            PriorText::Number(sigma) if sigma >= 0.0 && sigma.is_finite() => Ok(Self::Sigma(sigma)),
            PriorText::Number(sigma) => Err(format!(
                "a prior of {sigma}: expected a standard error, zero or more, or \"none\""
            )),
            PriorText::Word(word) if word == "none" => Ok(Self::None),
            PriorText::Word(word) => Err(format!(
                "a prior of \"{word}\": expected a standard error, zero or more, or \"none\""
            )),
        }
    }
}

impl From<Prior> for PriorText {
    fn from(prior: Prior) -> Self {
        match prior {
            Prior::Sigma(sigma) => Self::Number(sigma),
            Prior::None => Self::Word("none".into()),
        }
    }
}

/// What has temperature errors of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PlateauUnit {
    /// All records at one setting of the temperatures.
    Plateau,
    /// Each record.
    Record,
}

/// How residuals count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JointLoss {
    /// By their squares.
    Squares,
    /// Those beyond a threshold by their modulus, as in `huber`.
    Huber,
    /// By the likelihood of Student's t with four degrees of freedom, as in `student_t`.
    StudentT,
}
