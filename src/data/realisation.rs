//! The spectra of a data set in one trial, and what the fit of a bin needs.

use std::sync::Arc;

use num_complex::Complex64;
use rayon::prelude::*;

use crate::fit::{Context, Deadline, VarianceScale};
use crate::foundations::numerics::{HugePageBuf, ScratchVec, with_widest_simd};
use crate::instrument::{IFG_LENGTH, fill_planck_column, inverse_response};

use super::campaign::{Campaign, Interferograms};
use super::designs::Design;
use super::emitters::emitting;
use super::plateaus::plateaus;
use super::resample::{Draw, TrialRecords};
use super::settings::Sigma;
use super::simulate::Noise;
use super::transform::TransformBuffers;
use crate::foundations::npz::SourceType;

/// The spectra of one trial.
#[derive(Debug)]
pub struct Realisation {
    bins: Vec<usize>,
    /// Transforms of the interferograms at those bins, `[bin][record]`.
    transforms: HugePageBuf,
    /// Noise variance of one sample, (counts per gain and sweep)^2, one a record.
    sample_variance: Vec<f64>,
    scale: VarianceScale,
    draw: Draw,
    fitted: RecordSubset,
    /// The records that are held out, to be predicted; none in most trials.
    held_out: Option<RecordSubset>,
}

/// Some of the records of a campaign. The lists have one element each.
#[derive(Debug)]
struct RecordSubset {
    records: Vec<usize>,
    /// Whether these are all records of the campaign, each once.
    is_whole: bool,
    /// Whether their temperatures are those of the campaign, so that it may keep their design.
    is_as_prepared: bool,
    /// Number of the plateau of each, ascending.
    plateaus: Vec<usize>,
    /// K, `[emitter][record]`.
    temperatures: Vec<Vec<f64>>,
    /// One over them, 1/K.
    inverse_temperatures: Vec<Vec<f64>>,
    /// One over the bolometer's response at frequency zero, (erg/s)/V.
    inverse_responsivity: Vec<f64>,
    /// Of the bolometer, s.
    time_constant_s: Vec<f64>,
}

impl RecordSubset {
    /// Of some records, with what the thermometers gave in this realisation, if it is a simulation
    /// in which that is not the truth.
    fn new(
        campaign: &Campaign,
        readings: Option<&[Vec<f64>]>,
        records: Vec<usize>,
        plateaus: Vec<usize>,
    ) -> Self {
        let chosen = |column: &Vec<f64>| records.iter().map(|&record| column[record]).collect();
        let given = readings.unwrap_or(&campaign.selected.temperatures);
        let temperatures: Vec<Vec<f64>> = given.iter().map(chosen).collect();
        let inverse = |column: &Vec<f64>| column.iter().map(|t| 1.0 / t).collect();
        let inverse_temperatures = temperatures.iter().map(inverse).collect();
        let states = || records.iter().map(|&record| &campaign.selected.states[record]);
        let inverse_responsivity = states().map(|state| 1.0 / state.responsivity).collect();
        let time_constant_s = states().map(|state| state.time_constant_s).collect();
        Self {
            is_whole: records.iter().copied().eq(0..campaign.records()),
            is_as_prepared: readings.is_none(),
            records,
            plateaus,
            temperatures,
            inverse_temperatures,
            inverse_responsivity,
            time_constant_s,
        }
    }
}

/// Everything that the fit of one bin needs.
#[derive(Debug)]
pub struct BinData {
    /// Index on the frequency axis.
    pub bin: usize,
    /// Whether the electronics pass next to nothing.
    pub is_blocked: bool,
    /// Planck functions, MJy/sr, `[emitter][record]`.
    pub design: Arc<Design>,
    /// Spectrum, MJy/sr, one a record.
    pub data: Vec<Complex64>,
    /// `E|noise|^2`, (MJy/sr)^2, one a record.
    pub variance: ScratchVec,
    /// What is known of the scale of `variance`.
    pub scale: VarianceScale,
    /// Optical frequency, Hz.
    pub frequency_hz: f64,
    /// What a model says of the emissivities, one per emitter.
    pub model: Option<Vec<Complex64>>,
}

/// Records that are transformed together, so that what is written of each bin fills whole lines of
/// the cache.
const BLOCK: usize = 64;
/// Room for the transforms of a block at one bin: a line of the cache more than there are. With a
/// power of two, all bins of a record would compete for a few places of the cache.
const ROW: usize = BLOCK + 4;

impl Realisation {
    /// The transforms and the variances of samples of some records at one bin.
    fn gather_records(
        &self,
        subset: &RecordSubset,
        position: usize,
    ) -> (Vec<Complex64>, ScratchVec) {
        let records = self.sample_variance.len();
        let transforms = &self.transforms[position * records..][..records];
        let mut variance = ScratchVec::with_len(subset.records.len());
        if subset.is_whole {
            variance.copy_from_slice(&self.sample_variance);
            return (transforms.to_vec(), variance);
        }
        for (variance, &record) in variance.iter_mut().zip(&subset.records) {
            *variance = self.sample_variance[record];
        }
        (subset.records.iter().map(|&record| transforms[record]).collect(), variance)
    }

    /// Noise of a sample of each record of the campaign, counts per gain and sweep; none where all are
    /// as good as each other.
    #[must_use]
    pub fn record_sigma(&self) -> Option<Vec<f64>> {
        let root = || self.sample_variance.iter().map(|variance| variance.sqrt()).collect();
        (self.scale == VarianceScale::Absolute).then(root)
    }

