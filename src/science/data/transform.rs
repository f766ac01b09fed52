//! From interferograms to their transforms.

use std::ops::Range;

use num_complex::Complex64;

use crate::foundations::numerics::{LaneFft, ScratchVec, lanes, with_widest_simd};
use crate::science::instrument::IFG_LENGTH;

use super::baseline::BaselineRemover;
use super::settings::Baseline;

/// Turns interferograms into spectra: baseline, apodisation, zero padding, rotation, FFT.
#[derive(Debug, Clone)]
pub(super) struct Transform {
    fft: LaneFft,
    baseline: BaselineRemover,
    apodisation: Option<Vec<f64>>,
    peak_sample: usize,
}

/// Interferograms that are transformed side by side, and their transforms.
#[derive(Debug)]
pub(super) struct TransformGroup {
    /// How many there are.
    size: usize,
    /// `[record][sample]`.
    samples: ScratchVec,
    /// Of each record, the two samples in the middle of their order, if these are known.
    middles: Vec<Option<[f64; 2]>>,
    /// What is transformed, `[sample][record]`.
    work: ScratchVec,
    /// `[bin][part][record]`.
    transforms: ScratchVec,
}

impl TransformGroup {
    /// Where the samples of an interferogram belong, counts per gain and sweep.
    pub(super) fn samples(&mut self, place: usize) -> &mut [f64] {
        &mut self.samples[place * IFG_LENGTH..][..IFG_LENGTH]
    }

    /// Says which of its samples are in the middle of their order, if these are known.
    pub(super) fn set_middle(&mut self, place: usize, middle: Option<[f64; 2]>) {
        self.middles[place] = middle;
    }

    /// The power of each interferogram's transform, summed over bins by their places among those that were
    /// asked for, in their order.
    pub(super) fn powers(&self, bins: Range<usize>) -> Vec<f64> {
        let mut powers = vec![0.0; self.size];
        with_widest_simd(
            #[inline(always)]
            || {
                for bin in bins {
                    let (re, im) = self.parts(bin);
                    for ((power, re), im) in powers.iter_mut().zip(re).zip(im) {
                        *power += re * re + im * im;
                    }
                }
            },
        );
        powers
    }

    /// The transform of an interferogram, by its place and that of the bin among those that were asked for.
    #[cfg(test)]
    fn at(&self, place: usize, bin: usize) -> Complex64 {
        let (re, im) = self.parts(bin);
        Complex64::new(re[place], im[place])
    }

    /// Writes the transforms of the first `count` interferograms at the first bins, to each of the `rows` from
    /// the place `at` on.
    pub(super) fn copy_to(&self, rows: &mut [&mut [Complex64]], at: usize, count: usize) {
        with_widest_simd(
            #[inline(always)]
            || match self.size {
                4 if count == 4 => self.copy_lanes::<4>(rows, at),
                8 if count == 8 => self.copy_lanes::<8>(rows, at),
                _ => {
                    for (bin, row) in rows.iter_mut().enumerate() {
                        let (re, im) = self.parts(bin);
                        let parts = re.iter().zip(im);
                        let places = row[at..at + count].iter_mut().zip(parts);
                        places.for_each(|(place, (re, im))| *place = Complex64::new(*re, *im));
                    }
                }
            },
        );
    }

    /// As [`Self::copy_to`], of a number that the compiler knows.
    #[inline(always)]
    fn copy_lanes<const LANES: usize>(&self, rows: &mut [&mut [Complex64]], at: usize) {
        let (parts, _) = self.transforms.as_chunks::<LANES>();
        for (row, [re, im]) in rows.iter_mut().zip(parts.as_chunks().0) {
            row[at..].as_chunks_mut::<LANES>().0[0] = std::array::from_fn(
                #[inline(always)]
                |lane| Complex64::new(re[lane], im[lane]),
            );
        }
    }

