//! The search for the minimum: Gauss-Newton steps with the emissivities eliminated (variable projection,
//! Kaufman 1975), damped only after a step that led up (Levenberg & Marquardt).

use std::ops::Range;

use num_complex::Complex64;
use rayon::prelude::*;

use crate::foundations::numerics::math::modulus;
use crate::science::fit::constraint::Constraint;
use crate::science::fit::deadline::Deadline;
use crate::science::instrument::{BolometerState, PlanckSteps};

use super::bin::{BinTerms, Linearisation};
use super::columns::{GROUP, KeptColumns, SetColumns};
use super::corrected::LoadedBin;
use super::input::{JointBin, JointSet};
use super::moments::Moments;
use super::newton::{BinCoupling, NewtonSystem, SetSystem, Step};
use super::parameters::Parameters;
use super::state::{Coefficient, PlateauErrors, RecordState};

/// Damping after the first step that led up.
const FIRST_DAMPING: f64 = 1e-2;
/// Damping below this is none.
const LEAST_DAMPING: f64 = 1e-3;
/// No parameter steps farther at once, in prior standard errors: beyond, nothing is linear.
const LONGEST: f64 = 10.0;
/// With damping above this no step leads down.
const MOST_DAMPING: f64 = 1e12;
/// Near the minimum a step makes the decrement smaller by more than this: far more, since what Gauss-Newton
/// neglects is the noise times the curvature of the model.
const LEAST_GAIN: f64 = 1e3;
/// The decrement of a step of which nothing but the first order counts: what is beyond is that part of it.
const FIRST_ORDER: f64 = 1e-6;
/// A residual is what is left of the data, and rounds by this part of them.
const ROUNDING: f64 = 1e-14;

/// What is searched, and in what.
pub(super) struct Search<'a> {
    pub(super) sets: &'a [JointSet<'a>],
    pub(super) constraint: Constraint,
    pub(super) parameters: &'a Parameters,
    /// Records of the plateaus of each set whose temperatures are fitted, and the emitters.
    pub(super) plateaus: Vec<(Vec<Range<usize>>, Vec<usize>)>,
    /// Of each set, the places of the bins on which the shared parameters rest.
    pub(super) informative: Vec<Vec<usize>>,
    /// Of each set, the bins for which there is to be space.
    pub(super) room: Vec<usize>,
    /// Of each set, the states of the bolometer with which the spectra were made.
    pub(super) before: Vec<Vec<BolometerState>>,
    pub(super) tolerance: f64,
    pub(super) max_iterations: usize,
    pub(super) deadline: Deadline,
}

/// A place of the search.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) x: Vec<f64>,
    /// Errors of the temperatures of all plateaus of all sets, in prior standard errors.
    pub(super) y: Vec<f64>,
}

/// Weights of a robust loss: of each set, of each informative bin, of each record.
pub(super) type Weights = Vec<Vec<Vec<f64>>>;

/// Columns and exponentials that are in no use any more, of each set: their space is.
#[derive(Default)]
pub(super) struct Spare {
    columns: Vec<SetColumns>,
    planck: Vec<PlanckSteps>,
}

/// All bins at a place.
pub(super) struct Evaluation {
    pub(super) states: Vec<RecordState>,
    pub(super) coefficients: Vec<Vec<Coefficient>>,
    /// Of each set, of each informative bin.
    pub(super) bins: Vec<Vec<BinTerms>>,
    /// Of each set.
    pub(super) columns: Vec<SetColumns>,
    pub(super) objective: f64,
    /// By so much it may be off: it was rounded.
    pub(super) rounding: f64,
}

/// How a search ended.
pub(super) struct Found {
    pub(super) place: Place,
    pub(super) evaluation: Evaluation,
    pub(super) iterations: usize,
    /// The linear system there; none if the search was stopped before that was formed.
    pub(super) system: Option<NewtonSystem>,
    /// Why it is not the minimum, if it is not.
    pub(super) stopped: Option<String>,
}

