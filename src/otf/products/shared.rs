//! What joint fits add to the products: the shared parameters, and the errors of all emitters together.

use std::collections::BTreeMap;
use std::io;

use num_complex::Complex64;
use serde::Serialize;

use crate::foundations::npz::{Label, NpzArchive};
use crate::otf::UnitResult;
use crate::otf::result::Shared;
use crate::otf::study::Study;
use crate::science::fit::joint::{BinErrors, FittedParameter};
use crate::science::instrument::SPECTRUM_BINS;

use super::truths::TrueValues;

const NAN: Complex64 = Complex64::new(f64::NAN, f64::NAN);

/// What was kept of some configurations, by their number.
#[derive(Debug, Default)]
pub(super) struct SharedResults {
    shared: BTreeMap<u64, Shared>,
    errors: BTreeMap<u64, BTreeMap<usize, BinErrors>>,
}

impl SharedResults {
    /// Puts what a unit has besides its values in its place.
    pub(super) fn put(&mut self, configuration: u64, bin: usize, result: UnitResult) {
        if let Some(shared) = result.shared {
            self.shared.insert(configuration, shared);
        }
        if let Some(errors) = result.errors {
            self.errors.entry(configuration).or_default().insert(bin, errors);
        }
    }

    /// Whether any configuration has shared parameters.
    pub(super) fn is_empty(&self) -> bool {
        self.shared.is_empty()
    }

    /// The configurations that have shared parameters, with these.
    pub(super) fn all(&self) -> impl Iterator<Item = (u64, &Shared)> {
        self.shared.iter().map(|(configuration, shared)| (*configuration, shared))
    }

    /// The errors of one bin.
    pub(super) fn errors_at(&self, configuration: u64, bin: usize) -> Option<&BinErrors> {
        self.errors.get(&configuration)?.get(&bin)
    }

    /// Adds to `solution.npz` what there is.
    pub(super) fn add_to(&self, npz: &mut NpzArchive, emitters: usize) -> io::Result<()> {
        self.add_errors(npz, emitters)?;
        self.add_parameters(npz)
    }

    /// The errors of the configurations that have them: the first axis of each array is that of
    /// `covariance_configurations`.
    fn add_errors(&self, npz: &mut NpzArchive, e: usize) -> io::Result<()> {
        if self.errors.is_empty() {
            return Ok(());
        }
        let (n, b) = (self.errors.len(), SPECTRUM_BINS);
        let numbers: Vec<u64> = self.errors.keys().copied().collect();
        npz.add("covariance_configurations", n, &numbers)?;
        npz.add("covariance", (n, b, e, e), &self.of_bins(e * e, |x| x.covariance.clone(), NAN))?;
        npz.add("relation", (n, b, e), &self.of_bins(e, |x| x.relation.clone(), NAN))?;
        npz.add("response", (n, b), &self.of_bins(1, |x| vec![x.response], NAN))?;
        let product = self.of_bins(e, |x| x.product.clone(), NAN);
        npz.add("emissivity_response", (n, b, e), &product)?;
        let sigma = self.of_bins(e, |x| x.product_sigma.clone(), f64::NAN);
        npz.add("emissivity_response_sigma", (n, b, e), &sigma)?;
        let relation = self.of_bins(e, |x| x.product_relation.clone(), NAN);
        npz.add("emissivity_response_relation", (n, b, e), &relation)
    }

    /// Values of all bins of all configurations that have errors.
    fn of_bins<T: Copy>(
        &self,
        width: usize,
        values: impl Fn(&BinErrors) -> Vec<T>,
        none: T,
    ) -> Vec<T> {
        let mut all = vec![none; self.errors.len() * SPECTRUM_BINS * width];
        for (row, bins) in self.errors.values().enumerate() {
            for (bin, errors) in bins {
                let place = (row * SPECTRUM_BINS + bin) * width;
                all[place..place + width].copy_from_slice(&values(errors));
            }
        }
        all
    }

