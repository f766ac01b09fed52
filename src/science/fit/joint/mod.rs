//! The joint fit: parameters that all bins share, fitted together with the emissivities.
//!
//! A calibration rests on parameters of the whole data set: nine of the bolometer, offsets of the
//! thermometers, the drift of the internal calibrator, harmonics and vibrations, and perhaps an error of
//! each plateau's temperatures. With them held fixed at wrong values, the emissivities come out wrong by
//! many of their error bars. Here they are free, each about what is known of it beforehand.
//!
//! With the spectra D and their variances V worked out once, for the parameters `theta_0` that are taken as
//! known, the residual of record j at bin k is
//! `r = [D - rho sum_i E_i P(nu, T_i) - h2 H2 - h3 H3 - vp VP - vs VS] / sqrt(V)`, where
//! `rho = S0/S0_0 (1 + i omega tau_0)/(1 + i omega tau)` is the change of the response, T are the
//! corrected temperatures, and H2, H3, VP, VS are made from the spectra themselves. The objective
//! `sum_k min_E |r_k|^2 + |x|^2 / 2`, x the parameters in prior standard errors, is minimised by variable
//! projection (Golub & Pereyra 1973, SIAM J. Numer. Anal. 10, 413; Kaufman 1975, BIT 15, 49): at each
//! step the emissivities of every bin are solved for, and the shared parameters step by Gauss and Newton
//! in what is left. The flight model is that of Fixsen et al. 1994, ApJ 420, 457, and the FIRAS
//! Explanatory Supplement (COBE Ref. Pub. 97-C).
//!
//! The overall scale of the emissivities and of the responsivity is a gauge: the data determine their
//! product alone, which is why [`BinErrors`] has it with error bars of its own.

mod basis_sums;
mod bin;
mod coarse;
mod columns;
mod corrected;
mod derivative;
mod described;
mod directions;
mod input;
mod moments;
mod newton;
mod parameters;
mod posterior;
mod robust;
mod schema;
mod search;
mod settings;
mod state;
#[cfg(test)]
mod tests;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::science::fit::constraint::Constraint;
use crate::science::fit::deadline::Deadline;
use crate::science::fit::outcome::{Outcome, Solution};
use crate::science::fit::problem::{Problem, VarianceScale};
use crate::science::fit::registry::method;
use crate::science::fit::residual::prediction_error;
use crate::science::instrument::PlanckSteps;

pub use described::{ParameterInfo, SettingInfo, described_parameters, described_settings};
pub use input::{BinRecords, BinSource, CorrectionTerm, JointBin, JointSet, SharedValues};
pub use posterior::BinErrors;
pub use settings::{JointLoss, JointSettings, PlateauUnit, Prior};

use bin::BinTerms;
use corrected::{Corrected, LoadedBin};
use parameters::{Parameters, controlled};
use posterior::{MissionState, Posterior};
use search::{Evaluation, Found, Place, Search, Weights, coupling};

/// What it is called in `fit.methods`.
pub const NAME: &str = "joint";
/// Rounds of reweighting after which a robust fit gives up.
const MOST_ROUNDS: usize = 100;
/// Of a robust fit the weights change from round to round, and it converges the slower: the square of
/// the step at which it has, in posterior standard errors.
const ROBUST_TOLERANCE: f64 = 1e-8;

/// What the joint fit found.
#[derive(Debug, Clone, PartialEq)]
pub struct JointFit {
    /// The shared parameters that were fitted.
    pub parameters: Vec<FittedParameter>,
    /// Their covariance, each in its own unit, `[parameter][parameter]`.
    pub covariance: Vec<f64>,
    /// The temperature errors of the plateaus, if these were fitted.
    pub plateaus: Vec<FittedParameter>,
    /// One a data set.
    pub sets: Vec<SetFit>,
    /// Steps that it took.
    pub iterations: usize,
    /// Sum of the squared residual moduli, in variances, over the bins on which the parameters rest.
    pub chi2: f64,
    /// Complex degrees of freedom of that: the shared parameters count by what the data determine of
    /// them, half for each, since they are real.
    pub degrees_of_freedom: f64,
}

/// A parameter that was fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FittedParameter {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// What was known of it beforehand.
    pub mean: f64,
    /// Standard error of that; infinite if nothing was.
    pub prior_sigma: f64,
    /// Where the search began.
    pub start: f64,
    /// Its value.
    pub value: f64,
    /// Standard error of that.
    pub sigma: f64,
}

impl FittedParameter {
    /// How far the data rather than the prior determine it: 0 to 1.
    #[must_use]
    pub fn data_share(&self) -> f64 {
        let ratio = self.sigma / self.prior_sigma;
        (1.0 - ratio * ratio).max(0.0)
    }

