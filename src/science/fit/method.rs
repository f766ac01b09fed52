//! What an estimator is, and how one is described and made.

use std::fmt;

use crate::foundations::text::did_you_mean;

use super::outcome::Outcome;
use super::problem::Problem;
use super::windows::Windowed;

/// An estimator of the emissivities, with its settings.
pub trait Method: Send + Sync + fmt::Debug {
    /// Fits one bin that has signal. The same problem gives the same bits, always.
    fn fit(&self, problem: &Problem) -> Outcome;

    /// `E[dE_i conj(dE_k)]`, `[emitter][emitter]`, of a method that is linear in the data: real, since the
    /// noise is round in the complex plane. None of other methods, and where there is no value.
    fn covariance(&self, _problem: &Problem) -> Option<Vec<f64>> {
        None
    }

    /// How a method whose records may come in portions has them count; none of a method that needs all at
    /// once.
    fn windowed(&self) -> Option<Windowed> {
        None
    }

    /// Fits bins of one configuration together, ascending, all with signal; one outcome a bin.
    ///
    /// Only a method that couples bins ([`MethodInfo::couples_bins`]) has one of its own.
    fn fit_coupled(&self, bins: &[Problem]) -> Vec<Outcome> {
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
    /// Value unless it is set.
    pub default: f64,
    /// Smallest value allowed.
    pub least: f64,
    /// Largest value allowed.
    pub most: f64,
}

/// Stands in the name of an option for the name of an emitter: every emitter has such an option.
pub const EACH_EMITTER: &str = "EMITTER";

/// The values of a method's options, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct OptionValues(Vec<OptionValue>);

#[derive(Debug, Clone, PartialEq)]
struct OptionValue {
    /// With the name of an emitter in the place of [`EACH_EMITTER`].
    name: String,
    value: f64,
    option: &'static MethodOption,
}

impl OptionValues {
    /// The defaults of a method, the same for every emitter.
    #[must_use]
    pub fn defaults(info: &'static MethodInfo) -> Self {
        Self::of_emitters(info, &[EACH_EMITTER])
    }

    /// The defaults of a method where these are the emitters.
    #[must_use]
    pub fn of_emitters(info: &'static MethodInfo, emitters: &[&str]) -> Self {
        let mut values = Vec::new();
        for option in info.options {
            let one = |name| OptionValue { name, value: option.default, option };
            if option.name.contains(EACH_EMITTER) {
                values.extend(
                    emitters.iter().map(|emitter| one(option.name.replace(EACH_EMITTER, emitter))),
                )
            } else {
                values.push(one(option.name.into()))
            }
        }
        Self(values)
    }

    /// Sets one option.
    ///
    /// # Errors
    /// If the method has no such option, or the value is out of range: says what is valid.
    pub fn set(&mut self, info: &MethodInfo, name: &str, value: f64) -> Result<(), String> {
        let Some(at) = self.0.iter().position(|option| option.name == name) else {
            let valid: Vec<&str> = self.0.iter().map(|option| option.name.as_str()).collect();
            return Err(if valid.is_empty() {
                format!("method `{}` has no options", info.name)
            } else {
                let meant = did_you_mean(name, valid.iter().copied());
                format!("there is no option `{name}`{meant}; it has {}", valid.join(", "))
            });
        };
        let MethodOption { least, most, .. } = *self.0[at].option;
        if !(least..=most).contains(&value) {
            return Err(format!("`{name}` is {value}: expected {least} to {most}"));
        }
        self.0[at].value = value;
        Ok(())
    }

    /// The value of an option that the method has; NaN for one that it has not.
    pub(super) fn get(&self, name: &str) -> f64 {
        let found = self.0.iter().find(|option| option.name == name);
        found.map_or(f64::NAN, |option| option.value)
    }

    /// The values of an option that every emitter has, in the order of the emitters.
    pub(super) fn of_each_emitter(&self, name: &str) -> Vec<f64> {
        let each = self.0.iter().filter(|option| option.option.name == name);
        each.map(|option| option.value).collect()
    }
}

/// An entry of the registry.
#[derive(Debug)]
pub struct Registered {
    /// What it is called and what it does.
    pub info: MethodInfo,
    /// Builds the method with these options.
    pub build: fn(&OptionValues) -> Box<dyn Method>,
}

impl Registered {
    /// The method with all options at their defaults.
    #[must_use]
    pub fn with_defaults(&'static self) -> Box<dyn Method> {
        (self.build)(&OptionValues::defaults(&self.info))
    }
}