    /// What methods may need beside the linear problem of a bin of its fitted records.
    #[must_use]
    pub fn context<'a>(&'a self, bin: &'a BinData) -> Context<'a> {
        Context {
            bin: bin.bin,
            is_blocked: bin.is_blocked,
            deadline: Deadline::NONE,
            frequency_hz: bin.frequency_hz,
            temperatures: &self.fitted.temperatures,
            plateaus: &self.fitted.plateaus,
            model: bin.model.as_deref(),
        }
    }
}

/// What a thread has to transform a block of records.
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
        let noise = self.noise(draw);
        let records = self.records();
        let mut transforms = HugePageBuf::zeroed(records * bins.len());
        let buffers = || RecordBlock::new(self.transform.buffers(), bins.len());
        let one = |block: &mut RecordBlock, (index, rows): (usize, Vec<&mut [Complex64]>)| {
            let first = index * BLOCK;
            let transform = |record: usize| {
                let gain_sweeps = self.samples(record, &noise, &mut block.samples);
                let spectrum = self.transform.run(&mut block.samples, &mut block.buffers);
                let place = block.transforms.iter_mut().skip(record - first).step_by(ROW);
                place.zip(bins).for_each(|(place, &bin)| *place = spectrum[bin]);
                self.sample_variance(noise.sigma, gain_sweeps, spectrum)
            };
            let variances = (first..records.min(first + BLOCK)).map(transform).collect();
            for (row, transforms) in rows.into_iter().zip(block.transforms.chunks_exact(ROW)) {
                row.copy_from_slice(&transforms[..row.len()]);
            }
            variances
        };
        let blocks: Vec<Vec<f64>> = by_block(&mut transforms, records)
            .into_par_iter()
            .enumerate()
            .map_init(buffers, one)
            .collect();
        let mut sample_variance = blocks.concat();
        let mut scale = VarianceScale::Absolute;
        if sample_variance.iter().all(|&variance| variance == 0.0) {
            // Noise-free by construction: every sample is as good as every other.
            sample_variance.fill(1.0);
            scale = VarianceScale::Relative;
        }
        let (fitted, held_out) = self.chosen(draw, &noise);
        let bins = bins.to_vec();
        Realisation { bins, draw: *draw, transforms, sample_variance, scale, fitted, held_out }
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
        // What tells plateaus apart is what was read, as it is of a file.
        let read = readings.as_deref().map(plateaus);
        let resample =
            TrialRecords::new(draw, self.seed, set, read.as_ref().unwrap_or(&self.plateaus));
        let sample =
            |records, plateaus| RecordSubset::new(self, readings.as_deref(), records, plateaus);
        let held_out =
            (!resample.held_out.is_empty()).then(|| sample(resample.held_out, Vec::new()));
        (sample(resample.fitted, resample.plateaus), held_out)
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

    /// Gathers what the fit of one bin needs; `position` is the bin's place in the realisation.
    #[must_use]
    pub fn bin_data(&self, realisation: &Realisation, position: usize) -> BinData {
        self.gather(realisation, position, &realisation.fitted)
    }

    /// The same of the records that are held out, if any are.
    #[must_use]
    pub fn held_out(&self, realisation: &Realisation, position: usize) -> Option<BinData> {
        realisation.held_out.as_ref().map(|sample| self.gather(realisation, position, sample))
    }

    fn gather(&self, realisation: &Realisation, position: usize, subset: &RecordSubset) -> BinData {
        let bin = realisation.bins[position];
        let (mut data, mut variance) = realisation.gather_records(subset, position);
        self.divide_by_gain(bin, subset, &mut data, &mut variance);
        BinData {
            bin,
            is_blocked: self.blocked[bin],
            design: self.design(bin, subset),
            data,
            variance,
            scale: realisation.scale,
            frequency_hz: self.axis.frequency_hz(bin),
            model: self.known_at(bin, &realisation.draw),
        }
    }

    /// Makes spectra of transforms, and of the variances of samples those of spectra.
    fn divide_by_gain(
        &self,
        bin: usize,
        subset: &RecordSubset,
        data: &mut [Complex64],
        variance: &mut [f64],
    ) {
        let per_factor = self.gain.factor(bin).inv();
        let omega = self.gain.omega(bin);
        let power = self.transform.noise_power();
        let bolometer = subset.inverse_responsivity.iter().zip(&subset.time_constant_s);
        with_widest_simd(
            #[inline(always)]
            || {
                for ((value, variance), (inverse, time_constant_s)) in
                    data.iter_mut().zip(variance).zip(bolometer)
                {
                    let per_gain = per_factor * inverse_response(*inverse, omega * time_constant_s);
                    *value *= per_gain;
                    *variance = power * *variance * per_gain.norm_sqr();
                }
            },
        );
    }

    /// What may be taken as known at one bin.
    fn known_at(&self, bin: usize, draw: &Draw) -> Option<Vec<Complex64>> {
        let place = (bin, self.axis.frequency_ghz(bin));
        let key = (draw, self.seed, self.axis.channel_scan());
        self.known.as_ref().map(|known| known.at(place, &self.emitters, key))
    }

    /// The Planck functions of all emitters at one bin, MJy/sr, `[emitter][record]`.
    fn design(&self, bin: usize, subset: &RecordSubset) -> Arc<Design> {
        let column = |inverse_temperatures: &Vec<f64>| {
            let mut column = ScratchVec::with_len(inverse_temperatures.len());
            fill_planck_column(self.axis.frequency_hz(bin), inverse_temperatures, &mut column);
            column
        };
        let work_out = || subset.inverse_temperatures.iter().map(column).collect();
        if subset.is_whole && subset.is_as_prepared {
            self.designs.at(bin, work_out)
        } else {
            Arc::new(work_out())
        }
    }
}
