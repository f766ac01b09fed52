//! Runs the joint fit: one configuration is one piece, or several data sets that are fitted together.

use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;

use crate::science::data::{Campaign, JointRecords, Realisation};
use crate::science::fit::joint::{self, JointFit, JointSet, JointSettings};
use crate::science::fit::{Deadline, Outcome, time_factoring};

use super::fitting::Fitter;
use super::result::{Shared, UnitResult};
use super::segment::Segment;
use super::study::{Estimator, RealisationId};

/// A joint fit of one method, and the segments that want its results.
pub(super) struct Job<'a> {
    method: usize,
    settings: &'a JointSettings,
    /// The data sets, by index.
    sets: Vec<(usize, Arc<Campaign>)>,
    wanted: Vec<&'a Segment>,
}

impl<'a> Fitter<'a> {
    /// The joint fits that segments have left. Segments of data sets that are fitted together share one.
    pub(super) fn joint_jobs(&self) -> Vec<Job<'a>> {
        let mut jobs: Vec<Job<'a>> = Vec::new();
        for segment in self.segments {
            for &method in &segment.left.coupled {
                let Estimator::Joint(_, settings) = &self.study.methods[method].estimator else {
                    continue;
                };
                let together =
                    self.study.methods[method].together(segment.id.set, &self.study.sets);
                if together.is_empty() {
                    let sets = vec![(segment.id.set, segment.campaign.clone())];
                    jobs.push(Job { method, settings, sets, wanted: vec![segment] });
                    continue;
                }
                let of_trial = |other: &RealisationId| {
                    (other.noise, other.trial) == (segment.id.noise, segment.id.trial)
                };
                let known = jobs.iter_mut().find(|job| {
                    job.method == method
                        && job.sets.len() == together.len()
                        && job.sets.iter().any(|(set, _)| *set == segment.id.set)
                        && job.wanted.iter().any(|other| of_trial(&other.id))
                });
                match known {
                    Some(job) => job.wanted.push(segment),
                    None => {
                        let own = segment.together.iter().filter(|(set, _)| together.contains(set));
                        let sets = own.cloned().collect();
                        jobs.push(Job { method, settings, sets, wanted: vec![segment] });
                    }
                }
            }
        }
        jobs
    }

    /// Runs a joint fit and hands in what the segments want of it.
    pub(super) fn run_joint(&self, job: &Job) {
        let Some(first) = job.wanted.first() else { return };
        if self.is_over() {
            return;
        }
        let start = Instant::now();
        let of_sets = job.sets.iter();
        let realised: Option<Vec<Realised>> =
            of_sets.map(|(set, campaign)| self.of_set(first, *set, campaign, job)).collect();
        let Some(realised) = realised else { return };
        let records: Vec<JointRecords> = realised
            .iter()
            .map(|(campaign, realisation, wanted)| campaign.joint_records(realisation, *wanted))
            .collect();
        let sets: Vec<JointSet> = records.iter().map(JointRecords::set).collect();
        let constraint = self.study.methods[job.method].constraint;
        let units = (self.study.bins.len() * sets.len()) as u32;
        let limit = self.study.unit_limit.map(|limit| limit.saturating_mul(units));
        let fit = || joint::fit(&sets, job.settings, constraint, Deadline::after(limit));
        let held_out = |place: usize| {
            let (campaign, realisation, wanted) = &realised[place];
            campaign.held_out_joint_records(realisation, *wanted)
        };
        let fitted = self.work.profile.column(job.method, time_factoring, fit);
        let time = start.elapsed() / units.max(1);
        for segment in &job.wanted {
            let place = job.sets.iter().position(|(set, _)| *set == segment.id.set).unwrap_or(0);
            let bins = (self.study.bins.len(), records[place].bright());
            let mut results = results(bins, &sets[place], place, &fitted, constraint);
            if let (Some(held_out), Ok(fit)) = (held_out(place), &fitted)
                && let Ok(errors) = joint::predict(&held_out.set(), &fit.sets[place])
            {
                for (&position, error) in bins.1.iter().zip(errors) {
                    results[position].prediction_error = error;
                }
            }
            self.keep(segment, 0, job.method, &results, time);
        }
    }

    /// The spectra of a data set in the trial of a segment, with the correction terms that are needed; none
    /// where they cannot be read.
    fn of_set<'c>(
        &self,
        segment: &Segment,
        set: usize,
        campaign: &'c Campaign,
        job: &Job,
    ) -> Option<Realised<'c>> {
        let draw = self.study.draw(RealisationId { set, ..segment.id });
        let wanted = joint::wanted_terms(job.settings, &campaign.known_values());
        let realise = || campaign.realise_with_support(&draw, &self.study.bins, wanted);
        Some((campaign, self.realised(realise)?, wanted))
    }
}

/// A data set, its spectra in one trial, and the correction terms that are needed of them.
type Realised<'c> = (&'c Campaign, Realisation, [bool; 4]);

/// One result a bin of a data set.
fn results(
    (bins, bright): (usize, &[usize]),
    set: &JointSet,
    place: usize,
    fitted: &Result<JointFit, String>,
    constraint: crate::science::fit::Constraint,
) -> Vec<UnitResult> {
    let free = constraint.free(set.emitters.len());
    let degrees = set.records().checked_sub(free).and_then(|spare| u32::try_from(spare).ok());
    let mut shared = fitted.as_ref().ok().map(Shared::from);
    let one = |position: usize| {
        let mut result = UnitResult::without_value(Outcome::NoSignal);
        let Ok(at) = bright.binary_search(&position) else { return result };
        match fitted {
            Err(why) => result.outcome = Outcome::Failed(why.clone()),
            Ok(fit) => {
                result.outcome = fit.sets[place].outcomes[at].clone().finite();
                if result.outcome.solution().is_some() {
                    result.degrees_of_freedom = degrees.filter(|spare| *spare > 0);
                    result.errors = fit.sets[place].errors[at].clone();
                    result.shared = shared.take();
                }
            }
        }
        result
    };
    (0..bins).map(one).collect()
}

/// Runs joint fits side by side.
pub(super) fn run_all(fitter: &Fitter) {
    fitter.joint_jobs().par_iter().for_each(|job| fitter.run_joint(job));
}
