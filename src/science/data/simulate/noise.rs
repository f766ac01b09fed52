//! The noise of one realisation: every sample's, now and then a glitch, and that of thermometers.

use crate::science::instrument::{ChannelScan, IFG_LENGTH};

use super::super::random::{Stream, StreamKey};

/// The noise of one realisation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noise {
    /// Of a sample, counts per gain and sweep.
    pub(crate) sigma: f64,
    samples: StreamKey,
    glitches: StreamKey,
    thermometers: StreamKey,
}

/// A spike in one sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Glitch {
    pub(super) sample: usize,
    /// Counts per gain and sweep.
    pub(super) height: f64,
}

impl Noise {
    /// The noise of a level and trial, all of it keyed by these and nothing else.
    pub(crate) fn new(
        sigma: f64,
        seed: u64,
        set: ChannelScan,
        noise_level: f64,
        trial: u64,
    ) -> Self {
        Self {
            sigma,
            samples: StreamKey::noise(seed, set, noise_level, trial),
            glitches: StreamKey::glitches(seed, set, noise_level, trial),
            thermometers: StreamKey::thermometers(seed, set, noise_level, trial),
        }
    }

    /// What the thermometers say of true temperatures, K, `[emitter][record]`: each reading has a
    /// normal error of its own.
    pub(super) fn readings(&self, temperatures: &[Vec<f64>], error_k: f64) -> Vec<Vec<f64>> {
        let mut readings = temperatures.to_vec();
        for record in 0..temperatures.first().map_or(0, Vec::len) {
            let mut stream = self.thermometers.stream(record);
            readings.iter_mut().for_each(|column| column[record] += error_k * stream.normal());
        }
        readings
    }

    /// The random numbers of one record's samples.
    pub(super) fn of_samples(&self, record: usize) -> Stream {
        self.samples.stream(record)
    }

    /// The glitch of a record, if one hits it: a part `fraction` of the records.
    ///
    /// A spike in one sample has the same modulus in every bin of the spectrum, where the noise
    /// of 512 samples adds up to `sqrt(512)` times that of one.
    pub(super) fn glitch(
        &self,
        record: usize,
        fraction: f64,
        spectral_sigma: f64,
    ) -> Option<Glitch> {
        if fraction == 0.0 {
            return None;
        }
        let mut stream = self.glitches.stream(record);
        let (hit, sample, sign) = (stream.uniform(), stream.below(IFG_LENGTH), stream.uniform());
        let height = spectral_sigma * (IFG_LENGTH as f64).sqrt() * self.sigma;
        let height = if sign < 0.5 { -height } else { height };
        (hit < fraction).then_some(Glitch { sample, height })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise() -> Noise {
        Noise::new(0.5, 1, "llss".parse().unwrap(), 0.1, 1)
    }

    #[test]
    fn readings_have_the_error_that_was_asked_for_and_each_its_own() {
        let truth = vec![vec![2.73; 5000]; 7];
        let readings = noise().readings(&truth, 0.01);
        let errors = |emitter: usize| readings[emitter].iter().map(|t| (t - 2.73) / 0.01);
        for emitter in 0..7 {
            let mean = errors(emitter).sum::<f64>();
            let square = errors(emitter).map(|e| e * e).sum::<f64>();
            // One sigma of the mean is 0.014, of the mean square 0.02.
            assert!((mean / 5000.0).abs() < 0.06 && (square / 5000.0 - 1.0).abs() < 0.08);
            let next =
                errors(emitter).zip(errors((emitter + 1) % 7)).map(|(a, b)| a * b).sum::<f64>();
            assert!((next / 5000.0).abs() < 0.06, "{emitter}");
        }
        let other = Noise::new(0.5, 1, "llss".parse().unwrap(), 0.1, 2).readings(&truth, 0.01);
        assert!(readings[0].iter().zip(&other[0]).all(|(a, b)| a != b));
    }

    #[test]
    fn glitches_hit_the_part_of_the_records_that_was_asked_for() {
        let glitches: Vec<Glitch> =
            (0..10_000).filter_map(|record| noise().glitch(record, 0.05, 50.0)).collect();
        assert!((400..600).contains(&glitches.len()), "{}", glitches.len());
        let expected = 50.0 * 512f64.sqrt() * 0.5;
        assert!(glitches.iter().all(|g| g.height.abs() == expected && g.sample < IFG_LENGTH));
        let up = glitches.iter().filter(|g| g.height > 0.0).count();
        assert!((150..350).contains(&up), "{up}");
        let late = glitches.iter().filter(|g| g.sample >= 256).count();
        assert!((150..350).contains(&late), "{late}");
        assert_eq!(noise().glitch(3, 0.0, 50.0), None);
    }
}
