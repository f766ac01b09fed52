//! The emissivities that a simulated campaign is made from.

use std::f64::consts::{PI, TAU};

use num_complex::Complex64;

use crate::foundations::numerics::math::{cis, cos, exp, sin};
use crate::science::instrument::{Axis, Channel};

use super::emitters::{EmissivityCurve, Emitter, OTF_COLUMN, STANDARD};
use super::model::PublishedModel;

/// Known emissivities, as functions of frequency.
#[derive(Debug, Clone)]
pub struct Truth {
    source: TruthSource,
    /// Whether those of all emitters sum to zero, whichever emitters these are.
    balanced: bool,
}

#[derive(Debug, Clone)]
enum TruthSource {
    /// A published calibration model, interpolated; zero outside its band.
    Published(Box<PublishedModel>),
    /// A smooth stand-in for a channel.
    Reference(Channel),
}

impl Truth {
    /// What a published model says.
    pub(super) fn published(model: PublishedModel) -> Self {
        Self { source: TruthSource::Published(Box::new(model)), balanced: false }
    }

    /// What a campaign is simulated from: a published model, or else the reference of a channel.
    /// Also with emitters that a published model does not have, or without some that it has, their
    /// emissivities sum to zero.
    pub(super) fn simulated(channel: Channel, model: Option<PublishedModel>) -> Self {
        let source = match model {
            Some(model) => TruthSource::Published(Box::new(model)),
            None => TruthSource::Reference(channel),
        };
        Self { source, balanced: true }
    }

    /// The emissivities of some emitters at one frequency, GHz; those of other channels'
    /// bolometers are zero.
    #[must_use]
    pub fn at(&self, frequency_ghz: f64, emitters: &[Emitter]) -> Vec<Complex64> {
        let mut values = match &self.source {
            TruthSource::Published(model) => published(model, frequency_ghz, emitters),
            TruthSource::Reference(channel) => reference(*channel, frequency_ghz, emitters),
        };
        if self.balanced && !self.is_balanced(emitters) {
            balance(&mut values, emitters);
        }
        values
    }

    /// The emissivities at every bin of an axis, `[bin][emitter]`.
    #[must_use]
    pub fn on(&self, axis: &Axis, emitters: &[Emitter]) -> Vec<Vec<Complex64>> {
        axis.frequencies_ghz().into_iter().map(|ghz| self.at(ghz, emitters)).collect()
    }

    /// Whether the source itself makes them sum to zero, to its own rounding.
    fn is_balanced(&self, emitters: &[Emitter]) -> bool {
        let has = |name: &str| emitters.iter().any(|emitter| emitter.name() == name);
        let adds = |emitter: &Emitter| matches!(emitter.behaviour.curve, EmissivityCurve::FractionOfOtf(part) if part != 0.0);
        match self.source {
            TruthSource::Reference(_) => false,
            TruthSource::Published(_) => {
                STANDARD.iter().all(|standard| has(standard.name)) && !emitters.iter().any(adds)
            }
        }
    }
}

/// Makes the sum zero: the emitter does it that does so in the reference, or else the last one.
fn balance(values: &mut [Complex64], emitters: &[Emitter]) {
    let rest =
        emitters.iter().position(|emitter| emitter.behaviour.curve == EmissivityCurve::Balance);
    let sum: Complex64 = values.iter().sum();
    if let Some(value) = values.get_mut(rest.unwrap_or(emitters.len().saturating_sub(1))) {
        *value -= sum;
    }
}

/// What a model has in the columns of the emitters; those that it does not have are, if they shine in
/// a simulation, a part of its transfer function.
fn published(model: &PublishedModel, frequency_ghz: f64, emitters: &[Emitter]) -> Vec<Complex64> {
    let values = model.emissivity_at(frequency_ghz);
    let of = |column: &str| {
        let place = model.columns.iter().position(|known| known == column);
        place.map_or(Complex64::ZERO, |place| values[place])
    };
    let value = |emitter: &Emitter| match (&emitter.column, emitter.behaviour.curve) {
        (Some(column), _) => of(column),
        (None, EmissivityCurve::FractionOfOtf(part)) if part != 0.0 => of(OTF_COLUMN) * part,
        (None, _) => Complex64::ZERO,
    };
    emitters.iter().map(value).collect()
}

