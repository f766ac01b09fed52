//! The methods of a study: which, with what options, under what constraint.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use crate::fit::{Constraint, Method, MethodInfo, OptionValues, method, methods};

use super::config::FitSettings;

/// One method of a study.
#[derive(Debug, Clone)]
pub struct MethodChoice {
    /// As written in `fit.methods`: the name, perhaps with the constraint, as in `wls+kirchhoff`.
    pub label: String,
    /// What it is called and what it does.
    pub info: &'static MethodInfo,
    /// The method with its options.
    pub method: Arc<dyn Method>,
    /// What is imposed on the emissivities.
    pub constraint: Constraint,
}

/// A method that cannot be chosen so.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ChoiceError {
    /// No such method.
    #[error("fit.methods: there is no method `{name}`; the methods are {valid}")]
    Method {
        /// As typed.
        name: String,
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
    /// The methods that the settings name. Options of methods that are not used are checked too.
    ///
    /// # Errors
    /// The first name, constraint or option that is not known.
    pub(super) fn all(labels: &[String], settings: &FitSettings) -> Result<Vec<Self>, ChoiceError> {
        for (name, options) in &settings.options {
            values(find(name)?, options)?;
        }
        labels.iter().map(|label| Self::new(label, settings)).collect()
    }

    fn new(label: &str, settings: &FitSettings) -> Result<Self, ChoiceError> {
        let (name, constraint) = match label.split_once('+') {
            None => (label, settings.constraint),
            Some((name, constraint)) => {
                let refused = |message| ChoiceError::Constraint { label: label.into(), message };
                (name, constraint.parse().map_err(refused)?)
            }
        };
        let info = find(name)?;
        let none = BTreeMap::new();
        let values = values(info, settings.options.get(name).unwrap_or(&none))?;
        let registered = method(name).ok_or_else(|| unknown(name))?;
        let method = Arc::from((registered.build)(&values));
        Ok(Self { label: label.into(), info, method, constraint })
    }
}

fn find(name: &str) -> Result<&'static MethodInfo, ChoiceError> {
    method(name).map(|registered| &registered.info).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> ChoiceError {
    let valid = methods().iter().map(|m| m.info.name).collect::<Vec<_>>().join(", ");
    ChoiceError::Method { name: name.into(), valid }
}

fn values(
    info: &'static MethodInfo,
    options: &BTreeMap<String, f64>,
) -> Result<OptionValues, ChoiceError> {
    let mut values = OptionValues::defaults(info);
    for (option, value) in options {
        let refused = |message| ChoiceError::Option { name: info.name.into(), message };
        values.set(info, option, *value).map_err(refused)?;
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(label: &str) -> Result<MethodChoice, ChoiceError> {
        MethodChoice::new(label, &FitSettings::default())
    }

    #[test]
    fn a_label_may_carry_its_own_constraint() {
        assert_eq!(choose("wls").unwrap().constraint, Constraint::None);
        let bound = choose("wls+kirchhoff").unwrap();
        assert_eq!((bound.info.name, bound.constraint), ("wls", Constraint::Kirchhoff));
        assert_eq!(bound.label, "wls+kirchhoff");
    }

    #[test]
    fn what_is_not_known_is_refused_with_what_is() {
        for (label, expected) in [
            ("wsl", "no method `wsl`; the methods are ols, wls"),
            ("wls+kirchof", "expected `none` or `kirchhoff`"),
        ] {
            let error = choose(label).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let options = BTreeMap::from([("wls".into(), BTreeMap::from([("x".into(), 1.0)]))]);
        let settings = FitSettings { options, ..FitSettings::default() };
        let error = MethodChoice::all(&[], &settings).unwrap_err().to_string();
        assert!(error.contains("fit.options.wls: method `wls` has no options"), "{error}");
    }
}
