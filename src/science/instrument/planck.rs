//! The spectrum of a black body.

use crate::foundations::numerics::{
    constants::{BOLTZMANN, PLANCK, SPEED_OF_LIGHT},
    exponential::over_exp_m1,
    with_widest_simd,
};

/// MJy per W/m2/Hz: 1 Jy is 1e-26 W/m2/Hz.
const MJY_PER_SI: f64 = 1e20;

/// Brightness of a black body, MJy/sr: `2 h nu^3 / c^2 / (exp(h nu / k T) - 1)`.
///
/// `frequency_hz` in Hz, not negative; `temperature_k` in K. Edge cases: 0 at frequency 0 and at
/// 0 K; NaN for NaN and for a temperature below 0. Source: Planck's law, CODATA constants.
#[must_use]
pub fn planck_mjy_sr(frequency_hz: f64, temperature_k: f64) -> f64 {
    Law::at(frequency_hz).brightness(1.0 / temperature_k)
}

/// Change of the brightness with temperature, `dB/dT`, MJy/sr/K: `B x / T / (1 - exp(-x))` with
/// `x = h nu / k T`.
///
/// Arguments and edge cases as those of [`planck_mjy_sr`]; `temperatures_k` and `out` of one length.
pub fn fill_planck_slopes(frequency_hz: f64, temperatures_k: &[f64], out: &mut [f64]) {
    let law = Law::at(frequency_hz);
    with_widest_simd(
        #[inline(always)]
        || {
            for (slope, &temperature_k) in out.iter_mut().zip(temperatures_k) {
                *slope = law.slope(1.0 / temperature_k);
            }
        },
    );
}

/// As [`fill_planck_slopes`], from the brightness at these temperatures, MJy/sr: without another
/// exponential. `out` becomes `factor * dB/dT`, with one factor a record.
///
/// All of one length; `inverse_temperatures` are one over each, 1/K.
pub fn fill_weighted_planck_slopes(
    frequency_hz: f64,
    (inverse_temperatures, brightness): (&[f64], &[f64]),
    factors: &[f64],
    out: &mut [f64],
) {
    let law = Law::at(frequency_hz);
    let per_scale = if law.scale == 0.0 { 0.0 } else { 1.0 / law.scale };
    let quantum_k = law.quantum_k;
    with_widest_simd(
        #[inline(always)]
        || {
            let records = inverse_temperatures.iter().zip(brightness).zip(factors);
            for (slope, ((inverse, brightness), factor)) in out.iter_mut().zip(records) {
                let photons = brightness * per_scale;
                *slope = factor * (brightness * (1.0 + photons)) * (quantum_k * inverse * inverse);
            }
        },
    );
}

/// Brightness at one frequency for many temperatures: a column of a design matrix.
///
/// `inverse_temperatures` (one over each, 1/K: to divide is what takes longest) and `out` in MJy/sr
/// are of one length, \[record\]. If their lengths differ, all of `out` becomes NaN. Each value is,
/// to the bit, that of [`planck_mjy_sr`].
pub fn fill_planck_column(frequency_hz: f64, inverse_temperatures: &[f64], out: &mut [f64]) {
    if inverse_temperatures.len() != out.len() {
        out.fill(f64::NAN);
        return;
    }
    let law = Law::at(frequency_hz);
    if law.scale == 0.0 {
        let values = out.iter_mut().zip(inverse_temperatures);
        values.for_each(|(value, inverse)| *value = law.brightness(*inverse));
        return;
    }
    // A loop of its own, without branches: several records are worked on side by side.
    with_widest_simd(
        #[inline(always)]
        || {
            for (value, &inverse) in out.iter_mut().zip(inverse_temperatures) {
                *value = law.bright(inverse);
            }
        },
    );
}

/// Planck's law with all that depends on the frequency alone worked out.
pub(super) struct Law {
    /// `2 h nu^3 / c^2`, MJy/sr.
    pub(super) scale: f64,
    /// `h nu / k`, K.
    pub(super) quantum_k: f64,
}

impl Law {
    pub(super) fn at(nu: f64) -> Self {
        let scale = 2.0 * PLANCK * (nu * nu * nu) / (SPEED_OF_LIGHT * SPEED_OF_LIGHT) * MJY_PER_SI;
        Self { scale, quantum_k: PLANCK * nu / BOLTZMANN }
    }

    /// At one over a temperature, 1/K.
    fn brightness(&self, inverse: f64) -> f64 {
        if self.scale == 0.0 {
            let impossible = inverse.is_nan() || inverse < 0.0;
            return if impossible { f64::NAN } else { 0.0 };
        }
        self.bright(inverse)
    }

    /// The brightness at a frequency above zero.
    #[inline(always)]
    fn bright(&self, inverse: f64) -> f64 {
        let value = over_exp_m1(self.scale, (self.quantum_k, inverse));
        if inverse < 0.0 { f64::NAN } else { value }
    }