/// The reference truth: smooth curves of the magnitudes and signs of the published LLSS model,
/// laid over the channel's optical band. What makes their sum zero is left to [`balance`].
///
/// The published transfer function falls from 0.05 at the lower edge to 0.02.
fn reference(channel: Channel, frequency_ghz: f64, emitters: &[Emitter]) -> Vec<Complex64> {
    let (low, high) = channel.optical_band_ghz();
    let x = (frequency_ghz - low) / (high - low);
    let mut values = vec![Complex64::ZERO; emitters.len()];
    if !(x > 0.0 && x < 1.0) {
        return values;
    }
    let amplitude = edges(x) * (0.02 + 0.03 * exp(-6.0 * x));
    let otf = cis(0.15 + 0.4 * sin(TAU * x)) * amplitude;
    for (value, emitter) in values.iter_mut().zip(emitters) {
        *value = match emitter.behaviour.curve {
            EmissivityCurve::Otf => otf,
            EmissivityCurve::OfOtf(curve) => curve(otf, x),
            EmissivityCurve::FractionOfOtf(part) if part != 0.0 => otf * part,
            EmissivityCurve::FractionOfOtf(_) | EmissivityCurve::Balance => Complex64::ZERO,
        };
    }
    values
}

/// One inside the band, falling smoothly to zero over its outer eighths.
fn edges(x: f64) -> f64 {
    let distance = x.min(1.0 - x) / 0.125;
    if distance >= 1.0 { 1.0 } else { 0.5 - 0.5 * cos(PI * distance) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::data::emitters::tests::{chosen, standard};

    #[test]
    fn the_reference_sums_to_zero_and_has_the_published_magnitudes() {
        let emitters = standard();
        for channel in Channel::ALL {
            let (low, high) = channel.optical_band_ghz();
            let mut largest = [0.0f64; 7];
            for step in 0..=1000 {
                let ghz = low + (high - low) * f64::from(step) / 1000.0;
                let values = Truth::simulated(channel, None).at(ghz, &emitters);
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
            let nothing = [Complex64::ZERO; 7];
            assert_eq!(reference(channel, channel.dark_above_ghz(), &emitters), nothing);
            assert_eq!(reference(channel, 0.0, &emitters), nothing);
        }
    }

    #[test]
    fn the_reference_is_smooth() {
        let otf = |ghz: i32| reference(Channel::Ll, f64::from(ghz), &standard())[0];
        let curve: Vec<Complex64> = (0..700).map(otf).collect();
        let bend = |w: &[Complex64]| (w[0] - w[1] * 2.0 + w[2]).norm_sqr().sqrt();
        assert!(curve.windows(3).map(bend).fold(0.0, f64::max) < 2e-4);
    }

    #[test]
    fn a_bolometer_of_another_channel_does_not_shine() {
        let emitters = chosen("other_bolometers = [\"rh\"]", "");
        let values = Truth::simulated(Channel::Ll, None).at(300.0, &emitters);
        assert!(values[0] != Complex64::ZERO && values[7] == Complex64::ZERO);
    }

    #[test]
    fn whichever_emitters_there_are_sum_to_zero() {
        let mirror = "[[emitter]]\nname = \"mirror\"\nsimulated = { emissivity = 0.02 }";
        for (data, given) in [
            ("", mirror),
            ("emitters = [\"xcal\", \"ical\", \"dihedral\"]", ""),
            ("emitters = [\"xcal\", \"mirror\", \"bolometer\"]", mirror),
        ] {
            let emitters = chosen(data, given);
            let values = Truth::simulated(Channel::Ll, None).at(300.0, &emitters);
            assert!(values.iter().sum::<Complex64>().norm_sqr() < 1e-34, "{values:?}");
            assert!(values.iter().all(|value| *value != Complex64::ZERO));
        }
    }
}
