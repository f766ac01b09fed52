//! The rows of one table of all units, in a private file until the columns of all are known.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use csv::ByteRecord;

use crate::foundations::FileError;

use super::error::CollectError;
use super::keys::{Keys, MOST_KEYS, check_apart, key_of, places};
use super::parse::{Table, parse};
use super::statistics::number_in;
use super::table_problem::TableProblem;

/// How many different columns the tables of all units may have.
const MOST_COLUMNS: usize = 10_000;

/// All that is known of a table before it is written.
#[derive(Debug)]
pub(super) struct Rows {
    /// Its name, as in `collect.tables`.
    pub(super) name: String,
    /// What each unit that has it gave, in the order of units.
    pub(super) parts: Vec<Part>,
    /// The columns of all units, by first appearance.
    pub(super) columns: Vec<Column>,
    /// The keys of all units.
    pub(super) keys: Keys,
    /// Whether the rows of some unit have keys; if there are none, `row_key` is not about this table.
    pub(super) has_keys: bool,
    numbers: HashMap<String, usize>,
    headers: Headers,
    path: PathBuf,
    file: File,
    length: u64,
}

/// The rows of a unit in the private file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    /// The unit.
    pub(super) unit: u64,
    /// How many rows.
    pub(super) rows: u32,
    header: u32,
    start: u64,
    length: u64,
}

/// A column of the table.
#[derive(Debug)]
pub(super) struct Column {
    /// As the program calls it.
    pub(super) name: String,
    has_numbers: bool,
    has_words: bool,
}

impl Column {
    fn new(name: &str) -> Self {
        Self { name: name.into(), has_numbers: false, has_words: false }
    }

    /// Whether all that stands in it are numbers, and there is one.
    pub(super) fn is_numeric(&self) -> bool {
        self.has_numbers && !self.has_words
    }
}

/// The headers that units have, each once: which columns, in which order.
#[derive(Debug, Default)]
struct Headers {
    numbers: HashMap<Vec<usize>, u32>,
    list: Vec<Vec<usize>>,
}

impl Rows {
    /// No rows yet. The file must not be there.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(super) fn new(name: &str, path: PathBuf) -> Result<Self, FileError> {
        let mut options = File::options();
        let file = options.read(true).write(true).create_new(true).open(&path);
        Ok(Self {
            name: name.into(),
            parts: Vec::new(),
            columns: Vec::new(),
            keys: Keys::default(),
            has_keys: false,
            numbers: HashMap::new(),
            headers: Headers::default(),
            file: file.map_err(|e| FileError::new("make", &path, e))?,
            path,
            length: 0,
        })
    }

    /// Takes the table of a unit as its program wrote it, or says why not.
    ///
    /// # Errors
    /// If the rows cannot be kept, or there is too much of what must be held in memory.
    pub(super) fn take(
        &mut self,
        unit: u64,
        bytes: Option<&[u8]>,
        row_key: &[String],
    ) -> Result<Result<(), TableProblem>, CollectError> {
        let table = match bytes.ok_or(TableProblem::Absent).and_then(parse) {
            Ok(table) => table,
            Err(problem) => return Ok(Err(problem)),
        };
        let key_places = places(row_key, &table.columns).ok().filter(|places| !places.is_empty());
        if let Some(places) = &key_places {
            if let Err(problem) = check_apart(row_key, places, &table.rows) {
                return Ok(Err(problem));
            }
            self.take_keys(places, &table.rows)?;
        }
        let header = self.header_of(&table)?;
        self.look_at_kinds(header, &table.rows);
        self.append(unit, header, &table.rows)?;
        Ok(Ok(()))
    }

    fn take_keys(&mut self, places: &[usize], rows: &[ByteRecord]) -> Result<(), CollectError> {
        self.has_keys = true;
        let too_many = || CollectError::TooManyKeys { table: self.name.clone(), most: MOST_KEYS };
        for row in rows {
            self.keys.insert(&key_of(row, places)).ok_or_else(too_many)?;
        }
        Ok(())
    }

    /// The number of a table's header, whose columns are added to those of all.
    fn header_of(&mut self, table: &Table) -> Result<u32, CollectError> {
        let mut header = Vec::with_capacity(table.columns.len());
        for name in &table.columns {
            let next = self.columns.len();
            let column = *self.numbers.entry(name.clone()).or_insert(next);
            if column == next {
                self.columns.push(Column::new(name));
            }
            header.push(column);
        }
        if self.columns.len() > MOST_COLUMNS {
            let table = self.name.clone();
            return Err(CollectError::TooManyColumns { table, most: MOST_COLUMNS });
        }
        Ok(self.headers.number_of(header))
    }

    fn look_at_kinds(&mut self, header: u32, rows: &[ByteRecord]) {
        let header = &self.headers.list[header as usize];
        for row in rows {
            for (field, &column) in row.iter().zip(header) {
                let column = &mut self.columns[column];
                if field.is_empty() || column.has_words {
                    continue;
                }
                match number_in(field) {
                    Some(_) => column.has_numbers = true,
                    None => column.has_words = true,
                }
            }
        }
    }

    fn append(&mut self, unit: u64, header: u32, rows: &[ByteRecord]) -> Result<(), FileError> {
        let bytes = pack(rows);
        let length = bytes.len() as u64;
        (&self.file).write_all(&bytes).map_err(|e| FileError::new("write", &self.path, e))?;
        let part = Part { unit, rows: rows.len() as u32, header, start: self.length, length };
        self.parts.push(part);
        self.length += length;
        Ok(())
    }

    /// The rows of a unit, and for each column of the table the place of its field in them.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(super) fn read(
        &self,
        part: &Part,
    ) -> Result<(Vec<Option<usize>>, Vec<ByteRecord>), FileError> {
        let mut bytes = vec![0; part.length as usize];
        let read = self.file.read_exact_at(&mut bytes, part.start);
        read.map_err(|e| FileError::new("read", &self.path, e))?;
        let fields = self.headers.list[part.header as usize].len();
        Ok((self.places(part), unpack(&bytes, part.rows as usize, fields)))
    }

    /// For each column of the table, the place of its field in the rows of a unit.
    fn places(&self, part: &Part) -> Vec<Option<usize>> {
        let mut places = vec![None; self.columns.len()];
        for (place, &column) in self.headers.list[part.header as usize].iter().enumerate() {
            places[column] = Some(place);
        }
        places
    }

    /// The columns of a unit.
    pub(super) fn columns_of(&self, part: &Part) -> Vec<String> {
        let header = &self.headers.list[part.header as usize];
        header.iter().map(|&column| self.columns[column].name.clone()).collect()
    }

    /// Takes out the units whose rows have no keys where those of others do.
    pub(super) fn without_keyless(&mut self, row_key: &[String]) -> Vec<(u64, TableProblem)> {
        if !self.has_keys {
            return Vec::new();
        }
        let problem = |part: &Part| places(row_key, &self.columns_of(part)).err();
        let problems: Vec<(u64, TableProblem)> =
            self.parts.iter().filter_map(|part| Some((part.unit, problem(part)?))).collect();
        self.parts.retain(|part| problems.binary_search_by_key(&part.unit, |p| p.0).is_err());
        problems
    }
}