    /// `1 / (1 - exp(-x))` is one more than `1 / (exp(x) - 1)`, which the brightness has in it.
    #[inline(always)]
    fn slope(&self, inverse: f64) -> f64 {
        let photons = over_exp_m1(1.0, (self.quantum_k, inverse));
        let slope = self.scale * photons * (1.0 + photons) * (self.quantum_k * inverse) * inverse;
        // Where there is no light x / T may be infinite.
        let slope = if self.scale == 0.0 || photons == 0.0 { 0.0 } else { slope };
        if inverse >= 0.0 { slope } else { f64::NAN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::instrument::check::assert_close;

    fn planck_slope(frequency_hz: f64, temperature_k: f64) -> f64 {
        let mut slope = [f64::NAN];
        fill_planck_slopes(frequency_hz, &[temperature_k], &mut slope);
        slope[0]
    }

    #[test]
    fn independent_values() {
        // NumPy, float64.
        for (frequency_hz, temperature_k, expected) in [
            (68.020812e9, 2.725, 200.594_362_080_782_33),
            (6e11, 20.0, 98_918.587_157_766_15),
            (2.9e12, 2.7, 1.475_965_197_996_442e-15),
            (2.9e12, 4.0, 2.784_671_233_131_600_6e-8),
        ] {
            assert_close(planck_mjy_sr(frequency_hz, temperature_k), expected, 1e-13);
        }
    }

    #[test]
    fn slopes_from_the_brightness_are_those_from_the_temperature() {
        let temperatures = [1.5, 2.7, 4.0, 12.0, 20.0];
        let inverse = temperatures.map(|t| 1.0 / t);
        let factors = [2.0, -1.0, 0.5, 3.0, 1.0];
        for frequency_hz in [0.0, 5e9, 3e11, 6e11] {
            let (mut brightness, mut found, mut expected) = ([0.0; 5], [0.0; 5], [0.0; 5]);
            fill_planck_column(frequency_hz, &inverse, &mut brightness);
            fill_planck_slopes(frequency_hz, &temperatures, &mut expected);
            let given = (&inverse[..], &brightness[..]);
            fill_weighted_planck_slopes(frequency_hz, given, &factors, &mut found);
            for i in 0..5 {
                let expected = expected[i] * factors[i];
                assert!((found[i] - expected).abs() <= 1e-14 * expected.abs(), "{frequency_hz}");
            }
        }
    }

    #[test]
    fn low_frequencies_follow_rayleigh_and_jeans() {
        let nu = 1e6;
        let temperature = 20.0;
        let wave = nu / SPEED_OF_LIGHT;
        let expected = 2.0 * BOLTZMANN * temperature * wave * wave * MJY_PER_SI;
        assert_close(planck_mjy_sr(nu, temperature), expected, 1e-5);
    }

    #[test]
    fn the_integral_is_stefan_and_boltzmanns() {
        let temperature = 3.0;
        let step = 1e9;
        let sum: f64 = (0..4000).map(|k| planck_mjy_sr(f64::from(k) * step, temperature)).sum();
        let radiance = sum * step / MJY_PER_SI * std::f64::consts::PI;
        assert_close(radiance, 5.670_374_419e-8 * 81.0, 1e-8);
    }

    #[test]
    fn the_slope_agrees_with_differences() {
        for frequency_hz in [1e6, 1e10, 3e11, 1e12, 2.9e12] {
            for temperature_k in [1.6, 2.7, 6.0, 20.0] {
                let step = 1e-4 * temperature_k;
                let at = |steps: f64| planck_mjy_sr(frequency_hz, temperature_k + steps * step);
                let difference = (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / 12.0 / step;
                assert_close(planck_slope(frequency_hz, temperature_k), difference, 1e-9);
            }
        }
        assert_eq!(planck_slope(0.0, 2.7), 0.0);
        assert_eq!(planck_slope(1e12, 0.0), 0.0);
        assert_eq!(planck_slope(3e12, 1e-200), 0.0);
        assert!(planck_slope(1e12, -2.7).is_nan());
    }

    #[test]
    fn edge_cases() {
        assert_eq!(planck_mjy_sr(0.0, 2.7), 0.0);
        assert_eq!(planck_mjy_sr(1e12, 0.0), 0.0);
        assert_eq!(planck_mjy_sr(3e12, 0.01), 0.0);
        assert!(planck_mjy_sr(0.0, f64::NAN).is_nan());
        assert!(planck_mjy_sr(f64::NAN, 2.7).is_nan());
        assert!(planck_mjy_sr(f64::NAN, 0.0).is_nan());
        assert!(planck_mjy_sr(1e12, -2.7).is_nan());
    }

    #[test]
    fn a_column_equals_its_single_values_to_the_bit() {
        let temperatures = [2.7, 4.5, 20.0, 0.0];
        let mut column = [f64::NAN; 4];
        fill_planck_column(3e11, &temperatures.map(|t| 1.0 / t), &mut column);
        for (value, temperature) in column.into_iter().zip(temperatures) {
            assert_eq!(value.to_bits(), planck_mjy_sr(3e11, temperature).to_bits());
        }
    }

    #[test]
    fn unequal_lengths_give_no_number() {
        let mut column = [1.0; 3];
        fill_planck_column(3e11, &[2.7, 4.5], &mut column);
        assert!(column.iter().all(|value| value.is_nan()));
    }
}
