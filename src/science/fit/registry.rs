//! The registry of estimators, and how a bin is fitted with one.

use super::method::{Method, Registered};
use super::outcome::Outcome;
use super::problem::Problem;
use crate::science::fit::methods::huber::HUBER;
use crate::science::fit::methods::joint::JOINT;
use crate::science::fit::methods::lad::LAD;
use crate::science::fit::methods::lbfgs::LBFGS;
use crate::science::fit::methods::legacy_regression::LEGACY_REGRESSION;
use crate::science::fit::methods::levenberg_marquardt::LEVENBERG_MARQUARDT;
use crate::science::fit::methods::model_prior::MODEL_PRIOR;
use crate::science::fit::methods::nelder_mead::NELDER_MEAD;
use crate::science::fit::methods::ols::OLS;
use crate::science::fit::methods::plateau::PLATEAU;
use crate::science::fit::methods::ridge::RIDGE;
use crate::science::fit::methods::smooth::SMOOTH;
use crate::science::fit::methods::student_t::STUDENT_T;
use crate::science::fit::methods::tls::TLS;
use crate::science::fit::methods::tsvd::TSVD;
use crate::science::fit::methods::tukey::TUKEY;
use crate::science::fit::methods::warm_start::WARM_START;
use crate::science::fit::methods::wls::WLS;

/// Every method, in the order in which `otfhpc methods` lists them.
static METHODS: &[&Registered] = &[
    &OLS,
    &WLS,
    &PLATEAU,
    &HUBER,
    &TUKEY,
    &STUDENT_T,
    &LAD,
    &RIDGE,
    &TSVD,
    &MODEL_PRIOR,
    &SMOOTH,
    &JOINT,
    &TLS,
    &LEGACY_REGRESSION,
    &LBFGS,
    &WARM_START,
    &NELDER_MEAD,
    &LEVENBERG_MARQUARDT,
];

/// Every method.
#[must_use]
pub fn methods() -> &'static [&'static Registered] {
    METHODS
}

/// The method of that name.
#[must_use]
pub fn method(name: &str) -> Option<&'static Registered> {
    METHODS.iter().copied().find(|method| method.info.name == name)
}

/// Fits one bin, or says that it has no signal.
#[must_use]
pub fn fit_bin(method: &dyn Method, problem: &Problem) -> Outcome {
    if problem.is_dark() { Outcome::NoSignal } else { method.fit(problem) }
}

/// Fits the bins of one configuration together, those that have signal; one outcome a bin.
#[must_use]
pub fn fit_bins(bins: &[Problem], fit: impl FnOnce(&[Problem]) -> Vec<Outcome>) -> Vec<Outcome> {
    let bright: Vec<Problem> = bins.iter().filter(|bin| !bin.is_dark()).copied().collect();
    let mut fitted = fit(&bright).into_iter();
    let missing = || Outcome::Failed("the method left this bin out".into());
    let outcome = |bin: &Problem| {
        if bin.is_dark() { Outcome::NoSignal } else { fitted.next().unwrap_or_else(missing) }
    };
    bins.iter().map(outcome).collect()
}