impl Search<'_> {
    /// From a place, which has been evaluated, and to which so many steps led, to the minimum.
    ///
    /// # Errors
    /// If the steps are not determined.
    pub(super) fn run(
        &self,
        (mut place, mut evaluation): (Place, Evaluation),
        steps: usize,
        weights: Option<&Weights>,
    ) -> Result<Found, String> {
        let (mut damping, mut iterations) = (0.0, steps);
        let stopped = loop {
            let system = self.system(&evaluation, &place);
            let newton = step(&system, 0.0)?;
            let is_last = weights.is_none()
                && newton.decrement < FIRST_ORDER.min(LEAST_GAIN * self.tolerance);
            if newton.decrement < self.tolerance || is_last {
                if newton.decrement >= self.tolerance {
                    place = place.moved(&newton);
                    evaluation = self.at_first_order(&place, (evaluation, &newton))?;
                    iterations += 1;
                }
                return Ok(Found {
                    place,
                    evaluation,
                    iterations,
                    system: Some(system),
                    stopped: None,
                });
            }
            let here = (&place, (evaluation.objective, evaluation.rounding));
            // What it says is in the system, and its memory is that of the next one.
            let step = (&system, newton, evaluation.into_spare());
            let Some((to, there)) = self.step_down(step, here, &mut damping, weights)? else {
                let stopped = Some("no step leads down any more".into());
                let evaluation = self.evaluate(&place, weights)?;
                return Ok(Found { place, evaluation, iterations, system: Some(system), stopped });
            };
            (place, evaluation) = (to, there);
            iterations += 1;
            if iterations >= self.max_iterations {
                break format!("stopped after {iterations} iterations");
            }
            if let Some(why) = self.deadline.passed() {
                break why;
            }
        };
        Ok(Found { place, evaluation, iterations, system: None, stopped: Some(stopped) })
    }

    /// An evaluation after a step that is so short that nothing but the first order of it counts.
    ///
    /// # Errors
    /// If a state is impossible there.
    fn at_first_order(
        &self,
        to: &Place,
        (mut evaluation, step): (Evaluation, &Step),
    ) -> Result<Evaluation, String> {
        let unit = self.parameters.plateau_k.unwrap_or(0.0);
        let mut errors_k = step.y.iter().map(|y| y * unit);
        for (set, bins) in evaluation.bins.iter_mut().enumerate() {
            let (records, bodies) = &self.plateaus[set];
            let places = self.parameters.of_set(set);
            let x: Vec<f64> = places.iter().map(|&place| step.x[place]).collect();
            let k: Vec<f64> = errors_k.by_ref().take(records.len() * bodies.len()).collect();
            let (states, coefficients) = (&evaluation.states, &evaluation.coefficients);
            let acting = self.linearisation(set, states, coefficients).acting(&x, &k);
            let columns = (&evaluation.columns[set], &acting[..]);
            bins.par_iter_mut().for_each(|terms| terms.follow(&x, (&k, bodies), columns));
        }
        let planck = evaluation.take_planck();
        // Before others take the place of the memory.
        evaluation.states.clear();
        evaluation.states = self.states(to, planck)?;
        Ok(evaluation)
    }

    /// The next place that lies lower, if there is one.
    fn step_down(
        &self,
        (system, newton, mut spare): (&NewtonSystem, Step, Spare),
        (place, (objective, rounding)): (&Place, (f64, f64)),
        damping: &mut f64,
        weights: Option<&Weights>,
    ) -> Result<Option<(Place, Evaluation)>, String> {
        while *damping < MOST_DAMPING {
            let step = if *damping > 0.0 { step(system, *damping)? } else { newton.clone() };
            let to = place.moved(&step);
            if step.longest() < LONGEST
                && let Ok(there) = self.evaluate_with(&to, weights, std::mem::take(&mut spare))
            {
                if there.objective <= objective + rounding {
                    *damping = if *damping < 10.0 * LEAST_DAMPING { 0.0 } else { *damping / 10.0 };
                    return Ok(Some((to, there)));
                }
                spare = there.into_spare();
            }
            *damping = (10.0 * *damping).max(FIRST_DAMPING);
        }
        Ok(None)
    }

    /// The informative bins at a place.
    ///
    /// # Errors
    /// If a state is impossible there, or the emissivities of a bin are not determined.
    pub(super) fn evaluate(
        &self,
        place: &Place,
        weights: Option<&Weights>,
    ) -> Result<Evaluation, String> {
        self.evaluate_with(place, weights, Spare::default())
    }

    /// As [`Self::evaluate`], in the space of columns that are not needed any more.
    fn evaluate_with(
        &self,
        place: &Place,
        weights: Option<&Weights>,
        spare: Spare,
    ) -> Result<Evaluation, String> {
        let states = self.states(place, spare.planck)?;
        let coefficients = self.coefficients(&states);
        let (all, columns) = self.bins_at(&states, &coefficients, weights, spare.columns);
        let bins = all
            .into_iter()
            .map(|of_set| of_set.into_iter().collect::<Result<Vec<BinTerms>, String>>())
            .collect::<Result<Vec<_>, String>>()?;
        Ok(self.evaluation(place, (states, coefficients), (bins, columns)))
    }

    /// As [`Self::evaluate`], where the search begins, in spare space: bins whose emissivities are not
    /// determined are left out from then on.
    ///
    /// # Errors
    /// If a state is impossible there, or no bin is left: why the first was left out.
    pub(super) fn begin(&mut self, place: &Place, spare: Spare) -> Result<Evaluation, String> {
        let states = self.states(place, spare.planck)?;
        let coefficients = self.coefficients(&states);
        let (all, columns) = self.bins_at(&states, &coefficients, None, spare.columns);
        if all.iter().flatten().all(Result::is_err) {
            let first = all.into_iter().flatten().find_map(Result::err);
            return Err(format!(
                "no bin of the optical band can be fitted, on which the shared parameters rest{}",
                first.map_or(String::new(), |why| format!(": {why}"))
            ));
        }
        let mut bins = Vec::new();
        for (set, of_set) in all.into_iter().enumerate() {
            let mut is_kept = of_set.iter().map(Result::is_ok).collect::<Vec<_>>().into_iter();
            self.informative[set].retain(|_| is_kept.next().unwrap_or(false));
            bins.push(of_set.into_iter().filter_map(Result::ok).collect());
        }
        Ok(self.evaluation(place, (states, coefficients), (bins, columns)))
    }

    fn coefficients(&self, states: &[RecordState]) -> Vec<Vec<Coefficient>> {
        states.iter().zip(&self.plateaus).map(|(s, (_, bodies))| s.coefficients(bodies)).collect()
    }

    /// The informative bins of each set, linearised in parallel, and their columns.
    fn bins_at(
        &self,
        states: &[RecordState],
        coefficients: &[Vec<Coefficient>],
        weights: Option<&Weights>,
        mut spare: Vec<SetColumns>,
    ) -> (Vec<Vec<Result<BinTerms, String>>>, Vec<SetColumns>) {
        spare.resize_with(self.sets.len(), SetColumns::default);
        let of_set = |(set, spare): (usize, SetColumns)| {
            let linearisation = self.linearisation(set, states, coefficients);
            let bins = self.informative[set].len();
            let size = (self.sets[set].records(), &coefficients[set][..]);
            let mut columns = spare.renewed(self.room[set], size);
            let one = |(at, space): (usize, &mut [f64])| {
                let place = self.informative[set][at];
                let (bin, source) = (&self.sets[set].bins[place], self.sets[set].source);
                let loaded = LoadedBin::new(source.load(place));
                let weights = weights.map(|weights| &weights[set][at][..]);
                let terms = linearisation.of_bin(bin, loaded, weights, (at, space));
                terms.map_err(|why| format!("bin {}: {why}", bin.context.bin))
            };
            let terms = columns.split(bins).into_par_iter().enumerate().map(one).collect();
            (terms, columns)
        };
        spare.into_par_iter().enumerate().map(of_set).unzip()
    }

    fn evaluation(
        &self,
        place: &Place,
        (states, coefficients): (Vec<RecordState>, Vec<Vec<Coefficient>>),
        (bins, columns): (Vec<Vec<BinTerms>>, Vec<SetColumns>),
    ) -> Evaluation {
        let mut objective: f64 = bins.iter().flatten().map(BinTerms::rss).sum();
        // |r|^2 is off by 2 |r| |dr|, and |dr| by what |b| rounds to.
        let explained: f64 = bins.iter().flatten().map(BinTerms::explained).sum();
        let rounding = ROUNDING * (objective * (objective + explained)).sqrt();
        let prior = self.parameters.prior_information();
        objective += prior.iter().zip(&place.x).map(|(half, x)| half * x * x).sum::<f64>();
        objective += place.y.iter().map(|y| 0.5 * y * y).sum::<f64>();
        Evaluation { states, coefficients, bins, columns, objective, rounding }
    }

    /// The states of all sets at a place, in the memory of exponentials that are not wanted any more.
    fn states(
        &self,
        place: &Place,
        mut spare: Vec<PlanckSteps>,
    ) -> Result<Vec<RecordState>, String> {
        spare.resize_with(self.sets.len(), PlanckSteps::default);
        let mut spare = spare.into_iter();
        let unit = self.parameters.plateau_k.unwrap_or(0.0);
        let errors_k: Vec<f64> = place.y.iter().map(|y| y * unit).collect();
        let mut from = 0;
        let mut states = Vec::new();
        for (index, (set, (records, bodies))) in self.sets.iter().zip(&self.plateaus).enumerate() {
            let own = &errors_k[from..from + records.len() * bodies.len()];
            from += own.len();
            let plateaus = PlateauErrors { records, bodies, errors_k: own };
            let given = (&self.before[index][..], &plateaus);
            let at = (self.parameters, &place.x[..]);
            let planck = spare.next().unwrap_or_default();
            states.push(RecordState::new((set, index), at, given, planck)?);
        }
        Ok(states)
    }

    /// With what the bins of a set are linearised.
    pub(super) fn linearisation<'s>(
        &'s self,
        set: usize,
        states: &'s [RecordState],
        coefficients: &'s [Vec<Coefficient>],
    ) -> Linearisation<'s> {
        let (plateaus, bodies) = &self.plateaus[set];
        Linearisation {
            state: &states[set],
            coefficients: &coefficients[set],
            constraint: self.constraint,
            plateaus,
            bodies,
        }
    }

    /// The linear system at a place.
    pub(super) fn system(&self, evaluation: &Evaluation, place: &Place) -> NewtonSystem {
        let set = |set: usize| {
            let (plateaus, bodies) = &self.plateaus[set];
            let moments = Moments {
                state: &evaluation.states[set],
                coefficients: &evaluation.coefficients[set],
                bins: &evaluation.bins[set],
                columns: &evaluation.columns[set],
                plateaus,
                bodies,
            };
            let coupling = |terms: &BinTerms| coupling(terms, bodies);
            SetSystem {
                sums: moments.sums(),
                places: self.parameters.of_set(set),
                bins: evaluation.bins[set].iter().map(coupling).collect(),
                bodies: bodies.len(),
            }
        };
        let prior = self.parameters.prior_information();
        NewtonSystem {
            sets: (0..self.sets.len()).map(set).collect(),
            shared: self.parameters.free.len(),
            prior_gradient: prior.iter().zip(&place.x).map(|(half, x)| half * x).collect(),
            prior,
            plateau_k: self.parameters.plateau_k.unwrap_or(0.0),
            y: place.y.clone(),
        }
    }

    /// A place with no plateau off.
    pub(super) fn place(&self, x: Vec<f64>) -> Place {
        let plateaus = self.plateaus.iter().map(|(records, bodies)| records.len() * bodies.len());
        Place { x, y: vec![0.0; plateaus.sum()] }
    }

    /// The informative bins of a set.
    pub(super) fn bins(&self, set: usize) -> impl Iterator<Item = &JointBin<'_>> {
        self.informative[set].iter().map(move |&at| &self.sets[set].bins[at])
    }
}

