//! The spectra of a data set in one trial, and what the fit of a bin needs.

use std::sync::Arc;

use num_complex::Complex64;
use rayon::prelude::*;

use crate::fit::{Context, Deadline, VarianceScale};
use crate::foundations::wide::widely;
use crate::instrument::{IFG_LENGTH, fill_planck_column, inverse_response};

use super::campaign::{Campaign, Interferograms};
use super::designs::Design;
use super::npz::SourceType;
use super::resample::{Draw, Resample};
use super::settings::Sigma;
use super::simulate::Noise;
use super::transform::Buffers;

/// The spectra of one trial.
#[derive(Debug)]
pub struct Realisation {
    bins: Vec<usize>,
    /// Transforms of the interferograms at those bins, `[block of records][bin][record]`: all records
    /// of a bin are near each other, and each record is transformed by one thread.
    transforms: Vec<Complex64>,
    /// Noise variance of one sample, (counts per gain and sweep)^2, one a record.
    sample_variance: Vec<f64>,
    scale: VarianceScale,
    draw: Draw,
    fitted: Sample,
    /// The records that are held out, to be predicted; none in most trials.
    held_out: Option<Sample>,
}

/// Some of the records of a campaign. The lists have one element each.
#[derive(Debug)]
struct Sample {
    records: Vec<usize>,
    /// Whether these are all records of the campaign, each once.
    is_whole: bool,
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

impl Sample {
    fn new(campaign: &Campaign, records: Vec<usize>, plateaus: Vec<usize>) -> Self {
        let chosen = |column: &Vec<f64>| records.iter().map(|&record| column[record]).collect();
        let temperatures: Vec<Vec<f64>> = campaign.taken.temperatures.iter().map(chosen).collect();
        let inverse = |column: &Vec<f64>| column.iter().map(|t| 1.0 / t).collect();
        let inverse_temperatures = temperatures.iter().map(inverse).collect();
        let states = || records.iter().map(|&record| &campaign.taken.states[record]);
        let inverse_responsivity = states().map(|state| 1.0 / state.responsivity).collect();
        let time_constant_s = states().map(|state| state.time_constant_s).collect();
        Self {
            is_whole: records.iter().copied().eq(0..campaign.records()),
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
    /// Planck functions, MJy/sr, `[emitter][record]`.
    pub design: Arc<Design>,
    /// Spectrum, MJy/sr, one a record.
    pub data: Vec<Complex64>,
    /// `E|noise|^2`, (MJy/sr)^2, one a record.
    pub variance: Vec<f64>,
    /// What is known of the scale of `variance`.
    pub scale: VarianceScale,
    /// Optical frequency, Hz.
    pub frequency_hz: f64,
    /// What a model says of the emissivities, one per emitter.
    pub model: Option<Vec<Complex64>>,
}

/// Records whose transforms stand together: those of one bin fill whole lines of the cache.
const BLOCK: usize = 64;
/// Room for the transforms of a block at one bin: a line of the cache more than there are. With a
/// power of two, all bins of a record would compete for a few places of the cache.
const ROW: usize = BLOCK + 4;

impl Realisation {
    /// The transforms of some records, ascending, at one bin.
    fn transforms_of(&self, records: &[usize], position: usize) -> Vec<Complex64> {
        let mut found = Vec::with_capacity(records.len());
        for together in records.chunk_by(|a, b| a / BLOCK == b / BLOCK) {
            let block = together[0] / BLOCK * self.bins.len() + position;
            let block = &self.transforms[block * ROW..][..BLOCK];
            found.extend(together.iter().map(|record| block[record % BLOCK]));
        }
        found
    }

    /// What methods may need beside the linear problem of a bin of its fitted records.
    #[must_use]
    pub fn context<'a>(&'a self, bin: &'a BinData) -> Context<'a> {
        Context {
            bin: bin.bin,
            deadline: Deadline::NONE,
            frequency_hz: bin.frequency_hz,
            temperatures: &self.fitted.temperatures,
            plateaus: &self.fitted.plateaus,
            model: bin.model.as_deref(),
        }
    }
}

impl Campaign {
    /// Transforms every record at the given bins, in one trial.
    ///
    /// Simulated records get the noise of the trial's level; measured records have the noise that
    /// they have, and a trial chooses among them.
    #[must_use]
    pub fn realise(&self, draw: &Draw, bins: &[usize]) -> Realisation {
        let noise = self.noise(draw);
        let (records, width) = (self.records(), ROW * bins.len().max(1));
        let mut transforms = vec![Complex64::ZERO; records.div_ceil(BLOCK) * width];
        let one = |(buffers, samples): &mut (Buffers, Vec<f64>),
                   (block, out): (usize, &mut [Complex64])| {
            let first = block * BLOCK;
            let transform = |record: usize| {
                let gain_sweeps = self.samples(record, &noise, samples);
                let spectrum = self.transform.run(samples, buffers);
                let out = out.iter_mut().skip(record - first).step_by(ROW);
                out.zip(bins).for_each(|(out, &bin)| *out = spectrum[bin]);
                self.sample_variance(noise.sigma, gain_sweeps, spectrum)
            };
            (first..records.min(first + BLOCK)).map(transform).collect::<Vec<f64>>()
        };
        let blocks: Vec<Vec<f64>> = transforms
            .par_chunks_mut(width)
            .enumerate()
            .map_init(|| (self.transform.buffers(), vec![0.0; IFG_LENGTH]), one)
            .collect();
        let mut sample_variance = blocks.concat();
        let mut scale = VarianceScale::Absolute;
        if sample_variance.iter().all(|&variance| variance == 0.0) {
            // Noise-free by construction: every sample is as good as every other.
            sample_variance.fill(1.0);
            scale = VarianceScale::Relative;
        }
        let (fitted, held_out) = self.chosen(draw);
        let bins = bins.to_vec();
        Realisation { bins, draw: *draw, transforms, sample_variance, scale, fitted, held_out }
    }

    /// The records of a trial: those that are fitted, and those that are held out.
    fn chosen(&self, draw: &Draw) -> (Sample, Option<Sample>) {
        let set = self.axis.channel_scan();
        let resample = Resample::new(draw, self.seed, set, &self.plateaus);
        let held_out = (!resample.held_out.is_empty())
            .then(|| Sample::new(self, resample.held_out, Vec::new()));
        (Sample::new(self, resample.fitted, resample.plateaus), held_out)
    }

    /// The noise of a trial.
    fn noise(&self, draw: &Draw) -> Noise {
        let sigma = self.sigma_at(draw.noise_level).unwrap_or(0.0);
        Noise::new(sigma, self.seed, self.axis.channel_scan(), draw.noise_level, draw.trial)
    }

    /// Writes one interferogram (counts per gain and sweep); returns its gain times sweeps.
    fn samples(&self, record: usize, noise: &Noise, out: &mut [f64]) -> f64 {
        let gain_sweeps = match &self.taken.interferograms {
            Interferograms::Measured { counts, gain_sweeps } => {
                counts.copy_row(record, out);
                gain_sweeps[record]
            }
            Interferograms::Simulated(simulated) => {
                simulated.telemetry(record, noise, out) * simulated.sweeps
            }
        };
        out.iter_mut().for_each(|sample| *sample /= gain_sweeps);
        gain_sweeps
    }

    /// Noise variance of one sample: given (plus that of rounding to counts, one twelfth), known
    /// from the simulation, or the power in the bins where the channel sees no light.
    fn sample_variance(&self, noise_sigma: f64, gain_sweeps: f64, spectrum: &[Complex64]) -> f64 {
        let (known, rounded) = match &self.taken.interferograms {
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

    fn gather(&self, realisation: &Realisation, position: usize, sample: &Sample) -> BinData {
        let bin = realisation.bins[position];
        let mut data = realisation.transforms_of(&sample.records, position);
        let mut variance: Vec<f64> =
            sample.records.iter().map(|&record| realisation.sample_variance[record]).collect();
        self.divide_by_gain(bin, sample, &mut data, &mut variance);
        BinData {
            bin,
            design: self.design(bin, sample),
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
        sample: &Sample,
        data: &mut [Complex64],
        variance: &mut [f64],
    ) {
        let (per_factor, omega) = (self.gain.factor(bin).inv(), self.gain.omega(bin));
        let power = self.transform.noise_power();
        let bolometer = sample.inverse_responsivity.iter().zip(&sample.time_constant_s);
        widely(
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
    fn design(&self, bin: usize, sample: &Sample) -> Arc<Design> {
        let column = |inverse_temperatures: &Vec<f64>| {
            let mut column = vec![0.0; inverse_temperatures.len()];
            fill_planck_column(self.axis.frequency_hz(bin), inverse_temperatures, &mut column);
            column
        };
        let work_out = || sample.inverse_temperatures.iter().map(column).collect();
        match sample.is_whole {
            true => self.designs.at(bin, work_out),
            false => Arc::new(work_out()),
        }
    }
}
