//! Fits the units of one shard.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::data::{BinData, Realisation};
use crate::fit::{Context, Deadline, Outcome, Problem, fit_bin, fit_bins, prediction_error};
use crate::study::{Estimator, Study};

use super::programs::Programs;
use super::progress::Progress;
use super::segment::Segment;
use super::tally::{Listener, Tally};
use super::timing::{MethodTime, Timing};
use super::unit::UnitResult;

/// What the units of a shard leave.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedUnits {
    /// One a unit, in order.
    pub results: Vec<UnitResult>,
    /// How long they took.
    pub times: Vec<MethodTime>,
}

/// Fits prepared units on the current rayon pool.
///
/// The results depend on the study and its data alone: each piece is a function of its place, and
/// the pool decides only who computes it when. Programs run beside the native methods, each in
/// the place of one thread, so that there is never more work than threads.
#[must_use]
pub fn fit_segments(
    study: &Study,
    segments: &[Segment],
    programs: &Programs,
    progress: &Progress,
    listener: Listener,
) -> FittedUnits {
    let (tally, timing) = (Tally::new(study, segments), Timing::new(study.methods.len()));
    let fitter = Fitter { study, segments, programs, progress, tally, timing, listener };
    let native = || (0..segments.len()).into_par_iter().map(|s| fitter.fit_native(s)).collect();
    let (native, mut together): (Vec<Native>, Together) =
        rayon::join(native, || fitter.run_programs());
    let mut results = Vec::new();
    for (place, native) in native.into_iter().enumerate() {
        results.extend(native.alone);
        together.extend(native.together);
        for method in segments[place].work(study).together {
            results.extend(together.remove(&(place, *method)).into_iter().flatten());
        }
    }
    FittedUnits { results, times: fitter.timing.summary(study) }
}

/// Results of methods that fit all bins together, by segment and method.
type Together = BTreeMap<(usize, usize), Vec<UnitResult>>;

/// What the native methods of a segment leave.
struct Native {
    alone: Vec<UnitResult>,
    together: Together,
}

/// What the threads that fit a shard share.
struct Fitter<'a> {
    study: &'a Study,
    segments: &'a [Segment],
    programs: &'a Programs,
    progress: &'a Progress,
    tally: Tally,
    timing: Timing,
    listener: Listener<'a>,
}

/// One bin, gathered once for all methods.
struct Gathered {
    bin: BinData,
    held_out: Option<BinData>,
}

