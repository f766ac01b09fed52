//! The estimators that there are.

use super::lbfgs::Lbfgs;
use super::method::Method;
use super::ols::OrdinaryLeastSquares;
use super::outcome::Outcome;
use super::problem::Problem;
use super::wls::WeightedLeastSquares;

/// Every method, in the order in which `otfhpc methods` lists them.
static METHODS: [&'static dyn Method; 3] = [&OrdinaryLeastSquares, &WeightedLeastSquares, &Lbfgs];

/// Every method.
#[must_use]
pub fn methods() -> &'static [&'static dyn Method] {
    &METHODS
}

/// The method of that name.
#[must_use]
pub fn method(name: &str) -> Option<&'static dyn Method> {
    METHODS.iter().copied().find(|method| method.info().name == name)
}

/// Fits one bin, or says that it has no signal.
#[must_use]
pub fn fit_bin(method: &dyn Method, problem: &Problem) -> Outcome {
    if problem.is_dark() { Outcome::NoSignal } else { method.fit(problem) }
}
