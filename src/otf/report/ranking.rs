//! Methods against a reference on the same noise: what the trials confirm, and what they cannot tell
//! apart.
//!
//! All methods see the same draw of noise, so most of the scatter is common to all of them, and goes
//! out of the ratio of their errors. At every bin and emitter (of predictions: at every bin) where both
//! have a value, the logarithm of that ratio is taken; its mean is the value of a trial, and the scatter
//! of trials says how far it is chance.

use crate::foundations::numerics::math::modulus;
use crate::otf::products::{Arrays, DataSetGrid, judged_bins};
use crate::otf::study::{RealisationId, Study};

pub(in crate::otf) use super::chance::Standing;
use super::chance::{Difference, log_ratio};

/// Of which error the ratios are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::otf) enum ErrorOf {
    /// Of the emissivities, against the truth of a simulation.
    Emissivity,
    /// Of the prediction of records that were held out.
    Prediction,
}

/// All methods of a study against one of them.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::otf) struct Ranking {
    /// Of which error.
    pub(in crate::otf) error_of: ErrorOf,
    /// Index of the reference.
    pub(in crate::otf) reference: usize,
    /// Trials of each data set and noise level.
    pub(in crate::otf) trials: u64,
    /// Noise levels; empty for measured data.
    pub(in crate::otf) levels: Vec<f64>,
    /// One a method, in the order of the settings.
    pub(in crate::otf) lines: Vec<Line>,
}

/// One method.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::otf) struct Line {
    /// As written in `fit.methods`.
    pub(in crate::otf) method: String,
    /// Over everything.
    pub(in crate::otf) all: Difference,
    /// At each noise level.
    pub(in crate::otf) by_level: Vec<Difference>,
    /// For each emitter; empty of predictions.
    pub(in crate::otf) by_emitter: Vec<Difference>,
    /// Of the values that the reference has, the part that this method has too.
    pub(in crate::otf) share: f64,
}

/// Sums over the bins of one emitter in one trial.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    logs: f64,
    count: u64,
    /// Values of the reference.
    wanted: u64,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.logs += other.logs;
        self.count += other.count;
        self.wanted += other.wanted;
    }

    fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.logs / self.count as f64)
    }
}

impl Ranking {
    /// None where there is nothing to compare: one method, or no truth and nothing predicted.
    pub(in crate::otf) fn new(
        study: &Study,
        grids: &[DataSetGrid],
        arrays: &Arrays,
    ) -> Option<Self> {
        let is_resampled = study.resampling != crate::science::data::Resampling::None;
        let error_of = match grids.iter().all(|grid| grid.truth.is_some()) {
            true => ErrorOf::Emissivity,
            false if is_resampled => ErrorOf::Prediction,
            false => return None,
        };
        if study.methods.len() < 2 {
            return None;
        }
        let place = Place { study, grids, arrays, error_of, reference: reference_of(study) };
        let lines = (0..study.methods.len()).map(|method| place.line(method)).collect();
        let levels = match error_of {
            ErrorOf::Emissivity => study.noise_levels.clone(),
            ErrorOf::Prediction => Vec::new(),
        };
        Some(Self { error_of, reference: place.reference, trials: study.trials, levels, lines })
    }

    /// Smaller differences do not matter. Errors of predictions are noise for the most part, so that what
    /// matters of them is little.
    pub(in crate::otf) fn least(&self) -> f64 {
        match self.error_of {
            ErrorOf::Emissivity => 5e-4,
            ErrorOf::Prediction => 5e-6,
        }
    }

    /// What may be said of a method over everything; none of the reference.
    pub(in crate::otf) fn standing(&self, method: usize) -> Option<Standing> {
        (method != self.reference).then(|| self.lines[method].all.standing(self.least()))
    }

    /// The methods: those that are better by how much, those that are equal to the reference in the order
    /// of the settings, those that are worse by how much. Nobody has a place by luck.
    pub(in crate::otf) fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.lines.len()).collect();
        let group = |method: usize| match self.standing(method) {
            Some(Standing::Better) => 0,
            None | Some(Standing::Same | Standing::Chance | Standing::Untold) => 1,
            Some(Standing::Worse) => 2,
            Some(Standing::Absent) => 3,
        };
        order.sort_by(|&a, &b| {
            let by_size = || self.lines[a].all.log_ratio.total_cmp(&self.lines[b].all.log_ratio);
            let sorts = |method| group(method) != 1 && group(method) != 3;
            let within = if sorts(a) { by_size() } else { a.cmp(&b) };
            group(a).cmp(&group(b)).then(within)
        });
        order
    }

    /// The reference's name.
    pub(in crate::otf) fn reference_label(&self) -> &str {
        &self.lines[self.reference].method
    }
}

