//! What one place of the search makes of the records of a data set: temperatures, the response of the
//! bolometer, and how each parameter acts on each record.

use std::ops::Range;

use num_complex::Complex64;
use rayon::prelude::*;

use crate::foundations::numerics::math::exp;
use crate::science::instrument::{
    BolometerError, BolometerState, PlanckSteps, SlopeOf, StatesWithSlopes,
};

use super::columns::BLOCK;
use super::input::{JointSet, SharedValues};
use super::parameters::{Kind, Parameters};

/// Records whose bolometers are solved for together: a share of the work of a thread.
const SOLVED_AT_ONCE: usize = 64;

/// What a parameter multiplies in a residual: the derivative of the residual is a sum of these, each
/// times a number for each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Coefficient {
    /// By the logarithm of the bolometer's responsivity.
    Responsivity,
    /// By its time constant.
    TimeConstant,
    /// By the temperature of an emitter.
    Temperature(usize),
    /// By the factor of a correction term, in the order of `JointBin::terms`.
    Term(usize),
}

/// The factor that a parameter has for each record.
#[derive(Debug, Clone)]
pub(super) enum Slope {
    /// The same for all.
    Same(f64),
    /// One for each, and zeros up to a whole [`Block`](super::columns::Block).
    Each(Vec<f64>),
}

impl Slope {
    /// One for each record.
    fn each(mut slopes: Vec<f64>) -> Self {
        slopes.resize(slopes.len().next_multiple_of(BLOCK), 0.0);
        Self::Each(slopes)
    }

    /// One for each time, in years.
    fn of_years(years: &[f64], of: impl Fn(f64) -> f64) -> Self {
        Self::each(years.iter().map(|year| of(*year)).collect())
    }

    /// That of one record.
    pub(super) fn at(&self, record: usize) -> f64 {
        match self {
            Self::Same(value) => *value,
            Self::Each(values) => values[record],
        }
    }
}

/// How a parameter acts, by coefficients.
pub(super) type Action = Vec<(Coefficient, Slope)>;

/// The records of a data set at one place of the search.
#[derive(Debug)]
pub(super) struct RecordState {
    pub(super) values: SharedValues,
    /// Number of records.
    pub(super) records: usize,
    /// One over the temperatures, 1/K, `[emitter][record]`.
    pub(super) inverse_temperatures: Vec<Vec<f64>>,
    /// Exponentials of these, for the Planck functions.
    pub(super) planck: PlanckSteps,
    /// Optical frequency of each bin of the axis, by its number, Hz.
    pub(super) frequencies_hz: Vec<f64>,
    /// Responsivity over that with which the spectra were made, and both time constants, s; none if the
    /// bolometer is the one with which they were made.
    pub(super) response: Option<Response>,
    /// Factor of each correction term for each record, in the order of `JointBin::terms`.
    pub(super) terms: [Slope; 4],
    /// How each free parameter of the data set acts.
    pub(super) actions: Vec<Action>,
}

/// The response of the bolometer, one number a record.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) responsivity: Vec<f64>,
    pub(super) time_constant_s: Vec<f64>,
    pub(super) time_constant_before_s: Vec<f64>,
}

/// Errors of the temperatures of the plateaus.
#[derive(Debug, Clone)]
pub(super) struct PlateauErrors<'a> {
    /// The records of each.
    pub(super) records: &'a [Range<usize>],
    /// The emitters.
    pub(super) bodies: &'a [usize],
    /// K, `[plateau][body]`.
    pub(super) errors_k: &'a [f64],
}

impl RecordState {
    /// The state at some values of the shared parameters, in the memory of exponentials that are not wanted any
    /// more.
    ///
    /// # Errors
    /// If the bolometer has no state there, or a temperature is not above zero.
    pub(super) fn new(
        (set, place): (&JointSet, usize),
        (parameters, x): (&Parameters, &[f64]),
        (before, plateaus): (&[BolometerState], &PlateauErrors),
        spare: PlanckSteps,
    ) -> Result<Self, String> {
        let values = parameters.values(place, &set.known, x);
        let free = parameters.of_set(place);
        let kinds = || free.iter().map(|&free| &parameters.all[parameters.free[free]]);
        let fits_bolometer = kinds().any(|p| matches!(p.kind, Kind::Bolometer(_)))
            || values.bolometer != set.bolometer;
        let bolometer = fits_bolometer.then(|| Bolometer::new(set, &values, before)).transpose();
        let bolometer = bolometer.map_err(|error| error.to_string())?;
        let temperatures = temperatures(set, &values, bolometer.as_ref(), plateaus)?;
        let inverse = |column: &Vec<f64>| column.iter().map(|t| 1.0 / t).collect();
        let action = |parameter: &super::parameters::Parameter| {
            action(set, &values, parameter, bolometer.as_ref())
        };
        Ok(Self {
            inverse_temperatures: temperatures.iter().map(inverse).collect(),
            planck: spare.renewed(),
            frequencies_hz: set.frequencies_hz.clone(),
            actions: kinds().map(action).collect(),
            terms: term_factors(set, &values),
            records: set.records(),
            response: bolometer.map(|bolometer| bolometer.response),
            values,
        })
    }

