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
use crate::science::data::resample::{Draw, TrialRecords};
use crate::science::data::settings::Sigma;
use crate::science::data::simulate::Noise;
use crate::science::data::transform::TransformBuffers;
use crate::science::fit::VarianceScale;
use crate::science::instrument::IFG_LENGTH;

/// Records that are transformed together, so that each write to a bin's row fills whole cache lines.
const BLOCK: usize = 64;
/// Stride between the bins of a block: one cache line longer than the block. With a power of two, all
/// bins of a record would map to a few sets of the cache.
const ROW: usize = BLOCK + 4;

/// Work space of a thread that transforms a block of records.
struct RecordBlock {
    buffers: TransformBuffers,
    samples: Vec<f64>,
    /// `[bin][record]`, in rows of [`ROW`].
    transforms: Vec<Complex64>,
}

impl RecordBlock {
    fn new(buffers: TransformBuffers, bins: usize) -> Self {
        let transforms = vec![Complex64::ZERO; bins * ROW];
        Self { buffers, samples: vec![0.0; IFG_LENGTH], transforms }
    }
}

/// The parts of `[bin][record]` that belong to each block of records: one a bin.
fn by_block(transforms: &mut [Complex64], records: usize) -> Vec<Vec<&mut [Complex64]>> {
    let mut blocks: Vec<Vec<_>> = (0..records.div_ceil(BLOCK)).map(|_| Vec::new()).collect();
    for row in transforms.chunks_exact_mut(records.max(1)) {
        for (block, part) in blocks.iter_mut().zip(row.chunks_mut(BLOCK)) {
            block.push(part);
        }
    }
    blocks
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
        let in_force = self.corrections.terms();
        let support = self.support(bins, std::array::from_fn(|i| wanted[i] || in_force[i]));
        let chosen = bins.to_vec();
        let bins = &[bins, &support].concat()[..];
        let noise = self.noise(draw);
        let records = self.records();
        let mut transforms = HugePageBuf::zeroed(records * bins.len());
        let buffers = || RecordBlock::new(self.transform.buffers(), bins.len());
        let blocks: Vec<Vec<f64>> = by_block(&mut transforms, records)
            .into_par_iter()
            .enumerate()
            .map_init(buffers, |block, (index, rows)| {
                let first = index * BLOCK;
                self.transform_block(first..records.min(first + BLOCK), &noise, bins, block, rows)
            })
            .collect();
        let mut sample_variance = blocks.concat();
        let mut scale = VarianceScale::Absolute;
        if sample_variance.iter().all(|&variance| variance == 0.0) {
            // Noise-free by construction: every sample is as good as every other.
            sample_variance.fill(1.0);
            scale = VarianceScale::Relative;
        }
        let (fitted, held_out) = self.chosen(draw, &noise);
        Realisation {
            bins: chosen,
            support,
            draw: *draw,
            transforms,
            sample_variance,
            scale,
            fitted,
            held_out,
        }
    }

    /// Transforms some records that follow each other into their parts of the rows of all bins;
    /// returns the variance of a sample of each.
    fn transform_block(
        &self,
        records: Range<usize>,
        noise: &Noise,
        bins: &[usize],
        block: &mut RecordBlock,
        rows: Vec<&mut [Complex64]>,
    ) -> Vec<f64> {
        let RecordBlock { buffers, samples, transforms } = block;
        let mut variances = Vec::with_capacity(records.len());
        for (column, record) in records.enumerate() {
            let gain_sweeps = self.samples(record, noise, samples);
            let spectrum = self.transform.run(samples, buffers);
            let places = transforms.iter_mut().skip(column).step_by(ROW);
            places.zip(bins).for_each(|(place, &bin)| *place = spectrum[bin]);
            variances.push(self.sample_variance(noise.sigma, gain_sweeps, spectrum));
        }
        for (row, transforms) in rows.into_iter().zip(transforms.chunks_exact(ROW)) {
            row.copy_from_slice(&transforms[..row.len()]);
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
        let subset =
            |records, plateaus| RecordSubset::new(self, readings.as_deref(), records, plateaus);
        let held_out = (!trial.held_out.is_empty()).then(|| subset(trial.held_out, Vec::new()));
        (subset(trial.fitted, trial.plateaus), held_out)
    }

    /// The noise of a trial.
    fn noise(&self, draw: &Draw) -> Noise {
        let sigma = self.sigma_at(draw.noise_level).unwrap_or(0.0);
        Noise::new(sigma, self.seed, self.axis.channel_scan(), draw.noise_level, draw.trial)
    }

    /// Writes one interferogram (counts per gain and sweep); returns its gain times sweeps.
    fn samples(&self, record: usize, noise: &Noise, out: &mut [f64]) -> f64 {
        let gain_sweeps = match &self.selected.interferograms {
            Interferograms::Measured { counts, gain_sweeps } => {
                counts.copy_row(record, out);
                gain_sweeps[record]
            }
            Interferograms::Simulated(simulated) => {
                simulated.gain(simulated.telemetry(record, noise, out)) * simulated.sweeps
            }
        };
        let inverse = 1.0 / gain_sweeps;
        out.iter_mut().for_each(|sample| *sample *= inverse);
        gain_sweeps
    }

    /// Noise variance of one sample: given (plus that of rounding to counts, one twelfth), known
    /// from the simulation, or the power in the bins where the channel sees no light.
    fn sample_variance(&self, noise_sigma: f64, gain_sweeps: f64, spectrum: &[Complex64]) -> f64 {
        let (known, rounded) = match &self.selected.interferograms {
            Interferograms::Measured { counts, .. } => {
                (None, counts.source_type() == SourceType::Integer)
            }
            Interferograms::Simulated(simulated) => (Some(noise_sigma), simulated.rounded()),
        };
        let given = match self.sigma {
            Some(Sigma::Given(sigma)) => Some(sigma),
            Some(Sigma::Estimate) => None,
            None => known,
        };
        match given {
            Some(sigma) => {
                let rounding = if rounded { 1.0 / (12.0 * gain_sweeps * gain_sweeps) } else { 0.0 };
                sigma * sigma + rounding
            }
            None => {
                let dark = &spectrum[self.dark_bins.clone()];
                let power: f64 = dark.iter().map(Complex64::norm_sqr).sum();
                power / (dark.len() as f64 * self.transform.noise_power())
            }
        }
    }
}
