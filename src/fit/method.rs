//! What an estimator is, and the registry of those that there are.

use std::fmt;

use super::lbfgs::Lbfgs;
use super::ols::OrdinaryLeastSquares;
use super::outcome::Outcome;
use super::problem::Problem;
use super::wls::WeightedLeastSquares;

/// An estimator of the emissivities of one bin.
pub trait Method: Sync + fmt::Debug {
    /// What it is called and what it does.
    fn info(&self) -> MethodInfo;

    /// Fits one bin that has signal. The same problem gives the same bits, always.
    fn fit(&self, problem: &Problem) -> Outcome;
}

/// A method in words and numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MethodInfo {
    /// Name in `fit.methods` and in the results.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The function whose minimum is sought.
    pub minimises: &'static str,
    /// Where sigma comes from.
    pub error_bars: &'static str,
    /// Where the method is described.
    pub reference: &'static str,
    /// Time of one bin, relative to the others: balances the shards, changes no result.
    pub cost: u32,
}

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
