//! Where in an interferogram both arms are equally long: the white-light peak.

use std::f64::consts::TAU;

use num_complex::Complex64;

use super::axis::IFG_LENGTH;
use super::channel::ScanMode;
use super::channel_scan::ChannelScan;
use crate::foundations::numerics::math::cis;

/// The place of the white-light peak, in samples counted from zero; it may lie between two.
///
/// A transform rotates the sample at or before the peak to the first point, and turns phases by the
/// rest. A peak that is off by one sample turns the phase of bin k by `2 pi k / L`. That changes no
/// modulus, and no residual of a fit without a constraint: only phases can tell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    sample: usize,
    fraction: f64,
}

impl Peak {
    /// The peak at a place, in samples counted from zero; none if it is outside of 0 to 511.
    #[must_use]
    pub fn at(place: f64) -> Option<Self> {
        let inside = (0.0..=(IFG_LENGTH - 1) as f64).contains(&place);
        inside.then(|| Self { sample: place as usize, fraction: place.fract() })
    }

    /// The sample at the peak, or the one before it.
    #[must_use]
    pub const fn sample(self) -> usize {
        self.sample
    }

    /// Phase factor of a bin that a rotation by whole samples leaves in an L-point transform:
    /// `exp(-2 pi i k f / L)`, f the part of a sample by which the peak comes later. One where f is
    /// zero.
    #[must_use]
    pub fn phase(self, bin: usize, length: usize) -> Complex64 {
        if self.fraction == 0.0 {
            Complex64::ONE
        } else {
            cis(-TAU * bin as f64 * self.fraction / length as f64)
        }
    }
}

/// Whose table of peaks is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeakTable {
    /// Places counted from zero: what the instrument did.
    Flight,
    /// The flight software's places, which count from one, taken as if from zero, and for low sf that
    /// of data decimated by four: what older Python programs do.
    Legacy,
}

impl PeakTable {
    /// The place of the peak of a channel and scan mode, in samples; none if the table has none.
    ///
    /// Source: FIRAS Explanatory Supplement (COBE Ref. Pub. 97-C); there, samples count from one.
    #[must_use]
    pub const fn place(self, set: ChannelScan) -> Option<f64> {
        let is_high = set.channel.is_high();
        match self {
            Self::Flight => Some(match (set.scan, is_high) {
                (ScanMode::Ss, true) => 356.0,
                (ScanMode::Ss, false) => 359.0,
                (ScanMode::Sf, true) => 358.5,
                (ScanMode::Sf, false) => 361.0,
                (ScanMode::Ls | ScanMode::Lf, true) => 354.0,
                (ScanMode::Ls | ScanMode::Lf, false) => 89.0,
            }),
            Self::Legacy => match (set.scan, is_high) {
                (ScanMode::Ss, true) => Some(357.0),
                (ScanMode::Ss, false) => Some(360.0),
                (ScanMode::Sf, true) => Some(359.0),
                (ScanMode::Lf, true) => Some(355.0),
                (ScanMode::Sf | ScanMode::Lf, false) => Some(90.0),
                (ScanMode::Ls, _) => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables() {
        for (sets, flight, legacy) in [
            (["llss", "rlss"], 359.0, Some(360.0)),
            (["llsf", "rlsf"], 361.0, Some(90.0)),
            (["lllf", "rllf"], 89.0, Some(90.0)),
            (["llls", "rlls"], 89.0, None),
            (["lhss", "rhss"], 356.0, Some(357.0)),
            (["lhsf", "rhsf"], 358.5, Some(359.0)),
            (["lhlf", "rhlf"], 354.0, Some(355.0)),
            (["lhls", "rhls"], 354.0, None),
        ] {
            for set in sets {
                let set: ChannelScan = set.parse().unwrap();
                assert_eq!(PeakTable::Flight.place(set), Some(flight), "{set}");
                assert_eq!(PeakTable::Legacy.place(set), legacy, "{set}");
            }
        }
    }

    #[test]
    fn a_peak_is_a_sample_and_the_rest_a_phase() {
        let whole = Peak::at(359.0).unwrap();
        assert_eq!((whole.sample(), whole.phase(7, 512)), (359, Complex64::ONE));
        let half = Peak::at(358.5).unwrap();
        assert_eq!((half.sample(), half.phase(0, 512)), (358, Complex64::ONE));
        assert!((half.phase(256, 512) - Complex64::new(0.0, -1.0)).norm_sqr() < 1e-30);
        for outside in [-0.5, 511.5, 512.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Peak::at(outside), None, "{outside}");
        }
    }
}
