//! Fits the units of one shard.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rayon::prelude::*;

use crate::data::{Campaign, DataError, Realisation};
use crate::fit::{Outcome, Problem, fit_bin};
use crate::study::{Config, RealisationId, Study};

use super::progress::Progress;

/// The data sets that a process has prepared, so that each is read once.
#[derive(Debug, Default)]
pub struct Campaigns(BTreeMap<usize, Arc<Campaign>>);

impl Campaigns {
    /// The data set with this index, prepared now if it was not before.
    ///
    /// # Errors
    /// If it cannot be read or simulated.
    pub fn get(
        &mut self,
        config: &Config,
        study: &Study,
        set: usize,
    ) -> Result<Arc<Campaign>, DataError> {
        if let Some(campaign) = self.0.get(&set) {
            return Ok(campaign.clone());
        }
        let (data, simulate) = (&config.data, &config.simulate);
        let campaign =
            Campaign::prepare(study.sets[set], data, simulate, &config.instrument, study.seed)?;
        Ok(self.0.entry(set).or_insert(Arc::new(campaign)).clone())
    }
}

/// A configuration of which this shard's last unit is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConfigurationDone {
    /// How many configurations of the shard are done now.
    pub done: u64,
    /// How many configurations the shard has a part in.
    pub of: u64,
    /// Index of the configuration in the study.
    pub configuration: u64,
    /// Its units in this shard.
    pub units: u64,
    /// The thread that finished it.
    pub thread: usize,
}

/// Who wants to know when a configuration is done; called from any thread.
pub type Listener<'a> = &'a (dyn Fn(ConfigurationDone) + Sync);

/// The part of a shard that lies in one realisation, with its data.
#[derive(Debug)]
pub struct Segment {
    realisation: u64,
    id: RealisationId,
    campaign: Arc<Campaign>,
    units: Range<u64>,
}

/// Fits prepared units on the current rayon pool; one outcome a unit, in order.
///
/// The outcomes depend on the study and its data alone: each unit is a function of its index,
/// and the pool decides only who computes it when.
#[must_use]
pub fn fit_segments(
    study: &Study,
    segments: Vec<Segment>,
    progress: &Progress,
    listener: Listener,
) -> Vec<Outcome> {
    let tally = Tally::new(study, &segments);
    let fitter = Fitter { study, progress, tally, listener };
    let fitted: Vec<Vec<Outcome>> =
        segments.into_par_iter().map(|segment| fitter.fit_segment(&segment)).collect();
    fitted.into_iter().flatten().collect()
}

/// Cuts units at the borders of realisations, and prepares the data sets that they need.
///
/// # Errors
/// If a data set cannot be prepared.
pub fn segments(
    config: &Config,
    study: &Study,
    units: &Range<u64>,
    campaigns: &mut Campaigns,
) -> Result<Vec<Segment>, DataError> {
    let per_realisation = study.units_per_realisation();
    let (first, last) = (units.start / per_realisation, (units.end - 1) / per_realisation);
    let segment = |realisation: u64| {
        let id = study.realisation(realisation);
        let start = units.start.max(realisation * per_realisation);
        let end = units.end.min((realisation + 1) * per_realisation);
        let campaign = campaigns.get(config, study, id.set)?;
        Ok(Segment { realisation, id, campaign, units: start..end })
    };
    (first..=last).map(segment).collect()
}

/// What the threads that fit a shard share.
struct Fitter<'a> {
    study: &'a Study,
    progress: &'a Progress,
    tally: Tally,
    listener: Listener<'a>,
}

impl Fitter<'_> {
    fn fit_segment(&self, segment: &Segment) -> Vec<Outcome> {
        let study = self.study;
        let first = study.unit(segment.units.start).position;
        let last = study.unit(segment.units.end - 1).position;
        let bins = &study.bins[first..=last];
        let noise_level = study.noise_levels[segment.id.noise];
        let realisation = segment.campaign.realise(noise_level, segment.id.trial, bins);
        let fitted: Vec<Vec<Outcome>> = (0..bins.len())
            .into_par_iter()
            .map(|offset| {
                let methods = segment.methods_at(study, first + offset);
                self.fit_bin(segment, &realisation, offset, methods)
            })
            .collect();
        fitted.into_iter().flatten().collect()
    }

    /// Fits some methods at one bin; the first is charged with gathering the bin's data.
    fn fit_bin(
        &self,
        segment: &Segment,
        realisation: &Realisation,
        offset: usize,
        methods: Range<usize>,
    ) -> Vec<Outcome> {
        let mut start = Instant::now();
        let bin = segment.campaign.bin_data(realisation, offset);
        let design: Vec<&[f64]> = bin.design.iter().map(Vec::as_slice).collect();
        let fit = |method: usize| {
            let choice = &self.study.methods[method];
            let problem = Problem {
                design: &design,
                data: &bin.data,
                variance: &bin.variance,
                scale: bin.scale,
                constraint: choice.constraint,
                context: segment.campaign.context(&bin),
            };
            let outcome = fit_bin(choice.method.as_ref(), &problem);
            let now = Instant::now();
            self.progress.unit_done(outcome.status(), now - start);
            start = now;
            let configuration = self.study.configuration_at(segment.realisation, method);
            if let Some(done) = self.tally.count(configuration) {
                (self.listener)(done);
            }
            outcome
        };
        methods.map(fit).collect()
    }
}

