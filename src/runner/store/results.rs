//! The results of a shard's units, as far as there are any.

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

/// The results of a shard's units, as far as there are any.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    first: u64,
    slots: Vec<Option<Envelope>>,
    done: u64,
}

impl Results {
    /// None yet.
    #[must_use]
    pub fn none(units: &Range<u64>) -> Self {
        let slots = vec![None; (units.end - units.start) as usize];
        Self { first: units.start, slots, done: 0 }
    }

    /// Takes the results of neighbouring units. A unit that has one keeps it; one of another shard
    /// is ignored. Returns how many units are new.
    pub fn put(&mut self, first: u64, results: impl IntoIterator<Item = Envelope>) -> u64 {
        let before = self.done;
        for (place, result) in (0..).zip(results) {
            let unit = first.checked_add(place).and_then(|unit| unit.checked_sub(self.first));
            let slot = unit.and_then(|index| self.slots.get_mut(index as usize));
            if let Some(slot @ None) = slot {
                *slot = Some(result);
                self.done += 1;
            }
        }
        self.done - before
    }

    /// Whether a unit is done.
    #[must_use]
    pub fn has(&self, unit: u64) -> bool {
        let index = unit.checked_sub(self.first);
        index.and_then(|i| self.slots.get(i as usize)).is_some_and(Option::is_some)
    }

    /// The result of a unit that is done.
    #[must_use]
    pub fn get(&self, unit: u64) -> Option<&Envelope> {
        let index = unit.checked_sub(self.first)?;
        self.slots.get(usize::try_from(index).ok()?)?.as_ref()
    }

    /// How many units are done.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Those that are done.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Envelope)> {
        (self.first..).zip(&self.slots).filter_map(|(unit, slot)| Some((unit, slot.as_ref()?)))
    }

    /// All of them in order, if all are done.
    #[must_use]
    pub fn complete(self) -> Option<Vec<Envelope>> {
        self.slots.into_iter().collect()
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
}
