//! How the numbers in a calibration set are understood: as the flight calibration did, or as older
//! Python programs do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::science::instrument::{GainTable, PeakTable};

/// Electronics that pass less than this part of their largest transfer leave no signal at a bin, as in
/// the flight software.
const LEAST_TRANSFER: f64 = 1e-3;
/// What an eight-bit count below zero lacks: it was written as two's complement.
const BYTE: f64 = 256.0;

/// A set of conventions, each of which a setting of its own overrides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Conventions {
    /// Those of the flight calibration.
    #[default]
    Flight,
    /// Those of older Python programs.
    Legacy,
}

/// `instrument.peaks`: where the white-light peak is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Peaks {
    /// Counted from zero.
    Flight,
    /// Counted from one, and taken as if from zero.
    Legacy,
}

/// `instrument.gains`: what a nominal gain stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Gains {
    /// What was measured of the preamplifier.
    Measured,
    /// Itself.
    Nominal,
}

/// `instrument.bias`: what a commanded bias below zero stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Bias {
    /// 256 counts more: the eight bits of the telemetry have no sign.
    Unsigned,
    /// Itself: no bias that can be.
    Signed,
}

/// `instrument.apodisation`: how the published apodisation function is laid over the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Apodisation {
    /// Its first element belongs to the white-light peak.
    Rotated,
    /// Its first element belongs to the first sample.
    Unrotated,
}

/// `fit.bolometer_temperature`: the temperature at which the channel's bolometer emits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BolometerTemperature {
    /// Its own, at which it operates, warmed by its bias.
    Operating,
    /// That of its bath, as read.
    Bath,
}

impl Conventions {
    pub(super) fn peaks(self) -> Peaks {
        match self {
            Self::Flight => Peaks::Flight,
            Self::Legacy => Peaks::Legacy,
        }
    }

    pub(super) fn gains(self) -> Gains {
        match self {
            Self::Flight => Gains::Measured,
            Self::Legacy => Gains::Nominal,
        }
    }

    pub(super) fn bias(self) -> Bias {
        match self {
            Self::Flight => Bias::Unsigned,
            Self::Legacy => Bias::Signed,
        }
    }

    pub(super) fn apodisation(self) -> Apodisation {
        match self {
            Self::Flight => Apodisation::Rotated,
            Self::Legacy => Apodisation::Unrotated,
        }
    }

    /// The part of their largest transfer that the electronics must pass at a bin.
    pub(super) fn least_transfer(self) -> f64 {
        match self {
            Self::Flight => LEAST_TRANSFER,
            Self::Legacy => 0.0,
        }
    }

    /// The temperature at which the channel's bolometer emits.
    #[must_use]
    pub fn bolometer_temperature(self) -> BolometerTemperature {
        match self {
            Self::Flight => BolometerTemperature::Operating,
            Self::Legacy => BolometerTemperature::Bath,
        }
    }
}

impl From<Peaks> for PeakTable {
    fn from(peaks: Peaks) -> Self {
        match peaks {
            Peaks::Flight => Self::Flight,
            Peaks::Legacy => Self::Legacy,
        }
    }
}

impl From<Gains> for GainTable {
    fn from(gains: Gains) -> Self {
        match gains {
            Gains::Measured => Self::Measured,
            Gains::Nominal => Self::Nominal,
        }
    }
}

impl Bias {
    /// Counts of a commanded bias as a calibration set has them, as the instrument meant them.
    pub(super) fn counts(self, given: f64) -> f64 {
        match self {
            Self::Unsigned if given < 0.0 => given + BYTE,
            _ => given,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bias_counts_below_zero_are_eight_bits_without_a_sign() {
        assert_eq!(Bias::Unsigned.counts(-56.0), 200.0);
        assert_eq!(Bias::Unsigned.counts(35.0), 35.0);
        assert_eq!(Bias::Signed.counts(-56.0), -56.0);
        assert!(Bias::Unsigned.counts(f64::NAN).is_nan());
    }
}