impl Headers {
    fn number_of(&mut self, header: Vec<usize>) -> u32 {
        let number = self.list.len() as u32;
        let found = *self.numbers.entry(header.clone()).or_insert(number);
        if found == number {
            self.list.push(header);
        }
        found
    }
}

/// Rows as the private file has them: each field after its length. A reader of CSV takes longer to
/// make than to read a few rows.
fn pack(rows: &[ByteRecord]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for field in rows.iter().flatten() {
        bytes.extend((field.len() as u64).to_le_bytes());
        bytes.extend(field);
    }
    bytes
}

/// What [`pack`] was given.
fn unpack(mut bytes: &[u8], rows: usize, fields: usize) -> Vec<ByteRecord> {
    let mut field = || {
        let (length, rest) = bytes.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (field, rest) = rest.split_at(length.min(rest.len()));
        bytes = rest;
        field
    };
    (0..rows).map(|_| (0..fields).map(|_| field()).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_survive_the_private_file() {
        let rows =
            [vec![&b"a"[..], b"", b"\xff\n\""], vec![b"", b"", b""], vec![b",", b"12", b"\0"]];
        let rows = rows.map(ByteRecord::from).to_vec();
        assert_eq!(unpack(&pack(&rows), 3, 3), rows);
        assert!(unpack(&[], 0, 3).is_empty());
    }

    fn rows() -> (tempfile::TempDir, Rows) {
        let folder = tempfile::tempdir().unwrap();
        let rows = Rows::new("a.csv", folder.path().join("0")).unwrap();
        (folder, rows)
    }

    #[test]
    fn columns_come_in_the_order_of_their_first_appearance() {
        let (_guard, mut rows) = rows();
        for (unit, text) in [(0, "b,a\nx,1\n"), (2, "a,c\n2,\n"), (3, "c,d\n,nan\n3,1e-8\n")] {
            assert_eq!(rows.take(unit, Some(text.as_bytes()), &[]).unwrap(), Ok(()));
        }
        assert_eq!(rows.take(4, None, &[]).unwrap(), Err(TableProblem::Absent));
        let columns: Vec<(&str, bool)> =
            rows.columns.iter().map(|c| (c.name.as_str(), c.is_numeric())).collect();
        assert_eq!(columns, [("b", false), ("a", true), ("c", true), ("d", true)]);
        let (places, records) = rows.read(&rows.parts[1]).unwrap();
        assert_eq!((rows.parts[1].unit, places), (2, vec![None, Some(0), Some(1), None]));
        assert_eq!(records, [ByteRecord::from(vec!["2", ""])]);
    }

    #[test]
    fn what_memory_must_hold_has_a_limit() {
        let (_guard, mut rows) = rows();
        let many: String = (0..=MOST_KEYS).map(|i| format!("{i}\n")).collect();
        let table = format!("key\n{many}");
        assert!(rows.take(0, Some(table.as_bytes()), &[]).unwrap().is_ok());
        let error = rows.take(1, Some(table.as_bytes()), &["key".into()]).unwrap_err();
        assert!(error.to_string().contains("a.csv has more than 100000 different"), "{error}");
        let names: Vec<String> = (0..=MOST_COLUMNS).map(|i| i.to_string()).collect();
        let error = rows.take(2, Some(names.join(",").as_bytes()), &[]).unwrap_err();
        assert!(error.to_string().contains("more than 10000 different columns"), "{error}");
    }
}
