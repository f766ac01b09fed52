//! Fits the units of one shard.

use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use num_complex::Complex64;
use rayon::prelude::*;

use crate::data::{BinData, Realisation};
use crate::fit::{
    Context, Deadline, Outcome, Problem, SharedFactors, fit_bin, fit_bins, prediction_error,
};
use crate::study::{Estimator, Study};

use super::profile::{Phase, Profile};
use super::programs::Programs;
use super::progress::Progress;
use super::results::Results;
use super::segment::Segment;
use super::stop::Stop;
use super::tally::{Listener, Tally};
use super::timing::{MethodTime, Timing};
use super::unit::UnitResult;

/// What fitting a shard leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedUnits {
    /// What was fitted now.
    pub pieces: Vec<Piece>,
    /// How long it took.
    pub times: Vec<MethodTime>,
}

/// The smallest thing that is never cut: a unit, or all units of a configuration whose method fits
/// all bins together.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Its first unit.
    pub first: u64,
    /// One a unit, in order.
    pub results: Vec<UnitResult>,
}

/// Who keeps the results of a piece as soon as it is done, given its first unit; called from any
/// thread.
pub type Keeper<'a> = &'a (dyn Fn(u64, &[UnitResult]) + Sync);

/// What is to be fitted, and who is told of it.
pub struct Fitting<'a> {
    /// The study.
    pub study: &'a Study,
    /// The units of the shard.
    pub units: Range<u64>,
    /// Those that are done already.
    pub done: &'a Results,
    /// The others, with their data.
    pub segments: &'a [Segment],
    /// How the programs are run that some methods are.
    pub programs: &'a Programs,
    /// Whoever asks this makes an end: what is in hand is finished, the rest is left.
    pub stop: &'a Stop,
    /// Counts units.
    pub progress: &'a Progress,
    /// Hears of configurations.
    pub listener: Listener<'a>,
    /// Keeps pieces.
    pub keeper: Keeper<'a>,
    /// Learns where the time goes.
    pub profile: &'a Profile,
}

impl Fitting<'_> {
    /// Fits what is left, on the current rayon pool, until it is asked to stop.
    ///
    /// The results depend on the study and its data alone: each piece is a function of its place,
    /// and the pool decides only who computes it when. Programs run beside the native methods,
    /// each in the place of one thread, so that there is never more work than threads.
    #[must_use]
    pub fn run(&self) -> FittedUnits {
        let tally = Tally::new(self.study, &self.units, self.done);
        let timing = Timing::new(self.study.methods.len());
        let fitter = Fitter { given: self, tally, timing };
        let segments = self.segments.par_iter();
        let native = || segments.flat_map_iter(|segment| fitter.fit_native(segment)).collect();
        let (mut pieces, by_programs): (Vec<Piece>, Vec<Piece>) =
            rayon::join(native, || fitter.run_programs());
        pieces.extend(by_programs);
        FittedUnits { pieces, times: fitter.timing.summary(self.study) }
    }
}

