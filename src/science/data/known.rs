//! The model of the emissivities that methods may use as prior knowledge.
//!
//! For measured data that is the published model. For simulated data it would be the truth
//! itself, and a method that starts from it would win every comparison: so it is the truth with
//! errors, as a model from another campaign would have.

use num_complex::Complex64;

use crate::foundations::numerics::math::modulus;
use crate::science::instrument::ChannelScan;

use super::emitters::Emitter;
use super::random::StreamKey;
use super::resample::Draw;
use super::truth::Truth;

/// Errors are at least those of an emissivity of this part of the bin's largest.
const FLOOR: f64 = 0.01;

/// The model of the emissivities that methods may use as prior knowledge.
#[derive(Debug)]
pub(super) struct KnownModel {
    pub(super) model: Truth,
    /// Relative error of each emissivity; zero for a published model.
    pub(super) error: f64,
}

impl KnownModel {
    /// The model in one trial at one bin, one value per emitter.
    pub(super) fn at(
        &self,
        (bin, frequency_ghz): (usize, f64),
        emitters: &[Emitter],
        (draw, seed, set): (&Draw, u64, ChannelScan),
    ) -> Vec<Complex64> {
        let mut values = self.model.at(frequency_ghz, emitters);
        if self.error > 0.0 {
            let key = StreamKey::model(seed, set, draw.noise_level, draw.trial);
            disturb(&mut values, self.error, key, bin);
        }
        values
    }
}

fn disturb(values: &mut [Complex64], error: f64, key: StreamKey, bin: usize) {
    let sizes: Vec<f64> = values.iter().map(|value| modulus(*value)).collect();
    let least = FLOOR * sizes.iter().fold(0.0, |a: f64, b| a.max(*b));
    let mut stream = key.stream(bin);
    for (value, size) in values.iter_mut().zip(sizes) {
        // Half of the variance in each direction.
        let width = error * size.max(least) * std::f64::consts::FRAC_1_SQRT_2;
        *value += Complex64::new(stream.normal(), stream.normal()) * width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::data::emitters::tests::standard;
    use crate::science::instrument::Channel;

    fn at(error: f64, trial: u64, bin: usize) -> Vec<Complex64> {
        let known = KnownModel { model: Truth::simulated(Channel::Ll, None), error };
        let draw = Draw::of_noise(0.01, trial);
        known.at((bin, 300.0), &standard(), (&draw, 1, "llss".parse().unwrap()))
    }

    #[test]
    fn the_model_is_off_by_what_was_asked_for() {
        let truth = at(0.0, 1, 22);
        assert_eq!(truth, at(0.0, 2, 23));
        let largest = truth.iter().map(|e| modulus(*e)).fold(0.0, f64::max);
        let mut squares = [0.0; 7];
        let draws = 4000;
        for trial in 1..=draws {
            for (i, value) in at(0.1, trial, 22).iter().enumerate() {
                let width = 0.1 * modulus(truth[i]).max(0.01 * largest);
                squares[i] += (value - truth[i]).norm_sqr() / (width * width) / draws as f64;
            }
        }
        assert!(squares.iter().all(|s| (s - 1.0).abs() < 0.08), "{squares:?}");
        assert_ne!(at(0.1, 1, 22), at(0.1, 1, 23));
        assert_eq!(at(0.1, 1, 22), at(0.1, 1, 22));
    }

    #[test]
    fn where_there_is_no_light_nothing_is_known_to_be_wrong() {
        let mut nothing = [Complex64::ZERO; 7];
        disturb(&mut nothing, 0.1, StreamKey::plateaus(1, "llss".parse().unwrap()), 3);
        assert_eq!(nothing, [Complex64::ZERO; 7]);
    }
}
