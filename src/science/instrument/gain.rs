//! The gain of the whole chain: counts per volt of interferogram for a brightness of 1 MJy/sr.

use num_complex::Complex64;

use super::{
    axis::{Axis, SPECTRUM_BINS},
    bolometer::BolometerState,
    electronics::Electronics,
    peak::Peak,
};
use crate::foundations::numerics::{constants::MJY_SR_PER_ERG, math::modulus};

/// Throughput (area times solid angle) of the instrument, cm2 sr.
const THROUGHPUT_CM2_SR: f64 = 1.5;
/// Counts of the converter per volt.
const ADC_COUNTS_PER_VOLT: f64 = 204.75;

/// The part of the gain that is the same for all records: one factor A for each bin.
///
/// `G[k] = A[k] * B[k]`, where B is the record's bolometer response. A spectrum is the transform
/// of the interferogram over G.
#[derive(Debug, Clone, PartialEq)]
pub struct Gain {
    normalization: f64,
    /// Largest modulus of the electronics' transfer function.
    largest_transfer: f64,
    transfers: Vec<f64>,
    factors: Vec<Complex64>,
    omegas: Vec<f64>,
}

impl Gain {
    /// The gain on an axis, which also knows the channel and the scan mode; \[257\]. The part of a
    /// sample by which the peak comes later than a rotation makes of it is a phase of the factors.
    #[must_use]
    pub fn new(axis: &Axis, peak: Peak) -> Self {
        let channel_scan = axis.channel_scan();
        let electronics = Electronics::new(channel_scan.channel, channel_scan.adds_per_group());
        let normalization = channel_scan.channel.side_sign()
            * axis.nyquist_icm()
            * THROUGHPUT_CM2_SR
            * ADC_COUNTS_PER_VOLT;
        let etf: Vec<Complex64> =
            (0..SPECTRUM_BINS).map(|bin| electronics.etf(axis.audio_hz(bin))).collect();
        let transfers: Vec<f64> = etf.iter().map(|etf| modulus(*etf)).collect();
        let factor = |(bin, etf): (usize, &Complex64)| {
            let factor = etf * (normalization / MJY_SR_PER_ERG);
            let phase = peak.phase(bin, axis.length());
            if phase == Complex64::ONE { factor } else { factor * phase }
        };
        Self {
            normalization,
            largest_transfer: transfers.iter().copied().fold(0.0, f64::max),
            factors: etf.iter().enumerate().map(factor).collect(),
            transfers,
            omegas: (0..SPECTRUM_BINS).map(|bin| axis.omega(bin)).collect(),
        }
    }

    /// Nyquist frequency * throughput * counts per volt, 1/cm cm2 sr counts/V; negative for the
    /// right side.
    #[must_use]
    pub const fn normalization(&self) -> f64 {
        self.normalization
    }

    /// Gain of a bin for a record whose bolometer is in `state`: factor times response.
    ///
    /// 0 in bin 0, where the electronics block; NaN for a bin that the spectrum does not have.
    #[must_use]
    pub fn at(&self, bin: usize, state: &BolometerState) -> Complex64 {
        self.factor(bin) * state.response(self.omega(bin))
    }

    /// How much of a bin's signal the electronics pass: the modulus of their transfer function over
    /// its largest in the spectrum, 0 to 1. NaN for a bin that the spectrum does not have.
    #[must_use]
    pub fn relative_transfer(&self, bin: usize) -> f64 {
        self.transfers.get(bin).map_or(f64::NAN, |transfer| transfer / self.largest_transfer)
    }

    /// Whether the electronics pass a bin: at least this part of their largest transfer, and not nothing.
    #[must_use]
    pub fn passes(&self, bin: usize, least_transfer: f64) -> bool {
        let passed = self.relative_transfer(bin);
        passed >= least_transfer && passed > 0.0
    }

    /// The factor A of a bin: electronics * normalization / (MJy/sr per erg). A loop over records
    /// can take it out. NaN for a bin that the spectrum does not have.
    #[must_use]
    pub fn factor(&self, bin: usize) -> Complex64 {
        self.factors.get(bin).copied().unwrap_or(Complex64::new(f64::NAN, f64::NAN))
    }

    /// Angular audio frequency of a bin, rad/s: what the bolometer's response is asked at. NaN for
    /// a bin that the spectrum does not have.
    #[must_use]
    pub fn omega(&self, bin: usize) -> f64 {
        self.omegas.get(bin).copied().unwrap_or(f64::NAN)
    }

