//! The spectra of a data set at one noise level and trial, and what the fit of a bin needs.

use num_complex::Complex64;
use rayon::prelude::*;

use crate::fit::{Context, Deadline, VarianceScale};
use crate::instrument::{IFG_LENGTH, fill_planck_column};

use super::campaign::{Campaign, Interferograms};
use super::random::StreamKey;
use super::settings::Sigma;
use super::transform::Buffers;

/// The spectra of one noise level and trial.
#[derive(Debug)]
pub struct Realisation {
    bins: Vec<usize>,
    /// Transforms of the interferograms at those bins, `[record][bin]`.
    transforms: Vec<Complex64>,
    /// Noise variance of one sample, (counts per gain and sweep)^2, one a record.
    sample_variance: Vec<f64>,
    scale: VarianceScale,
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

impl Campaign {
    /// Transforms every record at the given bins, with the noise of one level and trial.
    ///
    /// Measured records have the noise that they have: level and trial are not used. The noise
    /// level is in units of the median RMS of a null interferogram.
    #[must_use]
    pub fn realise(&self, noise_level: f64, trial: u64, bins: &[usize]) -> Realisation {
        let key = StreamKey::noise(self.seed, self.axis.channel_scan(), noise_level, trial);
        let mut transforms = vec![Complex64::ZERO; bins.len() * self.records()];
        let width = bins.len().max(1);
        let one = |(buffers, samples): &mut (Buffers, Vec<f64>),
                   (record, out): (usize, &mut [Complex64])| {
            let gain_sweeps = self.samples(record, noise_level, key, samples);
            let spectrum = self.transform.run(samples, buffers);
            out.iter_mut().zip(bins).for_each(|(out, &bin)| *out = spectrum[bin]);
            self.sample_variance(noise_level, gain_sweeps, spectrum)
        };
        let mut sample_variance: Vec<f64> = transforms
            .par_chunks_mut(width)
            .enumerate()
            .map_init(|| (self.transform.buffers(), vec![0.0; IFG_LENGTH]), one)
            .collect();
        let mut scale = VarianceScale::Absolute;
        if sample_variance.iter().all(|&variance| variance == 0.0) {
            // Noise-free by construction: every sample is as good as every other.
            sample_variance.fill(1.0);
            scale = VarianceScale::Relative;
        }
        Realisation { bins: bins.to_vec(), transforms, sample_variance, scale }
    }

    /// Writes one interferogram (counts per gain and sweep); returns its gain times sweeps.
    fn samples(&self, record: usize, noise_level: f64, key: StreamKey, out: &mut [f64]) -> f64 {
        match &self.taken.interferograms {
            Interferograms::Measured { ifg, gain_sweeps, .. } => {
                out.iter_mut().zip(ifg.row(record)).for_each(|(out, sample)| *out = *sample);
                gain_sweeps[record]
            }
            Interferograms::Simulated(simulated) => {
                let sigma = noise_level * simulated.null_rms;
                let gain = simulated.telemetry(record, sigma, key.stream(record), out);
                let gain_sweeps = gain * simulated.sweeps;
                out.iter_mut().for_each(|sample| *sample /= gain_sweeps);
                gain_sweeps
            }
        }
    }

    /// Noise variance of one sample: given (plus that of rounding to counts, one twelfth), known
    /// from the simulation, or the power in the bins where the channel sees no light.
    fn sample_variance(&self, noise_level: f64, gain_sweeps: f64, spectrum: &[Complex64]) -> f64 {
        let (known, rounded) = match &self.taken.interferograms {
            Interferograms::Measured { rounded, .. } => (None, *rounded),
            Interferograms::Simulated(s) => (Some(noise_level * s.null_rms), s.rounded()),
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
        let bin = realisation.bins[position];
        let (factor, omega) = (self.gain.factor(bin), self.gain.omega(bin));
        let power = self.transform.noise_power();
        let (mut data, mut variance) = (Vec::new(), Vec::new());
        for (record, state) in self.taken.states.iter().enumerate() {
            let gain = factor * state.response(omega);
            data.push(realisation.transforms[record * realisation.bins.len() + position] / gain);
            variance.push(power * realisation.sample_variance[record] / gain.norm_sqr());
        }
        BinData {
            bin,
            design: self.design(bin),
            data,
            variance,
            scale: realisation.scale,
            frequency_hz: self.axis.frequency_hz(bin),
            model: self.model_at(bin),
        }
    }

    /// What methods may need beside the linear problem of a bin.
    #[must_use]
    pub fn context<'a>(&'a self, bin: &'a BinData) -> Context<'a> {
        Context {
            bin: bin.bin,
            deadline: Deadline::NONE,
            frequency_hz: bin.frequency_hz,
            temperatures: &self.taken.temperatures,
            plateaus: &self.plateaus,
            model: bin.model.as_deref(),
        }
    }

    /// The emissivities of the model at one bin.
    fn model_at(&self, bin: usize) -> Option<Vec<Complex64>> {
        let ghz = self.axis.frequency_ghz(bin);
        self.model.as_ref().map(|model| model.at(ghz, &self.emitters))
    }

    /// The Planck functions of all emitters at one bin, MJy/sr, `[emitter][record]`.
    fn design(&self, bin: usize) -> Vec<Vec<f64>> {
        let column = |temperatures: &Vec<f64>| {
            let mut column = vec![0.0; temperatures.len()];
            fill_planck_column(self.axis.frequency_hz(bin), temperatures, &mut column);
            column
        };
        self.taken.temperatures.iter().map(column).collect()
    }
}
