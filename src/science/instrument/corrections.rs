//! Corrections that all bins share: of thermometers, of harmonics, and of the mirror's vibration.
//!
//! With v the spectrum before the bolometer (transform over electronics), `B_k = 1 + i omega_k tau`, the
//! emissivities E and the true temperatures T, the flight calibration has
//!
//! ```text
//! B_k v_k - h3 (2 + B_k)/9 (v[k/3] + v[(k+1)/3] + v[(k+2)/3]) - h2 (1 + B_k)/4 (v[k/2] + v[(k+1)/2])
//!   - vs (k - s) (1 + i omega_|k-s| tau) v[|k-s|] - vp(t) (k - p) (1 + i omega_|k-p| tau) v[|k-p|]
//!   = S0 sum_i E_i P(T_i)
//! ```
//!
//! with divisions of whole numbers. Divided by S0, the first term is the spectrum D, and each of the
//! others a [`Term`] times its coefficient. Source: FIRAS Explanatory Supplement (COBE Ref. Pub. 97-C).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::vibration::VibrationOffsets;
use crate::foundations::numerics::math::exp;

/// The emitters whose thermometers have a correction of their own.
const XCAL: &str = "xcal";
const ICAL: &str = "ical";

/// Drift of the thermometer of the internal calibrator: it reads too much by `A exp(-years/t) - o`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IcalDrift {
    /// Amplitude A when the mission begins, K.
    pub amplitude_k: f64,
    /// Time t in which it falls by a factor e, years; positive.
    pub time_yr: f64,
    /// Offset o, K.
    pub offset_k: f64,
}

impl IcalDrift {
    /// No drift.
    pub const NONE: Self = Self { amplitude_k: 0.0, time_yr: 1.0, offset_k: 0.0 };

    /// By how much the thermometer reads too much, K, so many years after the beginning.
    #[must_use]
    pub fn excess_k(&self, years: f64) -> f64 {
        // Without an amplitude the time need not be known.
        let decayed = if self.amplitude_k == 0.0 {
            0.0
        } else {
            self.amplitude_k * exp(-years / self.time_yr)
        };
        decayed - self.offset_k
    }
}

impl Default for IcalDrift {
    fn default() -> Self {
        Self::NONE
    }
}

/// Corrections that all bins share; by default none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Corrections {
    /// What is added to the reading of the external calibrator, K.
    pub xcal_offset_k: f64,
    /// Of the internal calibrator.
    pub ical_drift: IcalDrift,
    /// What is added to the readings of other emitters, by name, K.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub offsets_k: BTreeMap<String, f64>,
    /// Coefficient of the second harmonic, dimensionless.
    pub h2: f64,
    /// Coefficient of the third harmonic, dimensionless.
    pub h3: f64,
    /// Primary vibration, a polynomial in years: 1, 1/yr, ... 1/yr^4.
    pub primary_vibration: [f64; 5],
    /// Secondary vibration, dimensionless.
    pub secondary_vibration: f64,
}

/// A correction that cannot be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{name} is {value}: expected {expected}")]
pub struct CorrectionError {
    /// Which, as in settings.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// What would do.
    pub expected: String,
}

impl Corrections {
    /// None at all.
    pub const NONE: Self = Self {
        xcal_offset_k: 0.0,
        ical_drift: IcalDrift::NONE,
        offsets_k: BTreeMap::new(),
        h2: 0.0,
        h3: 0.0,
        primary_vibration: [0.0; 5],
        secondary_vibration: 0.0,
    };

    /// Whether they change nothing.
    #[must_use]
    pub fn is_none(&self) -> bool {
        !self.changes_temperatures() && self.terms() == [false; 4]
    }

    /// Whether a temperature is not what was read.
    #[must_use]
    pub fn changes_temperatures(&self) -> bool {
        let drift = &self.ical_drift;
        [self.xcal_offset_k, drift.amplitude_k, drift.offset_k].iter().any(|k| *k != 0.0)
            || self.offsets_k.values().any(|k| *k != 0.0)
    }