    /// Real and imaginary parts at one bin.
    fn parts(&self, bin: usize) -> (&[f64], &[f64]) {
        self.transforms[2 * bin * self.size..][..2 * self.size].split_at(self.size)
    }
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
        let fft = LaneFft::new(length).expect("both lengths have fours and one five as factors");
        Self { fft, baseline: BaselineRemover::new(baseline), apodisation, peak_sample }
    }

    /// How many interferograms are transformed side by side.
    pub(super) fn group_size() -> usize {
        lanes()
    }

    /// Work space for a group of interferograms, whose transforms are wanted at so many bins.
    pub(super) fn group(&self, bins: usize) -> TransformGroup {
        let size = lanes();
        let zeros = |length: usize| {
            let mut zeros = ScratchVec::with_len(length * size);
            zeros.fill(0.0);
            zeros
        };
        TransformGroup {
            size,
            samples: zeros(IFG_LENGTH),
            middles: vec![None; size],
            work: zeros(2 * self.fft.half()),
            transforms: zeros(2 * bins),
        }
    }

    /// Whether the samples in the middle of an interferogram's order matter.
    pub(super) fn wants_middle(&self) -> bool {
        self.baseline.wants_middle()
    }

    /// `E|Y|^2` of every bin for white noise of variance one: 512 without apodisation.
    pub(super) fn noise_power(&self) -> f64 {
        match &self.apodisation {
            None => IFG_LENGTH as f64,
            Some(window) => window.iter().map(|w| w * w).sum(),
        }
    }

    /// Transforms the first `count` interferograms of a group, whose baselines are taken away, at some of
    /// the first 257 bins: as many as the group was made for.
    pub(super) fn run(&self, count: usize, bins: &[usize], group: &mut TransformGroup) {
        let TransformGroup { samples, middles, work, transforms, .. } = group;
        for (ifg, middle) in samples.chunks_exact_mut(IFG_LENGTH).zip(middles).take(count) {
            self.baseline.remove(ifg, middle.take());
            if let Some(window) = &self.apodisation {
                ifg.iter_mut().zip(window).for_each(|(sample, w)| *sample *= w);
            }
        }
        self.rotate(samples, work);
        self.fft.forward(work);
        self.fft.bins(work, bins, transforms);
    }

    /// Brings the samples of interferograms side by side, the peak first, then what follows it; what was
    /// before it stands at the end.
    fn rotate(&self, samples: &[f64], work: &mut [f64]) {
        let after = IFG_LENGTH - self.peak_sample;
        let (start, rest) = work.split_at_mut(after * lanes());
        let (padding, end) = rest.split_at_mut(rest.len() - self.peak_sample * lanes());
        padding.fill(0.0);
        with_widest_simd(
            #[inline(always)]
            || {
                weave(samples, self.peak_sample, start);
                weave(samples, 0, end);
            },
        );
    }
}

/// Writes interferograms, from one of their samples on, side by side.
#[inline(always)]
fn weave(samples: &[f64], from: usize, out: &mut [f64]) {
    // With a number that the compiler knows, it shuffles registers instead of single numbers.
    match lanes() {
        4 => weave_lanes::<4>(samples, from, out),
        8 => weave_lanes::<8>(samples, from, out),
        lanes => {
            for (lane, ifg) in samples.chunks_exact(IFG_LENGTH).enumerate() {
                let places = out.iter_mut().skip(lane).step_by(lanes);
                places.zip(&ifg[from..]).for_each(|(place, sample)| *place = *sample);
            }
        }
    }
}

