//! What an estimator is, and how one is described and made.

use std::fmt;

use crate::foundations::similar::did_you_mean;

use super::outcome::Outcome;
use super::problem::Problem;

/// An estimator of the emissivities, with its settings.
pub trait Method: Send + Sync + fmt::Debug {
    /// Fits one bin that has signal. The same problem gives the same bits, always.
    fn fit(&self, problem: &Problem) -> Outcome;

    /// Fits bins of one configuration together, ascending, all with signal; one outcome a bin.
    ///
    /// Only a method that couples bins ([`MethodInfo::couples_bins`]) has one of its own.
    fn fit_together(&self, bins: &[Problem]) -> Vec<Outcome> {
        bins.iter().map(|bin| self.fit(bin)).collect()
    }
}

/// A method in words and numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
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
    /// Whether the residual that it reports is weighted by the inverse of the noise variance.
    pub weighted: bool,
    /// Whether a bin's result depends on other bins: the bins of a configuration are then fitted
    /// together.
    pub couples_bins: bool,
    /// What can be set in `[fit.options.NAME]`.
    pub options: &'static [MethodOption],
    /// Time of one bin, relative to the others: balances the shards, changes no result.
    pub cost: u32,
}

/// A number that a method can be given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MethodOption {
    /// Name in `[fit.options.METHOD]`.
    pub name: &'static str,
    /// One line, with the unit.
    pub meaning: &'static str,
    /// Value when nothing is said.
    pub default: f64,
    /// Smallest value allowed.
    pub least: f64,
    /// Largest value allowed.
    pub most: f64,
}

/// The values of a method's options, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct OptionValues(Vec<(&'static str, f64)>);

impl OptionValues {
    /// The defaults of a method.
    #[must_use]
    pub fn defaults(info: &MethodInfo) -> Self {
        Self(info.options.iter().map(|option| (option.name, option.default)).collect())
    }

    /// Sets one option.
    ///
    /// # Errors
    /// If the method has no such option, or the value is out of range: says what is valid.
    pub fn set(&mut self, info: &MethodInfo, name: &str, value: f64) -> Result<(), String> {
        let Some(at) = info.options.iter().position(|option| option.name == name) else {
            let valid: Vec<_> = info.options.iter().map(|option| option.name).collect();
            return Err(match valid.is_empty() {
                true => format!("method `{}` has no options", info.name),
                false => {
                    let meant = did_you_mean(name, valid.iter().copied());
                    format!("there is no option `{name}`{meant}; it has {}", valid.join(", "))
                }
            });
        };
        let MethodOption { least, most, .. } = info.options[at];
        if !(least..=most).contains(&value) {
            return Err(format!("`{name}` is {value}: expected {least} to {most}"));
        }
        self.0[at].1 = value;
        Ok(())
    }

    /// The value of an option that the method has; NaN for one that it has not.
    pub(super) fn get(&self, name: &str) -> f64 {
        self.0.iter().find(|(known, _)| *known == name).map_or(f64::NAN, |(_, value)| *value)
    }
}

/// A method that there is.
#[derive(Debug)]
pub struct Registered {
    /// What it is called and what it does.
    pub info: MethodInfo,
    /// Makes it with these options.
    pub build: fn(&OptionValues) -> Box<dyn Method>,
}