    /// Which terms have a coefficient that is not zero, in the order of [`Term::ALL`].
    #[must_use]
    pub fn terms(&self) -> [bool; 4] {
        [
            self.h2 != 0.0,
            self.h3 != 0.0,
            self.primary_vibration.iter().any(|v| *v != 0.0),
            self.secondary_vibration != 0.0,
        ]
    }

    /// Whether a correction changes with time, so that the records' times must be known.
    #[must_use]
    pub fn depends_on_time(&self) -> bool {
        self.ical_drift.amplitude_k != 0.0 || self.primary_vibration[1..].iter().any(|v| *v != 0.0)
    }

    /// What is added to what the thermometer of an emitter reads, K, so many years after the beginning
    /// (any number, where nothing depends on time).
    #[must_use]
    pub fn shift_k(&self, emitter: &str, years: f64) -> f64 {
        match emitter {
            XCAL => self.xcal_offset_k,
            ICAL => -self.ical_drift.excess_k(years),
            other => self.offsets_k.get(other).copied().unwrap_or(0.0),
        }
    }

    /// The true temperature of an emitter, K.
    #[must_use]
    pub fn temperature(&self, emitter: &str, read_k: f64, years: f64) -> f64 {
        read_k + self.shift_k(emitter, years)
    }

    /// The coefficient of the primary vibration, so many years after the beginning.
    #[must_use]
    pub fn primary_vibration_at(&self, years: f64) -> f64 {
        let [constant, slopes @ ..] = self.primary_vibration;
        if slopes == [0.0; 4] {
            // The time need not be known.
            return constant;
        }
        self.primary_vibration.iter().rev().fold(0.0, |sum, term| sum * years + term)
    }

