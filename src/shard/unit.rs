//! What is known of a unit when it is done.

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use crate::fit::{Outcome, Problem};

use super::codec;

/// What is known of a unit when it is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitResult {
    /// How the fit ended.
    pub outcome: Outcome,
    /// How far the records that were held out lie from what the fit predicts, in standard
    /// deviations of their noise; none where there is no value or nothing was held out.
    pub prediction_error: Option<f64>,
    /// Complex degrees of freedom of the weighted residual; none where there is no value, or where
    /// only the ratios of the variances are known.
    pub degrees_of_freedom: Option<u32>,
}

impl UnitResult {
    /// Whether both are the same to the last bit, also where they are no numbers.
    #[must_use]
    pub fn has_bytes_of(&self, other: &Self) -> bool {
        codec::encode(self) == codec::encode(other)
    }

    /// The outcome of a fit, with what its emissivities predict. Values that are no numbers are a
    /// failure, whatever the method says of them.
    pub(super) fn new(
        problem: &Problem,
        outcome: Outcome,
        predict: impl FnOnce(&[Complex64]) -> Option<f64>,
    ) -> Self {
        let outcome = outcome.finite();
        let prediction_error = outcome.solution().and_then(|s| predict(&s.emissivity));
        let degrees_of_freedom = outcome.solution().and_then(|_| problem.degrees_of_freedom());
        Self { outcome, prediction_error, degrees_of_freedom }
    }
}

#[cfg(test)]
impl UnitResult {
    /// One for tests of files: another for every unit, some with `words` in them.
    pub(super) fn example(unit: u64, words: &str) -> Self {
        let outcome = match unit % 3 {
            0 => Outcome::Failed(format!("unit {unit} cannot be fitted: {words}\n")),
            1 => Outcome::NoSignal,
            _ => Outcome::Converged(crate::fit::Solution {
                emissivity: vec![Complex64::new(unit as f64, -0.1); 7],
                sigma: vec![1e-3 * unit as f64; 7],
                rss: f64::INFINITY,
                condition: 1.0 / unit as f64,
            }),
        };
        Self { outcome, prediction_error: None, degrees_of_freedom: Some(unit as u32) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::tests::Owned;
    use crate::fit::{Constraint, Status, fit_bins, method, methods};

    /// The result of a method for one bin, fitted as a shard fits it.
    fn result(name: &str, owned: &Owned) -> UnitResult {
        let registered = method(name).unwrap();
        let defaults = crate::fit::OptionValues::defaults(&registered.info);
        let native = (registered.build)(&defaults);
        owned.with(Constraint::None, |problem| {
            let outcomes = fit_bins(&[*problem], |bright| native.fit_coupled(bright));
            UnitResult::new(problem, outcomes[0].clone(), |_| None)
        })
    }

    #[test]
    fn no_method_has_a_result_that_is_no_number() {
        // The last are finite, but their squares are not.
        for bad in [f64::NAN, f64::INFINITY, 1e200, f64::MAX] {
            for registered in methods() {
                let name = registered.info.name;
                let mut owned = Owned::new(3, 60, 0.1, 0.0);
                owned.data.iter_mut().for_each(|value| value.re = bad);
                let found = result(name, &owned);
                match found.outcome.solution() {
                    None => assert_eq!(found.outcome.status(), Status::Failed, "{name} {bad}"),
                    Some(s) => assert_eq!(s.check_finite(), Ok(()), "{name} {bad}"),
                }
                assert!(bad.is_finite() || found.outcome.solution().is_none(), "{name} {bad}");
            }
        }
    }

    #[test]
    fn a_result_knows_its_degrees_of_freedom() {
        let owned = Owned::new(3, 60, 0.1, 0.0);
        assert_eq!(result("wls", &owned).degrees_of_freedom, Some(60 - 7));
        owned.with(Constraint::Kirchhoff, |problem| {
            assert_eq!(problem.degrees_of_freedom(), Some(60 - 6));
            let scale = crate::fit::VarianceScale::Relative;
            let relative = Problem { scale, ..*problem };
            assert_eq!(relative.degrees_of_freedom(), None);
            let failed = UnitResult::new(problem, Outcome::Failed("no".into()), |_| Some(1.0));
            assert_eq!((failed.degrees_of_freedom, failed.prediction_error), (None, None));
        });
    }
}