/// The method that others are compared with, and that stands for a run: weighted least squares, or else
/// the first.
pub(in crate::otf) fn reference_of(study: &Study) -> usize {
    let methods = || study.methods.iter();
    let exactly = methods().position(|method| method.label == "wls");
    exactly.or(methods().position(|method| method.name() == "wls")).unwrap_or(0)
}

struct Place<'a> {
    study: &'a Study,
    grids: &'a [DataSetGrid],
    arrays: &'a Arrays,
    error_of: ErrorOf,
    reference: usize,
}

impl Place<'_> {
    fn line(&self, method: usize) -> Line {
        let study = self.study;
        let levels = study.noise_levels.len();
        // [set and level][trial][emitter]
        let cells: Vec<Vec<Vec<Sum>>> = (0..study.sets.len() * levels)
            .map(|cell| {
                let (set, noise) = (cell / levels, cell % levels);
                let trial = |trial| self.sums(RealisationId { set, noise, trial }, method);
                (1..=study.trials).map(trial).collect()
            })
            .collect();
        let together = |sums: &Vec<Sum>| {
            let mut all = Sum::default();
            sums.iter().for_each(|sum| all.add(*sum));
            all
        };
        let totals: Vec<Vec<Sum>> =
            cells.iter().map(|trials| trials.iter().map(together).collect()).collect();
        let means = |trials: &Vec<Sum>| trials.iter().filter_map(Sum::mean).collect::<Vec<f64>>();
        let of_all: Vec<Vec<f64>> = totals.iter().map(means).collect();
        let of_level = |level: usize| {
            let own: Vec<Vec<f64>> = of_all.iter().skip(level).step_by(levels).cloned().collect();
            Difference::of_cells(&own)
        };
        let of_emitter = |emitter: usize| {
            let own = |trials: &Vec<Vec<Sum>>| {
                trials.iter().filter_map(|sums| sums[emitter].mean()).collect()
            };
            Difference::of_cells(&cells.iter().map(own).collect::<Vec<Vec<f64>>>())
        };
        let (emitters, levels) = match self.error_of {
            ErrorOf::Emissivity => (study.emitters.len(), levels),
            ErrorOf::Prediction => (0, 0),
        };
        let mut whole = Sum::default();
        totals.iter().flatten().for_each(|sum| whole.add(*sum));
        Line {
            method: study.methods[method].label.clone(),
            all: Difference::of_cells(&of_all),
            by_level: (0..levels).map(of_level).collect(),
            by_emitter: (0..emitters).map(of_emitter).collect(),
            share: whole.count as f64 / whole.wanted as f64,
        }
    }

    /// One sum an emitter; of predictions one.
    fn sums(&self, id: RealisationId, method: usize) -> Vec<Sum> {
        let (study, grid) = (self.study, &self.grids[id.set]);
        let own = study.configuration_index(id, method);
        let reference = study.configuration_index(id, self.reference);
        let has = judged_bins(grid, self.arrays, own);
        let wanted = judged_bins(grid, self.arrays, reference);
        let width = match self.error_of {
            ErrorOf::Emissivity => study.emitters.len(),
            ErrorOf::Prediction => 1,
        };
        let mut sums = vec![Sum::default(); width];
        for bin in wanted {
            let is_there = has.binary_search(&bin).is_ok();
            for (emitter, sum) in sums.iter_mut().enumerate() {
                let of = |configuration| self.error(grid, configuration, (bin, emitter));
                let of_reference = of(reference);
                sum.wanted += u64::from(of_reference.is_finite());
                let ratio = is_there.then(|| log_ratio(of(own), of_reference)).flatten();
                if let Some(ratio) = ratio {
                    sum.add(Sum { logs: ratio, count: 1, wanted: 0 });
                }
            }
        }
        sums
    }

    fn error(&self, grid: &DataSetGrid, configuration: u64, place: (usize, usize)) -> f64 {
        let (row, (bin, emitter)) = (configuration as usize, place);
        match (self.error_of, &grid.truth) {
            (ErrorOf::Emissivity, Some(truth)) => {
                modulus(self.arrays.emissivity_at(row, bin)[emitter] - truth[bin][emitter])
            }
            _ => self.arrays.prediction_error_at(row, bin),
        }
    }
}
