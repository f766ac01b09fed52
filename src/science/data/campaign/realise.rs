//! From the records of a data set to the spectra of one trial.

use std::ops::Range;

use num_complex::Complex64;
use rayon::prelude::*;

use super::realisation::{Realisation, RecordSubset};
use super::{Campaign, Interferograms};
use crate::foundations::npz::SourceType;
use crate::foundations::numerics::HugePageBuf;
use crate::science::data::emitters::emitting;
use crate::science::data::plateaus::plateaus;
use crate::science::data::resample::{Draw, Resampling, TrialRecords};
use crate::science::data::settings::Sigma;
use crate::science::data::simulate::Noise;
use crate::science::data::transform::{Transform, TransformGroup};
use crate::science::fit::{VarianceScale, WINDOW, WINDOW_STEP};

/// Records whose parts of the rows of all bins are written by one thread: whole cache lines.
const BLOCK: usize = 64;

/// Complex numbers in a cache line.
const OF_LINE: usize = 4;

/// From one row of so many records to the next: an odd number of cache lines. The same record of all bins
/// would else have its place in a few sets of a cache.
fn stride(records: usize) -> usize {
    (records.div_ceil(OF_LINE) | 1) * OF_LINE
}

/// The parts of `[bin][record]` that belong to each block of records: one a bin.
fn by_block(transforms: &mut [Complex64], records: usize) -> Vec<Vec<&mut [Complex64]>> {
    let mut blocks: Vec<Vec<_>> = (0..records.div_ceil(BLOCK)).map(|_| Vec::new()).collect();
    for row in transforms.chunks_exact_mut(stride(records)) {
        for (block, part) in blocks.iter_mut().zip(row[..records].chunks_mut(BLOCK)) {
            block.push(part);
        }
    }
    blocks
}

/// Records of a window. Memory that is new costs as much as what is done with it, so that few records come
/// in several windows too, but in no more than keep all threads at work. The results do not depend on it.
fn window(records: usize) -> usize {
    let quarter = records.div_ceil(4 * WINDOW_STEP);
    let steps = quarter.max(rayon::current_num_threads());
    (steps * WINDOW_STEP).min(WINDOW)
}

impl Campaign {
    /// Transforms every record at the given bins, in one trial.
    ///
    /// Simulated records get the noise of the trial's level; measured records have the noise that
    /// they have, and a trial chooses among them.
    #[must_use]
    pub fn realise(&self, draw: &Draw, bins: &[usize]) -> Realisation {
        self.realise_with_support(draw, bins, [false; 4])
    }

    /// As [`Self::realise`], with the bins that harmonics and vibrations at the given ones refer to: of
    /// those terms (H2, H3, VP, VS) that are `wanted` or whose corrections are in force.
    #[must_use]
    pub fn realise_with_support(
        &self,
        draw: &Draw,
        bins: &[usize],
        wanted: [bool; 4],
    ) -> Realisation {
        let noise = self.noise(draw);
        let (fitted, held_out) = self.chosen(draw, &noise);
        let all = 0..self.records();
        Realisation { held_out, ..self.transformed(draw, (bins, wanted), (all, fitted), None) }
    }

    /// Portions of the records, each whole windows of the linear fits but for the last, that can be
    /// realised one after another; all of them at once where that is not so.
    #[must_use]
    pub fn windows(&self, draw: &Draw) -> Vec<Range<usize>> {
        let records = self.records();
        let has_readings = match &self.selected.interferograms {
            Interferograms::Measured { .. } => false,
            Interferograms::Simulated(simulated) => simulated.has_readings(),
        };
        let is_plain =
            draw.resampling == Resampling::None && !has_readings && !self.designs.keeps();
        let window = if is_plain { window(records) } else { records.max(1) };
        (0..records).step_by(window).map(|first| first..records.min(first + window)).collect()
    }

    /// As [`Self::realise`], of one of the [`Self::windows`], in the space of the one before.
    #[must_use]
    pub fn realise_window(
        &self,
        draw: &Draw,
        bins: &[usize],
        window: Range<usize>,
        before: Option<Realisation>,
    ) -> Realisation {
        if window == (0..self.records()) {
            return self.realise(draw, bins);
        }
        let plateaus = self.plateaus[window.clone()].to_vec();
        let mut fitted =
            RecordSubset::new(self, None, (window.clone().collect(), plateaus), &window);
        let space = before.map(|before| {
            fitted.planck = before.fitted.planck.renewed();
            before.transforms
        });
        self.transformed(draw, (bins, [false; 4]), (window, fitted), space)
    }

    /// Some records that follow each other, transformed, of which some are fitted and none held out.
    fn transformed(
        &self,
        draw: &Draw,
        (bins, wanted): (&[usize], [bool; 4]),
        (window, fitted): (Range<usize>, RecordSubset),
        space: Option<HugePageBuf>,
    ) -> Realisation {
        let in_force = self.corrections.terms();
        let support = self.support(bins, std::array::from_fn(|i| wanted[i] || in_force[i]));
        let chosen = bins.to_vec();
        let bins = &[bins, &support].concat()[..];
        let noise = self.noise(draw);
        let records = window.len();
        let mut transforms = HugePageBuf::in_place_of(space, stride(records) * bins.len());
        // Those at which no light is seen come last, where they tell how large the noise is.
        let dark = if self.known_sigma(&noise).is_none() { self.dark_bins.clone() } else { 0..0 };
        let transformed: Vec<usize> = bins.iter().copied().chain(dark).collect();
        let blocks: Vec<Vec<f64>> = by_block(&mut transforms, records)
            .into_par_iter()
            .enumerate()
            .map_init(
                || self.transform.group(transformed.len()),
                |group, (index, rows)| {
                    let first = window.start + index * BLOCK;
                    let records = first..window.end.min(first + BLOCK);
                    self.transform_block(records, &noise, &transformed, group, rows)
                },
            )
            .collect();
        let mut sample_variance = blocks.concat();
        let mut scale = VarianceScale::Absolute;
        // Of measured records a window may happen to be without noise, but not all of them.
        let may_have_none = records == self.records() || self.known_sigma(&noise).is_some();
        if may_have_none && sample_variance.iter().all(|&variance| variance == 0.0) {
            // Noise-free by construction: every sample is as good as every other.
            sample_variance.fill(1.0);
            scale = VarianceScale::Relative;
        }
        Realisation {
            bins: chosen,
            support,
            draw: *draw,
            first: window.start,
            transforms,
            stride: stride(records),
            sample_variance,
            scale,
            fitted,
            held_out: None,
        }
    }

