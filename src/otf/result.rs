//! What is known of a unit when it is fitted, and how it is kept.

use num_complex::Complex64;
use serde::{Deserialize, Serialize};

use crate::runner::store::{Envelope, UnitStatus, decode, encode};
use crate::science::fit::joint::{BinErrors, FittedParameter, JointFit};
use crate::science::fit::{Outcome, Problem, Solution, Status};

/// What is known of a unit when it is fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitResult {
    /// How the fit ended.
    pub outcome: Outcome,
    /// How far the records that were held out lie from what the fit predicts, in standard
    /// deviations of their noise; none where there is no value or nothing was held out.
    pub prediction_error: Option<f64>,
    /// Complex degrees of freedom of the weighted residual; none where there is no value, or where
    /// only the ratios of the variances are known.
    pub degrees_of_freedom: Option<u32>,
    /// The errors of all emitters together, where they were asked for.
    pub errors: Option<BinErrors>,
    /// What the joint fit found for all bins, with the first of these that has a value.
    pub shared: Option<Shared>,
}

/// What a joint fit found besides the emissivities of one data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shared {
    /// The shared parameters.
    pub parameters: Vec<FittedParameter>,
    /// Their covariance, `[parameter][parameter]`.
    pub covariance: Vec<f64>,
    /// The temperature errors of the plateaus.
    pub plateaus: Vec<FittedParameter>,
    /// Steps of the search.
    pub iterations: u64,
    /// Sum of the squared residual moduli over the bins on which the parameters rest, in variances.
    pub chi2: f64,
    /// Complex degrees of freedom of that.
    pub degrees_of_freedom: f64,
}

/// The body of an envelope, as bincode writes it.
type Body = (Option<Solution>, Option<f64>, Option<u32>, Option<BinErrors>, Option<Shared>);

impl UnitResult {
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
        Self { outcome, prediction_error, degrees_of_freedom, errors: None, shared: None }
    }

    /// The outcome of a fit that leaves so many complex degrees of freedom, with nothing held out.
    pub(super) fn of_spare(outcome: Outcome, spare: u32) -> Self {
        let outcome = outcome.finite();
        let degrees_of_freedom = outcome.solution().map(|_| spare);
        Self { degrees_of_freedom, ..Self::without_value(outcome) }
    }

    /// An outcome alone.
    pub(super) fn without_value(outcome: Outcome) -> Self {
        Self {
            outcome,
            prediction_error: None,
            degrees_of_freedom: None,
            errors: None,
            shared: None,
        }
    }

    /// As it is kept.
    #[must_use]
    pub fn seal(&self) -> Envelope {
        let Self { outcome, prediction_error, degrees_of_freedom, errors, shared } = self;
        let body = match outcome.solution() {
            Some(solution) => {
                encode(&(Some(solution), prediction_error, degrees_of_freedom, errors, shared))
            }
            None => Vec::new(),
        };
        let reason = outcome.reason().map(str::to_owned);
        Envelope { status: kept_as(outcome.status()), reason, body, aside: Vec::new() }
    }

    /// Reads what was kept.
    ///
    /// # Errors
    /// Says why it is not what [`UnitResult::seal`] made.
    pub fn open(envelope: &Envelope) -> Result<Self, String> {
        let body: Body =
            if envelope.body.is_empty() { Body::default() } else { decode(&envelope.body)? };
        let (solution, prediction_error, degrees_of_freedom, errors, shared) = body;
        let reason = envelope.reason.clone();
        let outcome = match (fitted_as(envelope.status), solution, reason) {
            (Status::Converged, Some(solution), None) => Outcome::Converged(solution),
            (Status::NotConverged, Some(solution), Some(why)) => {
                Outcome::NotConverged(solution, why)
            }
            (Status::Failed, None, Some(why)) => Outcome::Failed(why),
            (Status::NoSignal, None, None) => Outcome::NoSignal,
            (status, ..) => return Err(format!("no result of a unit that is {}", status.name())),
        };
        Ok(Self { outcome, prediction_error, degrees_of_freedom, errors, shared })
    }
}

impl From<&JointFit> for Shared {
    fn from(fit: &JointFit) -> Self {
        Self {
            parameters: fit.parameters.clone(),
            covariance: fit.covariance.clone(),
            plateaus: fit.plateaus.clone(),
            iterations: fit.iterations as u64,
            chi2: fit.chi2,
            degrees_of_freedom: fit.degrees_of_freedom,
        }
    }
}

/// The status of a fit, as the engine keeps it.
#[must_use]
pub fn kept_as(status: Status) -> UnitStatus {
    UnitStatus::ALL[status as usize]
}

/// The status of a fit that the engine keeps so.
#[must_use]
pub fn fitted_as(status: UnitStatus) -> Status {
    Status::REGISTRY[status as usize].0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::fit::tests::Owned;
    use crate::science::fit::{Constraint, Status, fit_bins, method, methods};

    /// The result of a method for one bin, fitted as a shard fits it.
    fn result(name: &str, owned: &Owned) -> UnitResult {
        let registered = method(name).unwrap();
        let defaults = crate::science::fit::OptionValues::defaults(&registered.info);
        let native = (registered.build)(&defaults);
        owned.with(Constraint::None, |problem| {
            let outcomes = fit_bins(&[*problem], |bright| native.fit_coupled(bright));
            UnitResult::new(problem, outcomes[0].clone(), |_| None)
        })
    }

    #[test]
    fn what_is_kept_is_read_back_and_nothing_else_is() {
        let solution = Solution {
            emissivity: vec![Complex64::new(-0.0, f64::MIN_POSITIVE); 7],
            sigma: vec![f64::INFINITY; 7],
            rss: 1e-300,
            condition: 1.0,
        };
        let converged = Outcome::Converged(solution.clone());
        let early = Outcome::NotConverged(solution, "too early".into());
        for outcome in [converged, early, Outcome::Failed("why".into()), Outcome::NoSignal] {
            let has_value = outcome.solution().is_some();
            let result = UnitResult {
                outcome,
                prediction_error: Some(0.5).filter(|_| has_value),
                degrees_of_freedom: Some(3).filter(|_| has_value),
                errors: None,
                shared: None,
            };
            let kept = result.seal();
            assert_eq!(UnitResult::open(&kept), Ok(result));
            let other = UnitStatus::ALL.into_iter().filter(|status| *status != kept.status);
            for status in other {
                let wrong = Envelope { status, ..kept.clone() };
                assert!(UnitResult::open(&wrong).is_err(), "{wrong:?}");
            }
            let torn = Envelope { body: vec![1, 2, 3], ..kept };
            assert!(UnitResult::open(&torn).is_err());
        }
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
            let scale = crate::science::fit::VarianceScale::Relative;
            let relative = Problem { scale, ..*problem };
            assert_eq!(relative.degrees_of_freedom(), None);
            let failed = UnitResult::new(problem, Outcome::Failed("no".into()), |_| Some(1.0));
            assert_eq!((failed.degrees_of_freedom, failed.prediction_error), (None, None));
        });
    }
}
