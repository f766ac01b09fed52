//! Vectors that are used again by the thread that gave them up, so that a loop asks the system for
//! memory only in its first rounds. They begin where a line of the cache does: what fills a vector
//! register then comes from one line, which is up to half of the time of a loop that does little
//! with it.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// As many are kept as a fit of one bin has at once.
const KEPT: usize = 32;
/// A line of the cache, bytes.
const LINE: usize = 64;
/// Numbers that may lie before the beginning of a line.
const BEFORE: usize = LINE / size_of::<f64>() - 1;

thread_local! {
    static SPARE: RefCell<Vec<Vec<f64>>> = const { RefCell::new(Vec::new()) };
}

/// A vector of numbers that begins with a line of the cache. Who drops it gives it up.
#[derive(Debug)]
pub struct Spare {
    buffer: Vec<f64>,
    start: usize,
    length: usize,
}

impl Spare {
    /// One of so many numbers, whose values mean nothing: all are to be written before any is read.
    #[must_use]
    pub fn taken(length: usize) -> Self {
        let room = length + BEFORE;
        let found = SPARE.with_borrow_mut(|spare| {
            let sizes = spare.iter().map(Vec::capacity).enumerate();
            // Not one that is much too large: who keeps it would keep all of it.
            let fits = sizes.filter(|(_, size)| (room..=2 * room).contains(size));
            let (place, _) = fits.min_by_key(|(_, size)| *size)?;
            Some(spare.swap_remove(place))
        });
        let mut buffer = found.unwrap_or_default();
        buffer.resize(room, f64::NAN);
        let start = buffer.as_ptr().align_offset(LINE).min(BEFORE);
        Self { buffer, start, length }
    }

    /// Leaves so many numbers at the beginning, if there are more.
    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }
}

impl Deref for Spare {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        &self.buffer[self.start..self.start + self.length]
    }
}

impl DerefMut for Spare {
    fn deref_mut(&mut self) -> &mut [f64] {
        &mut self.buffer[self.start..self.start + self.length]
    }
}

impl<'a> IntoIterator for &'a Spare {
    type Item = &'a f64;
    type IntoIter = std::slice::Iter<'a, f64>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Clone for Spare {
    fn clone(&self) -> Self {
        let mut copy = Self::taken(self.length);
        copy.copy_from_slice(self);
        copy
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        // At the end of a thread there may be nobody to take it any more.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            // The oldest goes: it may be of a size that is no longer asked for.
            if spare.len() == KEPT {
                spare.remove(0);
            }
            spare.push(buffer);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_up_is_taken_again_if_it_fits() {
        let vector = Spare::taken(100);
        assert_eq!(vector.len(), 100);
        let place = vector.as_ptr();
        drop(vector);
        let shorter = Spare::taken(80);
        assert_eq!((shorter.as_ptr(), shorter.len()), (place, 80));
        assert_ne!(Spare::taken(80).as_ptr(), place);
        drop(shorter);
        assert_eq!(Spare::taken(1000).len(), 1000);
        assert_eq!(Spare::taken(10).len(), 10);
        assert_eq!(Spare::taken(100).as_ptr(), place);
    }

    #[test]
    fn every_one_begins_with_a_line_and_a_copy_has_its_values() {
        for length in [0, 1, 7, 8, 1200] {
            let mut vector = Spare::taken(length);
            assert_eq!(vector.as_ptr().align_offset(LINE), 0, "{length}");
            vector.iter_mut().enumerate().for_each(|(i, value)| *value = i as f64);
            let mut copy = vector.clone();
            assert_eq!(copy.as_ptr().align_offset(LINE), 0, "{length}");
            assert_eq!(copy[..], vector[..]);
            copy.truncate(5);
            assert_eq!(copy.len(), length.min(5));
            copy.truncate(9);
            assert_eq!(copy.len(), length.min(5));
        }
    }

    #[test]
    fn only_so_many_are_kept() {
        let vectors: Vec<_> = (0..2 * KEPT).map(|_| Spare::taken(10)).collect();
        drop(vectors);
        assert_eq!(SPARE.with_borrow(Vec::len), KEPT);
    }
}
