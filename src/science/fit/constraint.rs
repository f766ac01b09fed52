//! What is imposed on the emissivities of one bin.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is imposed on the emissivities of one bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Constraint {
    /// Nothing: all emissivities are free.
    #[default]
    None,
    /// They sum to zero: a differential instrument in equilibrium measures nothing (Kirchhoff).
    Kirchhoff,
}

impl Constraint {
    /// How many of so many emissivities are free.
    #[must_use]
    pub fn free(self, emitters: usize) -> usize {
        match self {
            Self::None => emitters,
            Self::Kirchhoff => emitters.saturating_sub(1),
        }
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Kirchhoff => "kirchhoff",
        })
    }
}

impl FromStr for Constraint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "kirchhoff" => Ok(Self::Kirchhoff),
            _ => Err(format!("unknown constraint `{text}`: expected `none` or `kirchhoff`")),
        }
    }
}
