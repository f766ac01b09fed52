//! The electronics transfer function: everything between the bolometer and the telemetry.
//!
//! The signal passes an amplifier, a five-pole Bessel filter, a treble boost that undoes part of
//! the bolometer's slowness, a cascade of high-pass filters, a digital low-pass filter and an
//! averager. Source: FIRAS Explanatory Supplement (COBE Ref. Pub. 97-C).

use std::f64::consts::{PI, TAU};

use num_complex::Complex64;

use super::channel::Channel;
use crate::foundations::numerics::{
    constants::SAMPLING_HZ,
    math::{cis, sin},
};

/// Gain of the amplifiers in front of the filters, V/V: four stages.
const AMPLIFIER_GAIN: f64 = 31.0 * 1.3823 * 1.2255 * 1.9099;
/// Corner of the Bessel filter, Hz.
const BESSEL_CORNER_HZ: f64 = 100.0;
/// Time constant of each high-pass stage, s.
const DC_BLOCK_SECONDS: f64 = 3.2;
/// The averager is taken as 1 where half its phase step, in rad, is below this.
const COMPRESS_FLAT_BELOW: f64 = 0.001;

/// The electronics of a channel that averages a given number of samples into a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Electronics {
    channel: Channel,
    adds_per_group: u32,
}

impl Electronics {
    /// The electronics of `channel`, averaging `adds_per_group` samples (at least 1).
    #[must_use]
    pub const fn new(channel: Channel, adds_per_group: u32) -> Self {
        Self { channel, adds_per_group }
    }

    /// Transfer function at an audio frequency, V/V: minus the gain times all filters.
    ///
    /// 0 at 0 Hz, which the high-pass filters block; NaN for a NaN and for no adds per group.
    #[must_use]
    pub fn etf(&self, audio_hz: f64) -> Complex64 {
        -AMPLIFIER_GAIN
            * bessel(audio_hz)
            * boost(audio_hz, boost_seconds(self.channel))
            * dc_block(audio_hz)
            * digital(audio_hz, self.channel)
            * compress(audio_hz, self.adds_per_group)
    }
}

/// Five-pole Bessel low-pass filter: 1 over a polynomial of degree 5 in `i f / 100 Hz`.
fn bessel(audio_hz: f64) -> Complex64 {
    const COEFFICIENTS: [f64; 6] = [1.0, 2.4275, 2.6189, 1.5894, 0.5511, 0.0892];
    let z = Complex64::new(0.0, audio_hz / BESSEL_CORNER_HZ);
    let horner = |sum: Complex64, &coefficient: &f64| sum * z + coefficient;
    Complex64::ONE / COEFFICIENTS.iter().rev().fold(Complex64::ZERO, horner)
}

/// Time constant of the treble boost, s, matched to each bolometer.
const fn boost_seconds(channel: Channel) -> f64 {
    match channel {
        Channel::Rh => 0.00647,
        Channel::Rl => 0.03619,
        Channel::Lh => 0.00722,
        Channel::Ll => 0.04022,
    }
}

/// Treble boost: `1 + i omega t`.
fn boost(audio_hz: f64, seconds: f64) -> Complex64 {
    Complex64::new(1.0, TAU * audio_hz * seconds)
}

/// Six high-pass stages, five of them `s / (1 + s)` and one loaded, `s / (2 + s)`, where
/// `s = i omega * 3.2 s`.
fn dc_block(audio_hz: f64) -> Complex64 {
    let s = Complex64::new(0.0, DC_BLOCK_SECONDS * TAU * audio_hz);
    let stage = s / (1.0 + s);
    let squared = stage * stage;
    squared * squared * stage * (s / (2.0 + s))
}

/// Digital low-pass filter, a ratio of polynomials in the delay `z` of one sample; 1 at 0 Hz.
fn digital(audio_hz: f64, channel: Channel) -> Complex64 {
    let z = cis(-TAU * audio_hz / SAMPLING_HZ);
    let z2 = z * z;
    if channel.is_high() {
        let sum = 1.0 + z;
        sum * sum / (8.0 - 11.0 * z + 5.0 * z2) / 2.0
    } else {
        let z4 = z2 * z2;
        (1.0 + 2.0 * z * (1.0 + z + z2) + z4) / (8.0 - 8.0 * z2 + z4) / 8.0
    }
}

