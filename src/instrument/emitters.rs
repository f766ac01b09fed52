//! The bodies that shine into the interferometer, and what each is called where.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::channel::{Channel, NameError, find_named};

/// A source of light, one column of the design. Reads and writes as its [name](Emitter::name).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Emitter {
    /// The external calibrator; its emissivity is the optical transfer function.
    Xcal,
    /// The internal calibrator in the reference horn.
    Ical,
    /// The dihedral mirrors that move.
    Dihedral,
    /// The reference horn.
    Refhorn,
    /// The sky horn.
    Skyhorn,
    /// The collimator, which the published model calls the structure.
    Collimator,
    /// The bolometer of the channel itself.
    Bolometer,
    /// The bolometer of another channel.
    OtherBolometer(Channel),
}

impl Emitter {
    /// Where the channel's own bolometer stands among the emitters.
    pub const BOLOMETER_INDEX: usize = 6;

    /// The seven emitters of the published model, in the order of every product.
    pub const STANDARD: [Self; 7] = [
        Self::Xcal,
        Self::Ical,
        Self::Dihedral,
        Self::Refhorn,
        Self::Skyhorn,
        Self::Collimator,
        Self::Bolometer,
    ];

    /// The name in settings and products: `xcal`, ..., `bolometer`, `bolometer_rh`.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::OtherBolometer(channel) => format!("{}_{channel}", Self::Bolometer.stem()),
            _ => self.stem().to_owned(),
        }
    }

    /// The array of `cal.npz` that holds this emitter's temperatures for a channel's records.
    ///
    /// Another channel's bolometer is read from that channel's array: `bolometer_rh`. It has as
    /// many records as that channel, which need not be as many as `own` has.
    #[must_use]
    pub fn npz_key(self, own: Channel) -> String {
        match self {
            Self::Xcal => format!("xcal_cone_{own}"),
            Self::OtherBolometer(_) => self.name(),
            _ => format!("{}_{own}", self.stem()),
        }
    }

    /// The column of the published model, to be prefixed with `R` (real) or `I` (imaginary);
    /// `None` for another channel's bolometer, which that model does not have.
    #[must_use]
    pub const fn fits_column(self) -> Option<&'static str> {
        match self {
            Self::Xcal => Some("TRANSFE"),
            Self::Ical => Some("ICAL"),
            Self::Dihedral => Some("DIHEDRA"),
            Self::Refhorn => Some("REFHORN"),
            Self::Skyhorn => Some("SKYHORN"),
            Self::Collimator => Some("STRUCTU"),
            Self::Bolometer => Some("BOLOMET"),
            Self::OtherBolometer(_) => None,
        }
    }

    /// The name without a channel.
    const fn stem(self) -> &'static str {
        match self {
            Self::Xcal => "xcal",
            Self::Ical => "ical",
            Self::Dihedral => "dihedral",
            Self::Refhorn => "refhorn",
            Self::Skyhorn => "skyhorn",
            Self::Collimator => "collimator",
            Self::Bolometer | Self::OtherBolometer(_) => "bolometer",
        }
    }
}

impl fmt::Display for Emitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name())
    }
}

impl FromStr for Emitter {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let others = Channel::ALL.map(Self::OtherBolometer);
        find_named(text, "an emitter", &[&Self::STANDARD[..], &others[..]].concat())
    }
}

impl TryFrom<String> for Emitter {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Emitter> for String {
    fn from(emitter: Emitter) -> Self {
        emitter.name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bolometer_stands_where_its_index_says() {
        assert_eq!(Emitter::STANDARD[Emitter::BOLOMETER_INDEX], Emitter::Bolometer);
    }

    #[test]
    fn standard_names_keys_and_columns() {
        let table = [
            ("xcal", "xcal_cone_ll", "TRANSFE"),
            ("ical", "ical_ll", "ICAL"),
            ("dihedral", "dihedral_ll", "DIHEDRA"),
            ("refhorn", "refhorn_ll", "REFHORN"),
            ("skyhorn", "skyhorn_ll", "SKYHORN"),
            ("collimator", "collimator_ll", "STRUCTU"),
            ("bolometer", "bolometer_ll", "BOLOMET"),
        ];
        assert_eq!(Emitter::STANDARD.len(), table.len());
        for (emitter, (name, key, column)) in Emitter::STANDARD.into_iter().zip(table) {
            assert_eq!(emitter.name(), name);
            assert_eq!(emitter.npz_key(Channel::Ll), key);
            assert_eq!(emitter.fits_column(), Some(column));
        }
    }

    #[test]
    fn another_bolometer_keeps_its_own_channel() {
        let other = Emitter::OtherBolometer(Channel::Rh);
        assert_eq!(other.name(), "bolometer_rh");
        assert_eq!(other.npz_key(Channel::Ll), "bolometer_rh");
        assert_eq!(other.fits_column(), None);
    }

    #[test]
    fn names_read_back_and_unknown_ones_are_answered() {
        let others = Channel::ALL.map(Emitter::OtherBolometer);
        for emitter in Emitter::STANDARD.into_iter().chain(others) {
            assert_eq!(emitter.name().parse(), Ok(emitter));
            let json = serde_json::to_string(&emitter).unwrap();
            assert_eq!(json, format!("\"{emitter}\""));
            assert_eq!(serde_json::from_str::<Emitter>(&json).unwrap(), emitter);
        }
        let message = "xcla".parse::<Emitter>().unwrap_err().to_string();
        assert!(
            message.starts_with("`xcla` is not an emitter; expected one of xcal, ical"),
            "{message}"
        );
        assert!(message.ends_with("bolometer_ll; did you mean xcal?"), "{message}");
    }
}
