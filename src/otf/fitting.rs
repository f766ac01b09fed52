//! Fits the units of one shard.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use num_complex::Complex64;
use rayon::prelude::*;

use crate::runner::engine::{Phase, Work};
use crate::science::data::{BinData, DataError, Realisation};
use crate::science::fit::joint::BinErrors;
use crate::science::fit::{
    Constraint, Context, Deadline, Outcome, Problem, SharedFactors, fit_bin, fit_bins,
    prediction_error, time_factoring,
};

use super::joint;
use super::result::UnitResult;
use super::segment::{BinToFit, Segment};
use super::study::{Estimator, Study};

/// Spectra, of one record at one bin each, that are held at once while bins are fitted each for itself:
/// with many records the bins come in groups, and the records are transformed once more for each.
pub(super) const MOST_AT_ONCE: usize = 1 << 23;

/// Fits what is left of a shard, on the current rayon pool, until it is asked to stop.
///
/// The results depend on the study and its data alone: each piece is a function of its place,
/// and the pool decides only who computes it when. Programs run beside the native methods,
/// each in the place of one thread, so that there is never more work than threads.
///
/// # Errors
/// If interferograms cannot be read. What was fitted before that is kept.
pub(super) fn fit(study: &Study, segments: &[Segment], work: &Work) -> Result<(), DataError> {
    let fitter = Fitter { study, segments, work, unreadable: OnceLock::new() };
    let native = || segments.par_iter().for_each(|segment| fitter.fit_native(segment));
    rayon::join(native, || rayon::join(|| joint::run_all(&fitter), || fitter.run_programs()));
    fitter.unreadable.into_inner().map_or(Ok(()), Err)
}

/// What the threads that fit a shard share.
pub(super) struct Fitter<'a> {
    pub(super) study: &'a Study,
    pub(super) segments: &'a [Segment],
    pub(super) work: &'a Work<'a>,
    /// Why interferograms could not be read, if that is so.
    unreadable: OnceLock<DataError>,
}

/// One bin, gathered once for all methods.
struct Gathered {
    bin: BinData,
    held_out: Option<BinData>,
}

/// Where a bin stands: in the study, and among those of a realisation.
#[derive(Debug, Clone, Copy)]
struct Place {
    position: usize,
    gathered: usize,
}

