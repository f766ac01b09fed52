//! Where the mirror's vibration puts a copy of the spectrum.

use super::channel::ScanMode;
use super::channel_scan::ChannelScan;

/// Points of the transform for which the published offsets hold.
const PUBLISHED_LENGTH: f64 = 720.0;

/// By how many bins a vibration shifts the spectrum, for one data set and length of the transform.
///
/// Source: FIRAS Explanatory Supplement (COBE Ref. Pub. 97-C). No calibration was taken in the scan mode
/// ls, for which there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VibrationOffsets {
    /// Of the primary vibration, bins.
    pub primary: usize,
    /// Of the secondary vibration, bins.
    pub secondary: usize,
}

impl VibrationOffsets {
    /// The offsets of a data set for a transform of `length` points, rounded to whole bins.
    #[must_use]
    pub fn of(set: ChannelScan, length: usize) -> Option<Self> {
        let (primary, secondary) = match (set.scan, set.channel.is_high()) {
            (ScanMode::Ss, true) => (182.486, 26.373),
            (ScanMode::Ss, false) => (26.373, 182.486),
            (ScanMode::Sf | ScanMode::Lf, true) => (121.657, 17.582),
            (ScanMode::Sf, false) => (17.582, 58.343),
            (ScanMode::Lf, false) => (70.327, 233.372),
            (ScanMode::Ls, _) => return None,
        };
        let whole =
            |bins: f64| (bins * length as f64 / PUBLISHED_LENGTH).round_ties_even() as usize;
        Some(Self { primary: whole(primary), secondary: whole(secondary) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundations::numerics::constants::SAMPLING_HZ;
    use crate::science::instrument::{PADDED_LENGTH, PLAIN_LENGTH, SPECTRUM_BINS};

    fn offsets(name: &str, length: usize) -> Option<(usize, usize)> {
        let found = VibrationOffsets::of(name.parse().unwrap(), length);
        found.map(|offsets| (offsets.primary, offsets.secondary))
    }

    #[test]
    fn the_published_table_in_whole_bins() {
        for (name, plain, padded) in [
            ("rhss", (130, 19), (162, 23)),
            ("lhss", (130, 19), (162, 23)),
            ("rhsf", (87, 13), (108, 16)),
            ("lhlf", (87, 13), (108, 16)),
            ("llss", (19, 130), (23, 162)),
            ("rlss", (19, 130), (23, 162)),
            ("llsf", (13, 41), (16, 52)),
            ("rllf", (50, 166), (63, 207)),
        ] {
            assert_eq!(offsets(name, PLAIN_LENGTH), Some(plain), "{name}");
            assert_eq!(offsets(name, PADDED_LENGTH), Some(padded), "{name}");
        }
        assert_eq!(offsets("llls", PLAIN_LENGTH), None);
    }

    /// Two vibrations make all of them: 8.3 Hz, and 57.6 Hz or, in the low channels' fast scans, 27.6 Hz.
    #[test]
    fn the_same_vibrations_are_seen_in_all_modes() {
        for set in ChannelScan::ALL {
            let Some(found) = VibrationOffsets::of(set, PLAIN_LENGTH) else { continue };
            let bin_hz = SAMPLING_HZ / f64::from(set.adds_per_group()) / PLAIN_LENGTH as f64;
            for offset in [found.primary, found.secondary] {
                let hz = offset as f64 * bin_hz;
                let near = [8.32, 27.6, 57.57].iter().any(|f| (f - hz).abs() < 0.51 * bin_hz);
                assert!(near, "{set}: {hz} Hz");
                assert!(offset < SPECTRUM_BINS);
            }
        }
    }
}
