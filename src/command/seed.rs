//! The seed of a unit: from the study's seed and the values of the unit's axes, by name.
//!
//! Not from its number nor from places on axes: it stays when the grid grows, is cut, or is put in
//! another order.

/// What the hash begins with, so that no other hash of the same values is the same.
const DOMAIN: &[u8] = b"otfhpc command seed 1";

/// The seed, of so many bits (at most 64), for values by the name of their axis. The order of the
/// values does not matter.
pub(super) fn seed(study_seed: u64, bits: u32, mut values: Vec<(&str, String)>) -> u64 {
    values.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    hasher.update(DOMAIN);
    hasher.update(&study_seed.to_le_bytes());
    for text in values.iter().flat_map(|(name, value)| [*name, value.as_str()]) {
        // With its length, so that no two lists are one text.
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(first) >> (64 - bits.min(64)).min(63)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[(&str, &str)]) -> u64 {
        seed(1, 53, values.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
    }

    #[test]
    fn the_order_does_not_matter_and_everything_else_does() {
        let one = of(&[("noise", "number 1e-8"), ("trial", "number 3")]);
        assert_eq!(one, of(&[("trial", "number 3"), ("noise", "number 1e-8")]));
        for other in [
            of(&[("noise", "number 1e-8"), ("trial", "number 4")]),
            of(&[("noise", "number 1e-8")]),
            of(&[("noise", "number 1e-8"), ("trials", "number 3")]),
            of(&[("noise", "number 3"), ("trial", "number 1e-8")]),
            of(&[("noisenumber 1e-8", "trialnumber 3")]),
            of(&[]),
            seed(2, 53, vec![("noise", "number 1e-8".into()), ("trial", "number 3".into())]),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_seed_has_so_many_bits() {
        for bits in [31, 32, 53] {
            let most = (0..1000).map(|n| seed(n, bits, Vec::new())).max().unwrap();
            assert!(most < 1 << bits && most >= 1 << (bits - 1), "{bits} {most}");
        }
    }

    /// A seed that changes makes every result that follows from it another one.
    #[test]
    fn seeds_are_what_they_always_were() {
        assert_eq!(of(&[]), 465_525_204_229_427);
        assert_eq!(of(&[("noise", "number 1e-8"), ("trial", "number 3")]), 1_060_948_191_625_192);
    }
}
