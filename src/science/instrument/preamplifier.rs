//! What the preamplifiers do when they are commanded to a gain.

use super::channel::Channel;

/// Gains that can be commanded, as the telemetry names them.
pub const NOMINAL_GAINS: [f64; 8] = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0];

/// How a gain in a calibration set is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GainTable {
    /// A nominal gain stands for the one that was measured of the channel's preamplifier; any other
    /// number stands for itself.
    Measured,
    /// Every number stands for itself.
    Nominal,
}

impl GainTable {
    /// The gain that a channel's preamplifier has for a gain in a calibration set.
    #[must_use]
    pub fn gain(self, channel: Channel, given: f64) -> f64 {
        let place = NOMINAL_GAINS.iter().position(|nominal| *nominal == given);
        match (self, place) {
            (Self::Measured, Some(place)) => measured(channel)[place],
            _ => given,
        }
    }
}

/// The measured gains of a channel, in the order of [`NOMINAL_GAINS`].
///
/// Source: FIRAS Explanatory Supplement (COBE Ref. Pub. 97-C). A gain of 1 was not used in flight, and
/// not measured.
const fn measured(channel: Channel) -> [f64; 8] {
    match channel {
        Channel::Rh => [1.0, 2.999_940, 10.0, 29.999_40, 100.9165, 302.7434, 1009.165, 3027.434],
        Channel::Rl => {
            [1.0, 2.999_860, 9.998_940, 29.995_42, 100.8180, 302.4399, 1008.073, 3024.078]
        }
        Channel::Lh => {
            [1.0, 2.999_739, 9.998_640, 29.993_31, 100.9243, 302.7466, 1009.106, 3027.054]
        }
        Channel::Ll => {
            [1.0, 2.999_850, 9.997_999, 29.992_50, 100.8040, 302.3967, 1007.838, 3023.364]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nominal_gains_stand_for_measured_ones_within_a_hundredth() {
        for channel in Channel::ALL {
            for nominal in NOMINAL_GAINS {
                let gain = GainTable::Measured.gain(channel, nominal);
                assert!((gain / nominal - 1.0).abs() < 0.0101, "{channel} {nominal}: {gain}");
                assert_eq!(GainTable::Nominal.gain(channel, nominal), nominal);
            }
        }
        assert_eq!(GainTable::Measured.gain(Channel::Ll, 300.0), 302.3967);
        assert_eq!(GainTable::Measured.gain(Channel::Rh, 3.0), 2.999_94);
    }

    #[test]
    fn other_numbers_stand_for_themselves() {
        for given in [302.3967, 2.0, 0.5, -3.0] {
            assert_eq!(GainTable::Measured.gain(Channel::Ll, given), given);
        }
        assert!(GainTable::Measured.gain(Channel::Ll, f64::NAN).is_nan());
    }
}
