//! A channel in a scan mode ("llss"): the key by which FIRAS calibrations are told apart.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::channel::{Channel, NameError, ScanMode, find_named};

/// A channel in a scan mode. Reads and writes as four letters, for example `llss`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChannelScan {
    /// The detector.
    pub channel: Channel,
    /// The mirror's movement.
    pub scan: ScanMode,
}

impl ChannelScan {
    /// All 16, the channel varying slowest.
    pub const ALL: [Self; 16] = all_pairs();

    /// Bolometer samples that the processor averages into one point of the interferogram.
    #[must_use]
    pub const fn adds_per_group(self) -> u32 {
        match (self.scan, self.channel.is_high()) {
            (ScanMode::Ss, _) | (ScanMode::Ls, true) => 3,
            (ScanMode::Sf, _) | (ScanMode::Lf, true) => 2,
            (ScanMode::Ls, false) => 12,
            (ScanMode::Lf, false) => 8,
        }
    }

    /// The bin at which the published products begin.
    #[must_use]
    pub const fn first_published_bin(self) -> usize {
        if self.scan.is_fast() { 7 } else { 5 }
    }
}

const fn all_pairs() -> [ChannelScan; 16] {
    let mut all = [ChannelScan { channel: Channel::Rh, scan: ScanMode::Ss }; 16];
    let mut i = 0;
    while i < all.len() {
        all[i] = ChannelScan { channel: Channel::ALL[i / 4], scan: ScanMode::ALL[i % 4] };
        i += 1;
    }
    all
}

impl fmt::Display for ChannelScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}{}", self.channel.name(), self.scan.name()))
    }
}

impl FromStr for ChannelScan {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        find_named(text, "a channel and scan mode", &Self::ALL)
    }
}

impl TryFrom<String> for ChannelScan {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<ChannelScan> for String {
    fn from(channel_scan: ChannelScan) -> Self {
        channel_scan.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> ChannelScan {
        text.parse().unwrap()
    }

    #[test]
    fn every_name_reads_back_in_any_case() {
        for item in ChannelScan::ALL {
            assert_eq!(named(&item.to_string()), item);
            assert_eq!(named(&item.to_string().to_uppercase()), item);
            let json = serde_json::to_string(&item).unwrap();
            assert_eq!(json, format!("\"{item}\""));
            assert_eq!(serde_json::from_str::<ChannelScan>(&json).unwrap(), item);
        }
        for (number, channel) in Channel::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(channel.number()), number);
            assert_eq!(channel.name().parse(), Ok(channel));
            assert_eq!(serde_json::to_string(&channel).unwrap(), format!("\"{channel}\""));
        }
        for scan in ScanMode::ALL {
            assert_eq!(scan.name().parse(), Ok(scan));
            assert_eq!(serde_json::to_string(&scan).unwrap(), format!("\"{scan}\""));
        }
    }

    #[test]
    fn all_sixteen_differ_and_are_sorted() {
        assert!(ChannelScan::ALL.is_sorted_by(|a, b| a < b));
        assert_eq!(ChannelScan::ALL[0].to_string(), "rhss");
        assert_eq!(ChannelScan::ALL[15].to_string(), "lllf");
    }

    #[test]
    fn unknown_names_are_answered_with_the_valid_ones() {
        let message = "llxx".parse::<ChannelScan>().unwrap_err().to_string();
        assert!(message.starts_with("`llxx` is not a channel and scan mode; expected one of rhss"));
        for item in ChannelScan::ALL {
            assert!(message.contains(&item.to_string()), "{message}");
        }
        assert_eq!(
            "xx".parse::<Channel>().unwrap_err().to_string(),
            "`xx` is not a channel; expected one of rh, rl, lh, ll"
        );
        assert_eq!(
            "\u{e9}".parse::<ScanMode>().unwrap_err().to_string(),
            "`\u{e9}` is not a scan mode; expected one of ss, sf, ls, lf"
        );
        for bad in ["", "ll", "llss ", "llsss", "l\u{20ac}"] {
            assert!(bad.parse::<ChannelScan>().is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<ChannelScan>("\"ssll\"").is_err());
    }

    #[test]
    fn sampling_of_each_mode() {
        let sampling = |name: String| {
            let item = named(&name);
            (item.adds_per_group(), item.first_published_bin())
        };
        for low in ["rl", "ll"] {
            assert_eq!(sampling(format!("{low}ss")), (3, 5));
            assert_eq!(sampling(format!("{low}sf")), (2, 7));
            assert_eq!(sampling(format!("{low}ls")), (12, 5));
            assert_eq!(sampling(format!("{low}lf")), (8, 7));
        }
        for high in ["rh", "lh"] {
            assert_eq!(sampling(format!("{high}ss")), (3, 5));
            assert_eq!(sampling(format!("{high}sf")), (2, 7));
            assert_eq!(sampling(format!("{high}ls")), (3, 5));
            assert_eq!(sampling(format!("{high}lf")), (2, 7));
        }
        for scan in ScanMode::ALL {
            let name = scan.name().as_bytes();
            assert_eq!(scan.mtm_length(), u8::from(name[0] == b'l'));
            assert_eq!(scan.mtm_speed(), u8::from(name[1] == b'f'));
            assert_eq!(scan.sweeps(), if name[0] == b's' { 16 } else { 4 });
            assert_eq!(scan.samples_per_fringe(), if name[1] == b's' { 6 } else { 4 });
        }
    }

    #[test]
    fn bands_end_below_the_dark() {
        for channel in Channel::ALL {
            let (low, high) = channel.optical_band_ghz();
            assert!(0.0 < low && low < high && high < channel.dark_above_ghz());
            assert_eq!(channel.is_high(), channel.name().ends_with('h'));
            assert_eq!(channel.side_sign() < 0.0, channel.name().starts_with('r'));
        }
    }
}
