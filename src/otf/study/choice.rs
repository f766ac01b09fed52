//! The methods of a study: which, with what options, under what constraint.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::foundations::text::did_you_mean;
use crate::otf::external::ExternalProgram;
use crate::science::fit::joint::{self, JointSettings};
use crate::science::fit::{Constraint, Method, MethodInfo, OptionValues, method, methods};
use crate::science::instrument::ChannelScan;

use super::check::seconds;
use super::config::{FitSettings, ProgramSettings};

/// The method that fits the parameters that all bins share.
pub(crate) const JOINT: &str = joint::NAME;

/// Starting a program takes longer than most fits.
const COST_OF_A_PROGRAM: u32 = 1000;

/// One method of a study.
#[derive(Debug, Clone)]
pub struct MethodChoice {
    /// As written in `fit.methods`: the name, perhaps with the constraint, as in `wls+kirchhoff`.
    pub label: String,
    /// What fits.
    pub estimator: Estimator,
    /// What is imposed on the emissivities.
    pub constraint: Constraint,
}

/// What fits.
#[derive(Debug, Clone)]
pub enum Estimator {
    /// A method of this program, with its options.
    Native(&'static MethodInfo, Arc<dyn Method>),
    /// The joint fit, which needs more of the data than the bins.
    Joint(&'static MethodInfo, Arc<JointSettings>),
    /// Another program.
    External(Arc<ExternalProgram>),
}

/// A method that cannot be chosen so.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ChoiceError {
    /// No such method.
    #[error("fit.methods: there is no method `{name}`{meant}; the methods are {valid}")]
    Method {
        /// As typed.
        name: String,
        /// The one that may have been meant, as a question; empty if none is like it.
        meant: String,
        /// All that there are.
        valid: String,
    },
    /// No such constraint.
    #[error("fit.methods has `{label}`: {message}, as in `wls+kirchhoff`")]
    Constraint {
        /// As typed.
        label: String,
        /// What is wrong.
        message: String,
    },
    /// A program that will not do.
    #[error("[[method]] `{name}`: {message}")]
    Program {
        /// Its name.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// An option that the method does not have, or a value out of range.
    #[error("fit.options.{name}: {message}; `otfhpc methods {name}` explains them")]
    Option {
        /// The method.
        name: String,
        /// What is wrong.
        message: String,
    },
}

impl MethodChoice {
    /// Its name, without the constraint that the label may carry.
    #[must_use]
    pub fn name(&self) -> &str {
        self.label.split_once('+').map_or(self.label.as_str(), |(name, _)| name)
    }

    /// Whether it is another program.
    #[must_use]
    pub fn is_external(&self) -> bool {
        matches!(self.estimator, Estimator::External(_))
    }

    /// Whether it fits all bins of a configuration together; a program is run once for all.
    #[must_use]
    pub fn couples_bins(&self) -> bool {
        match self.estimator {
            Estimator::Native(info, _) | Estimator::Joint(info, _) => info.couples_bins,
            Estimator::External(_) => true,
        }
    }

    /// The data sets that it fits together with one, itself among them, by index; none if it fits it alone.
    #[must_use]
    pub fn together(&self, set: usize, sets: &[ChannelScan]) -> Vec<usize> {
        let Estimator::Joint(_, settings) = &self.estimator else { return Vec::new() };
        let is_named = |set: usize| settings.together.contains(&sets[set].to_string());
        if !is_named(set) {
            return Vec::new();
        }
        (0..sets.len()).filter(|&set| is_named(set)).collect()
    }

    /// Whether the residual in its results is weighted by the inverse of the noise variance.
    #[must_use]
    pub fn weighted(&self) -> bool {
        match self.estimator {
            Estimator::Native(info, _) | Estimator::Joint(info, _) => info.weighted,
            Estimator::External(_) => true,
        }
    }

    /// Time of one bin, relative to other methods: balances the shards, changes no result.
    #[must_use]
    pub fn cost(&self) -> u32 {
        match self.estimator {
            Estimator::Native(info, _) | Estimator::Joint(info, _) => info.cost,
            Estimator::External(_) => COST_OF_A_PROGRAM,
        }
    }

    /// The labels with `all` replaced by every method that there is, and every program.
    pub(super) fn expand(labels: &[String], programs: &[ProgramSettings]) -> Vec<String> {
        let all = || {
            let native = methods().iter().map(|method| method.info.name.to_owned());
            native.chain(programs.iter().map(|program| program.name.clone()))
        };
        let mut expanded = Vec::new();
        for label in labels {
            match label.as_str() {
                "all" => expanded.extend(all()),
                _ => expanded.push(label.clone()),
            }
        }
        expanded
    }

    /// The methods that the settings name, for these emitters. Options of methods and programs that are not used are
    /// checked too.
    ///
    /// # Errors
    /// The first name, constraint, option or program that will not do.
    pub(super) fn all(
        labels: &[String],
        settings: &FitSettings,
        programs: &[ProgramSettings],
        emitters: &[&str],
    ) -> Result<Vec<Self>, ChoiceError> {
        for (name, options) in &settings.options.of_methods {
            values(find(name)?, options, emitters)?;
        }
        for (place, program) in programs.iter().enumerate() {
            check(program, &programs[..place])?;
        }
        labels.iter().map(|label| Self::new(label, settings, programs, emitters)).collect()
    }

    fn new(
        label: &str,
        settings: &FitSettings,
        programs: &[ProgramSettings],
        emitters: &[&str],
    ) -> Result<Self, ChoiceError> {
        let (name, constraint) = match label.split_once('+') {
            None => (label, settings.constraint),
            Some((name, constraint)) => {
                let refused = |message| ChoiceError::Constraint { label: label.into(), message };
                (name, constraint.parse().map_err(refused)?)
            }
        };
        let estimator = match programs.iter().find(|program| program.name == name) {
            Some(program) => Estimator::External(Arc::new(as_program(program))),
            None => native(name, settings, programs, emitters)?,
        };
        Ok(Self { label: label.into(), estimator, constraint })
    }
}

fn native(
    name: &str,
    settings: &FitSettings,
    programs: &[ProgramSettings],
    emitters: &[&str],
) -> Result<Estimator, ChoiceError> {
    let registered = method(name).ok_or_else(|| unknown(name, programs))?;
    if registered.info.name == JOINT {
        let settings = settings.options.joint.clone().unwrap_or_default();
        return Ok(Estimator::Joint(&registered.info, Arc::new(settings)));
    }
    let none = BTreeMap::new();
    let given = settings.options.of_methods.get(name).unwrap_or(&none);
    let values = values(&registered.info, given, emitters)?;
    Ok(Estimator::Native(&registered.info, Arc::from((registered.build)(&values))))
}

fn as_program(settings: &ProgramSettings) -> ExternalProgram {
    ExternalProgram {
        name: settings.name.clone(),
        command: settings.command.clone(),
        timeout: seconds(settings.timeout_seconds).unwrap_or(Duration::MAX),
    }
}

fn check(program: &ProgramSettings, before: &[ProgramSettings]) -> Result<(), ChoiceError> {
    let name = &program.name;
    let of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let message = if name.is_empty() || !name.chars().all(of_name) {
        "expected a name of letters, digits, `_` and `-`".to_owned()
    } else if name == "all" || method(name).is_some() {
        "this name is taken; expected one that `otfhpc methods` does not list".into()
    } else if before.iter().any(|other| other.name == *name) {
        "this name is given twice".into()
    } else if program.command.first().is_none_or(String::is_empty) {
        "command is empty: expected a program and its arguments, as in \
         [\"python3\", \"scripts/methods/scipy_lstsq.py\"]"
            .into()
    } else if let Err(expected) = seconds(program.timeout_seconds) {
        format!("timeout_seconds is {}: expected {expected}", program.timeout_seconds)
    } else {
        return Ok(());
    };
    Err(ChoiceError::Program { name: name.clone(), message })
}

fn find(name: &str) -> Result<&'static MethodInfo, ChoiceError> {
    method(name).map(|registered| &registered.info).ok_or_else(|| unknown(name, &[]))
}

fn unknown(name: &str, programs: &[ProgramSettings]) -> ChoiceError {
    let native = methods().iter().map(|m| m.info.name);
    let valid: Vec<&str> = native.chain(programs.iter().map(|p| p.name.as_str())).collect();
    let meant = did_you_mean(name, valid.iter().copied());
    ChoiceError::Method { name: name.into(), meant, valid: valid.join(", ") }
}

fn values(
    info: &'static MethodInfo,
    options: &BTreeMap<String, f64>,
    emitters: &[&str],
) -> Result<OptionValues, ChoiceError> {
    let mut values = OptionValues::of_emitters(info, emitters);
    for (option, value) in options {
        let refused = |message| ChoiceError::Option { name: info.name.into(), message };
        values.set(info, option, *value).map_err(refused)?;
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otf::study::config::MethodOptions;

    fn choose(label: &str) -> Result<MethodChoice, ChoiceError> {
        MethodChoice::new(label, &FitSettings::default(), &[], &[])
    }

    fn program(name: &str, command: &[&str]) -> ProgramSettings {
        let command = command.iter().map(|word| (*word).to_owned()).collect();
        ProgramSettings { name: name.into(), command, timeout_seconds: 2.0 }
    }

    #[test]
    fn a_label_may_carry_its_own_constraint() {
        assert_eq!(choose("wls").unwrap().constraint, Constraint::None);
        let bound = choose("wls+kirchhoff").unwrap();
        assert!(matches!(bound.estimator, Estimator::Native(info, _) if info.name == "wls"));
        assert_eq!(
            (bound.label.as_str(), bound.constraint),
            ("wls+kirchhoff", Constraint::Kirchhoff)
        );
    }

    #[test]
    fn what_is_not_known_is_refused_with_what_is() {
        for (label, expected) in [
            ("wsl", "no method `wsl`; did you mean wls?; the methods are ols, wls"),
            ("wls+kirchof", "expected `none` or `kirchhoff`"),
        ] {
            let error = choose(label).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let options = BTreeMap::from([("wls".into(), BTreeMap::from([("x".into(), 1.0)]))]);
        let options = MethodOptions { of_methods: options, joint: None };
        let settings = FitSettings { options, ..FitSettings::default() };
        let error = MethodChoice::all(&[], &settings, &[], &[]).unwrap_err().to_string();
        assert!(error.contains("fit.options.wls: method `wls` has no options"), "{error}");
    }

    #[test]
    fn an_option_of_each_emitter_is_called_by_its_name() {
        let with = |option: &str| {
            let options = BTreeMap::from([("tls".into(), BTreeMap::from([(option.into(), 0.01)]))]);
            let options = MethodOptions { of_methods: options, joint: None };
            let settings = FitSettings { options, ..FitSettings::default() };
            MethodChoice::all(&[], &settings, &[], &["xcal", "mirror"]).map_err(|e| e.to_string())
        };
        assert!(with("mirror_k").is_ok());
        let error = with("ical_k").unwrap_err();
        assert!(error.contains("no option `ical_k`; did you mean xcal_k?"), "{error}");
        assert!(error.contains("it has xcal_k, mirror_k, max_iterations"), "{error}");
    }

    #[test]
    fn a_program_is_a_method_that_fits_all_bins() {
        let programs = [program("mine", &["true"])];
        let settings = FitSettings::default();
        let chosen = MethodChoice::new("mine+kirchhoff", &settings, &programs, &[]).unwrap();
        assert!(chosen.is_external() && chosen.couples_bins());
        assert_eq!(chosen.constraint, Constraint::Kirchhoff);
        let all = MethodChoice::expand(&["all".into(), "wls+none".into()], &programs);
        assert_eq!(all.len(), methods().len() + 2);
        assert!(all.contains(&"mine".to_owned()) && all.contains(&"wls+none".to_owned()));
        assert_eq!(MethodChoice::all(&all, &settings, &programs, &[]).unwrap().len(), all.len());
        let error = MethodChoice::new("nime", &settings, &programs, &[]).unwrap_err().to_string();
        assert!(error.contains("mine"), "{error}");
    }

    #[test]
    fn programs_that_will_not_do_are_refused_by_name() {
        let twice = [program("a", &["true"]), program("a", &["true"])];
        let slow = ProgramSettings { timeout_seconds: 0.0, ..program("slow", &["true"]) };
        for (programs, expected) in [
            (&twice[..], "`a`: this name is given twice"),
            (&[program("wls", &["true"])], "`wls`: this name is taken"),
            (&[program("all", &["true"])], "taken"),
            (&[program("a b", &["true"])], "letters, digits"),
            (&[program("a", &[])], "command is empty"),
            (&[program("a", &[""])], "command is empty"),
            (&[slow], "timeout_seconds is 0"),
        ] {
            let refused = MethodChoice::all(&[], &FitSettings::default(), programs, &[]);
            let error = refused.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
