//! The spectra of a data set in one trial, and what the fit of a bin needs.

use num_complex::Complex64;
use rayon::prelude::*;

use crate::fit::{Context, Deadline, VarianceScale};
use crate::instrument::{IFG_LENGTH, fill_planck_column};

use super::campaign::{Campaign, Interferograms};
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
    /// Number of the plateau of each, ascending.
    plateaus: Vec<usize>,
    /// K, `[emitter][record]`.
    temperatures: Vec<Vec<f64>>,
}

impl Sample {
    fn new(campaign: &Campaign, records: Vec<usize>, plateaus: Vec<usize>) -> Self {
        let chosen = |column: &Vec<f64>| records.iter().map(|&record| column[record]).collect();
        let temperatures = campaign.taken.temperatures.iter().map(chosen).collect();
        Self { records, plateaus, temperatures }
    }
}

/// Everything that the fit of one bin needs.
#[derive(Debug)]
pub struct BinData {
    /// Index on the frequency axis.
    pub bin: usize,
    /// Planck functions, MJy/sr, `[emitter][record]`.
    pub design: Vec<Vec<f64>>,
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
const BLOCK: usize = 16;

impl Realisation {
    fn transform(&self, record: usize, position: usize) -> Complex64 {
        let (block, place) = (record / BLOCK, record % BLOCK);
        self.transforms[(block * self.bins.len() + position) * BLOCK + place]
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
        let (records, width) = (self.records(), BLOCK * bins.len().max(1));
        let mut transforms = vec![Complex64::ZERO; records.div_ceil(BLOCK) * width];
        let one = |(buffers, samples): &mut (Buffers, Vec<f64>),
                   (block, out): (usize, &mut [Complex64])| {
            let first = block * BLOCK;
            let transform = |record: usize| {
                let gain_sweeps = self.samples(record, &noise, samples);
                let spectrum = self.transform.run(samples, buffers);
                let out = out.iter_mut().skip(record - first).step_by(BLOCK);
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
        match &self.taken.interferograms {
            Interferograms::Measured { ifg, gain_sweeps, .. } => {
                out.iter_mut().zip(ifg.row(record)).for_each(|(out, sample)| *out = *sample);
                gain_sweeps[record]
            }
            Interferograms::Simulated(simulated) => {
                let gain = simulated.telemetry(record, noise, out);
                let gain_sweeps = gain * simulated.sweeps;
                out.iter_mut().for_each(|sample| *sample /= gain_sweeps);
                gain_sweeps
            }
        }
    }

    /// Noise variance of one sample: given (plus that of rounding to counts, one twelfth), known
    /// from the simulation, or the power in the bins where the channel sees no light.
    fn sample_variance(&self, noise_sigma: f64, gain_sweeps: f64, spectrum: &[Complex64]) -> f64 {
        let (known, rounded) = match &self.taken.interferograms {
            Interferograms::Measured { rounded, .. } => (None, *rounded),
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
        let (per_factor, omega) = (self.gain.factor(bin).inv(), self.gain.omega(bin));
        let power = self.transform.noise_power();
        let records = sample.records.len();
        let (mut data, mut variance) = (Vec::with_capacity(records), Vec::with_capacity(records));
        for &record in &sample.records {
            let per_gain = per_factor * self.taken.states[record].inverse_response(omega);
            data.push(realisation.transform(record, position) * per_gain);
            variance.push(power * realisation.sample_variance[record] * per_gain.norm_sqr());
        }
        BinData {
            bin,
            design: self.design(bin, &sample.temperatures),
            data,
            variance,
            scale: realisation.scale,
            frequency_hz: self.axis.frequency_hz(bin),
            model: self.known_at(bin, &realisation.draw),
        }
    }

    /// What may be taken as known at one bin.
    fn known_at(&self, bin: usize, draw: &Draw) -> Option<Vec<Complex64>> {
        let place = (bin, self.axis.frequency_ghz(bin));
        let key = (draw, self.seed, self.axis.channel_scan());
        self.known.as_ref().map(|known| known.at(place, &self.emitters, key))
    }

    /// The Planck functions of all emitters at one bin, MJy/sr, `[emitter][record]`.
    fn design(&self, bin: usize, temperatures: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let column = |temperatures: &Vec<f64>| {
            let mut column = vec![0.0; temperatures.len()];
            fill_planck_column(self.axis.frequency_hz(bin), temperatures, &mut column);
            column
        };
        temperatures.iter().map(column).collect()
    }
}
