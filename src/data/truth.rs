//! The emissivities that a simulated campaign is made from.

use std::f64::consts::{PI, TAU};

use num_complex::Complex64;

use crate::foundations::math::{cis, cos, exp, sin};
use crate::instrument::{Axis, Channel, Emitter};

use super::model::PublishedModel;

/// Known emissivities, as functions of frequency.
#[derive(Debug, Clone)]
pub enum Truth {
    /// A published calibration model, interpolated; zero outside its band.
    Published(Box<PublishedModel>),
    /// A smooth stand-in for a channel.
    Reference(Channel),
}

impl Truth {
    /// A published model, or else the reference of a channel.
    pub(super) fn new(channel: Channel, model: Option<PublishedModel>) -> Self {
        model.map_or(Self::Reference(channel), |model| Self::Published(Box::new(model)))
    }

    /// The emissivities of some emitters at one frequency, GHz; those of other channels'
    /// bolometers are zero.
    #[must_use]
    pub fn at(&self, frequency_ghz: f64, emitters: &[Emitter]) -> Vec<Complex64> {
        let standard = match self {
            Self::Published(model) => model.emissivity_at(frequency_ghz),
            Self::Reference(channel) => reference(*channel, frequency_ghz),
        };
        let value = |emitter: &Emitter| {
            let index = Emitter::STANDARD.iter().position(|standard| standard == emitter);
            index.map_or(Complex64::ZERO, |index| standard[index])
        };
        emitters.iter().map(value).collect()
    }

    /// The emissivities at every bin of an axis, `[bin][emitter]`.
    #[must_use]
    pub fn on(&self, axis: &Axis, emitters: &[Emitter]) -> Vec<Vec<Complex64>> {
        axis.frequencies_ghz().into_iter().map(|ghz| self.at(ghz, emitters)).collect()
    }
}

/// The reference truth: smooth curves of the magnitudes and signs of the published LLSS model,
/// laid over the channel's optical band. The seven sum to zero, to rounding, at every frequency.
///
/// The published transfer function falls from 0.05 at the lower edge to 0.02; the internal
/// calibrator nearly cancels it; the two horns are 2 % of it with opposite signs; collimator and
/// bolometer about 1 %, the dihedral 0.05 %.
fn reference(channel: Channel, frequency_ghz: f64) -> [Complex64; 7] {
    let (low, high) = channel.optical_band_ghz();
    let x = (frequency_ghz - low) / (high - low);
    if !(x > 0.0 && x < 1.0) {
        return [Complex64::ZERO; 7];
    }
    let amplitude = edges(x) * (0.02 + 0.03 * exp(-6.0 * x));
    let otf = cis(0.15 + 0.4 * sin(TAU * x)) * amplitude;
    let ical = otf * cis(0.004 * sin(3.0 * TAU * x)) * -(0.985 + 0.008 * cos(TAU * x));
    let dihedral = otf * cis(1.0 + x) * -4.5e-4;
    let refhorn = otf * cis(0.03 * cos(2.0 * TAU * x)) * -(0.018 + 0.002 * sin(TAU * x));
    let skyhorn = otf * cis(-0.02 * sin(2.0 * TAU * x)) * (0.017 + 0.002 * cos(TAU * x));
    let collimator = otf * cis(0.5 * sin(1.5 * TAU * x)) * 0.008;
    let sum = otf + ical + dihedral + refhorn + skyhorn + collimator;
    [otf, ical, dihedral, refhorn, skyhorn, collimator, -sum]
}

/// One inside the band, falling smoothly to zero over its outer eighths.
fn edges(x: f64) -> f64 {
    let distance = x.min(1.0 - x) / 0.125;
    if distance >= 1.0 { 1.0 } else { 0.5 - 0.5 * cos(PI * distance) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_sums_to_zero_and_has_the_published_magnitudes() {
        for channel in Channel::ALL {
            let (low, high) = channel.optical_band_ghz();
            let mut largest = [0.0f64; 7];
            for step in 0..=1000 {
                let values = reference(channel, low + (high - low) * f64::from(step) / 1000.0);
                let sum: Complex64 = values.iter().sum();
                assert!(sum.norm_sqr().sqrt() < 1e-17);
                for (largest, value) in largest.iter_mut().zip(values) {
                    *largest = largest.max(value.norm_sqr().sqrt());
                }
            }
            // The magnitudes of the published LLSS model, bins 5 to 47, within a factor of three.
            let published = [0.049, 0.049, 3e-5, 8e-4, 8e-4, 4e-4, 9e-4];
            for (found, published) in largest.into_iter().zip(published) {
                assert!((published / 3.0..published * 3.0).contains(&found), "{largest:?}");
            }
            assert_eq!(reference(channel, channel.dark_above_ghz()), [Complex64::ZERO; 7]);
            assert_eq!(reference(channel, 0.0), [Complex64::ZERO; 7]);
        }
    }

    #[test]
    fn the_reference_is_smooth() {
        let step = 1.0;
        let curve: Vec<Complex64> =
            (0..700).map(|ghz| reference(Channel::Ll, f64::from(ghz) * step)[0]).collect();
        let bend = |w: &[Complex64]| (w[0] - w[1] * 2.0 + w[2]).norm_sqr().sqrt();
        assert!(curve.windows(3).map(bend).fold(0.0, f64::max) < 2e-4);
    }

    #[test]
    fn a_bolometer_of_another_channel_does_not_shine() {
        let emitters = [Emitter::Xcal, Emitter::OtherBolometer(Channel::Rh)];
        let values = Truth::Reference(Channel::Ll).at(300.0, &emitters);
        assert!(values[0] != Complex64::ZERO && values[1] == Complex64::ZERO);
    }
}
