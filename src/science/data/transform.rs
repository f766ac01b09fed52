//! From an interferogram to its transform.

use std::fmt;
use std::sync::Arc;

use num_complex::Complex64;
use realfft::{RealFftPlanner, RealToComplex};

use crate::science::instrument::{IFG_LENGTH, SPECTRUM_BINS};

use super::baseline::BaselineRemover;
use super::settings::Baseline;

/// Turns interferograms into spectra: baseline, apodisation, zero padding, rotation, FFT.
#[derive(Clone)]
pub(super) struct Transform {
    fft: Arc<dyn RealToComplex<f64>>,
    baseline: BaselineRemover,
    apodisation: Option<Vec<f64>>,
    peak_sample: usize,
}

impl fmt::Debug for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transform of {} points, peak at {}", self.fft.len(), self.peak_sample)
    }
}

/// Buffers of one thread.
#[derive(Debug, Clone)]
pub(super) struct TransformBuffers {
    samples: Vec<f64>,
    spectrum: Vec<Complex64>,
    scratch: Vec<Complex64>,
}

impl Transform {
    /// `length` points (512 or 640); `apodisation` has one factor a sample; the peak goes to the
    /// first point, so that its phase is zero.
    pub(super) fn new(
        length: usize,
        baseline: Baseline,
        apodisation: Option<Vec<f64>>,
        peak_sample: usize,
    ) -> Self {
        let fft = RealFftPlanner::new().plan_fft_forward(length);
        Self { fft, baseline: BaselineRemover::new(baseline), apodisation, peak_sample }
    }

    pub(super) fn buffers(&self) -> TransformBuffers {
        TransformBuffers {
            samples: self.fft.make_input_vec(),
            spectrum: self.fft.make_output_vec(),
            scratch: self.fft.make_scratch_vec(),
        }
    }

    /// `E|Y|^2` of every bin for white noise of variance one: 512 without apodisation.
    pub(super) fn noise_power(&self) -> f64 {
        match &self.apodisation {
            None => IFG_LENGTH as f64,
            Some(window) => window.iter().map(|w| w * w).sum(),
        }
    }

    /// The first 257 bins of the transform of one interferogram (512 samples, counts per gain
    /// and sweep), whose baseline is taken away.
    pub(super) fn run<'b>(
        &self,
        ifg: &mut [f64],
        buffers: &'b mut TransformBuffers,
    ) -> &'b [Complex64] {
        let TransformBuffers { samples, spectrum, scratch } = buffers;
        self.baseline.remove(ifg);
        if let Some(window) = &self.apodisation {
            ifg.iter_mut().zip(window).for_each(|(sample, w)| *sample *= w);
        }
        // The peak first, then what follows it; what was before it stands at the end.
        let (before, after) = ifg.split_at(self.peak_sample);
        let (start, rest) = samples.split_at_mut(after.len());
        let (padding, end) = rest.split_at_mut(rest.len() - before.len());
        start.copy_from_slice(after);
        padding.fill(0.0);
        end.copy_from_slice(before);
        self.fft
            .process_with_scratch(samples, spectrum, scratch)
            .expect("the buffers were made by this transform, so their lengths are right");
        &spectrum[..SPECTRUM_BINS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundations::numerics::math::{cis, cos};
    use std::f64::consts::TAU;

    fn direct(samples: &[f64], length: usize, peak: usize, bin: usize) -> Complex64 {
        let term = |(i, s): (usize, &f64)| {
            let turned = (i + length - peak) % length;
            cis(-TAU * ((bin * turned) % length) as f64 / length as f64) * s
        };
        samples.iter().enumerate().map(term).sum()
    }

    #[test]
    fn both_lengths_agree_with_the_sum_written_out() {
        let ifg: Vec<f64> =
            (0..IFG_LENGTH).map(|i| cos(0.3 * i as f64) + 0.01 * i as f64).collect();
        for length in [512, 640] {
            let transform = Transform::new(length, Baseline::None, None, 360);
            let mut buffers = transform.buffers();
            let spectrum = transform.run(&mut ifg.clone(), &mut buffers).to_vec();
            assert_eq!(spectrum.len(), SPECTRUM_BINS);
            for bin in [0, 1, 5, 100, 255, 256] {
                let error = (spectrum[bin] - direct(&ifg, length, 360, bin)).norm_sqr().sqrt();
                assert!(error < 1e-9, "length {length}, bin {bin}: {error}");
            }
            // The buffers carry nothing over.
            assert_eq!(transform.run(&mut ifg.clone(), &mut buffers), spectrum);
        }
    }

    #[test]
    fn an_impulse_at_the_peak_is_flat_and_real() {
        let mut ifg = vec![0.0; IFG_LENGTH];
        ifg[355] = 2.0;
        for length in [512, 640] {
            let transform = Transform::new(length, Baseline::None, None, 355);
            let mut buffers = transform.buffers();
            for value in transform.run(&mut ifg.clone(), &mut buffers) {
                assert!((value - 2.0).norm_sqr() < 1e-28);
            }
        }
    }

    #[test]
    fn apodisation_scales_samples_and_noise() {
        let window: Vec<f64> = (0..IFG_LENGTH).map(|i| i as f64 / 511.0).collect();
        let transform = Transform::new(512, Baseline::None, Some(window.clone()), 0);
        let mut buffers = transform.buffers();
        let ones = vec![1.0; IFG_LENGTH];
        let sum: f64 = window.iter().sum();
        assert!((transform.run(&mut ones.clone(), &mut buffers)[0].re - sum).abs() < 1e-10);
        assert!(
            (transform.noise_power() - window.iter().map(|w| w * w).sum::<f64>()).abs() < 1e-12
        );
        assert_eq!(Transform::new(640, Baseline::None, None, 0).noise_power(), 512.0);
    }
}
