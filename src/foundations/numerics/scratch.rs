//! Vectors whose memory is reused: a thread keeps the buffers that it dropped, so that a loop asks
//! the system for memory only in its first rounds.
//!
//! They begin at a cache line. A load into a vector register then touches one line, which is up to
//! half of the time of a loop that does little with what it loads.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// Buffers that a thread keeps: as many as fits of a few bins have in use at once.
const KEPT: usize = 64;
/// Size of a cache line, bytes.
const CACHE_LINE: usize = 64;
/// Numbers that may have to be skipped to reach the next cache line.
const PADDING: usize = CACHE_LINE / size_of::<f64>() - 1;

/// What a new buffer holds: what betrays itself, where that is looked for, or else zeros, which the system
/// gives without writing them.
const UNWRITTEN: f64 = if cfg!(debug_assertions) { f64::NAN } else { 0.0 };

thread_local! {
    static FREE: RefCell<Vec<Vec<f64>>> = const { RefCell::new(Vec::new()) };
}

/// A vector of numbers that begins at a cache line. When it is dropped its buffer stays with the
/// thread, for the next one.
#[derive(Debug)]
pub struct ScratchVec {
    buffer: Vec<f64>,
    start: usize,
    length: usize,
}

impl ScratchVec {
    /// A vector of `length` numbers with unspecified values: write all before reading any.
    #[must_use]
    pub fn with_len(length: usize) -> Self {
        let needed = length + PADDING;
        let found = FREE.with_borrow_mut(|free| {
            // The one that was dropped last, most often.
            let place = free.iter().rposition(|buffer| buffer.len() == needed).or_else(|| {
                let sizes = free.iter().map(Vec::len).enumerate();
                // Not one that is much too large: a long-lived vector would hold on to all of it.
                let fits = sizes.filter(|(_, size)| (needed..=2 * needed).contains(size));
                fits.min_by_key(|(_, size)| *size).map(|(place, _)| place)
            })?;
            Some(free.swap_remove(place))
        });
        let buffer = found.unwrap_or_else(|| vec![UNWRITTEN; needed]);
        let start = buffer.as_ptr().align_offset(CACHE_LINE).min(PADDING);
        Self { buffer, start, length }
    }

    /// Keeps the first `length` numbers, if there are more.
    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }
}

impl Deref for ScratchVec {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        &self.buffer[self.start..self.start + self.length]
    }
}

impl DerefMut for ScratchVec {
    fn deref_mut(&mut self) -> &mut [f64] {
        &mut self.buffer[self.start..self.start + self.length]
    }
}

impl<'a> IntoIterator for &'a ScratchVec {
    type Item = &'a f64;
    type IntoIter = std::slice::Iter<'a, f64>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Clone for ScratchVec {
    fn clone(&self) -> Self {
        let mut copy = Self::with_len(self.length);
        copy.copy_from_slice(self);
        copy
    }
}

impl Drop for ScratchVec {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        // One without numbers would only take the place of another.
        if buffer.len() <= PADDING {
            return;
        }
        // At the end of a thread its list may be gone already.
        let _ = FREE.try_with(|free| {
            let mut free = free.borrow_mut();
            // Drop the oldest: nobody may ask for its size any more.
            if free.len() == KEPT {
                free.remove(0);
            }
            free.push(buffer);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_buffer_is_used_again_if_it_fits() {
        let vector = ScratchVec::with_len(100);
        assert_eq!(vector.len(), 100);
        let place = vector.as_ptr();
        drop(vector);
        let shorter = ScratchVec::with_len(80);
        assert_eq!((shorter.as_ptr(), shorter.len()), (place, 80));
        assert_ne!(ScratchVec::with_len(80).as_ptr(), place);
        drop(shorter);
        assert_eq!(ScratchVec::with_len(1000).len(), 1000);
        assert_eq!(ScratchVec::with_len(10).len(), 10);
        assert_eq!(ScratchVec::with_len(100).as_ptr(), place);
    }

    #[test]
    fn every_vector_begins_at_a_cache_line_and_a_clone_has_its_values() {
        for length in [0, 1, 7, 8, 1200] {
            let mut vector = ScratchVec::with_len(length);
            assert_eq!(vector.as_ptr().align_offset(CACHE_LINE), 0, "{length}");
            vector.iter_mut().enumerate().for_each(|(i, value)| *value = i as f64);
            let mut copy = vector.clone();
            assert_eq!(copy.as_ptr().align_offset(CACHE_LINE), 0, "{length}");
            assert_eq!(copy[..], vector[..]);
            copy.truncate(5);
            assert_eq!(copy.len(), length.min(5));
            copy.truncate(9);
            assert_eq!(copy.len(), length.min(5));
        }
    }

    #[test]
    fn no_more_buffers_are_kept_than_the_limit() {
        let vectors: Vec<_> = (0..2 * KEPT).map(|_| ScratchVec::with_len(10)).collect();
        drop(vectors);
        assert_eq!(FREE.with_borrow(Vec::len), KEPT);
    }
}