/// Where the normal matrix is not positive definite in the digits that there are.
pub(super) const NOT_DETERMINED: &str = "the shared parameters are not determined in the digits that there are: the noise is so small that \
     what is known beforehand vanishes beside the data; give the noise that there is (data.sigma, \
     study.noise_levels)";

/// How the emissivities of a bin are coupled to what is shared.
pub(super) fn coupling(terms: &BinTerms, bodies: &[usize]) -> BinCoupling {
    BinCoupling {
        projections: terms.projections.clone(),
        segments: terms.segments.clone(),
        factors: bodies.iter().map(|&body| -terms.emissivity[body]).collect(),
        unknowns: terms.factored.qt_b().0.len(),
    }
}

fn step(system: &NewtonSystem, damping: f64) -> Result<Step, String> {
    let eliminated = system.eliminate(damping).ok_or(NOT_DETERMINED)?;
    Ok(eliminated.step())
}

impl Evaluation {
    /// What of its memory another one may take.
    pub(super) fn into_spare(mut self) -> Spare {
        Spare { planck: self.take_planck(), columns: self.columns }
    }

    fn take_planck(&mut self) -> Vec<PlanckSteps> {
        self.states.iter_mut().map(|state| std::mem::take(&mut state.planck)).collect()
    }
}

impl Step {
    /// The largest change of a shared parameter.
    fn longest(&self) -> f64 {
        self.x.iter().fold(0.0, |most: f64, x| most.max(x.abs()))
    }
}

impl Place {
    pub(super) fn moved(&self, step: &Step) -> Self {
        let add = |from: &[f64], by: &[f64]| from.iter().zip(by).map(|(a, b)| a + b).collect();
        Self { x: add(&self.x, &step.x), y: add(&self.y, &step.y) }
    }
}

/// The modulus of each residual of a bin, one a record.
pub(super) fn moduli(columns: &KeptColumns, records: usize) -> impl Iterator<Item = f64> {
    let of_group = move |group: usize| {
        let [re, im] = columns.residual(group);
        (0..GROUP).map(move |lane| modulus(Complex64::new(re[lane], im[lane])))
    };
    (0..records.div_ceil(GROUP)).flat_map(of_group).take(records)
}
