//! A buffer of complex numbers on huge pages, where the system has them.

use std::fmt;
use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;
use num_complex::Complex64;

/// The usual size of a huge page, bytes.
const PAGE: usize = 2 << 20;
/// Size from which huge pages are asked for, bytes.
const THRESHOLD: usize = 2 * PAGE;

/// A buffer of complex numbers, all zero at first.
///
/// The system maps a page when it is first touched. With pages of 4 kB, each
/// the size of a record's spectrum, that costs a quarter of the time of its transform. Many systems
/// use huge pages only where they are asked to.
pub struct HugePageBuf(Backing);

enum Backing {
    Vector(Vec<Complex64>),
    Map { map: MmapMut, bytes: usize },
}

impl HugePageBuf {
    /// By so many bytes, at most, a buffer is longer than its numbers.
    pub const PAGE: usize = PAGE;

    /// A buffer of `length` zeros.
    #[must_use]
    pub fn zeroed(length: usize) -> Self {
        let bytes = length.saturating_mul(size_of::<Complex64>());
        let map = if bytes < THRESHOLD { None } else { huge_pages(bytes) };
        Self(match map {
            Some(map) => Backing::Map { map, bytes },
            None => Backing::Vector(vec![Complex64::ZERO; length]),
        })
    }

    /// The same as real numbers, twice as many.
    #[must_use]
    pub fn numbers(&self) -> &[f64] {
        bytemuck::cast_slice(self)
    }

    /// The same, to be written.
    #[must_use]
    pub fn numbers_mut(&mut self) -> &mut [f64] {
        bytemuck::cast_slice_mut(self)
    }

    /// A buffer of `length` numbers with unspecified values, in the place of another if that has room.
    #[must_use]
    pub fn in_place_of(other: Option<Self>, length: usize) -> Self {
        let needed = length.saturating_mul(size_of::<Complex64>());
        match other.map(|other| other.0) {
            Some(Backing::Map { map, .. }) if map.len() >= needed => {
                Self(Backing::Map { map, bytes: needed })
            }
            Some(Backing::Vector(mut values)) if values.len() >= length => {
                values.truncate(length);
                Self(Backing::Vector(values))
            }
            _ => Self::zeroed(length),
        }
    }
}

/// Whole huge pages: the system lets a buffer begin where a page does only if it also ends where one does.
///
/// None if the system cannot map that much: a vector serves as well, and fails properly where memory
/// is short.
fn huge_pages(bytes: usize) -> Option<MmapMut> {
    let map = MmapMut::map_anon(bytes.checked_next_multiple_of(PAGE)?).ok()?;
    // A system without huge pages refuses the advice and uses small ones.
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::HugePage);
    Some(map)
}

impl Deref for HugePageBuf {
    type Target = [Complex64];

    fn deref(&self) -> &[Complex64] {
        match &self.0 {
            Backing::Vector(values) => values,
            Backing::Map { map, bytes } => bytemuck::cast_slice(&map[..*bytes]),
        }
    }
}

impl DerefMut for HugePageBuf {
    fn deref_mut(&mut self) -> &mut [Complex64] {
        match &mut self.0 {
            Backing::Vector(values) => values,
            Backing::Map { map, bytes } => bytemuck::cast_slice_mut(&mut map[..*bytes]),
        }
    }
}

impl fmt::Debug for HugePageBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} complex numbers", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_length_is_zero_at_first_and_keeps_what_is_written() {
        for length in
            [0, 1, 1000, THRESHOLD / 16 - 1, THRESHOLD / 16, THRESHOLD / 16 + 1, 1_000_003]
        {
            let mut room = HugePageBuf::zeroed(length);
            assert_eq!(room.len(), length);
            assert!(room.iter().all(|value| *value == Complex64::ZERO));
            let value = |i: usize| Complex64::new(i as f64, -1.0);
            room.iter_mut().enumerate().for_each(|(i, place)| *place = value(i));
            assert!(room.iter().enumerate().all(|(i, found)| *found == value(i)));
            let place = room.as_ptr();
            let shorter = HugePageBuf::in_place_of(Some(room), length / 2);
            assert_eq!((shorter.len(), shorter.as_ptr()), (length / 2, place));
            let again = HugePageBuf::in_place_of(Some(shorter), length);
            assert_eq!(again.len(), length);
            // A map keeps its room.
            assert!(length < THRESHOLD / 16 || again.as_ptr() == place);
        }
    }
}
