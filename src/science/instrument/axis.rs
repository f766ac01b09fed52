//! The frequency axis: optical (what the light does) and audio (what the bolometer sees).
//!
//! Both follow from the length of the transform, and from nothing else that a user can set but
//! the calibration of the optical path. There is no way to build an axis without its length.

use std::f64::consts::TAU;

use serde::Serialize;

use super::channel_scan::ChannelScan;
use crate::foundations::numerics::constants::{GHZ_PER_ICM, SAMPLING_HZ};

/// Samples of an interferogram.
pub const IFG_LENGTH: usize = 512;
/// Bins that a spectrum keeps, whatever the length of the transform.
pub const SPECTRUM_BINS: usize = 257;
/// Transform without padding: all 257 bins are kept, so it can be inverted exactly.
pub const PLAIN_LENGTH: usize = 512;
/// Transform of the zero-padded interferogram, the grid of the published products.
pub const PADDED_LENGTH: usize = 640;
/// Correction of the optical path that the published axis implies. An earlier figure: 1.0044579.
pub const DEFAULT_CORRECTION: f64 = 1.006_054_9;

/// Spacing of the fringes of the mirror's position encoder, cm.
const FRINGE_SPACING_CM: f64 = 20e-4;

/// Why an axis cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum AxisError {
    /// The transform is neither plain nor padded.
    #[error(
        "transform length {0} is not supported; expected {PLAIN_LENGTH} (no padding) or \
         {PADDED_LENGTH} (the grid of the published model)"
    )]
    Length(usize),
    /// The correction of the optical path is no positive number.
    #[error(
        "optical path correction {0} is impossible; expected a finite number above 0, \
         for example {DEFAULT_CORRECTION}"
    )]
    Correction(f64),
}

/// The frequencies of the bins of an L-point transform, for one channel and scan mode.
///
/// Bin k is at `k / (L/2)` of the Nyquist frequency, on the optical as on the audio axis. The
/// formulas hold for any k; only the first [`SPECTRUM_BINS`] are kept in a spectrum.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Axis {
    channel_scan: ChannelScan,
    length: usize,
    nyquist_icm: f64,
}

impl Axis {
    /// The axis of a transform of `transform_length` points (512 or 640).
    ///
    /// `correction` scales the optical path, dimensionless, near 1: [`DEFAULT_CORRECTION`].
    ///
    /// # Errors
    /// If the length is another one, or the correction is not finite and positive.
    pub fn new(
        channel_scan: ChannelScan,
        transform_length: usize,
        correction: f64,
    ) -> Result<Self, AxisError> {
        if !matches!(transform_length, PLAIN_LENGTH | PADDED_LENGTH) {
            return Err(AxisError::Length(transform_length));
        }
        if !(correction.is_finite() && correction > 0.0) {
            return Err(AxisError::Correction(correction));
        }
        let nyquist_icm = optical_nyquist_icm(channel_scan, correction);
        Ok(Self { channel_scan, length: transform_length, nyquist_icm })
    }

    /// The channel and scan mode that the axis belongs to.
    #[must_use]
    pub const fn channel_scan(&self) -> ChannelScan {
        self.channel_scan
    }

    /// Points L of the transform, 512 or 640.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.length
    }

    /// Optical Nyquist frequency, 1/cm.
    #[must_use]
    pub const fn nyquist_icm(&self) -> f64 {
        self.nyquist_icm
    }

    /// Distance between two bins, GHz.
    #[must_use]
    pub fn step_ghz(&self) -> f64 {
        self.frequency_ghz(1)
    }

    /// Optical frequency of a bin, GHz.
    #[must_use]
    pub fn frequency_ghz(&self, bin: usize) -> f64 {
        bin as f64 * self.nyquist_icm / (self.length as f64 / 2.0) * GHZ_PER_ICM
    }

    /// Optical frequency of a bin, Hz.
    #[must_use]
    pub fn frequency_hz(&self, bin: usize) -> f64 {
        self.frequency_ghz(bin) * 1e9
    }

    /// Optical frequencies of all bins of a spectrum, GHz; \[257\].
    #[must_use]
    pub fn frequencies_ghz(&self) -> Vec<f64> {
        (0..SPECTRUM_BINS).map(|bin| self.frequency_ghz(bin)).collect()
    }

    /// Whether a bin lies in the channel's optical band, its ends included.
    #[must_use]
    pub fn is_in_band(&self, bin: usize) -> bool {
        let (low, high) = self.channel_scan.channel.optical_band_ghz();
        (low..=high).contains(&self.frequency_ghz(bin))
    }

    /// Frequency at which the moving mirror modulates a bin's light, Hz.
    ///
    /// Sampling rate / (samples averaged into a point) * bin / L.
    #[must_use]
    pub fn audio_hz(&self, bin: usize) -> f64 {
        let point_rate_hz = SAMPLING_HZ / f64::from(self.channel_scan.adds_per_group());
        bin as f64 * point_rate_hz / self.length as f64
    }

    /// Angular audio frequency of a bin, rad/s.
    #[must_use]
    pub fn omega(&self, bin: usize) -> f64 {
        TAU * self.audio_hz(bin)
    }
}

