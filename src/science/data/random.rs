//! Random numbers that depend on what is simulated, never on who simulates it.

use std::fmt::Display;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::foundations::Digest;
use crate::foundations::numerics::math;
use crate::science::instrument::{Channel, ChannelScan};

/// The key of a family of random streams: one stream per record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StreamKey(Digest);

/// Names the noise of one realisation, in hexadecimal: two configurations with the same key see
/// the same noise.
#[must_use]
pub fn noise_key(seed: u64, set: ChannelScan, noise_level: f64, trial: u64) -> String {
    StreamKey::noise(seed, set, noise_level, trial).0.short()
}

impl StreamKey {
    /// The temperatures that the plateaus of a campaign settle to; one stream a plateau.
    pub(super) fn plateaus(seed: u64, set: ChannelScan) -> Self {
        Self::new("plateaus", seed, set, &[])
    }

    /// The scatter of the temperatures about them; one stream a record.
    pub(super) fn scatter(seed: u64, set: ChannelScan) -> Self {
        Self::new("scatter", seed, set, &[])
    }

    /// The readout and the offset of each record.
    pub(super) fn housekeeping(seed: u64, set: ChannelScan) -> Self {
        Self::new("housekeeping", seed, set, &[])
    }

    /// The noise of one realisation of a campaign: all methods see the same.
    pub(super) fn noise(seed: u64, set: ChannelScan, noise_level: f64, trial: u64) -> Self {
        Self::new("noise", seed, set, &[noise_level.to_bits(), trial])
    }

    /// The errors of the model that methods may take as known; one stream a bin.
    pub(super) fn model(seed: u64, set: ChannelScan, noise_level: f64, trial: u64) -> Self {
        Self::new("model", seed, set, &[noise_level.to_bits(), trial])
    }

    /// The plateaus that the trials of a bootstrap draw; one stream a trial.
    pub(super) fn bootstrap(seed: u64, set: ChannelScan) -> Self {
        Self::new("bootstrap", seed, set, &[])
    }

    /// The order in which the plateaus are dealt to the folds of a cross-validation.
    pub(super) fn folds(seed: u64, set: ChannelScan) -> Self {
        Self::new("folds", seed, set, &[])
    }

    /// The glitches of one realisation, apart from its noise: both stay as they are when the other
    /// is changed.
    pub(super) fn glitches(seed: u64, set: ChannelScan, noise_level: f64, trial: u64) -> Self {
        Self::new("glitches", seed, set, &[noise_level.to_bits(), trial])
    }

    /// The errors of the temperatures that are read in one realisation; one stream a record.
    pub(super) fn thermometers(seed: u64, set: ChannelScan, noise_level: f64, trial: u64) -> Self {
        Self::new("thermometers", seed, set, &[noise_level.to_bits(), trial])
    }

    /// By how much the true parameters of a channel's bolometer differ from those that are assumed: the
    /// same in all scan modes.
    pub(super) fn bolometer(seed: u64, channel: Channel) -> Self {
        Self::new("bolometer", seed, channel, &[])
    }

    /// The errors of the readings of each plateau; one stream a plateau.
    pub(super) fn plateau_errors(seed: u64, set: ChannelScan) -> Self {
        Self::new("plateau errors", seed, set, &[])
    }

    fn new(purpose: &str, seed: u64, set: impl Display, numbers: &[u64]) -> Self {
        let text = format!("otfhpc/1/{purpose}/{seed}/{set}/{numbers:?}");
        Self(Digest::of(text.as_bytes()))
    }

    /// The stream of one record.
    pub(super) fn stream(self, record: usize) -> Stream {
        let mut rng = ChaCha8Rng::from_seed(*self.0.as_bytes());
        rng.set_stream(record as u64);
        Stream { rng, spare: None }
    }
}

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    rng: ChaCha8Rng,
    /// The polar method makes two normal numbers at a time.
    spare: Option<f64>,
}

impl Stream {
    /// Uniform in 0..1, with 53 bits.
    pub(super) fn uniform(&mut self) -> f64 {
        (self.rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `low..high`.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        // The product may round up to `end`.
        ((self.uniform() * end as f64) as usize).min(end.saturating_sub(1))
    }

    /// Normal, mean zero, variance one (Marsaglia's polar method).
    pub(super) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (self.between(-1.0, 1.0), self.between(-1.0, 1.0));
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let factor = (-2.0 * math::ln(square) / square).sqrt();
                self.spare = Some(factor * y);
                return factor * x;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> ChannelScan {
        "llss".parse().unwrap()
    }

    #[test]
    fn normal_numbers_have_the_moments_of_a_normal() {
        let mut stream = StreamKey::plateaus(1, set()).stream(0);
        let n = 200_000;
        let mut moments = [0.0; 4];
        for _ in 0..n {
            let x = stream.normal();
            let mut power = 1.0;
            for moment in &mut moments {
                power *= x;
                *moment += power / f64::from(n);
            }
        }
        for (found, expected) in moments.into_iter().zip([0.0, 1.0, 0.0, 3.0]) {
            assert!((found - expected).abs() < 0.05, "{moments:?}");
        }
    }

    #[test]
    fn every_key_and_record_has_a_stream_of_its_own() {
        let keys = [
            StreamKey::plateaus(1, set()),
            StreamKey::plateaus(2, set()),
            StreamKey::plateaus(1, "rhss".parse().unwrap()),
            StreamKey::scatter(1, set()),
            StreamKey::housekeeping(1, set()),
            StreamKey::noise(1, set(), 0.1, 0),
            StreamKey::noise(1, set(), 0.1, 1),
            StreamKey::noise(1, set(), 0.2, 0),
            StreamKey::glitches(1, set(), 0.1, 0),
            StreamKey::thermometers(1, set(), 0.1, 0),
            StreamKey::bolometer(1, Channel::Ll),
            StreamKey::plateau_errors(1, set()),
        ];
        let mut firsts: Vec<u64> =
            keys.iter().flat_map(|k| (0..3).map(|r| k.stream(r).rng.next_u64())).collect();
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), 36);
    }

    #[test]
    fn the_stream_of_a_key_never_changes() {
        // A change here changes every simulated result: raise the number in `new` with intent.
        let mut stream = StreamKey::noise(1, set(), 0.02, 3).stream(7);
        let numbers = [stream.uniform(), stream.uniform(), stream.normal(), stream.normal()];
        assert_eq!(numbers.map(f64::to_bits), FIRST_NUMBERS, "{numbers:?}");
    }

    const FIRST_NUMBERS: [u64; 4] =
        [4603813223636404960, 4606809744240276966, 13835838243458423350, 4601243327153529579];
}