impl Fitter<'_> {
    fn fit_native(&self, place: usize) -> Native {
        let segment = &self.segments[place];
        let work = segment.work(self.study);
        let is_native = |method: &&usize| !self.study.methods[**method].is_external();
        let together: Vec<usize> = work.together.iter().filter(is_native).copied().collect();
        // A method that fits all bins needs them all, whichever of them the others ask for.
        let positions = match (together.is_empty(), &work.alone[..]) {
            (false, _) => 0..self.study.bins.len(),
            (true, [(first, _), .., (last, _)]) => *first..last + 1,
            (true, [(only, _)]) => *only..only + 1,
            (true, []) => return Native { alone: Vec::new(), together: Together::new() },
        };
        let realisation = self.realise(segment, &self.study.bins[positions.clone()]);
        let fit_alone = |(position, methods): &(usize, &[usize])| {
            self.fit_alone(segment, &realisation, position - positions.start, methods)
        };
        let alone: Vec<Vec<UnitResult>> = work.alone.par_iter().map(fit_alone).collect();
        let alone = alone.into_iter().flatten().collect();
        if together.is_empty() {
            return Native { alone, together: Together::new() };
        }
        let bins = self.gather_all(segment, &realisation);
        let fit = |method: &usize| {
            ((place, *method), self.fit_together(segment, &realisation, &bins, *method))
        };
        Native { alone, together: together.par_iter().map(fit).collect() }
    }

    /// Runs the programs of all segments, so many at once, one after another for each runner.
    fn run_programs(&self) -> Together {
        let runs: Vec<(usize, usize)> = (0..self.segments.len())
            .flat_map(|place| {
                let methods = self.segments[place].work(self.study).together.iter();
                methods.map(move |method| (place, *method))
            })
            .filter(|(_, method)| self.study.methods[*method].is_external())
            .collect();
        let next = AtomicUsize::new(0);
        let runner = |_| {
            let mut done = Together::new();
            while let Some(&(place, method)) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let segment = &self.segments[place];
                let realisation = self.realise(segment, &self.study.bins);
                let bins = self.gather_all(segment, &realisation);
                let results = self.fit_together(segment, &realisation, &bins, method);
                done.insert((place, method), results);
            }
            done
        };
        let runners = self.programs.at_once.min(runs.len());
        (0..runners).into_par_iter().with_max_len(1).flat_map_iter(runner).collect()
    }

    fn realise(&self, segment: &Segment, bins: &[usize]) -> Realisation {
        segment.campaign.realise(&self.study.draw(segment.id), bins)
    }

    fn gather(&self, segment: &Segment, realisation: &Realisation, position: usize) -> Gathered {
        Gathered {
            bin: segment.campaign.bin_data(realisation, position),
            held_out: segment.campaign.held_out(realisation, position),
        }
    }

    fn gather_all(&self, segment: &Segment, realisation: &Realisation) -> Vec<Gathered> {
        let positions = (0..self.study.bins.len()).into_par_iter();
        positions.map(|position| self.gather(segment, realisation, position)).collect()
    }

    /// Fits some methods at one bin; the first is charged with gathering the bin's data.
    fn fit_alone(
        &self,
        segment: &Segment,
        realisation: &Realisation,
        position: usize,
        methods: &[usize],
    ) -> Vec<UnitResult> {
        let mut start = Instant::now();
        let gathered = self.gather(segment, realisation, position);
        let columns = columns(&gathered.bin);
        let fit = |&method: &usize| {
            let context = realisation.context(&gathered.bin);
            let problem = self.problem(&gathered.bin, &columns, context, method, 1);
            let outcome = match &self.study.methods[method].estimator {
                Estimator::Native(_, native) => fit_bin(native.as_ref(), &problem),
                Estimator::External(_) => Outcome::Failed("a program fits all bins".into()),
            };
            let result = UnitResult::new(outcome, |e| predict(&gathered, realisation, e));
            let now = Instant::now();
            self.count(segment, method, &result, now - start);
            start = now;
            result
        };
        methods.iter().map(fit).collect()
    }

    /// Fits one method at all bins together.
    fn fit_together(
        &self,
        segment: &Segment,
        realisation: &Realisation,
        bins: &[Gathered],
        method: usize,
    ) -> Vec<UnitResult> {
        let start = Instant::now();
        let columns: Vec<Vec<&[f64]>> =
            bins.iter().map(|gathered| columns(&gathered.bin)).collect();
        let mut problems = Vec::new();
        for (gathered, columns) in bins.iter().zip(&columns) {
            let context = realisation.context(&gathered.bin);
            let units = bins.len() as u32;
            problems.push(self.problem(&gathered.bin, columns, context, method, units));
        }
        let outcomes = match &self.study.methods[method].estimator {
            Estimator::Native(_, native) => {
                fit_bins(&problems, |bright| native.fit_together(bright))
            }
            Estimator::External(program) => {
                let configuration = self.study.configuration_at(segment.realisation, method);
                let log = self.programs.log(&self.study.methods[method].label, configuration);
                fit_bins(&problems, |bright| program.fit(bright, &log))
            }
        };
        let time = start.elapsed() / bins.len() as u32;
        let result = |(outcome, gathered): (Outcome, &Gathered)| {
            let result = UnitResult::new(outcome, |e| predict(gathered, realisation, e));
            self.count(segment, method, &result, time);
            result
        };
        outcomes.into_iter().zip(bins).map(result).collect()
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
        let limit = self.study.unit_limit.map(|limit: Duration| limit.saturating_mul(units));
        Problem {
            design: columns,
            data: &bin.data,
            variance: &bin.variance,
            scale: bin.scale,
            constraint: self.study.methods[method].constraint,
            context: Context { deadline: Deadline::after(limit), ..context },
        }
    }

    fn count(&self, segment: &Segment, method: usize, result: &UnitResult, time: Duration) {
        self.progress.unit_done(result.outcome.status(), time);
        self.timing.add(method, time);
        let configuration = self.study.configuration_at(segment.realisation, method);
        if let Some(done) = self.tally.count(configuration) {
            (self.listener)(done);
        }
    }
}

