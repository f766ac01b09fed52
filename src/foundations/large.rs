//! Room for many complex numbers, on large pages where the system has them.

use std::fmt;
use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;
use num_complex::Complex64;

/// From this size on, bytes, large pages are asked for: two of the usual size of one.
const MANY: usize = 4 << 20;

/// Complex numbers, zero at first.
///
/// The system gives a page when it is first touched, which for pages of 4 kB takes as long as
/// transforming a quarter of a record. Many systems give large ones only to those who ask.
pub struct Large(Room);

enum Room {
    Vector(Vec<Complex64>),
    Map { map: MmapMut, bytes: usize },
}

impl Large {
    /// Room for so many numbers.
    #[must_use]
    pub fn zeroed(length: usize) -> Self {
        let bytes = length.saturating_mul(size_of::<Complex64>());
        let map = if bytes < MANY { None } else { large_pages(bytes) };
        Self(match map {
            Some(map) => Room::Map { map, bytes },
            None => Room::Vector(vec![Complex64::ZERO; length]),
        })
    }
}

/// None if the system has none: a vector, which says so if there is no memory, does as well.
fn large_pages(bytes: usize) -> Option<MmapMut> {
    let map = MmapMut::map_anon(bytes).ok()?;
    // A system without large pages refuses, and gives small ones.
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::HugePage);
    Some(map)
}

impl Deref for Large {
    type Target = [Complex64];

    fn deref(&self) -> &[Complex64] {
        match &self.0 {
            Room::Vector(values) => values,
            Room::Map { map, bytes } => bytemuck::cast_slice(&map[..*bytes]),
        }
    }
}

impl DerefMut for Large {
    fn deref_mut(&mut self) -> &mut [Complex64] {
        match &mut self.0 {
            Room::Vector(values) => values,
            Room::Map { map, bytes } => bytemuck::cast_slice_mut(&mut map[..*bytes]),
        }
    }
}

impl fmt::Debug for Large {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} complex numbers", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_length_is_zero_at_first_and_keeps_what_is_written() {
        for length in [0, 1, 1000, MANY / 16 - 1, MANY / 16, MANY / 16 + 1, 1_000_003] {
            let mut room = Large::zeroed(length);
            assert_eq!(room.len(), length);
            assert!(room.iter().all(|value| *value == Complex64::ZERO));
            let value = |i: usize| Complex64::new(i as f64, -1.0);
            room.iter_mut().enumerate().for_each(|(i, place)| *place = value(i));
            assert!(room.iter().enumerate().all(|(i, found)| *found == value(i)));
        }
    }
}
