//! What an estimator is.

use std::fmt;

use super::outcome::Outcome;
use super::problem::Problem;

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
