//! Trials on measured data: which records are fitted, and which are held out to be predicted.
//!
//! Records of one plateau were taken at one setting of the temperatures and share whatever was
//! wrong with it, so plateaus are drawn or left out whole.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::DataError;
use super::random::StreamKey;
use crate::science::instrument::ChannelScan;

/// What the trials of a study on measured data are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Resampling {
    /// One trial, with all records.
    #[default]
    None,
    /// Each trial draws as many plateaus as there are, with replacement; those not drawn are held
    /// out (Efron & Tibshirani 1993, An Introduction to the Bootstrap).
    Bootstrap,
    /// The plateaus are dealt to as many folds as there are trials; each trial holds out one.
    CrossValidation,
}

/// One trial: a draw of noise for simulated data, a choice of records for measured ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// In units of the median null RMS; not used for measured data.
    pub noise_level: f64,
    /// 1, 2, ...
    pub trial: u64,
    /// Trials of the study.
    pub trials: u64,
    /// What the trials of measured data are.
    pub resampling: Resampling,
}

impl Draw {
    /// A draw of noise.
    #[must_use]
    pub fn of_noise(noise_level: f64, trial: u64) -> Self {
        Self { noise_level, trial, trials: trial, resampling: Resampling::None }
    }
}

/// The plateaus of one trial, by their places; ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TrialPlateaus {
    /// One that was drawn twice is there twice.
    fitted: Vec<usize>,
    held_out: Vec<usize>,
}

/// The records of one trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TrialRecords {
    /// Those that are fitted; one that was drawn twice is there twice.
    pub(super) fitted: Vec<usize>,
    /// A number for the plateau of each of them, ascending.
    pub(super) plateaus: Vec<usize>,
    /// Those that are not.
    pub(super) held_out: Vec<usize>,
}

impl TrialRecords {
    /// The records of a trial, by the number of the plateau of each record.
    pub(super) fn new(draw: &Draw, seed: u64, set: ChannelScan, plateaus: &[usize]) -> Self {
        let runs = runs(plateaus);
        let drawn = match draw.resampling {
            Resampling::None => {
                TrialPlateaus { fitted: (0..runs.len()).collect(), held_out: Vec::new() }
            }
            Resampling::Bootstrap => bootstrap(draw.trial, seed, set, runs.len()),
            Resampling::CrossValidation => fold(draw, seed, set, runs.len()),
        };
        let records = |plateau: &usize| runs[*plateau].clone();
        let number =
            |(number, plateau): (usize, &usize)| runs[*plateau].clone().map(move |_| number);
        Self {
            fitted: drawn.fitted.iter().flat_map(records).collect(),
            plateaus: drawn.fitted.iter().enumerate().flat_map(number).collect(),
            held_out: drawn.held_out.iter().flat_map(records).collect(),
        }
    }
}

/// Whether a data set has enough plateaus for the trials that are asked for.
///
/// # Errors
/// If it has not.
pub(super) fn check(
    resampling: Resampling,
    trials: u64,
    set: ChannelScan,
    plateaus: &[usize],
) -> Result<(), DataError> {
    let needed = match resampling {
        Resampling::None => return Ok(()),
        Resampling::Bootstrap => 2,
        Resampling::CrossValidation => trials,
    };
    let found = runs(plateaus).len();
    if found as u64 >= needed {
        Ok(())
    } else {
        Err(DataError::TooFewPlateaus { set, found, needed })
    }
}

/// The records of each plateau.
fn runs(plateaus: &[usize]) -> Vec<Range<usize>> {
    let mut start = 0;
    let run = |plateau: &[usize]| {
        start += plateau.len();
        start - plateau.len()..start
    };
    plateaus.chunk_by(|a, b| a == b).map(run).collect()
}

fn bootstrap(trial: u64, seed: u64, set: ChannelScan, plateaus: usize) -> TrialPlateaus {
    let mut stream = StreamKey::bootstrap(seed, set).stream(trial as usize);
    let mut fitted: Vec<usize> = (0..plateaus).map(|_| stream.below(plateaus)).collect();
    fitted.sort_unstable();
    let held_out = (0..plateaus).filter(|p| fitted.binary_search(p).is_err()).collect();
    TrialPlateaus { fitted, held_out }
}