/// Average of n successive samples: `sin(n q) / sin(q) / n * exp(i q (1 - n))`, `q = pi f / rate`.
///
/// Taken as 1 where q < 0.001, as the published model does. For n = 8 and 12 this drops a phase
/// of up to 0.01 rad from the first one or two bins, which lie below the band.
fn compress(audio_hz: f64, adds_per_group: u32) -> Complex64 {
    let n = f64::from(adds_per_group);
    let q = PI * audio_hz / SAMPLING_HZ;
    if q < COMPRESS_FLAT_BELOW {
        return Complex64::ONE;
    }
    cis(q * (1.0 - n)) * (sin(q * n) / sin(q) / n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::instrument::check::{assert_close_complex, published};

    const TEST_HZ: [f64; 5] = [0.5, 3.0, 17.0, 80.0, 110.0];

    #[test]
    fn published_transfer_function() {
        let electronics = Electronics::new(Channel::Ll, 3);
        for (bin, &(re, im)) in (5..48).zip(&published::ETF) {
            let audio_hz = f64::from(bin) * SAMPLING_HZ / 3.0 / 640.0;
            assert_close_complex(electronics.etf(audio_hz), Complex64::new(re, im), 1e-6);
        }
    }

    #[test]
    fn independent_values_of_every_channel() {
        // NumPy, float64.
        for (channel, adds, at_1_hz, at_33_hz) in [
            (
                Channel::Rh,
                2,
                Complex64::new(-93.415_268_252_238_85, -33.626_951_740_183_38),
                Complex64::new(-156.688_271_018_170_87, 105.868_656_841_973_75),
            ),
            (
                Channel::Rl,
                8,
                Complex64::new(-93.569_436_972_036_06, -38.035_675_009_682_42),
                Complex64::new(72.262_391_415_857_31, 107.583_992_795_689_04),
            ),
            (
                Channel::Lh,
                2,
                Complex64::new(-93.274_932_366_318_31, -34.072_865_784_650_766),
                Complex64::new(-174.304_284_502_315_3, 105.127_857_686_032_12),
            ),
            (
                Channel::Ll,
                8,
                Complex64::new(-93.165_939_792_710_56, -40.496_719_488_149_765),
                Complex64::new(78.616_311_584_505, 120.403_323_913_521_66),
            ),
        ] {
            let electronics = Electronics::new(channel, adds);
            assert_close_complex(electronics.etf(1.0), at_1_hz, 1e-13);
            assert_close_complex(electronics.etf(33.3), at_33_hz, 1e-13);
        }
    }

    #[test]
    fn low_pass_filters_pass_a_constant_and_the_block_does_not() {
        assert_eq!(bessel(0.0), Complex64::ONE);
        assert_eq!(compress(0.0, 8), Complex64::ONE);
        assert_eq!(dc_block(0.0), Complex64::ZERO);
        for channel in Channel::ALL {
            assert_eq!(digital(0.0, channel), Complex64::ONE);
            assert_eq!(boost(0.0, boost_seconds(channel)), Complex64::ONE);
            assert_eq!(Electronics::new(channel, 3).etf(0.0), Complex64::ZERO);
        }
    }

    #[test]
    fn the_averager_is_a_mean_of_delayed_samples() {
        for adds in [1_u32, 2, 3, 8, 12] {
            for audio_hz in TEST_HZ {
                let delayed = |k| cis(-TAU * audio_hz / SAMPLING_HZ * f64::from(k));
                let mean = (0..adds).map(delayed).sum::<Complex64>() / f64::from(adds);
                assert_close_complex(compress(audio_hz, adds), mean, 1e-12);
            }
        }
    }

    #[test]
    fn a_real_filter_at_minus_f_is_the_conjugate() {
        for audio_hz in TEST_HZ {
            assert_close_complex(bessel(-audio_hz), bessel(audio_hz).conj(), 1e-15);
            assert_close_complex(dc_block(-audio_hz), dc_block(audio_hz).conj(), 1e-15);
            for channel in Channel::ALL {
                let mirrored = digital(-audio_hz, channel);
                assert_close_complex(mirrored, digital(audio_hz, channel).conj(), 1e-15);
            }
        }
    }

    #[test]
    fn the_block_is_open_far_above_its_corner() {
        assert_close_complex(dc_block(1e6), Complex64::ONE, 1e-6);
    }

    #[test]
    fn no_number_in_no_number_out() {
        assert!(Electronics::new(Channel::Ll, 3).etf(f64::NAN).is_nan());
        assert!(Electronics::new(Channel::Ll, 0).etf(10.0).is_nan());
    }
}