    /// Transforms some records that follow each other into their parts of the rows of all bins, which are
    /// the first of those that are `transformed`; returns the variance of a sample of each record.
    fn transform_block(
        &self,
        records: Range<usize>,
        noise: &Noise,
        transformed: &[usize],
        group: &mut TransformGroup,
        mut rows: Vec<&mut [Complex64]>,
    ) -> Vec<f64> {
        let mut variances = Vec::with_capacity(records.len());
        for start in records.clone().step_by(Transform::group_size()) {
            let count = Transform::group_size().min(records.end - start);
            let sample = |place| {
                let (gain_sweeps, middle) =
                    self.samples(start + place, noise, group.samples(place));
                group.set_middle(place, middle);
                gain_sweeps
            };
            let gain_sweeps: Vec<f64> = (0..count).map(sample).collect();
            self.transform.run(count, transformed, group);
            group.copy_to(&mut rows, start - records.start, count);
            let dark = rows.len()..transformed.len();
            let powers = group.powers(dark.clone());
            for (gain_sweeps, power) in gain_sweeps.into_iter().zip(powers) {
                variances.push(self.sample_variance(noise, gain_sweeps, (power, dark.len())));
            }
        }
        variances
    }

    /// The records of a trial: those that are fitted, and those that are held out.
    fn chosen(&self, draw: &Draw, noise: &Noise) -> (RecordSubset, Option<RecordSubset>) {
        let set = self.axis.channel_scan();
        let readings = match &self.selected.interferograms {
            Interferograms::Measured { .. } => None,
            Interferograms::Simulated(simulated) => {
                let read = simulated.readings(noise);
                read.map(|read| emitting(&self.emitters, read, &self.selected.states))
            }
        };
        // Plateaus are told apart by the readings, as in measured data.
        let read = readings.as_deref().map(plateaus);
        let trial =
            TrialRecords::new(draw, self.seed, set, read.as_ref().unwrap_or(&self.plateaus));
        let all = 0..self.records();
        let subset = |records, plateaus| {
            RecordSubset::new(self, readings.as_deref(), (records, plateaus), &all)
        };
        let held_out = (!trial.held_out.is_empty()).then(|| subset(trial.held_out, Vec::new()));
        (subset(trial.fitted, trial.plateaus), held_out)
    }

    /// The noise of a trial.
    fn noise(&self, draw: &Draw) -> Noise {
        let sigma = self.sigma_at(draw.noise_level).unwrap_or(0.0);
        Noise::new(sigma, self.seed, self.axis.channel_scan(), draw.noise_level, draw.trial)
    }

    /// Writes one interferogram (counts per gain and sweep); returns its gain times sweeps, and the two
    /// samples in the middle of their order, if these are known.
    fn samples(&self, record: usize, noise: &Noise, out: &mut [f64]) -> (f64, Option<[f64; 2]>) {
        let (gain_sweeps, middle) = match &self.selected.interferograms {
            Interferograms::Measured { counts, gain_sweeps } => {
                counts.copy_row(record, out);
                let wanted = self.transform.wants_middle();
                (gain_sweeps[record], wanted.then(|| counts.middle_of_row(record)).flatten())
            }
            Interferograms::Simulated(simulated) => {
                let gain = simulated.gain(simulated.telemetry(record, noise, out));
                (gain * simulated.sweeps, None)
            }
        };
        let inverse = 1.0 / gain_sweeps;
        out.iter_mut().for_each(|sample| *sample *= inverse);
        (gain_sweeps, middle.map(|both| both.map(|sample| sample * inverse)))
    }

    /// The standard deviation of the noise of a sample, if it need not be estimated.
    fn known_sigma(&self, noise: &Noise) -> Option<f64> {
        match (self.sigma, &self.selected.interferograms) {
            (Some(Sigma::Given(sigma)), _) => Some(sigma),
            (Some(Sigma::Estimate), _) | (None, Interferograms::Measured { .. }) => None,
            (None, Interferograms::Simulated(_)) => Some(noise.sigma),
        }
    }

    /// Noise variance of one sample: given (plus that of rounding to counts, one twelfth), known
    /// from the simulation, or from the power in so many bins where the channel sees no light.
    fn sample_variance(&self, noise: &Noise, gain_sweeps: f64, (power, bins): (f64, usize)) -> f64 {
        let rounded = match &self.selected.interferograms {
            Interferograms::Measured { counts, .. } => counts.source_type() == SourceType::Integer,
            Interferograms::Simulated(simulated) => simulated.rounded(),
        };
        match self.known_sigma(noise) {
            Some(sigma) => {
                let rounding = if rounded { 1.0 / (12.0 * gain_sweeps * gain_sweeps) } else { 0.0 };
                sigma * sigma + rounding
            }
            None => power / (bins as f64 * self.transform.noise_power()),
        }
    }
}