/// Deals the plateaus, in a random order, to the folds.
fn fold(draw: &Draw, seed: u64, set: ChannelScan, plateaus: usize) -> TrialPlateaus {
    let mut stream = StreamKey::folds(seed, set).stream(0);
    let mut order: Vec<usize> = (0..plateaus).collect();
    for last in (1..plateaus).rev() {
        order.swap(last, stream.below(last + 1));
    }
    let mut fold_of = vec![0; plateaus];
    order.iter().enumerate().for_each(|(i, plateau)| fold_of[*plateau] = i as u64 % draw.trials);
    let held = |plateau: &usize| fold_of[*plateau] == draw.trial - 1;
    let (held_out, fitted) = (0..plateaus).partition(held);
    TrialPlateaus { fitted, held_out }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten plateaus of 1 to 4 records.
    fn plateaus() -> Vec<usize> {
        (0..10).flat_map(|plateau| vec![plateau; 1 + plateau % 4]).collect()
    }

    fn resample(resampling: Resampling, trial: u64, trials: u64) -> TrialRecords {
        let draw = Draw { noise_level: 0.0, trial, trials, resampling };
        TrialRecords::new(&draw, 1, "llss".parse().unwrap(), &plateaus())
    }

    /// The plateaus of some records; each must be there whole.
    fn whole(records: &[usize]) -> Vec<usize> {
        let plateaus = plateaus();
        let mut found: Vec<usize> = records.iter().map(|r| plateaus[*r]).collect();
        found.dedup();
        for plateau in &found {
            let size = records.iter().filter(|r| plateaus[**r] == *plateau).count();
            assert_eq!(size % (1 + plateau % 4), 0, "plateau {plateau} was cut");
        }
        found
    }

    #[test]
    fn without_resampling_every_record_is_fitted() {
        let all = resample(Resampling::None, 1, 1);
        assert_eq!(all.fitted, (0..plateaus().len()).collect::<Vec<_>>());
        assert_eq!((all.plateaus, all.held_out), (plateaus(), vec![]));
    }

    #[test]
    fn a_bootstrap_fits_as_many_plateaus_and_holds_out_the_rest() {
        let mut held = 0;
        for trial in 1..=200 {
            let one = resample(Resampling::Bootstrap, trial, 200);
            let (fitted, held_out) = (whole(&one.fitted), whole(&one.held_out));
            let mut all = [fitted, held_out.clone()].concat();
            all.sort_unstable();
            assert_eq!(all, (0..10).collect::<Vec<_>>());
            assert_eq!(one.plateaus.last(), Some(&9), "ten were drawn");
            assert_eq!(one.plateaus.len(), one.fitted.len());
            assert!(one.plateaus.is_sorted());
            held += held_out.len();
        }
        // Each is left out with probability 0.9^10 = 0.349.
        let part = held as f64 / 2000.0;
        assert!((part - 0.349).abs() < 0.04, "{part}");
        assert_ne!(resample(Resampling::Bootstrap, 1, 3), resample(Resampling::Bootstrap, 2, 3));
        assert_eq!(resample(Resampling::Bootstrap, 1, 3), resample(Resampling::Bootstrap, 1, 9));
    }

    #[test]
    fn folds_hold_out_every_record_once() {
        let mut held: Vec<usize> = Vec::new();
        for trial in 1..=4 {
            let one = resample(Resampling::CrossValidation, trial, 4);
            whole(&one.held_out);
            assert!(one.held_out.iter().all(|record| !one.fitted.contains(record)));
            assert_eq!(one.fitted.len() + one.held_out.len(), plateaus().len());
            held.extend(one.held_out);
        }
        held.sort_unstable();
        assert_eq!(held, (0..plateaus().len()).collect::<Vec<_>>());
    }

    #[test]
    fn too_few_plateaus_are_refused() {
        let set = "llss".parse().unwrap();
        assert!(check(Resampling::CrossValidation, 10, set, &plateaus()).is_ok());
        let error = check(Resampling::CrossValidation, 11, set, &plateaus()).unwrap_err();
        assert!(error.to_string().contains("10 plateaus"), "{error}");
        assert!(check(Resampling::Bootstrap, 5, set, &[0, 0, 0]).is_err());
        assert!(check(Resampling::None, 1, set, &[0]).is_ok());
    }
}
