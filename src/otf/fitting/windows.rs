//! Linear fits of more records than need be at hand: they come in windows, each transformed, gathered and
//! taken into the triangle of every bin while it is in the processor's caches.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::otf::result::UnitResult;
use crate::otf::segment::{BinToFit, Segment};
use crate::science::data::Realisation;
use crate::science::fit::{Constraint, WindowedFit, time_factoring};

use super::Fitter;

/// Bins that one thread finishes side by side.
const AT_ONCE: usize = 16;

/// The fits of one bin, by their methods.
struct BinInWindows {
    position: usize,
    fits: Vec<(usize, WindowedFit)>,
}

impl Fitter<'_> {
    /// Fits bins whose methods can all be given the records in windows, if there is more than one;
    /// returns the bins that are left.
    pub(super) fn fit_in_windows(&self, segment: &Segment, separate: &[BinToFit]) -> Vec<BinToFit> {
        let draw = self.study.draw(segment.id);
        let windows = segment.campaign.windows(&draw);
        if windows.len() <= 1 {
            return separate.to_vec();
        }
        let Some(mut bins) = self.begin_windows(segment, separate) else {
            return separate.to_vec();
        };
        let start = Instant::now();
        let numbers: Vec<usize> = bins.iter().map(|bin| self.study.bins[bin.position]).collect();
        let mut before = None;
        for window in windows {
            if self.is_over() {
                return Vec::new();
            }
            let space = before.take();
            let realise = || segment.campaign.realise_window(&draw, &numbers, window, space);
            let Some(realisation) = self.realised(realise) else { return Vec::new() };
            let add = |(place, bin): (usize, &mut BinInWindows)| {
                self.add_window(segment, &realisation, place, bin);
            };
            bins.par_iter_mut().enumerate().for_each(add);
            before = Some(realisation);
        }
        let units: usize = bins.iter().map(|bin| bin.fits.len()).sum();
        self.finish_windows(segment, bins, start.elapsed() / units.max(1) as u32)
    }

    /// The fits of bins before the first window; none if a method needs all records at once.
    fn begin_windows(&self, segment: &Segment, bins: &[BinToFit]) -> Option<Vec<BinInWindows>> {
        let study = self.study;
        let numbers: Vec<usize> = bins.iter().map(|(position, _)| study.bins[*position]).collect();
        let is_wanted =
            study.methods.iter().any(|method| method.constraint == Constraint::Kirchhoff);
        let constrained = match is_wanted {
            true => segment.campaign.eliminated_at(&numbers),
            false => vec![None; numbers.len()],
        };
        let begin = |((position, methods), constrained): (&BinToFit, Option<usize>)| {
            let fit = |&method: &usize| {
                let eliminated = match study.methods[method].constraint {
                    Constraint::None => None,
                    Constraint::Kirchhoff => Some(constrained?),
                };
                let how = study.windowed(method)?;
                Some((method, WindowedFit::new(how, study.emitters.len(), eliminated)))
            };
            let fits = methods.iter().map(fit).collect::<Option<Vec<_>>>()?;
            Some(BinInWindows { position: *position, fits })
        };
        bins.iter().zip(constrained).map(begin).collect()
    }

    fn add_window(
        &self,
        segment: &Segment,
        realisation: &Realisation,
        place: usize,
        bin: &mut BinInWindows,
    ) {
        let gathered = self.gather(segment, realisation, place);
        let columns = gathered.bin.columns();
        for (method, fit) in &mut bin.fits {
            let constraint = self.study.methods[*method].constraint;
            let problem = realisation.problem(&gathered.bin, &columns, constraint);
            self.work.profile.column(*method, time_factoring, || fit.add(&problem));
        }
    }

    /// Hands in what was found; returns the bins whose methods need all records after all.
    fn finish_windows(
        &self,
        segment: &Segment,
        bins: Vec<BinInWindows>,
        time: Duration,
    ) -> Vec<BinToFit> {
        let mut by_method: BTreeMap<usize, Vec<(usize, WindowedFit)>> = BTreeMap::new();
        for BinInWindows { position, fits } in bins {
            for (method, fit) in fits {
                by_method.entry(method).or_default().push((position, fit));
            }
        }
        let mut unfinished: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (method, fits) in by_method {
            for position in self.finish_method(segment, method, fits, time) {
                unfinished.entry(position).or_default().push(method);
            }
        }
        unfinished.into_iter().collect()
    }

    /// Hands in what a method found; returns the bins of which it needs all records after all.
    fn finish_method(
        &self,
        segment: &Segment,
        method: usize,
        mut fits: Vec<(usize, WindowedFit)>,
        time: Duration,
    ) -> Vec<usize> {
        let finish = |some: Vec<(usize, WindowedFit)>| {
            let (positions, fits): (Vec<usize>, Vec<_>) = some.into_iter().unzip();
            let finish = || WindowedFit::finish(fits);
            let outcomes = self.work.profile.column(method, time_factoring, finish);
            let mut unfinished = Vec::new();
            for (position, outcome) in positions.into_iter().zip(outcomes) {
                match outcome {
                    Some((outcome, spare)) => {
                        let result = UnitResult::of_spare(outcome, spare);
                        self.keep(segment, position, method, &[result], time);
                    }
                    None => unfinished.push(position),
                }
            }
            unfinished
        };
        let mut groups = Vec::new();
        while !fits.is_empty() {
            groups.push(fits.drain(..fits.len().min(AT_ONCE)).collect::<Vec<_>>());
        }
        groups.into_par_iter().flat_map(finish).collect()
    }
}