    /// Names, covariance and correlation of the shared parameters, without the temperatures of plateaus.
    fn add_parameters(&self, npz: &mut NpzArchive) -> io::Result<()> {
        if self.shared.is_empty() {
            return Ok(());
        }
        let n = self.shared.len();
        let p = self.shared.values().map(|shared| shared.parameters.len()).max().unwrap_or(0);
        let mut names = vec![Label::new(""); n * p];
        let mut covariance = vec![f64::NAN; n * p * p];
        let mut correlation = covariance.clone();
        for (row, shared) in self.shared.values().enumerate() {
            let own = shared.parameters.len();
            for (i, parameter) in shared.parameters.iter().enumerate() {
                names[row * p + i] = Label::new(&parameter.name);
                for (k, other) in shared.parameters.iter().enumerate() {
                    let (place, value) = ((row * p + i) * p + k, shared.covariance[i * own + k]);
                    covariance[place] = value;
                    correlation[place] = value / (parameter.sigma * other.sigma);
                }
            }
        }
        let numbers: Vec<u64> = self.shared.keys().copied().collect();
        npz.add("joint_configurations", n, &numbers)?;
        let of_fits =
            |value: fn(&Shared) -> f64| -> Vec<f64> { self.shared.values().map(value).collect() };
        npz.add("joint_chi2", n, &of_fits(|shared| shared.chi2))?;
        npz.add("joint_degrees_of_freedom", n, &of_fits(|shared| shared.degrees_of_freedom))?;
        npz.add("joint_iterations", n, &of_fits(|shared| shared.iterations as f64))?;
        npz.add("parameter_names", (n, p), &names)?;
        npz.add("parameter_covariance", (n, p, p), &covariance)?;
        npz.add("parameter_correlation", (n, p, p), &correlation)
    }
}

/// One row of `parameters.csv`: a parameter of one configuration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::otf) struct ParameterRow {
    pub(in crate::otf) configuration: u64,
    pub(in crate::otf) data_set: String,
    pub(in crate::otf) method: String,
    pub(in crate::otf) noise_level: Option<f64>,
    pub(in crate::otf) trial: u64,
    pub(in crate::otf) parameter: String,
    pub(in crate::otf) unit: String,
    /// Where the search began.
    pub(in crate::otf) start: f64,
    /// What was known beforehand.
    pub(in crate::otf) prior: f64,
    /// Standard error of that; empty if nothing was.
    pub(in crate::otf) prior_sigma: Option<f64>,
    pub(in crate::otf) value: f64,
    pub(in crate::otf) sigma: f64,
    /// From the prior, in the standard deviations that this should have.
    pub(in crate::otf) pull: Option<f64>,
    /// How far the data rather than the prior determine it, 0 to 1.
    pub(in crate::otf) data_share: f64,
    /// Of simulated data.
    pub(in crate::otf) truth: Option<f64>,
    /// The error over sigma.
    pub(in crate::otf) z: Option<f64>,
}

impl ParameterRow {
    /// Whether it is one of a plateau or a record: of these there are too many to be told.
    pub(in crate::otf) fn is_of_a_plateau(&self) -> bool {
        let name = &self.parameter;
        let rest = name.strip_prefix("plateau_").or(name.strip_prefix("record_"));
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    }
}

/// The rows of `parameters.csv`.
pub(super) fn rows(
    study: &Study,
    noise_known: bool,
    results: &SharedResults,
    truths: &TrueValues,
) -> Vec<ParameterRow> {
    let of_configuration = |(configuration, shared): (u64, &Shared)| {
        let (realisation, method) = study.configuration(configuration);
        let row = |parameter: &FittedParameter| {
            let truth = truths.of(realisation.set, &parameter.name);
            let finite = |value: f64| value.is_finite().then_some(value);
            ParameterRow {
                configuration,
                data_set: study.sets[realisation.set].to_string(),
                method: study.methods[method].label.clone(),
                noise_level: noise_known.then(|| study.noise_levels[realisation.noise]),
                trial: realisation.trial,
                parameter: parameter.name.clone(),
                unit: parameter.unit.clone(),
                start: parameter.start,
                prior: parameter.mean,
                prior_sigma: finite(parameter.prior_sigma),
                value: parameter.value,
                sigma: parameter.sigma,
                pull: finite(parameter.pull()),
                data_share: parameter.data_share(),
                truth,
                z: truth.map(|truth| (parameter.value - truth) / parameter.sigma),
            }
        };
        shared.parameters.iter().chain(&shared.plateaus).map(row).collect::<Vec<_>>()
    };
    results.all().flat_map(of_configuration).collect()
}