fn columns(bin: &BinData) -> Vec<&[f64]> {
    bin.design.iter().map(Vec::as_slice).collect()
}

/// How well emissivities predict the records that were held out, if any were.
fn predict(
    gathered: &Gathered,
    realisation: &Realisation,
    emissivity: &[num_complex::Complex64],
) -> Option<f64> {
    let held_out = gathered.held_out.as_ref()?;
    let problem = Problem {
        design: &columns(held_out),
        data: &held_out.data,
        variance: &held_out.variance,
        scale: held_out.scale,
        constraint: crate::fit::Constraint::None,
        context: realisation.context(&gathered.bin),
    };
    Some(prediction_error(&problem, emissivity))
}

#[cfg(test)]
mod tests {
    use super::super::segment::{Campaigns, segments};
    use super::super::tally::ConfigurationDone;
    use super::*;
    use crate::study::Config;
    use std::ops::Range;
    use std::sync::Mutex;

    fn load(assignments: &[&str]) -> (Config, Study) {
        let assignments: Vec<String> = assignments.iter().map(|a| (*a).into()).collect();
        let config = Config::load(None, &assignments).unwrap();
        let study = Study::new(&config).unwrap();
        (config, study)
    }

    const SMALL: [&str; 6] = [
        "simulate.records=60",
        "simulate.plateau_records=5",
        "study.noise_levels=[0.01,0.1]",
        "study.trials=2",
        "fit.bins=4-9",
        "fit.methods=[\"smooth\",\"ols\",\"warm_start\",\"wls\"]",
    ];

    fn fit(
        config: &Config,
        study: &Study,
        units: Range<u64>,
    ) -> (Vec<UnitResult>, Vec<ConfigurationDone>) {
        let (progress, heard) = (Progress::default(), Mutex::new(Vec::new()));
        let listener = |done| heard.lock().unwrap().push(done);
        let segments = segments(config, study, &units, &mut Campaigns::default()).unwrap();
        let fitted = fit_segments(study, &segments, &Programs::none(), &progress, &listener);
        assert_eq!(progress.counts().done(), units.end - units.start);
        (fitted.results, heard.into_inner().unwrap())
    }

    /// A unit's outcome is a function of its index: nothing passes from one unit to another, so
    /// any way of cutting the units gives the same outcomes.
    #[test]
    fn any_cut_gives_the_same_outcomes() {
        let (config, study) = load(&SMALL);
        let (whole, _) = fit(&config, &study, 0..study.units());
        for parts in [2, 5, 56] {
            let cut = |i: u64| study.first_unit(study.pieces() * i / parts);
            let fitted: Vec<UnitResult> =
                (0..parts).flat_map(|i| fit(&config, &study, cut(i)..cut(i + 1)).0).collect();
            assert!(fitted == whole, "{parts} parts");
        }
    }

    #[test]
    fn every_configuration_is_announced_once_with_its_units() {
        let (config, study) = load(&SMALL);
        for units in [0..study.units(), 3..18, 11..12, 12..18, 18..31] {
            let (_, heard) = fit(&config, &study, units.clone());
            let sum: u64 = heard.iter().map(|done| done.units).sum();
            assert_eq!(sum, units.end - units.start, "{units:?}");
            let mut order: Vec<u64> = heard.iter().map(|done| done.done).collect();
            order.sort_unstable();
            assert_eq!(order, (1..=heard.len() as u64).collect::<Vec<_>>());
            assert!(heard.iter().all(|done| done.of == heard.len() as u64));
        }
    }
}