    /// The coefficients that any parameter or plateau needs, each once.
    pub(super) fn coefficients(&self, bodies: &[usize]) -> Vec<Coefficient> {
        let of_actions = self.actions.iter().flatten().map(|(coefficient, _)| *coefficient);
        let of_bodies = bodies.iter().map(|&body| Coefficient::Temperature(body));
        let mut all: Vec<Coefficient> = of_actions.chain(of_bodies).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// The bolometer at other parameters than those with which the spectra were made.
struct Bolometer {
    response: Response,
    temperatures_k: Vec<f64>,
    /// One after another, those of some records each.
    solved: Vec<StatesWithSlopes>,
}

impl Bolometer {
    fn new(
        set: &JointSet,
        values: &SharedValues,
        before: &[BolometerState],
    ) -> Result<Self, BolometerError> {
        let near_k: Vec<f64> = before.iter().map(|state| state.temperature_k).collect();
        let volt_v = set.volt_v.par_chunks(SOLVED_AT_ONCE);
        let given = set.bias_v.par_chunks(SOLVED_AT_ONCE).zip(volt_v);
        let solved: Vec<Result<StatesWithSlopes, BolometerError>> = given
            .zip(near_k.par_chunks(SOLVED_AT_ONCE))
            .map(|((bias_v, volt_v), near_k)| {
                values.bolometer.states_with_slopes(bias_v, volt_v, near_k)
            })
            .collect();
        let solved = solved.into_iter().collect::<Result<Vec<_>, _>>()?;
        let each = |of: fn(&BolometerState) -> f64| -> Vec<f64> {
            solved.iter().flat_map(|some| &some.states).map(of).collect()
        };
        let mut responsivity = each(|state| state.responsivity);
        responsivity.iter_mut().zip(before).for_each(|(now, before)| *now /= before.responsivity);
        let response = Response {
            responsivity,
            time_constant_s: each(|state| state.time_constant_s),
            time_constant_before_s: before.iter().map(|state| state.time_constant_s).collect(),
        };
        Ok(Self { response, temperatures_k: each(|state| state.temperature_k), solved })
    }

    /// A slope of each record by a fitted parameter, times a scale; none if nothing changes.
    fn slope(&self, of: SlopeOf, parameter: usize, scale: f64) -> Option<Slope> {
        let mut all = Vec::with_capacity(self.temperatures_k.len().next_multiple_of(BLOCK));
        self.solved.iter().for_each(|some| all.extend_from_slice(some.slopes(of, parameter)));
        if all.iter().all(|slope| *slope == 0.0) {
            return None;
        }
        all.iter_mut().for_each(|slope| *slope *= scale);
        Some(Slope::each(all))
    }
}

/// The states of the bolometer with which the spectra of a data set were made, one a record.
///
/// # Errors
/// If it has none.
pub(super) fn states_before(set: &JointSet) -> Result<Vec<BolometerState>, String> {
    let states = set.bolometer.states(set.bias_v, set.volt_v, set.bath_k).into_iter();
    states.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

/// The temperatures at which emitters emit, K, `[emitter][record]`.
fn temperatures(
    set: &JointSet,
    values: &SharedValues,
    bolometer: Option<&Bolometer>,
    plateaus: &PlateauErrors,
) -> Result<Vec<Vec<f64>>, String> {
    let mut columns = set.readings_k.to_vec();
    for (emitter, column) in columns.iter_mut().enumerate() {
        match bolometer {
            Some(bolometer) if set.operating == Some(emitter) => {
                column.copy_from_slice(&bolometer.temperatures_k);
            }
            _ => column.iter_mut().for_each(|t| *t += values.offsets_k[emitter]),
        }
    }
    if let Some(ical) = set.emitter("ical")
        && values.drift[0] != 0.0
    {
        let years = set.years.ok_or_else(|| no_times(set, "ical_drift_amplitude"))?;
        let [amplitude, time, _] = values.drift;
        for (t, year) in columns[ical].iter_mut().zip(years) {
            *t -= amplitude * exp(-year / time);
        }
    }
    if let Some(ical) = set.emitter("ical") {
        columns[ical].iter_mut().for_each(|t| *t += values.drift[2]);
    }
    for (plateau, records) in plateaus.records.iter().enumerate() {
        for (body, &emitter) in plateaus.bodies.iter().enumerate() {
            let error = plateaus.errors_k[plateau * plateaus.bodies.len() + body];
            columns[emitter][records.clone()].iter_mut().for_each(|t| *t += error);
        }
    }
    match columns.iter().position(|column| !column.iter().all(|t| *t > 0.0 && t.is_finite())) {
        Some(emitter) => {
            Err(format!("the temperature of {} is not above 0 K", set.emitters[emitter]))
        }
        None => Ok(columns),
    }
}

/// What a parameter that changes with time says where there are no times.
fn no_times(set: &JointSet, parameter: &str) -> String {
    format!(
        "{parameter} changes with time, but the records of {} have no times: give the calibration set \
         `midpoint_time_{}`, or leave the parameter out of fit.options.joint.free",
        set.name, set.channel
    )
}

/// Checks that the records have times where a parameter needs them.
///
/// # Errors
/// Names the first parameter that does.
pub(super) fn check_times(sets: &[JointSet], parameters: &Parameters) -> Result<(), String> {
    for parameter in &parameters.all {
        let varies = match parameter.kind {
            Kind::Drift(i) => i < 2,
            Kind::Primary(i) => i > 0,
            _ => false,
        };
        let acts = parameter.is_free() || parameter.mean != 0.0 && parameter.kind != Kind::Drift(1);
        let lacking = parameter.sets.iter().map(|&set| &sets[set]).find(|set| set.years.is_none());
        if let Some(set) = lacking
            && varies
            && acts
        {
            return Err(no_times(set, &parameter.name));
        }
    }
    Ok(())
}

/// The factor of each correction term for each record.
fn term_factors(set: &JointSet, values: &SharedValues) -> [Slope; 4] {
    let [h2, h3] = values.harmonics;
    let primary = match set.years {
        Some(years) if values.primary[1..].iter().any(|c| *c != 0.0) => {
            Slope::of_years(years, |year| polynomial(&values.primary, year))
        }
        _ => Slope::Same(values.primary[0]),
    };
    [Slope::Same(h2), Slope::Same(h3), primary, Slope::Same(values.secondary)]
}

fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

/// How a parameter acts, in units of the search.
fn action(
    set: &JointSet,
    values: &SharedValues,
    parameter: &super::parameters::Parameter,
    bolometer: Option<&Bolometer>,
) -> Action {
    let scale = parameter.scale;
    let of_years =
        |f: &dyn Fn(f64) -> f64| Slope::of_years(set.years.unwrap_or(&[]), |year| scale * f(year));
    match parameter.kind {
        Kind::Bolometer(i) => {
            let Some(bolometer) = bolometer else { return Vec::new() };
            let temperature = set.operating.map(Coefficient::Temperature);
            let all = [
                (Some(Coefficient::Responsivity), SlopeOf::LnResponsivity),
                (Some(Coefficient::TimeConstant), SlopeOf::TimeConstant),
                (temperature, SlopeOf::Temperature),
            ];
            let acts = |(on, of)| Some((on?, bolometer.slope(of, i, scale)?));
            all.into_iter().filter_map(acts).collect()
        }
        Kind::Offset(emitter) => vec![(Coefficient::Temperature(emitter), Slope::Same(scale))],
        Kind::Drift(i) => {
            let [amplitude, time, _] = values.drift;
            let slope = match i {
                0 => of_years(&|year| -exp(-year / time)),
                1 => of_years(&|year| -amplitude * exp(-year / time) * year / (time * time)),
                _ => Slope::Same(scale),
            };
            set.emitter("ical")
                .map(|ical| (Coefficient::Temperature(ical), slope))
                .into_iter()
                .collect()
        }
        Kind::Harmonic(i) => vec![(Coefficient::Term(i), Slope::Same(scale))],
        Kind::Primary(0) => vec![(Coefficient::Term(2), Slope::Same(scale))],
        Kind::Primary(i) => {
            let power = |year: f64| (0..i).fold(1.0, |power, _| power * year);
            vec![(Coefficient::Term(2), of_years(&power))]
        }
        Kind::Secondary => vec![(Coefficient::Term(3), Slope::Same(scale))],
    }
}

/// One over the factor by which the spectra change, and its squared modulus: of
/// `rho = s (1 + i omega tau0) / (1 + i omega tau)`.
#[inline(always)]
pub(super) fn inverse_rho(responsivity: f64, omega_tau: f64, omega_tau_before: f64) -> Complex64 {
    let (now, before) = (Complex64::new(1.0, omega_tau), Complex64::new(1.0, omega_tau_before));
    now * before.conj() / (responsivity * before.norm_sqr())
}