    /// How far it moved from what was known, in the standard deviations that this has if the prior is
    /// right; NaN where it has none.
    #[must_use]
    pub fn pull(&self) -> f64 {
        let variance = self.prior_sigma * self.prior_sigma - self.sigma * self.sigma;
        if variance.is_finite() { (self.value - self.mean) / variance.sqrt() } else { f64::NAN }
    }
}

/// What was found of one data set.
#[derive(Debug, Clone, PartialEq)]
pub struct SetFit {
    /// The values of all shared parameters.
    pub values: SharedValues,
    /// How the fit of each bin ended, sigma with the shared parameters free.
    pub outcomes: Vec<Outcome>,
    /// The errors of each bin; none where there is no value.
    pub errors: Vec<Option<BinErrors>>,
}

/// Fits data sets together.
///
/// # Errors
/// Says why there is no fit: a name that is no parameter, records without times, noise that is not
/// known, a start where the instrument is impossible, or directions that the data do not determine.
pub fn fit(
    sets: &[JointSet],
    settings: &JointSettings,
    constraint: Constraint,
    deadline: Deadline,
) -> Result<JointFit, String> {
    let parameters = Parameters::new(sets, settings)?;
    state::check_times(sets, &parameters)?;
    check_noise(sets)?;
    let mut search = new_search(sets, settings, &parameters, (constraint, deadline))?;
    check_terms(&search)?;
    let robust = robust::loss(settings.loss);
    let start = search.place(parameters.start());
    let ((place, first), steps) = search.begin_near(start)?;
    check_determined(&search, &place, &first)?;
    let mut found = search.run((place, first), steps, None)?;
    let (mut weights, mut inefficiency) = (None, 1.0);
    if let Some(loss) = &robust {
        (found, weights) = reweighted(&search, loss.as_ref(), found)?;
        let (evaluation, before) = (&found.evaluation, weights.as_ref());
        inefficiency = robust::inefficiency(loss.as_ref(), evaluation, before, &search);
    }
    Conclusion { search: &search, settings, found: &found, inefficiency }.conclude(weights.as_ref())
}

/// How far other records of a data set lie from what its fit predicts, bin by bin: the root mean square
/// residual in standard deviations of the noise. None where there is no value. What the temperatures of
/// plateaus were off is not known of other records.
///
/// # Errors
/// If the instrument has no state for a record.
pub fn predict(held_out: &JointSet, fitted: &SetFit) -> Result<Vec<Option<f64>>, String> {
    let known = JointSet { known: fitted.values.clone(), ..held_out.clone() };
    let nothing = Parameters { all: Vec::new(), free: Vec::new(), plateau_k: None };
    let before = state::states_before(&known)?;
    let plateaus = state::PlateauErrors { records: &[], bodies: &[], errors_k: &[] };
    let given = (&before[..], &plateaus);
    let state =
        state::RecordState::new((&known, 0), (&nothing, &[]), given, PlanckSteps::default())?;
    let one = |(at, outcome): (usize, &Outcome)| {
        let solution = outcome.solution()?;
        let (bin, loaded) = (&known.bins[at], LoadedBin::new(known.source.load(at)));
        let corrected = Corrected::new(bin, loaded, &state, None).ok()?;
        let columns = corrected.columns();
        let problem = Problem {
            design: &columns,
            data: &corrected.data,
            variance: &corrected.variance(),
            scale: bin.scale,
            constraint: Constraint::None,
            context: bin.context,
            shared: None,
        };
        Some(prediction_error(&problem, &solution.emissivity))
    };
    Ok(fitted.outcomes.par_iter().enumerate().map(one).collect())
}

/// Checks the names in some settings, for data sets with these emitters; `operating` is the one that emits
/// at the operating temperature of the bolometer. A data set is its name and its channel.
///
/// # Errors
/// Names the first that is no parameter.
pub fn check_settings(
    settings: &JointSettings,
    emitters: &[String],
    operating: Option<usize>,
    sets: &[(&str, &str)],
) -> Result<(), String> {
    parameters::check(settings, emitters, operating, sets)
}

/// Which correction terms (in the order of [`CorrectionTerm`]) a fit with these settings needs.
#[must_use]
pub fn wanted_terms(settings: &JointSettings, known: &SharedValues) -> [bool; 4] {
    let names = || settings.free.iter().chain(settings.value.keys()).map(String::as_str);
    let of = |group: &str, start: &str| names().any(|n| n == group || n.starts_with(start));
    let ([h2, h3], vibration) = (known.harmonics, &known.primary);
    [
        h2 != 0.0 || of("harmonics", "h2"),
        h3 != 0.0 || of("harmonics", "h3"),
        vibration.iter().any(|v| *v != 0.0) || of("vibration", "vp"),
        known.secondary != 0.0 || of("vibration", "vs"),
    ]
}