impl Segment {
    /// The methods to fit at one bin: all, but perhaps at the first and the last bin.
    fn methods_at(&self, study: &Study, position: usize) -> Range<usize> {
        let methods = study.methods.len() as u64;
        let of_bin = self.realisation * study.units_per_realisation() + position as u64 * methods;
        let start = self.units.start.max(of_bin) - of_bin;
        let end = self.units.end.min(of_bin + methods) - of_bin;
        start as usize..end as usize
    }
}

/// Counts the units of each configuration, to know when one is done.
struct Tally {
    first: u64,
    expected: Vec<u64>,
    counted: Vec<AtomicU64>,
    done: AtomicU64,
}

impl Tally {
    fn new(study: &Study, segments: &[Segment]) -> Self {
        let start = segments.first().map_or(0, |segment| segment.units.start);
        let end = segments.last().map_or(start, |segment| segment.units.end);
        let methods = study.methods.len() as u64;
        let per_realisation = study.units_per_realisation();
        let first = start / per_realisation * methods;
        let last = end.div_ceil(per_realisation) * methods;
        // Units of a method before an index: one for each bin passed.
        let before = |index: u64, configuration: u64| {
            let own = configuration / methods * per_realisation + configuration % methods;
            index.saturating_sub(own).div_ceil(methods).min(study.bins.len() as u64)
        };
        let expected: Vec<u64> = (first..last).map(|c| before(end, c) - before(start, c)).collect();
        let counted = expected.iter().map(|_| AtomicU64::new(0)).collect();
        Self { first, expected, counted, done: AtomicU64::new(0) }
    }

    /// Counts a unit; says so if it was the last of its configuration.
    fn count(&self, configuration: u64) -> Option<ConfigurationDone> {
        let index = (configuration - self.first) as usize;
        let counted = self.counted[index].fetch_add(1, Ordering::Relaxed) + 1;
        (counted == self.expected[index]).then(|| ConfigurationDone {
            done: self.done.fetch_add(1, Ordering::Relaxed) + 1,
            of: self.expected.iter().filter(|units| **units > 0).count() as u64,
            configuration,
            units: counted,
            thread: rayon::current_thread_index().unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    fn load(assignments: &[&str]) -> (Config, Study) {
        let assignments: Vec<String> = assignments.iter().map(|a| (*a).into()).collect();
        let config = Config::load(None, &assignments).unwrap();
        let study = Study::new(&config).unwrap();
        (config, study)
    }

    const SMALL: [&str; 5] = [
        "simulate.records=60",
        "simulate.plateau_records=5",
        "study.noise_levels=[0.01,0.1]",
        "study.trials=2",
        "fit.bins=4-9",
    ];

    fn fit(
        config: &Config,
        study: &Study,
        units: Range<u64>,
    ) -> (Vec<Outcome>, Vec<ConfigurationDone>) {
        let (progress, heard) = (Progress::default(), Mutex::new(Vec::new()));
        let listener = |done| heard.lock().unwrap().push(done);
        let segments = segments(config, study, &units, &mut Campaigns::default()).unwrap();
        let outcomes = fit_segments(study, segments, &progress, &listener);
        assert_eq!(progress.counts().done(), units.end - units.start);
        (outcomes, heard.into_inner().unwrap())
    }

    /// A unit's outcome is a function of its index: nothing passes from one unit to another, so
    /// any way of cutting the units gives the same outcomes.
    #[test]
    fn any_cut_gives_the_same_outcomes() {
        let (config, study) = load(&SMALL);
        let (whole, _) = fit(&config, &study, 0..study.units());
        for pieces in [2, 5, 48] {
            let cut = |i: u64| study.units() * i / pieces;
            let parts: Vec<Outcome> =
                (0..pieces).flat_map(|i| fit(&config, &study, cut(i)..cut(i + 1)).0).collect();
            assert!(parts == whole, "{pieces} pieces");
        }
    }

    #[test]
    fn every_configuration_is_announced_once_with_its_units() {
        let (config, study) = load(&SMALL);
        for units in [0..study.units(), 3..20, 11..12, 12..13] {
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