    /// All factors A; \[257\].
    #[must_use]
    pub fn factors(&self) -> &[Complex64] {
        &self.factors
    }

    /// All angular audio frequencies, rad/s; \[257\].
    #[must_use]
    pub fn omegas(&self) -> &[f64] {
        &self.omegas
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;
    use crate::foundations::numerics::math::cis;
    use crate::science::instrument::{
        axis::{DEFAULT_CORRECTION, PADDED_LENGTH, PLAIN_LENGTH},
        bolometer::PUBLISHED_LL,
        check::{assert_close, assert_close_complex, published},
    };

    fn gain(name: &str, length: usize) -> Gain {
        Gain::new(&axis(name, length), Peak::at(359.0).unwrap())
    }

    fn axis(name: &str, length: usize) -> Axis {
        Axis::new(name.parse().unwrap(), length, DEFAULT_CORRECTION).unwrap()
    }

    fn state() -> BolometerState {
        PUBLISHED_LL.state(published::BIAS_V, published::VOLT_V, published::BATH_K).unwrap()
    }

    #[test]
    fn published_normalization() {
        let found = MJY_SR_PER_ERG / gain("llss", PADDED_LENGTH).normalization();
        assert_close(found, published::NORMALIZ * 10.0, 1e-6);
    }

    #[test]
    fn independent_values() {
        // NumPy, float64, on both grids.
        for (length, bin, re, im) in [
            (512, 5, 2.364_802_013_076_14, -0.589_642_599_424_89),
            (512, 20, 0.576_704_334_060_805, -1.525_771_174_889_56),
            (512, 100, -0.323_481_051_058_251, 0.087_165_519_798_406_9),
            (512, 256, 0.026_049_843_541_516_6, -0.005_499_687_922_538_98),
            (640, 5, 2.461_433_693_945_93, -0.322_470_268_383_394),
            (640, 20, 0.968_175_701_321_519, -1.550_425_125_593_64),
            (640, 100, -0.451_182_188_378_665, -0.082_888_708_506_035_4),
            (640, 256, 0.049_018_700_795_287_3, 0.046_565_448_064_553_5),
        ] {
            let found = gain("llss", length).at(bin, &state());
            assert_close_complex(found, Complex64::new(re, im), 1e-12);
        }
    }

    #[test]
    fn hoisting_the_factors_changes_no_bit() {
        let gain = gain("llss", PLAIN_LENGTH);
        let state = state();
        assert_eq!((gain.factors().len(), gain.omegas().len()), (SPECTRUM_BINS, SPECTRUM_BINS));
        for (bin, (&factor, &omega)) in gain.factors().iter().zip(gain.omegas()).enumerate() {
            assert_eq!(gain.at(bin, &state), factor * state.response(omega));
        }
    }

    #[test]
    fn half_a_sample_is_a_phase() {
        let axis = axis("lhsf", PADDED_LENGTH);
        let gain = |place| Gain::new(&axis, Peak::at(place).unwrap());
        let (whole, half) = (gain(358.0), gain(358.5));
        for bin in [1, 64, 128, 256] {
            let turned = half.factor(bin) / whole.factor(bin);
            assert_close_complex(turned, cis(-PI * bin as f64 / 640.0), 1e-14);
        }
    }

    #[test]
    fn the_digital_filter_of_the_low_channels_has_zeros_near_nyquist() {
        let blocked = |name| {
            let gain = gain(name, PLAIN_LENGTH);
            (0..SPECTRUM_BINS).filter(|&bin| gain.relative_transfer(bin) < 1e-3).collect::<Vec<_>>()
        };
        assert_eq!(blocked("llsf"), [0, 255, 256]);
        assert_eq!(blocked("llss"), [0]);
        assert!(gain("llss", PLAIN_LENGTH).relative_transfer(SPECTRUM_BINS).is_nan());
    }

    #[test]
    fn the_right_side_is_negative() {
        for name in ["rhss", "rlss", "lhss", "llss"] {
            let normalization = gain(name, PLAIN_LENGTH).normalization();
            assert_eq!(normalization < 0.0, name.starts_with('r'));
        }
    }

    #[test]
    fn only_the_first_bin_is_blocked_and_there_is_nothing_beyond_the_last() {
        let gain = gain("llss", PLAIN_LENGTH);
        assert_eq!(gain.at(0, &state()), Complex64::ZERO);
        assert!((1..SPECTRUM_BINS).all(|bin| gain.at(bin, &state()).norm_sqr() > 0.0));
        assert!(gain.at(SPECTRUM_BINS, &state()).is_nan());
    }
}