/// What the threads that fit a shard share.
struct Fitter<'a> {
    given: &'a Fitting<'a>,
    tally: Tally,
    timing: Timing,
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
    fn fit_native(&self, segment: &Segment) -> Vec<Piece> {
        let study = self.given.study;
        let alone = &segment.work.alone;
        let is_native = |method: &usize| !study.methods[*method].is_external();
        let together: Vec<usize> =
            segment.work.together.iter().copied().filter(is_native).collect();
        // A method that fits all bins needs them all, whichever of them the others ask for.
        let positions = match (together.is_empty(), &alone[..]) {
            (false, _) => 0..study.bins.len(),
            (true, [(first, _), .., (last, _)]) => *first..last + 1,
            (true, [(only, _)]) => *only..only + 1,
            (true, []) => return Vec::new(),
        };
        if self.given.stop.asked() {
            return Vec::new();
        }
        let realisation = self.realise(segment, &study.bins[positions.clone()]);
        let fit_alone = |(position, methods): &(usize, Vec<usize>)| {
            let place = Place { position: *position, gathered: position - positions.start };
            self.fit_alone(segment, &realisation, place, methods)
        };
        let mut pieces: Vec<Piece> = alone.par_iter().flat_map_iter(fit_alone).collect();
        if !together.is_empty() {
            let bins = self.gather_all(segment, &realisation);
            let fit = |method: &usize| self.fit_together(segment, &realisation, &bins, *method);
            pieces.par_extend(together.par_iter().filter_map(fit));
        }
        pieces
    }

    /// Runs the programs of all segments, so many at once, one after another for each runner.
    fn run_programs(&self) -> Vec<Piece> {
        let study = self.given.study;
        let runs: Vec<(&Segment, usize)> = self
            .given
            .segments
            .iter()
            .flat_map(|segment| segment.work.together.iter().map(move |method| (segment, *method)))
            .filter(|(_, method)| study.methods[*method].is_external())
            .collect();
        let next = AtomicUsize::new(0);
        let runner = |_| {
            let mut done = Vec::new();
            while let Some(&(segment, method)) = runs.get(next.fetch_add(1, Ordering::Relaxed))
                && !self.given.stop.asked()
            {
                let realisation = self.realise(segment, &study.bins);
                let bins = self.gather_all(segment, &realisation);
                done.extend(self.fit_together(segment, &realisation, &bins, method));
            }
            done
        };
        let runners = self.given.programs.at_once.min(runs.len());
        (0..runners).into_par_iter().with_max_len(1).flat_map_iter(runner).collect()
    }

    fn realise(&self, segment: &Segment, bins: &[usize]) -> Realisation {
        let draw = self.given.study.draw(segment.id);
        let realise = || segment.campaign.realise(&draw, bins);
        self.given.profile.phase(Phase::Transform, realise)
    }

    fn gather(&self, segment: &Segment, realisation: &Realisation, position: usize) -> Gathered {
        self.given.profile.phase(Phase::Design, || Gathered {
            bin: segment.campaign.bin_data(realisation, position),
            held_out: segment.campaign.held_out(realisation, position),
        })
    }

    fn gather_all(&self, segment: &Segment, realisation: &Realisation) -> Vec<Gathered> {
        let positions = (0..self.given.study.bins.len()).into_par_iter();
        positions.map(|position| self.gather(segment, realisation, position)).collect()
    }

    /// Fits some methods at one bin; the first is charged with gathering the bin's data, and with
    /// what it shares with others.
    fn fit_alone(
        &self,
        segment: &Segment,
        realisation: &Realisation,
        place: Place,
        methods: &[usize],
    ) -> Vec<Piece> {
        if self.given.stop.asked() {
            return Vec::new();
        }
        let mut start = Instant::now();
        let gathered = self.gather(segment, realisation, place.gathered);
        let columns = columns(&gathered.bin);
        let shared = SharedFactors::new(&columns, &gathered.bin.data, &gathered.bin.variance);
        let fit = |&method: &usize| {
            let context = realisation.context(&gathered.bin);
            let problem = self.problem(&gathered.bin, &columns, context, method, 1);
            let problem = Problem { shared: Some(&shared), ..problem };
            let outcome = || match &self.given.study.methods[method].estimator {
                Estimator::Native(_, native) => fit_bin(native.as_ref(), &problem),
                Estimator::External(_) => Outcome::Failed("a program fits all bins".into()),
            };
            let predict = |e: &[Complex64]| predict(&gathered, realisation, e);
            let fit = || UnitResult::new(&problem, outcome(), predict);
            let result = self.given.profile.method(method, fit);
            let now = Instant::now();
            let time = now - std::mem::replace(&mut start, now);
            self.keep(segment, place.position, method, vec![result], time)
        };
        methods.iter().take_while(|_| !self.given.stop.asked()).map(fit).collect()
    }

    /// Fits one method at all bins together; none if it was asked to stop before, or killed.
    fn fit_together(
        &self,
        segment: &Segment,
        realisation: &Realisation,
        bins: &[Gathered],
        method: usize,
    ) -> Option<Piece> {
        if self.given.stop.asked() {
            return None;
        }
        let (study, start, killed) = (self.given.study, Instant::now(), Cell::new(false));
        let columns: Vec<Vec<&[f64]>> =
            bins.iter().map(|gathered| columns(&gathered.bin)).collect();
        let mut problems = Vec::new();
        for (gathered, columns) in bins.iter().zip(&columns) {
            let context = realisation.context(&gathered.bin);
            let units = bins.len() as u32;
            problems.push(self.problem(&gathered.bin, columns, context, method, units));
        }
        let fit = || match &study.methods[method].estimator {
            Estimator::Native(_, native) => {
                fit_bins(&problems, |bright| native.fit_coupled(bright))
            }
            Estimator::External(program) => {
                let configuration = study.configuration_at(segment.realisation, method);
                let log = self.given.programs.log(&study.methods[method].label, configuration);
                let stop = || self.given.stop.asked();
                let fit = |bright: &[Problem]| program.fit_unless(bright, &log, &stop);
                let or_none = |fitted: Option<_>| {
                    killed.set(fitted.is_none());
                    fitted.unwrap_or_default()
                };
                fit_bins(&problems, |bright| or_none(fit(bright)))
            }
        };
        let outcomes = self.given.profile.method(method, fit);
        if killed.get() {
            return None;
        }
        let time = start.elapsed() / bins.len() as u32;
        let result = |((outcome, gathered), problem): ((Outcome, &Gathered), &Problem)| {
            UnitResult::new(problem, outcome, |e| predict(gathered, realisation, e))
        };
        let results = outcomes.into_iter().zip(bins).zip(&problems).map(result).collect();
        Some(self.keep(segment, 0, method, results, time))
    }

    /// Hands a finished piece to its keeper, counts its units, each of which took some time, and
    /// hands it on. What is counted is kept: no kill takes back what was told.
    fn keep(
        &self,
        segment: &Segment,
        position: usize,
        method: usize,
        results: Vec<UnitResult>,
        time: Duration,
    ) -> Piece {
        let order = &self.given.study.order;
        let within = order.unit_of(position, method).unwrap_or(0);
        let first = segment.realisation * order.units() + within;
        self.given.profile.phase(Phase::Write, || (self.given.keeper)(first, &results));
        results.iter().for_each(|result| self.count(segment, method, result, time));
        Piece { first, results }
    }

    /// The problem that a method is given; its time limit is that of so many units.
    fn problem<'a>(
        &self,
        bin: &'a BinData,
        columns: &'a [&'a [f64]],
        context: Context<'a>,
        method: usize,
        units: u32,
    ) -> Problem<'a> {
        let study = self.given.study;
        let limit = study.unit_limit.map(|limit: Duration| limit.saturating_mul(units));
        Problem {
            design: columns,
            data: &bin.data,
            variance: &bin.variance,
            scale: bin.scale,
            constraint: study.methods[method].constraint,
            context: Context { deadline: Deadline::after(limit), ..context },
            shared: None,
        }
    }

    fn count(&self, segment: &Segment, method: usize, result: &UnitResult, time: Duration) {
        self.given.progress.unit_done(result.outcome.status(), time);
        self.timing.add(method, time);
        let configuration = self.given.study.configuration_at(segment.realisation, method);
        if let Some(done) = self.tally.count(configuration) {
            (self.given.listener)(done);
        }
    }
}

fn columns(bin: &BinData) -> Vec<&[f64]> {
    bin.design.iter().map(|column| &column[..]).collect()
}

/// How well emissivities predict the records that were held out, if any were.
fn predict(
    gathered: &Gathered,
    realisation: &Realisation,
    emissivity: &[Complex64],
) -> Option<f64> {
    let held_out = gathered.held_out.as_ref()?;
    let problem = Problem {
        design: &columns(held_out),
        data: &held_out.data,
        variance: &held_out.variance,
        scale: held_out.scale,
        constraint: crate::fit::Constraint::None,
        context: realisation.context(&gathered.bin),
        shared: None,
    };
    Some(prediction_error(&problem, emissivity))
}

#[cfg(test)]
mod tests;