#[inline(always)]
fn weave_lanes<const LANES: usize>(samples: &[f64], from: usize, out: &mut [f64]) {
    let out = out.as_chunks_mut::<LANES>().0;
    let ifgs: [&[f64]; LANES] =
        std::array::from_fn(|lane| &samples[lane * IFG_LENGTH + from..][..out.len()]);
    for (i, place) in out.iter_mut().enumerate() {
        *place = std::array::from_fn(
            #[inline(always)]
            |lane| ifgs[lane][i],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundations::numerics::math::{cis, cos};
    use crate::science::instrument::SPECTRUM_BINS;
    use std::f64::consts::TAU;

    fn direct(samples: &[f64], length: usize, peak: usize, bin: usize) -> Complex64 {
        let term = |(i, s): (usize, &f64)| {
            let turned = (i + length - peak) % length;
            cis(-TAU * ((bin * turned) % length) as f64 / length as f64) * s
        };
        samples.iter().enumerate().map(term).sum()
    }

    /// The transform of one interferogram, in the last place of a group whose others hold no numbers.
    fn spectrum(transform: &Transform, group: &mut TransformGroup, ifg: &[f64]) -> Vec<Complex64> {
        let last = Transform::group_size() - 1;
        (0..last).for_each(|place| group.samples(place).fill(f64::NAN));
        group.samples(last).copy_from_slice(ifg);
        let bins: Vec<usize> = (0..SPECTRUM_BINS).collect();
        transform.run(last + 1, &bins, group);
        // All of a group, and fewer.
        for (at, count) in [(1, last + 1), (0, last)] {
            let mut copied = vec![vec![Complex64::ZERO; last + 2]; 8];
            let mut rows: Vec<&mut [Complex64]> =
                copied.iter_mut().map(|row| &mut row[..]).collect();
            group.copy_to(&mut rows, at, count);
            for (place, found) in copied[7].iter().enumerate() {
                let is_copied = (at..at + count).contains(&place);
                let expected = if is_copied { group.at(place - at, 7) } else { Complex64::ZERO };
                let bits = |z: Complex64| [z.re.to_bits(), z.im.to_bits()];
                assert_eq!(bits(*found), bits(expected));
            }
        }
        let power: f64 = (3..9).map(|bin| group.at(last, bin).norm_sqr()).sum();
        assert_eq!(group.powers(3..9)[last].to_bits(), power.to_bits());
        bins.iter().map(|&bin| group.at(last, bin)).collect()
    }

    #[test]
    fn both_lengths_agree_with_the_sum_written_out() {
        let ifg: Vec<f64> =
            (0..IFG_LENGTH).map(|i| cos(0.3 * i as f64) + 0.01 * i as f64).collect();
        for length in [512, 640] {
            let transform = Transform::new(length, Baseline::None, None, 360);
            let mut group = transform.group(SPECTRUM_BINS);
            let spectrum = spectrum(&transform, &mut group, &ifg);
            assert_eq!(spectrum.len(), SPECTRUM_BINS);
            for bin in [0, 1, 5, 100, 255, 256] {
                let error = (spectrum[bin] - direct(&ifg, length, 360, bin)).norm_sqr().sqrt();
                assert!(error < 1e-9, "length {length}, bin {bin}: {error}");
            }
            // The buffers carry nothing over.
            assert_eq!(self::spectrum(&transform, &mut group, &ifg), spectrum);
        }
    }

    #[test]
    fn an_impulse_at_the_peak_is_flat_and_real() {
        let mut ifg = vec![0.0; IFG_LENGTH];
        ifg[355] = 2.0;
        for length in [512, 640] {
            let transform = Transform::new(length, Baseline::None, None, 355);
            for value in spectrum(&transform, &mut transform.group(SPECTRUM_BINS), &ifg) {
                assert!((value - 2.0).norm_sqr() < 1e-28);
            }
        }
    }

    #[test]
    fn apodisation_scales_samples_and_noise() {
        let window: Vec<f64> = (0..IFG_LENGTH).map(|i| i as f64 / 511.0).collect();
        let transform = Transform::new(512, Baseline::None, Some(window.clone()), 0);
        let ones = vec![1.0; IFG_LENGTH];
        let sum: f64 = window.iter().sum();
        let found = spectrum(&transform, &mut transform.group(SPECTRUM_BINS), &ones);
        assert!((found[0].re - sum).abs() < 1e-10);
        assert!(
            (transform.noise_power() - window.iter().map(|w| w * w).sum::<f64>()).abs() < 1e-12
        );
        assert_eq!(Transform::new(640, Baseline::None, None, 0).noise_power(), 512.0);
    }
}
