//! From the records of a data set to the spectra of one trial.

use std::ops::Range;

use num_complex::Complex64;
use rayon::prelude::*;

use super::realisation::{Realisation, RecordSubset};
use super::telemetry::AtHand;
use super::{Campaign, Interferograms};
use crate::foundations::npz::{RowPiece, SourceType};
use crate::foundations::numerics::HugePageBuf;
use crate::science::data::emitters::emitting;
use crate::science::data::error::DataError;
use crate::science::data::plateaus::plateaus;
use crate::science::data::records::RecordsError;
use crate::science::data::resample::{Draw, Resampling, TrialRecords};
use crate::science::data::settings::Sigma;
use crate::science::data::simulate::Noise;
use crate::science::data::transform::{Transform, TransformGroup};
use crate::science::fit::{VarianceScale, WINDOW, WINDOW_STEP};

/// Records whose parts of the rows of all bins are written by one thread: whole cache lines.
const BLOCK: usize = 64;

/// Records that are read before they are transformed, where they are read in order: whole blocks.
const AT_ONCE: usize = WINDOW;
const _: () = assert!(AT_ONCE.is_multiple_of(BLOCK));

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
    ///
    /// # Errors
    /// If interferograms that stayed in their file cannot be read, or it has changed.
    pub fn realise(&self, draw: &Draw, bins: &[usize]) -> Result<Realisation, DataError> {
        self.realise_with_support(draw, bins, [false; 4])
    }

    /// As [`Self::realise`], with the bins that harmonics and vibrations at the given ones refer to: of
    /// those terms (H2, H3, VP, VS) that are `wanted` or whose corrections are in force.
    ///
    /// # Errors
    /// As [`Self::realise`].
    pub fn realise_with_support(
        &self,
        draw: &Draw,
        bins: &[usize],
        wanted: [bool; 4],
    ) -> Result<Realisation, DataError> {
        let noise = self.noise(draw);
        let (fitted, held_out) = self.chosen(draw, &noise);
        let all = 0..self.records();
        let realised = self.transformed(draw, (bins, wanted), (all, fitted), None)?;
        Ok(Realisation { held_out, ..realised })
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
    ///
    /// # Errors
    /// As [`Self::realise`].
    pub fn realise_window(
        &self,
        draw: &Draw,
        bins: &[usize],
        window: Range<usize>,
        before: Option<Realisation>,
    ) -> Result<Realisation, DataError> {
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
        let realisation = self.transformed(draw, (bins, [false; 4]), (window, fitted), space)?;
        let RecordSubset { planck, inverse_temperatures, .. } = &realisation.fitted;
        planck.prepare(bins, |bin| self.axis.frequency_hz(bin), inverse_temperatures);
        Ok(realisation)
    }

    /// Some records that follow each other, transformed, of which some are fitted and none held out.
    fn transformed(
        &self,
        draw: &Draw,
        (bins, wanted): (&[usize], [bool; 4]),
        (window, fitted): (Range<usize>, RecordSubset),
        space: Option<HugePageBuf>,
    ) -> Result<Realisation, DataError> {
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
        let blocks = by_block(&mut transforms, records);
        let mut sample_variance =
            self.transform_blocks(window.clone(), &noise, &transformed, blocks)?;
        let mut scale = VarianceScale::Absolute;
        // Of measured records a window may happen to be without noise, but not all of them.
        let may_have_none = records == self.records() || self.known_sigma(&noise).is_some();
        if may_have_none && sample_variance.iter().all(|&variance| variance == 0.0) {
            // Noise-free by construction: every sample is as good as every other.
            sample_variance.fill(1.0);
            scale = VarianceScale::Relative;
        }
        Ok(Realisation {
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
        })
    }

    /// Transforms the records of a window, block by block, into their parts of the rows of all bins; returns
    /// the variance of a sample of each record. Where interferograms are read in order, so many blocks are
    /// read at once as keep all threads at work.
    fn transform_blocks(
        &self,
        window: Range<usize>,
        noise: &Noise,
        transformed: &[usize],
        mut blocks: Vec<Vec<&mut [Complex64]>>,
    ) -> Result<Vec<f64>, DataError> {
        let come_in_order = self.selected.interferograms.come_in_order();
        let at_once = if come_in_order { AT_ONCE } else { window.len().max(1) };
        let (mut variances, mut piece) = (Vec::with_capacity(window.len()), None);
        let starts = window.clone().step_by(at_once);
        for (start, blocks) in starts.zip(blocks.chunks_mut(at_once.div_ceil(BLOCK))) {
            let records = start..window.end.min(start + at_once);
            let read = match come_in_order {
                true => Some(self.at_hand(records, &mut piece)?),
                false => None,
            };
            let own = || (self.transform.group(transformed.len()), None);
            let transform = |(group, piece): &mut (_, _), (index, rows): (usize, &mut Vec<_>)| {
                let first = start + index * BLOCK;
                let records = first..window.end.min(first + BLOCK);
                let at_hand = match read {
                    Some(at_hand) => at_hand,
                    None => self.at_hand(records.clone(), piece)?,
                };
                Ok(self.transform_block(at_hand, records, noise, transformed, group, rows))
            };
            let of_blocks = blocks.par_iter_mut().enumerate().map_init(own, transform);
            let of_blocks: Vec<Vec<f64>> = of_blocks.collect::<Result<_, DataError>>()?;
            of_blocks.iter().for_each(|of_block| variances.extend_from_slice(of_block));
        }
        Ok(variances)
    }

    fn at_hand<'a>(
        &'a self,
        records: Range<usize>,
        piece: &'a mut Option<RowPiece>,
    ) -> Result<AtHand<'a>, DataError> {
        let at_hand = self.selected.interferograms.at_hand(records, piece);
        at_hand.map_err(|error| RecordsError::from(error).into())
    }

    /// Transforms some records that follow each other into their parts of the rows of all bins, which are
    /// the first of those that are `transformed`; returns the variance of a sample of each record.
    fn transform_block(
        &self,
        at_hand: AtHand,
        records: Range<usize>,
        noise: &Noise,
        transformed: &[usize],
        group: &mut TransformGroup,
        rows: &mut [&mut [Complex64]],
    ) -> Vec<f64> {
        let mut variances = Vec::with_capacity(records.len());
        for start in records.clone().step_by(Transform::group_size()) {
            let count = Transform::group_size().min(records.end - start);
            let sample = |place| {
                let (gain_sweeps, middle) =
                    self.samples(at_hand, start + place, noise, group.samples(place));
                group.set_middle(place, middle);
                gain_sweeps
            };
            let gain_sweeps: Vec<f64> = (0..count).map(sample).collect();
            self.transform.run(count, transformed, group);
            group.copy_to(rows, start - records.start, count);
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
    fn samples(
        &self,
        at_hand: AtHand,
        record: usize,
        noise: &Noise,
        out: &mut [f64],
    ) -> (f64, Option<[f64; 2]>) {
        let (gain_sweeps, middle) = match at_hand {
            AtHand::Measured { counts, gain_sweeps } => {
                counts.copy_record(record, out);
                let wanted = self.transform.wants_middle();
                (gain_sweeps[record], wanted.then(|| counts.middle(record)).flatten())
            }
            AtHand::Simulated(simulated) => {
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
            Interferograms::Measured { telemetry, .. } => {
                telemetry.source_type() == SourceType::Integer
            }
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
