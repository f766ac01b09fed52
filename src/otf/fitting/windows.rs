//! Linear fits of more records than need be at hand: they come in windows, each transformed, gathered and
//! taken into the triangle of every bin while it is in the processor's caches.

use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::otf::result::UnitResult;
use crate::otf::segment::{BinToFit, Segment};
use crate::runner::engine::Phase;
use crate::science::data::Realisation;
use crate::science::fit::{Constraint, WindowedFit, time_factoring};

use super::Fitter;

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
        let fits = |(position, methods): &BinToFit| {
            let fit = |&method: &usize| {
                let fit = WindowedFit::new(self.study.windowed(method)?, self.study.emitters.len());
                Some((method, fit))
            };
            let fits = methods.iter().map(fit).collect::<Option<Vec<_>>>()?;
            Some(BinInWindows { position: *position, fits })
        };
        let bins = separate.iter().map(fits).collect::<Option<Vec<_>>>();
        let Some(mut bins) = bins else { return separate.to_vec() };
        let start = Instant::now();
        let numbers: Vec<usize> = bins.iter().map(|bin| self.study.bins[bin.position]).collect();
        let mut before = None;
        for window in windows {
            if self.work.stop.asked() {
                return Vec::new();
            }
            let space = before.take();
            let realise = || segment.campaign.realise_window(&draw, &numbers, window, space);
            let realisation = self.work.profile.phase(Phase::Prepare, realise);
            let add = |(place, bin): (usize, &mut BinInWindows)| {
                self.add_window(segment, &realisation, place, bin);
            };
            bins.par_iter_mut().enumerate().for_each(add);
            before = Some(realisation);
        }
        let units: usize = bins.iter().map(|bin| bin.fits.len()).sum();
        self.finish_windows(segment, bins, start.elapsed() / units.max(1) as u32)
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
            let problem = realisation.problem(&gathered.bin, &columns, Constraint::None);
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
        let finish = |BinInWindows { position, fits }: BinInWindows| {
            let mut unfinished = Vec::new();
            for (method, fit) in fits {
                match self.work.profile.column(method, time_factoring, || fit.finish()) {
                    Some((outcome, spare)) => {
                        let result = UnitResult::of_spare(outcome, spare);
                        self.keep(segment, position, method, &[result], time);
                    }
                    None => unfinished.push(method),
                }
            }
            (!unfinished.is_empty()).then_some((position, unfinished))
        };
        bins.into_par_iter().filter_map(finish).collect()
    }
}
