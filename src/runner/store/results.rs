//! The results of a shard's units, as far as there are any.

use std::collections::BTreeMap;
use std::ops::Range;

use super::envelope::Envelope;

/// The smallest thing that is never cut: one unit, or those of a coupled column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its first unit.
    pub first: u64,
    /// One a unit, in order.
    pub results: Vec<Envelope>,
}

/// Units that are kept side by side.
const CHUNK: u64 = 1024;

/// The results of a shard's units, as far as there are any. What is asked of memory grows with what
/// is there, not with what a plan says will be.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    units: Range<u64>,
    /// Those that have a result of theirs, by place.
    chunks: BTreeMap<u64, Vec<Option<Envelope>>>,
    done: u64,
}

impl Results {
    /// None yet.
    #[must_use]
    pub fn none(units: &Range<u64>) -> Self {
        Self { units: units.clone(), chunks: BTreeMap::new(), done: 0 }
    }

    /// Takes the results of neighbouring units. A unit that has one keeps it; one of another shard
    /// is ignored. Returns how many units are new.
    pub fn put(&mut self, first: u64, results: impl IntoIterator<Item = Envelope>) -> u64 {
        let before = self.done;
        for (place, result) in (0..).zip(results) {
            let unit = first.checked_add(place);
            if let Some(slot @ None) = unit.and_then(|unit| self.slot(unit)) {
                *slot = Some(result);
                self.done += 1;
            }
        }
        self.done - before
    }

    fn slot(&mut self, unit: u64) -> Option<&mut Option<Envelope>> {
        if !self.units.contains(&unit) {
            return None;
        }
        let index = unit - self.units.start;
        let (number, place) = (index / CHUNK, (index % CHUNK) as usize);
        let left = self.units.end - self.units.start - number * CHUNK;
        let chunk = self.chunks.entry(number);
        chunk.or_insert_with(|| vec![None; left.min(CHUNK) as usize]).get_mut(place)
    }

    /// Whether a unit is done.
    #[must_use]
    pub fn has(&self, unit: u64) -> bool {
        self.get(unit).is_some()
    }

    /// The result of a unit that is done.
    #[must_use]
    pub fn get(&self, unit: u64) -> Option<&Envelope> {
        let index = unit.checked_sub(self.units.start)?;
        self.chunks.get(&(index / CHUNK))?.get((index % CHUNK) as usize)?.as_ref()
    }

    /// How many units are done.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Those that are done.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Envelope)> {
        self.chunks.iter().flat_map(|(number, chunk)| {
            let first = self.units.start + number * CHUNK;
            (first..).zip(chunk).filter_map(|(unit, slot)| Some((unit, slot.as_ref()?)))
        })
    }

    /// All of them in order, if all are done.
    #[must_use]
    pub fn complete(self) -> Option<Vec<Envelope>> {
        let is_complete = self.done == self.units.end.saturating_sub(self.units.start);
        is_complete.then(|| self.chunks.into_values().flatten().flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_is_taken_once_and_only_where_it_belongs() {
        let result = |text: &str| Envelope::example(3, text);
        let mut results = Results::none(&(5..8));
        assert_eq!(results.put(6, [result("a"), result("b"), result("beyond")]), 2);
        assert_eq!(results.put(6, [result("again")]), 0);
        assert_eq!(results.put(u64::MAX, [result("far")]), 0);
        assert!(!results.has(4) && !results.has(5) && results.has(6) && !results.has(8));
        assert_eq!(results.clone().complete(), None);
        assert_eq!(results.put(4, [result("before"), result("c")]), 1);
        let all = ["c", "a", "b"].map(result);
        assert_eq!(results.iter().map(|(unit, _)| unit).collect::<Vec<_>>(), [5, 6, 7]);
        assert_eq!(results.complete(), Some(all.to_vec()));
    }

    #[test]
    fn memory_is_asked_for_by_what_is_there_not_by_how_many_there_may_be() {
        let units = 5..10_000_000_000_000_000;
        let mut results = Results::none(&units);
        let result = |text: &str| Envelope::example(3, text);
        let last = units.end - 1;
        assert_eq!(results.put(last, [result("last"), result("beyond")]), 1);
        assert_eq!(results.put(5, [result("first")]), 1);
        let found: Vec<u64> = results.iter().map(|(unit, _)| unit).collect();
        assert_eq!(
            (found, results.has(last), results.has(units.end)),
            (vec![5, last], true, false)
        );
        assert_eq!(results.complete(), None);
        // Chunks that are full, and one that is not.
        let many = 3..3 + 2 * CHUNK + 7;
        let mut results = Results::none(&many);
        let each = || many.clone().map(|unit| Envelope::example(unit, ""));
        assert_eq!(results.put(many.start, each()), many.end - many.start);
        assert_eq!(results.complete(), Some(each().collect()));
    }
}