/// Checks that the data have the correction terms that parameters need.
fn check_terms(search: &Search) -> Result<(), String> {
    let Search { sets, parameters, .. } = search;
    for parameter in parameters.free.iter().map(|&place| &parameters.all[place]) {
        let Some(term) = parameter.kind.term() else { continue };
        let lacks = |set: &&usize| {
            let source = sets[**set].source;
            search.informative[**set].iter().any(|&at| !source.terms(at)[term])
        };
        if let Some(set) = parameter.sets.iter().find(lacks) {
            return Err(format!(
                "{} cannot be fitted to {}: its bins there are not known; leave it out of \
                 fit.options.joint.free",
                parameter.name, sets[*set].name
            ));
        }
    }
    Ok(())
}

fn check_noise(sets: &[JointSet]) -> Result<(), String> {
    let unknown = |set: &&JointSet| set.bins.iter().any(|b| b.scale == VarianceScale::Relative);
    match sets.iter().find(unknown) {
        None => Ok(()),
        Some(set) => Err(format!(
            "the noise of {} is not known, so nothing tells how much the data count against the priors; \
             give data.sigma, or a noise level above zero",
            set.name
        )),
    }
}

fn new_search<'a>(
    sets: &'a [JointSet<'a>],
    settings: &JointSettings,
    parameters: &'a Parameters,
    (constraint, deadline): (Constraint, Deadline),
) -> Result<Search<'a>, String> {
    let plateaus = |set: &JointSet| match parameters.plateau_k {
        None => (Vec::new(), Vec::new()),
        Some(_) => {
            let each = settings.plateau == PlateauUnit::Record;
            (newton::runs(set.plateaus, each), controlled(set))
        }
    };
    let in_band =
        |set: &JointSet| (0..set.bins.len()).filter(|&at| set.bins[at].is_in_band).collect();
    let informative: Vec<Vec<usize>> = sets.iter().map(in_band).collect();
    Ok(Search {
        sets,
        constraint,
        parameters,
        plateaus: sets.iter().map(plateaus).collect(),
        before: sets.iter().map(state::states_before).collect::<Result<Vec<_>, String>>()?,
        room: informative.iter().map(Vec::len).collect(),
        informative,
        tolerance: match settings.loss {
            JointLoss::Squares => settings.tolerance,
            _ => settings.tolerance.max(ROBUST_TOLERANCE),
        },
        max_iterations: settings.max_iterations,
        deadline,
    })
}

/// Fails where the data and the priors leave a direction of the shared parameters open.
fn check_determined(search: &Search, place: &Place, evaluation: &Evaluation) -> Result<(), String> {
    let parameters = search.parameters;
    if parameters.prior_information().iter().all(|half| *half > 0.0) {
        return Ok(());
    }
    let open = directions::undetermined(&search.system(evaluation, place), parameters);
    match open.len() {
        0 => Ok(()),
        count => Err(format!(
            "the data do not determine {count} direction{} of the shared parameters: {}; give them \
             priors (fit.options.joint.prior), or leave some out of fit.options.joint.free",
            if count == 1 { "" } else { "s" },
            open.join("; ")
        )),
    }
}

/// The minimum of a robust loss: minimises and reweights until nothing changes.
fn reweighted(
    search: &Search,
    loss: &dyn crate::science::fit::robust::irls::Loss,
    mut found: Found,
) -> Result<(Found, Option<Weights>), String> {
    let mut weights: Option<Weights> = None;
    let mut iterations = found.iterations;
    for _ in 0..MOST_ROUNDS {
        let next = robust::weights(loss, &found.evaluation, weights.as_ref());
        let evaluation = search.evaluate(&found.place, Some(&next))?;
        let there = search.run((found.place, evaluation), 0, Some(&next))?;
        let moved = there.iterations > 0;
        iterations += there.iterations;
        (found, weights) = (Found { iterations, ..there }, Some(next));
        if !moved || found.stopped.is_some() {
            return Ok((found, weights));
        }
    }
    found.stopped = Some(format!("the weights still change after {MOST_ROUNDS} rounds"));
    Ok((found, weights))
}

/// From the minimum to what is told of it.
struct Conclusion<'a> {
    search: &'a Search<'a>,
    settings: &'a JointSettings,
    found: &'a Found,
    /// By what a robust loss makes variances larger.
    inefficiency: f64,
}

