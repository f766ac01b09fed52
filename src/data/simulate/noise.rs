//! The noise of one realisation: every sample's, and now and then a glitch.

use crate::instrument::{ChannelScan, IFG_LENGTH};

use super::super::random::{Stream, StreamKey};

/// The noise of one realisation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noise {
    /// Of a sample, counts per gain and sweep.
    pub(crate) sigma: f64,
    samples: StreamKey,
    glitches: StreamKey,
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
        }
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
