//! For the tests of this layer: comparisons, and the published figures to compare with.

use num_complex::Complex64;

use crate::foundations::numerics::math::modulus;

/// Fails unless `found` is `expected` to a relative `tolerance`.
#[track_caller]
pub(super) fn assert_close(found: f64, expected: f64, tolerance: f64) {
    let error = (found / expected - 1.0).abs();
    assert!(error <= tolerance, "{found} is not {expected}: off by {error:e} of it");
}

/// Fails unless `found` is `expected` to a relative `tolerance` of the modulus.
#[track_caller]
pub(super) fn assert_close_complex(found: Complex64, expected: Complex64, tolerance: f64) {
    let error = modulus(found - expected) / modulus(expected);
    assert!(error <= tolerance, "{found} is not {expected}: off by {error:e} of it");
}

/// Figures of `FIRAS_CALIBRATION_MODEL_LLSS.FITS` (PASS4, NASA, public domain), float32 digits.
pub(super) mod published {
    /// `BOLOM_BI`.
    pub(in super::super) const BIAS_V: f64 = 1.372_549;
    /// `BOLOM_VO`.
    pub(in super::super) const VOLT_V: f64 = 2.065_718;
    /// `BOLOM_B2`.
    pub(in super::super) const BATH_K: f64 = 1.530_941_8;
    /// `BOLOM_TE`.
    pub(in super::super) const BOLOMETER_K: f64 = 1.812_106_5;
    /// `DC_RESPO`.
    pub(in super::super) const RESPONSIVITY: f64 = -1.934_820_2;
    /// `TIME_CON`.
    pub(in super::super) const TIME_CONSTANT_S: f64 = 0.044_690_497;
    /// `NU_ZERO`: bin 5.
    pub(in super::super) const NU_ZERO_GHZ: f64 = 68.020_812;
    /// `DELTA_NU`.
    pub(in super::super) const DELTA_NU_GHZ: f64 = 13.604_162;
    /// `OM_ZERO`: bin 5, rad/s.
    pub(in super::super) const OM_ZERO: f64 = 11.149_872;
    /// `DELTA_OM`, rad/s.
    pub(in super::super) const DELTA_OM: f64 = 2.229_974_4;
    /// `NORMALIZ`.
    pub(in super::super) const NORMALIZ: f64 = 7.479_336;
    /// `RELEX_GA` and `IELEX_GA`, bins 5 to 47.
    pub(in super::super) const ETF: [(f64, f64); 43] = [
        (-101.361885, -34.94723),
        (-104.75491, -34.229042),
        (-108.23385, -34.015793),
        (-111.8652, -33.9533),
        (-115.64897, -33.837524),
        (-119.55718, -33.545837),
        (-123.55011, -33.00432),
        (-127.584114, -32.170395),
        (-131.61584, -31.022772),
        (-135.60452, -29.555033),
        (-139.51321, -27.771317),
        (-143.30951, -25.683191),
        (-146.9657, -23.307343),
        (-150.45874, -20.663822),
        (-153.77005, -17.774704),
        (-156.88509, -14.663054),
        (-159.79306, -11.352167),
        (-162.48636, -7.864989),
        (-164.96025, -4.2237077),
        (-167.21239, -0.44947442),
        (-169.24243, 3.4377832),
        (-171.05174, 7.4194627),
        (-172.643, 11.478332),
        (-174.02, 15.59853),
        (-175.1874, 19.765533),
        (-176.15045, 23.966108),
        (-176.91492, 28.188232),
        (-177.48688, 32.421032),
        (-177.87263, 36.65468),
        (-178.0786, 40.88033),
        (-178.11124, 45.090027),
        (-177.97697, 49.27664),
        (-177.68216, 53.433765),
        (-177.2331, 57.55567),
        (-176.63585, 61.637234),
        (-175.89642, 65.673874),
        (-175.02058, 69.6615),
        (-174.01398, 73.59646),
        (-172.88203, 77.475494),
        (-171.62999, 81.2957),
        (-170.26292, 85.0545),
        (-168.78572, 88.74958),
        (-167.20308, 92.3789),
    ];
}
