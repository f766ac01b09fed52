//! Vectors that are used again by the thread that gave them up, so that a loop asks the system for
//! memory only in its first rounds.

use std::cell::RefCell;

/// As many are kept as a loop has at once.
const KEPT: usize = 8;

thread_local! {
    static SPARE: RefCell<Vec<Vec<f64>>> = const { RefCell::new(Vec::new()) };
}

/// A vector of so many numbers, whose values mean nothing: all are to be written before any is
/// read.
#[must_use]
pub fn taken(length: usize) -> Vec<f64> {
    let fits = |spare: &Vec<f64>| spare.capacity() >= length;
    let found = SPARE.with_borrow_mut(|spare| {
        let place = spare.iter().position(fits)?;
        Some(spare.swap_remove(place))
    });
    let mut vector = found.unwrap_or_default();
    vector.resize(length, f64::NAN);
    vector
}

/// Gives up a vector.
pub fn give_up(vector: Vec<f64>) {
    SPARE.with_borrow_mut(|spare| {
        if spare.len() < KEPT {
            spare.push(vector);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_up_is_taken_again_whatever_its_length() {
        let vector = taken(100);
        assert_eq!(vector.len(), 100);
        let place = vector.as_ptr();
        give_up(vector);
        let shorter = taken(50);
        assert_eq!((shorter.as_ptr(), shorter.len()), (place, 50));
        let other = taken(10);
        assert_ne!(other.as_ptr(), place);
        give_up(shorter);
        let longest = taken(1000);
        assert_eq!(longest.len(), 1000);
        assert_eq!(taken(100).len(), 100);
    }

    #[test]
    fn only_so_many_are_kept() {
        let vectors: Vec<_> = (0..2 * KEPT).map(|_| taken(10)).collect();
        vectors.into_iter().for_each(give_up);
        assert_eq!(SPARE.with_borrow(Vec::len), KEPT);
    }
}