    /// Refuses what is no finite number, a time that is not positive, and offsets of emitters that there
    /// are not (`emitters` are their names) or that have a setting of their own.
    ///
    /// # Errors
    /// The first correction that cannot be.
    pub fn check(&self, emitters: &[&str]) -> Result<(), CorrectionError> {
        let drift = &self.ical_drift;
        let mut numbers = vec![
            ("xcal_offset_k".to_owned(), self.xcal_offset_k),
            ("ical_drift.amplitude_k".to_owned(), drift.amplitude_k),
            ("ical_drift.offset_k".to_owned(), drift.offset_k),
            ("h2".to_owned(), self.h2),
            ("h3".to_owned(), self.h3),
            ("secondary_vibration".to_owned(), self.secondary_vibration),
        ];
        let vibration = self.primary_vibration.iter().enumerate();
        numbers.extend(vibration.map(|(i, v)| (format!("primary_vibration[{i}]"), *v)));
        numbers.extend(self.offsets_k.iter().map(|(name, k)| (format!("offsets_k.{name}"), *k)));
        let refused = |name, value, expected| Err(CorrectionError { name, value, expected });
        if let Some((name, value)) = numbers.into_iter().find(|(_, value)| !value.is_finite()) {
            return refused(name, value, "a finite number".into());
        }
        if !(drift.time_yr.is_finite() && drift.time_yr > 0.0) {
            return refused("ical_drift.time_yr".into(), drift.time_yr, "years, above 0".into());
        }
        for (name, &value) in &self.offsets_k {
            let setting = format!("offsets_k.{name}");
            match name.as_str() {
                XCAL => return refused(setting, value, "xcal in xcal_offset_k".into()),
                ICAL => return refused(setting, value, "ical in ical_drift.offset_k".into()),
                other if !emitters.contains(&other) => {
                    let others = emitters.iter().filter(|name| ![XCAL, ICAL].contains(name));
                    let valid = others.copied().collect::<Vec<_>>().join(", ");
                    return refused(setting, value, format!("some of the emitters {valid}"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// A term of the flight calibration that is linear in the spectrum before the bolometer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// H2, the second harmonic.
    SecondHarmonic,
    /// H3, the third harmonic.
    ThirdHarmonic,
    /// VP, the primary vibration.
    PrimaryVibration,
    /// VS, the secondary vibration.
    SecondaryVibration,
}

/// What a [`Term`] is at one bin, in the domain of D: `(constant + i omega tau) / S0` times the weighted
/// sum of some bins of the spectrum before the bolometer.
#[derive(Debug, Clone, PartialEq)]
pub struct TermShape {
    /// One for the vibrations; those of the harmonics are sums with B.
    pub constant: f64,
    /// An angular audio frequency, as a bin: omega is that of this one.
    pub omega_bin: usize,
    /// Bins with their weights, each once.
    pub sources: Vec<(usize, f64)>,
}

impl Term {
    /// All, in the order in which arrays of four have them.
    pub const ALL: [Self; 4] = [
        Self::SecondHarmonic,
        Self::ThirdHarmonic,
        Self::PrimaryVibration,
        Self::SecondaryVibration,
    ];

    /// What it is at a bin; none for the vibrations where their offsets are not known. `passes` says
    /// whether the electronics pass a bin: others count as zero.
    #[must_use]
    pub fn at(
        self,
        bin: usize,
        vibration: Option<VibrationOffsets>,
        passes: impl Fn(usize) -> bool,
    ) -> Option<TermShape> {
        let (constant, omega_bin, mut sources) = match self {
            // (1 + B)/4 = (2 + i omega tau)/4
            Self::SecondHarmonic => (2.0, bin, harmonic(bin, 2, 0.25)),
            // (2 + B)/9 = (3 + i omega tau)/9
            Self::ThirdHarmonic => (3.0, bin, harmonic(bin, 3, 1.0 / 9.0)),
            Self::PrimaryVibration => shifted(bin, vibration?.primary),
            Self::SecondaryVibration => shifted(bin, vibration?.secondary),
        };
        sources.retain(|(bin, _)| passes(*bin));
        Some(TermShape { constant, omega_bin, sources })
    }
}

/// The bins whose n-th harmonic falls on a bin: `k/n`, `(k+1)/n`, ... `(k+n-1)/n`, at most two of which
/// differ.
fn harmonic(bin: usize, order: usize, weight: f64) -> Vec<(usize, f64)> {
    let mut sources: Vec<(usize, f64)> = Vec::with_capacity(2);
    for source in (bin..bin + order).map(|shifted| shifted / order) {
        match sources.last_mut() {
            Some((last, sum)) if *last == source => *sum += weight,
            _ => sources.push((source, weight)),
        }
    }
    sources
}

/// The bin that a vibration shifts to another.
fn shifted(bin: usize, offset: usize) -> (f64, usize, Vec<(usize, f64)>) {
    let source = bin.abs_diff(offset);
    (1.0, source, vec![(source, bin as f64 - offset as f64)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::instrument::PLAIN_LENGTH;

    fn some() -> Corrections {
        Corrections {
            xcal_offset_k: -1.457e-3,
            ical_drift: IcalDrift { amplitude_k: 4.26e-3, time_yr: 0.3175, offset_k: -3.054e-3 },
            offsets_k: BTreeMap::from([("skyhorn".into(), 2e-3)]),
            h2: 1.106e-3,
            h3: -1.2e-3,
            primary_vibration: [1.0, -2.0, 3.0, 0.5, -0.25],
            secondary_vibration: 0.0,
        }
    }

    #[test]
    fn temperatures_are_corrected_by_emitter() {
        let corrections = some();
        let shift = |name, years| corrections.temperature(name, 3.0, years) - 3.0;
        assert!((shift("xcal", 0.5) + 1.457e-3).abs() < 1e-15);
        // At the beginning A - o too much, at the end -o.
        assert!((shift("ical", 0.0) + 4.26e-3 + 3.054e-3).abs() < 1e-15);
        assert!((shift("ical", 1e3) + 3.054e-3).abs() < 1e-15);
        assert!((shift("ical", 0.3175) + 4.26e-3 * exp(-1.0) + 3.054e-3).abs() < 1e-15);
        assert!((shift("skyhorn", 0.5) - 2e-3).abs() < 1e-15);
        assert_eq!(shift("refhorn", 0.5), 0.0);
    }

    #[test]
    fn the_primary_vibration_is_a_polynomial() {
        let x: f64 = 0.7;
        let expected = 1.0 - 2.0 * x + 3.0 * x * x + 0.5 * x * x * x - 0.25 * x * x * x * x;
        assert!((some().primary_vibration_at(x) - expected).abs() < 1e-15);
        let constant =
            Corrections { primary_vibration: [0.3, 0.0, 0.0, 0.0, 0.0], ..Corrections::NONE };
        assert_eq!(constant.primary_vibration_at(f64::NAN), 0.3);
        assert!(!constant.depends_on_time() && constant.terms() == [false, false, true, false]);
    }

    #[test]
    fn none_changes_nothing_and_needs_no_time() {
        let none = Corrections::default();
        assert_eq!(none, Corrections::NONE);
        assert!(none.is_none() && !none.depends_on_time() && none.ical_drift.time_yr > 0.0);
        assert_eq!(none.temperature("ical", 2.7, f64::NAN), 2.7);
        assert!(some().depends_on_time() && some().changes_temperatures() && !some().is_none());
    }

    #[test]
    fn settings_are_read_back_and_a_misspelt_one_is_refused() {
        let text = serde_json::to_string(&some()).unwrap();
        assert_eq!(serde_json::from_str::<Corrections>(&text).unwrap(), some());
        assert_eq!(serde_json::from_str::<Corrections>("{}").unwrap(), Corrections::NONE);
        let error = serde_json::from_str::<Corrections>("{\"h4\": 1}").unwrap_err().to_string();
        assert!(error.contains("h4") && error.contains("secondary_vibration"), "{error}");
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let names = ["xcal", "ical", "skyhorn"];
        assert_eq!(some().check(&names), Ok(()));
        let offset = |name: &str| Corrections {
            offsets_k: BTreeMap::from([(name.into(), 1e-3)]),
            ..Corrections::NONE
        };
        let drift = IcalDrift { time_yr: 0.0, ..IcalDrift::NONE };
        for (corrections, expected) in [
            (Corrections { h2: f64::NAN, ..Corrections::NONE }, "h2 is NaN"),
            (
                Corrections { primary_vibration: [0., 0., 1. / 0., 0., 0.], ..Corrections::NONE },
                "primary_vibration[2] is inf",
            ),
            (Corrections { ical_drift: drift, ..Corrections::NONE }, "ical_drift.time_yr is 0"),
            (offset("xcal"), "expected xcal in xcal_offset_k"),
            (offset("ical"), "expected ical in ical_drift.offset_k"),
            (
                offset("skyhron"),
                "offsets_k.skyhron is 0.001: expected some of the emitters skyhorn",
            ),
        ] {
            let error = corrections.check(&names).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn harmonics_come_from_halves_and_thirds() {
        for bin in 0..257 {
            for (term, order, weight) in
                [(Term::SecondHarmonic, 2, 0.25), (Term::ThirdHarmonic, 3, 1.0 / 9.0)]
            {
                let shape = term.at(bin, None, |_| true).unwrap();
                assert!(shape.sources.len() <= 2 && shape.omega_bin == bin);
                let all: f64 = shape.sources.iter().map(|(_, weight)| weight).sum();
                assert!((all - weight * order as f64).abs() < 1e-15);
                for shift in 0..order {
                    let source = (bin + shift) / order;
                    assert!(shape.sources.iter().any(|(bin, _)| *bin == source), "{bin}");
                }
            }
        }
    }

    #[test]
    fn vibrations_come_from_the_shifted_bin_and_blocked_bins_count_as_zero() {
        let offsets = VibrationOffsets::of("llss".parse().unwrap(), PLAIN_LENGTH);
        let at = |bin| Term::PrimaryVibration.at(bin, offsets, |bin| bin > 0).unwrap();
        assert_eq!((at(40).sources, at(40).omega_bin), (vec![(21, 21.0)], 21));
        assert_eq!((at(5).sources, at(5).omega_bin), (vec![(14, -14.0)], 14));
        assert_eq!(at(19).sources, []);
        assert_eq!(Term::SecondaryVibration.at(5, None, |_| true), None);
    }
}