/// Half the points per cm of optical path difference, 1/cm.
///
/// The path difference grows by 4 cos(30 deg) = 2 sqrt(3) times the mirror's movement.
fn optical_nyquist_icm(channel_scan: ChannelScan, correction: f64) -> f64 {
    let path_per_movement = 2.0 * 3.0_f64.sqrt();
    let samples_per_fringe = f64::from(channel_scan.scan.samples_per_fringe());
    let samples_per_point = f64::from(channel_scan.adds_per_group());
    correction / FRINGE_SPACING_CM / path_per_movement / 2.0 * samples_per_fringe
        / samples_per_point
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::instrument::check::{assert_close, published};

    fn axis(name: &str, length: usize) -> Axis {
        Axis::new(name.parse().unwrap(), length, DEFAULT_CORRECTION).unwrap()
    }

    #[test]
    fn published_optical_axis() {
        let short_slow = axis("llss", PADDED_LENGTH);
        assert_close(short_slow.frequency_ghz(5), published::NU_ZERO_GHZ, 1e-6);
        assert_close(short_slow.step_ghz(), published::DELTA_NU_GHZ, 1e-6);
        let long_fast = axis("lllf", PADDED_LENGTH);
        assert_close(long_fast.frequency_ghz(7), 23.807_283, 1e-6);
        assert_close(long_fast.step_ghz(), 3.401_040_5, 1e-6);
    }

    #[test]
    fn published_audio_axis() {
        let axis = axis("llss", PADDED_LENGTH);
        assert_close(axis.omega(5), published::OM_ZERO, 1e-6);
        assert_close(axis.omega(1), published::DELTA_OM, 1e-6);
    }

    #[test]
    fn the_last_bin_of_the_plain_transform_is_nyquist() {
        for item in ChannelScan::ALL {
            let plain = axis(&item.to_string(), PLAIN_LENGTH);
            let last = SPECTRUM_BINS - 1;
            assert_close(plain.frequency_ghz(last) / GHZ_PER_ICM, plain.nyquist_icm(), 1e-15);
            let point_rate = SAMPLING_HZ / f64::from(item.adds_per_group());
            assert_close(plain.audio_hz(last), point_rate / 2.0, 1e-15);
        }
    }

    #[test]
    fn padding_refines_both_axes_by_the_same_factor() {
        for item in ChannelScan::ALL {
            let plain = axis(&item.to_string(), PLAIN_LENGTH);
            let padded = axis(&item.to_string(), PADDED_LENGTH);
            assert_eq!(plain.nyquist_icm(), padded.nyquist_icm());
            for bin in [1, 5, 100, 256] {
                let optical = plain.frequency_hz(bin) / padded.frequency_hz(bin);
                assert_close(optical, 1.25, 1e-14);
                assert_close(plain.omega(bin) / padded.omega(bin), 1.25, 1e-14);
            }
        }
    }

    #[test]
    fn the_list_agrees_with_the_single_bins() {
        let axis = axis("rhsf", PADDED_LENGTH);
        let list = axis.frequencies_ghz();
        assert_eq!(list.len(), SPECTRUM_BINS);
        assert!(list.is_sorted());
        assert_eq!(list[0], 0.0);
        assert_eq!(list[200] * 1e9, axis.frequency_hz(200));
    }

    #[test]
    fn impossible_settings_are_refused_with_their_value() {
        let llss = "llss".parse().unwrap();
        let message = Axis::new(llss, 513, DEFAULT_CORRECTION).unwrap_err().to_string();
        assert!(message.contains("513") && message.contains("512") && message.contains("640"));
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let message = Axis::new(llss, PLAIN_LENGTH, bad).unwrap_err().to_string();
            assert!(message.contains(&bad.to_string()) && message.contains("above 0"), "{message}");
        }
    }
}