impl Conclusion<'_> {
    fn conclude(&self, weights: Option<&Weights>) -> Result<JointFit, String> {
        let (search, found) = (self.search, self.found);
        let parameters = search.parameters;
        let evaluation = self.linearised(weights)?;
        let known = found.system.as_ref().filter(|_| evaluation.is_none());
        let evaluation = evaluation.as_ref().unwrap_or(&found.evaluation);
        let again;
        let system = match known {
            Some(system) => system,
            None => {
                again = search.system(evaluation, &found.place);
                &again
            }
        };
        let eliminated = system.eliminate(0.0).ok_or(search::NOT_DETERMINED)?;
        let posterior = Posterior::new(eliminated, parameters.plateau_k.unwrap_or(0.0));
        let covariance = posterior.covariance();
        let sets = (0..search.sets.len())
            .map(|set| self.set(set, evaluation, &posterior))
            .collect::<Result<Vec<SetFit>, String>>()?;
        let fitted = self.parameters(&covariance);
        let share: f64 = fitted.iter().map(FittedParameter::data_share).sum();
        let plateaus = self.plateaus(&posterior);
        let of_plateaus: f64 = plateaus.iter().map(FittedParameter::data_share).sum();
        Ok(JointFit {
            covariance: self.in_units(&covariance),
            degrees_of_freedom: self.spare() - 0.5 * (share + of_plateaus),
            chi2: found.evaluation.bins.iter().flatten().map(BinTerms::rss).sum(),
            iterations: found.iterations,
            parameters: fitted,
            plateaus,
            sets,
        })
    }

    /// All informative bins at the minimum of a robust loss, without its weights, with the variances that
    /// it amounts to; none for squares, where nothing changes.
    fn linearised(&self, weights: Option<&Weights>) -> Result<Option<Evaluation>, String> {
        let Some(weights) = weights else { return Ok(None) };
        let flat = 1.0 / self.inefficiency;
        let flat = weights
            .iter()
            .map(|set| set.iter().map(|bin| vec![flat; bin.len()]).collect::<Vec<_>>());
        self.search.evaluate(&self.found.place, Some(&flat.collect())).map(Some)
    }

    /// Complex residuals less the emissivities.
    fn spare(&self) -> f64 {
        let of_set = |set: usize| {
            let own = &self.search.sets[set];
            let spare = own.records() - self.search.constraint.free(own.emitters.len());
            (self.search.informative[set].len() * spare) as f64
        };
        (0..self.search.sets.len()).map(of_set).sum()
    }

    fn parameters(&self, covariance: &[f64]) -> Vec<FittedParameter> {
        let parameters = self.search.parameters;
        let n = parameters.free.len();
        let one = |(at, &place): (usize, &usize)| {
            let parameter = &parameters.all[place];
            FittedParameter {
                name: parameter.name.clone(),
                unit: parameter.unit.into(),
                mean: parameter.mean,
                prior_sigma: parameter.sigma,
                start: parameter.start,
                value: parameter.value(self.found.place.x[at]),
                sigma: parameter.scale * covariance[at * n + at].sqrt(),
            }
        };
        parameters.free.iter().enumerate().map(one).collect()
    }

    fn in_units(&self, covariance: &[f64]) -> Vec<f64> {
        let parameters = self.search.parameters;
        let scales: Vec<f64> = parameters.free.iter().map(|&p| parameters.all[p].scale).collect();
        let n = scales.len();
        let entry = |(at, value): (usize, &f64)| value * scales[at / n] * scales[at % n];
        covariance.iter().enumerate().map(entry).collect()
    }

    fn plateaus(&self, posterior: &Posterior) -> Vec<FittedParameter> {
        let Some(unit) = self.search.parameters.plateau_k else { return Vec::new() };
        let word = match self.settings.plateau {
            PlateauUnit::Plateau => "plateau",
            PlateauUnit::Record => "record",
        };
        let sigmas = posterior.plateau_sigmas();
        let mut values = self.found.place.y.iter().zip(sigmas);
        let mut fitted = Vec::new();
        for (set, (records, bodies)) in self.search.sets.iter().zip(&self.search.plateaus) {
            let of_set = match self.search.sets.len() {
                1 => String::new(),
                _ => format!("_{}", set.name),
            };
            for plateau in 0..records.len() {
                for (&body, (y, sigma)) in bodies.iter().zip(values.by_ref()) {
                    fitted.push(FittedParameter {
                        name: format!("{word}_{plateau}_{}{of_set}", set.emitters[body]),
                        unit: "K".into(),
                        mean: 0.0,
                        prior_sigma: unit,
                        start: 0.0,
                        value: y * unit,
                        sigma: sigma * unit,
                    });
                }
            }
        }
        fitted
    }

    /// All bins of a data set at the minimum.
    fn set(
        &self,
        set: usize,
        evaluation: &Evaluation,
        posterior: &Posterior,
    ) -> Result<SetFit, String> {
        let own = &self.search.sets[set];
        let before = self.search.plateaus[..set].iter().map(|(records, _)| records.len()).sum();
        let places = self.search.parameters.of_set(set);
        let informative = &self.search.informative[set];
        let mission = MissionState::new(&evaluation.states[set].values.bolometer, own.state);
        let mission = mission.map_err(|error| error.to_string());
        let one = |at: usize| {
            let known = informative.binary_search(&at).ok();
            let mission = match &mission {
                Ok(mission) => mission,
                Err(why) => return (Outcome::Failed(why.clone()), None),
            };
            self.bin((set, at), evaluation, known, (posterior, mission, (&places, before)))
        };
        let bins: Vec<(Outcome, Option<BinErrors>)> =
            (0..own.bins.len()).into_par_iter().map(one).collect();
        let (outcomes, errors) = bins.into_iter().unzip();
        Ok(SetFit { values: evaluation.states[set].values.clone(), outcomes, errors })
    }

    fn bin(
        &self,
        (set, at): (usize, usize),
        evaluation: &Evaluation,
        known: Option<usize>,
        (posterior, mission, shared): (&Posterior, &MissionState, (&[usize], usize)),
    ) -> (Outcome, Option<BinErrors>) {
        let search = self.search;
        let (own, bin) = (&search.sets[set], &search.sets[set].bins[at]);
        let state = &evaluation.states[set];
        let own_terms;
        let terms = match known {
            Some(place) => &evaluation.bins[set][place],
            None => {
                let loaded = LoadedBin::new(own.source.load(at));
                let flat = (self.inefficiency != 1.0)
                    .then(|| vec![1.0 / self.inefficiency; own.records()]);
                let coefficients = &evaluation.coefficients;
                let linearisation = search.linearisation(set, &evaluation.states, coefficients);
                match linearisation.of_other_bin(bin, loaded, flat.as_deref()) {
                    Ok(terms) => own_terms = terms,
                    Err(why) => return (Outcome::Failed(why.to_string()), None),
                }
                &own_terms
            }
        };
        let response = mission.response(bin.omega, (search.parameters, set));
        let coupling = coupling(terms, &search.plateaus[set].1);
        let mut errors = posterior.of_bin(terms, &coupling, shared, &response);
        let emitters = own.emitters.len();
        let sigma = (0..emitters).map(|i| errors.covariance[i * emitters + i].re.sqrt()).collect();
        let mut solution = match self.value((set, at), state, terms) {
            Ok(solution) => solution,
            Err(outcome) => return (outcome, None),
        };
        solution.sigma = sigma;
        errors.product = solution.emissivity.iter().map(|e| e * errors.response).collect();
        let outcome = match &self.found.stopped {
            None => Outcome::Converged(solution),
            Some(why) => Outcome::NotConverged(solution, why.clone()),
        };
        (outcome, Some(errors))
    }

    /// The emissivities of a bin at the shared parameters that were found; their error bars are not worked
    /// out here.
    fn value(
        &self,
        (set, at): (usize, usize),
        state: &state::RecordState,
        terms: &BinTerms,
    ) -> Result<Solution, Outcome> {
        let name = match self.settings.loss {
            JointLoss::Squares => {
                return Ok(Solution {
                    emissivity: terms.emissivity.clone(),
                    sigma: Vec::new(),
                    rss: terms.rss(),
                    condition: terms.factored.condition(),
                });
            }
            JointLoss::Huber => "huber",
            JointLoss::StudentT => "student_t",
        };
        let set = &self.search.sets[set];
        let (bin, loaded) = (&set.bins[at], LoadedBin::new(set.source.load(at)));
        let corrected = Corrected::new(bin, loaded, state, None)
            .map_err(|why| Outcome::Failed(why.to_string()))?;
        let columns = corrected.columns();
        let problem = Problem {
            design: &columns,
            data: &corrected.data,
            variance: &corrected.variance(),
            scale: bin.scale,
            constraint: self.search.constraint,
            context: bin.context,
            shared: None,
        };
        let Some(method) = method(name) else {
            return Err(Outcome::Failed(format!("there is no method {name}")));
        };
        match method.with_defaults().fit(&problem) {
            Outcome::Converged(solution) => Ok(solution),
            Outcome::NotConverged(solution, _) => Ok(solution),
            other => Err(other),
        }
    }
}