impl Fitter<'_> {
    /// Fits what native methods have left in a segment.
    fn fit_native(&self, segment: &Segment) {
        let study = self.study;
        let separate = &segment.left.separate;
        let is_native =
            |method: &usize| matches!(study.methods[*method].estimator, Estimator::Native(..));
        let together: Vec<usize> = segment.left.coupled.iter().copied().filter(is_native).collect();
        if together.is_empty() {
            let left = self.fit_in_windows(segment, separate);
            let at_once = (MOST_AT_ONCE / segment.campaign.records().max(1)).max(1);
            left.chunks(at_once).for_each(|some| self.fit_separate(segment, some));
            return;
        }
        if self.is_over() {
            return;
        }
        // A method that fits all bins needs them all, whichever of them the others ask for.
        let Some(realisation) = self.realise(segment, &study.bins) else { return };
        separate.par_iter().for_each(|(position, methods)| {
            let place = Place { position: *position, gathered: *position };
            self.fit_per_bin(segment, &realisation, place, methods);
        });
        let bins = self.gather_all(segment, &realisation);
        let fit = |method: &usize| self.fit_coupled(segment, &realisation, &bins, *method);
        together.par_iter().for_each(fit);
    }

    /// Fits some bins, each for itself, by methods that need all records at once.
    fn fit_separate(&self, segment: &Segment, some: &[BinToFit]) {
        if self.is_over() {
            return;
        }
        let bins: Vec<usize> =
            some.iter().map(|(position, _)| self.study.bins[*position]).collect();
        let Some(realisation) = self.realise(segment, &bins) else { return };
        some.par_iter().enumerate().for_each(|(gathered, (position, methods))| {
            let place = Place { position: *position, gathered };
            self.fit_per_bin(segment, &realisation, place, methods);
        });
    }

    /// Runs the programs of all segments, so many at once, one after another for each runner.
    fn run_programs(&self) {
        let study = self.study;
        let runs: Vec<(&Segment, usize)> = self
            .segments
            .iter()
            .flat_map(|segment| segment.left.coupled.iter().map(move |method| (segment, *method)))
            .filter(|(_, method)| study.methods[*method].is_external())
            .collect();
        let next = AtomicUsize::new(0);
        let runner = |_| {
            while let Some(&(segment, method)) = runs.get(next.fetch_add(1, Ordering::Relaxed))
                && !self.is_over()
                && let Some(realisation) = self.realise(segment, &study.bins)
            {
                let bins = self.gather_all(segment, &realisation);
                self.fit_coupled(segment, &realisation, &bins, method);
            }
        };
        let runners = self.work.programs.at_once.min(runs.len());
        (0..runners).into_par_iter().with_max_len(1).for_each(runner);
    }

    /// Whether nothing is to be begun any more.
    pub(super) fn is_over(&self) -> bool {
        self.work.stop.asked() || self.unreadable.get().is_some()
    }

    fn realise(&self, segment: &Segment, bins: &[usize]) -> Option<Realisation> {
        let draw = self.study.draw(segment.id);
        self.realised(|| segment.campaign.realise(&draw, bins))
    }

    /// The spectra that `realise` makes; none where their interferograms cannot be read, with which all ends.
    pub(super) fn realised(
        &self,
        realise: impl FnOnce() -> Result<Realisation, DataError>,
    ) -> Option<Realisation> {
        match self.work.profile.phase(Phase::Prepare, realise) {
            Ok(realisation) => Some(realisation),
            Err(error) => {
                // The first is what is told.
                let _ = self.unreadable.set(error);
                None
            }
        }
    }

    fn gather(&self, segment: &Segment, realisation: &Realisation, position: usize) -> Gathered {
        self.work.profile.phase(Phase::Gather, || Gathered {
            bin: segment.campaign.bin_data(realisation, position),
            held_out: segment.campaign.held_out(realisation, position),
        })
    }

    fn gather_all(&self, segment: &Segment, realisation: &Realisation) -> Vec<Gathered> {
        let positions = (0..self.study.bins.len()).into_par_iter();
        positions.map(|position| self.gather(segment, realisation, position)).collect()
    }

    /// Fits some methods at one bin; the first is charged with gathering the bin's data, and with
    /// what it shares with others.
    fn fit_per_bin(
        &self,
        segment: &Segment,
        realisation: &Realisation,
        place: Place,
        methods: &[usize],
    ) {
        if self.is_over() {
            return;
        }
        let mut start = Instant::now();
        let gathered = self.gather(segment, realisation, place.gathered);
        let columns = gathered.bin.columns();
        let shared = SharedFactors::new(&columns, &gathered.bin.data, &gathered.bin.variance);
        for &method in methods {
            if self.is_over() {
                return;
            }
            let problem = self.problem(realisation, &gathered.bin, &columns, (method, 1));
            let problem = Problem { shared: Some(&shared), ..problem };
            let outcome = || match &self.study.methods[method].estimator {
                Estimator::Native(_, native) => fit_bin(native.as_ref(), &problem),
                Estimator::Joint(..) | Estimator::External(_) => {
                    Outcome::Failed("it fits all bins together".into())
                }
            };
            let predict = |e: &[Complex64]| predict(&gathered, realisation, e);
            let fit = || {
                let result = UnitResult::new(&problem, outcome(), predict);
                self.with_covariance(result, &problem, method, segment)
            };
            let result = self.work.profile.column(method, time_factoring, fit);
            let now = Instant::now();
            let time = now - std::mem::replace(&mut start, now);
            self.keep(segment, place.position, method, &[result], time);
        }
    }

    /// A result with the covariance among its emitters, where that is asked for and the method is linear.
    fn with_covariance(
        &self,
        mut result: UnitResult,
        problem: &Problem,
        method: usize,
        segment: &Segment,
    ) -> UnitResult {
        let response = || segment.campaign.response_at(problem.context.bin);
        if self.study.covariance
            && let Estimator::Native(_, native) = &self.study.methods[method].estimator
            && let Some(solution) = result.outcome.solution()
            && let (Some(covariance), Some(response)) = (native.covariance(problem), response())
        {
            let errors = BinErrors::of_noise(&covariance, &solution.emissivity, response);
            result.errors = Some(errors);
        }
        result
    }

    /// Fits one method at all bins together; leaves nothing if it was asked to stop before, or killed.
    fn fit_coupled(
        &self,
        segment: &Segment,
        realisation: &Realisation,
        bins: &[Gathered],
        method: usize,
    ) {
        if self.is_over() {
            return;
        }
        let (study, start, killed) = (self.study, Instant::now(), Cell::new(false));
        let columns: Vec<Vec<&[f64]>> =
            bins.iter().map(|gathered| gathered.bin.columns()).collect();
        let mut problems = Vec::new();
        for (gathered, columns) in bins.iter().zip(&columns) {
            let units = bins.len() as u32;
            problems.push(self.problem(realisation, &gathered.bin, columns, (method, units)));
        }
        let fit = || match &study.methods[method].estimator {
            Estimator::Native(_, native) => {
                fit_bins(&problems, |bright| native.fit_coupled(bright))
            }
            Estimator::External(program) => {
                let configuration = study.configuration_at(segment.realisation, method);
                let label = &study.methods[method].label;
                let log = self.work.programs.logs.join(format!("{label}-{configuration}"));
                let stop = || self.is_over();
                let fit = |bright: &[Problem]| program.fit_unless(bright, &log, &stop);
                let or_none = |fitted: Option<_>| {
                    killed.set(fitted.is_none());
                    fitted.unwrap_or_default()
                };
                fit_bins(&problems, |bright| or_none(fit(bright)))
            }
            Estimator::Joint(..) => Vec::new(),
        };
        let outcomes = self.work.profile.column(method, time_factoring, fit);
        if killed.get() {
            return;
        }
        let time = start.elapsed() / bins.len() as u32;
        let result = |((outcome, gathered), problem): ((Outcome, &Gathered), &Problem)| {
            UnitResult::new(problem, outcome, |e| predict(gathered, realisation, e))
        };
        let results: Vec<UnitResult> =
            outcomes.into_iter().zip(bins).zip(&problems).map(result).collect();
        self.keep(segment, 0, method, &results, time);
    }

    /// Hands a finished piece in, of which each unit took some time.
    pub(super) fn keep(
        &self,
        segment: &Segment,
        position: usize,
        method: usize,
        results: &[UnitResult],
        time: Duration,
    ) {
        let order = self.study.layout.order();
        let within = order.unit_of(position, method).unwrap_or(0);
        let first = segment.realisation * order.units() + within;
        self.work.finish(first, results.iter().map(UnitResult::seal).collect(), time);
    }

    /// The problem that a method is given; its time limit is that of so many units.
    fn problem<'a>(
        &self,
        realisation: &'a Realisation,
        bin: &'a BinData,
        columns: &'a [&'a [f64]],
        (method, units): (usize, u32),
    ) -> Problem<'a> {
        let limit = self.study.unit_limit.map(|limit| limit.saturating_mul(units));
        let constraint = self.study.methods[method].constraint;
        let problem = realisation.problem(bin, columns, constraint);
        let context = Context { deadline: Deadline::after(limit), ..problem.context };
        Problem { context, ..problem }
    }
}

/// How well emissivities predict the records that were held out, if any were.
fn predict(
    gathered: &Gathered,
    realisation: &Realisation,
    emissivity: &[Complex64],
) -> Option<f64> {
    let held_out = gathered.held_out.as_ref()?;
    let columns = held_out.columns();
    let problem = realisation.problem(held_out, &columns, Constraint::None);
    let problem = Problem { context: realisation.context(&gathered.bin), ..problem };
    Some(prediction_error(&problem, emissivity))
}

mod windows;

#[cfg(test)]
mod tests;
