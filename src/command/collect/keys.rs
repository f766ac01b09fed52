//! What tells the rows of a unit apart, and which keys there are.

use std::collections::{HashMap, HashSet};

use csv::ByteRecord;

use super::table_problem::TableProblem;

/// How many different keys the rows of a table may have.
pub(super) const MOST_KEYS: usize = 100_000;

/// The keys of all units of a table, in the order of their first appearance.
#[derive(Debug, Default)]
pub(super) struct Keys {
    numbers: HashMap<Vec<u8>, u32>,
    /// The fields of each.
    pub(super) list: Vec<ByteRecord>,
}

impl Keys {
    /// The number of a key, which is given one if it has none; none if there are too many.
    pub(super) fn insert(&mut self, key: &ByteRecord) -> Option<u32> {
        let number = self.list.len() as u32;
        let found = *self.numbers.entry(bytes_of(key)).or_insert(number);
        if found == number {
            self.list.push(key.clone());
        }
        (self.list.len() <= MOST_KEYS).then_some(found)
    }

    /// The number of a key that there is.
    pub(super) fn number(&self, key: &ByteRecord) -> Option<u32> {
        self.numbers.get(&bytes_of(key)).copied()
    }
}

/// The fields with their lengths: equal for equal keys only.
fn bytes_of(key: &ByteRecord) -> Vec<u8> {
    let field = |field: &[u8]| [&(field.len() as u64).to_le_bytes(), field].concat();
    key.iter().flat_map(field).collect()
}

/// Where the key's columns are in a header.
///
/// # Errors
/// If one is not there.
pub(super) fn places(row_key: &[String], columns: &[String]) -> Result<Vec<usize>, TableProblem> {
    let place = |name: &String| {
        let place = columns.iter().position(|column| column == name);
        place.ok_or_else(|| TableProblem::NoKey(name.clone()))
    };
    row_key.iter().map(place).collect()
}

/// The key of a row.
pub(super) fn key_of(row: &ByteRecord, places: &[usize]) -> ByteRecord {
    places.iter().map(|&place| row.get(place).unwrap_or_default()).collect()
}

/// Checks that no two rows of a unit have the same key.
///
/// # Errors
/// Names the first key that two rows have.
pub(super) fn check_apart(
    row_key: &[String],
    places: &[usize],
    rows: &[ByteRecord],
) -> Result<(), TableProblem> {
    let mut seen = HashSet::with_capacity(rows.len());
    let again = rows.iter().map(|row| key_of(row, places)).find(|key| !seen.insert(bytes_of(key)));
    again.map_or(Ok(()), |key| Err(TableProblem::KeyTwice(shown(row_key, &key))))
}

/// A key in a message: `method=gp, order=1`.
fn shown(row_key: &[String], key: &ByteRecord) -> String {
    let field =
        |(name, field): (&String, &[u8])| format!("{name}={}", String::from_utf8_lossy(field));
    row_key.iter().zip(key).map(field).collect::<Vec<String>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_numbered_by_first_appearance_and_never_run_together() {
        let mut keys = Keys::default();
        let key = |fields: [&str; 2]| ByteRecord::from(fields.to_vec());
        assert_eq!(keys.insert(&key(["ab", "c"])), Some(0));
        assert_eq!(keys.insert(&key(["a", "bc"])), Some(1));
        assert_eq!(keys.insert(&key(["ab", "c"])), Some(0));
        assert_eq!(keys.number(&key(["a", "bc"])), Some(1));
        assert_eq!(keys.number(&key(["abc", ""])), None);
        assert_eq!(keys.list.len(), 2);
    }

    #[test]
    fn two_rows_of_one_key_are_named() {
        let row_key = ["method".to_owned(), "order".into()];
        let columns = ["order".to_owned(), "x".into(), "method".into()];
        let places = places(&row_key, &columns).unwrap();
        let rows = [["1", "7", "gp"], ["2", "7", "gp"], ["1", "8", "gp"]];
        let rows = rows.map(|fields| ByteRecord::from(fields.to_vec()));
        assert_eq!(check_apart(&row_key, &places, &rows[..2]), Ok(()));
        let problem = check_apart(&row_key, &places, &rows).unwrap_err();
        assert_eq!(problem.to_string(), "two rows have method=gp, order=1");
    }
}
