//! Which of the four detectors, and how the mirror moved: the two together fix the sampling.
//!
//! Source of all figures: FIRAS Explanatory Supplement (COBE Ref. Pub. 97-C), unless said
//! otherwise.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::foundations::text::did_you_mean;

/// A text that names no channel, scan mode or pair of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not {what}; expected one of {expected}")]
pub struct NameError {
    /// What the user wrote.
    pub value: String,
    /// What it should have named, for example "a channel".
    pub what: &'static str,
    /// The valid names, separated by commas, and the one that may have been meant.
    pub expected: String,
}

/// Finds the item whose display text is `text`, in any case.
pub(super) fn find_named<T: Copy + fmt::Display>(
    text: &str,
    what: &'static str,
    all: &[T],
) -> Result<T, NameError> {
    all.iter().copied().find(|item| item.to_string().eq_ignore_ascii_case(text)).ok_or_else(|| {
        let names: Vec<String> = all.iter().map(T::to_string).collect();
        let meant = did_you_mean(text, names.iter().map(String::as_str));
        NameError { value: text.to_owned(), what, expected: names.join(", ") + &meant }
    })
}

/// A detector: the side of the instrument (right or left) and its half of the spectrum.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Right, high frequency.
    Rh,
    /// Right, low frequency.
    Rl,
    /// Left, high frequency.
    Lh,
    /// Left, low frequency.
    Ll,
}

impl Channel {
    /// Every channel, in the order of the telemetry.
    pub const ALL: [Self; 4] = [Self::Rh, Self::Rl, Self::Lh, Self::Ll];

    /// The number that the telemetry gives this channel, 0 to 3.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Rh => 0,
            Self::Rl => 1,
            Self::Lh => 2,
            Self::Ll => 3,
        }
    }

    /// The two-letter name, lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rh => "rh",
            Self::Rl => "rl",
            Self::Lh => "lh",
            Self::Ll => "ll",
        }
    }

    /// True for the two high-frequency channels.
    #[must_use]
    pub const fn is_high(self) -> bool {
        matches!(self, Self::Rh | Self::Lh)
    }

    /// Sign of the interferogram: the two outputs of the interferometer are complementary, so
    /// the right side counts negative. -1 (right) or +1 (left).
    #[must_use]
    pub const fn side_sign(self) -> f64 {
        match self {
            Self::Rh | Self::Rl => -1.0,
            Self::Lh | Self::Ll => 1.0,
        }
    }

    /// The band in which the channel is useful, lowest and highest frequency in GHz.
    ///
    /// FIRAS low: 2 to 21 1/cm, high: 20 to 97 1/cm (Explanatory Supplement), rounded outwards.
    #[must_use]
    pub const fn optical_band_ghz(self) -> (f64, f64) {
        if self.is_high() { (600.0, 2910.0) } else { (60.0, 640.0) }
    }

    /// Above this frequency, in GHz, the channel sees no light: what is measured there is noise.
    ///
    /// A little above the band (24 and 105 1/cm), to stay clear of the filters' edges.
    #[must_use]
    pub const fn dark_above_ghz(self) -> f64 {
        if self.is_high() { 3150.0 } else { 720.0 }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Channel {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        find_named(text, "a channel", &Self::ALL)
    }
}

/// How the mirror moved: its stroke (short or long), then its speed (slow or fast).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScanMode {
    /// Short, slow.
    Ss,
    /// Short, fast.
    Sf,
    /// Long, slow: no calibration was taken in it.
    Ls,
    /// Long, fast.
    Lf,
}

impl ScanMode {
    /// Every scan mode: short before long, slow before fast.
    pub const ALL: [Self; 4] = [Self::Ss, Self::Sf, Self::Ls, Self::Lf];

    /// The two-letter name, lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ss => "ss",
            Self::Sf => "sf",
            Self::Ls => "ls",
            Self::Lf => "lf",
        }
    }

    /// True if the mirror's stroke is long.
    #[must_use]
    pub const fn is_long(self) -> bool {
        matches!(self, Self::Ls | Self::Lf)
    }

    /// True if the mirror moved fast.
    #[must_use]
    pub const fn is_fast(self) -> bool {
        matches!(self, Self::Sf | Self::Lf)
    }

    /// The telemetry's `mtm_length`: 0 short, 1 long.
    #[must_use]
    pub const fn mtm_length(self) -> u8 {
        self.is_long() as u8
    }

    /// The telemetry's `mtm_speed`: 0 slow, 1 fast.
    #[must_use]
    pub const fn mtm_speed(self) -> u8 {
        self.is_fast() as u8
    }

    /// Sweeps of the mirror that the spacecraft adds into one interferogram.
    #[must_use]
    pub const fn sweeps(self) -> u32 {
        if self.is_long() { 4 } else { 16 }
    }

    /// Samples taken while the mirror passes one fringe of its position encoder.
    #[must_use]
    pub const fn samples_per_fringe(self) -> u32 {
        if self.is_fast() { 4 } else { 6 }
    }
}

impl fmt::Display for ScanMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ScanMode {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        find_named(text, "a scan mode", &Self::ALL)
    }
}
