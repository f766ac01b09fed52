//! A table is the same in memory and in its file, and what changed there is seen.

use std::fs::OpenOptions;
use std::io::{Cursor, Read, Seek, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use ndarray::{Array2, ShapeBuilder};
use ndarray_npy::{NpzWriter, WritableElement};
use tempfile::NamedTempFile;

use super::*;
use crate::foundations::npz::RowPiece;

/// More than a piece has, with a rest.
const ROWS: usize = 2000;
const COLUMNS: usize = 40;

/// A file with a table under the key `a`.
fn file<T: WritableElement>(array: &Array2<T>, is_deflated: bool) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    let sink = Cursor::new(Vec::new());
    let mut writer =
        if is_deflated { NpzWriter::new_compressed(sink) } else { NpzWriter::new(sink) };
    writer.add_array("a", array).unwrap();
    file.as_file().write_all(writer.finish().unwrap().get_ref()).unwrap();
    file
}

/// Numbers without a pattern.
fn number(row: usize, column: usize) -> i16 {
    let mixed = ((row * COLUMNS + column) as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 48) as i16
}

fn noise() -> Array2<i16> {
    Array2::from_shape_fn((ROWS, COLUMNS), |(row, column)| number(row, column))
}

fn row_of(matrix: &Matrix, row: usize) -> Vec<f64> {
    let mut out = vec![0.0; COLUMNS];
    matrix.copy_row(row, &mut out);
    out
}

/// A table, and all rows as they were shown.
fn table(path: &Path, hold: Hold) -> (Table, Vec<Vec<f64>>) {
    let mut seen = Vec::new();
    let mut npz = NpzFile::open(path).unwrap();
    let look = |matrix: &Matrix, row: usize| seen.push(row_of(matrix, row));
    let table = npz.table("a", COLUMNS, hold, look).unwrap();
    (table, seen)
}

fn in_file(path: &Path) -> RowsInFile {
    match table(path, Hold::Never).0 {
        Table::InFile(rows) => rows,
        Table::Held(_) => panic!("held"),
    }
}

/// Some rows, with gaps before, in between and after.
fn some_rows(first: usize, count: usize) -> Vec<usize> {
    (first..ROWS).filter(|row| row % 7 > 1 || row % 300 > 220).take(count).collect()
}

fn read(rows: &RowsInFile, wanted: &[usize], piece: &mut RowPiece) -> Vec<Vec<f64>> {
    rows.read(wanted, piece).unwrap();
    assert_eq!(piece.matrix().rows(), wanted.len());
    (0..wanted.len()).map(|place| row_of(piece.matrix(), place)).collect()
}

/// Rows are the same however they are had: one after another, from the beginning again, by several threads.
fn assert_same<T: WritableElement>(array: &Array2<T>, source: SourceType) {
    for is_deflated in [false, true] {
        let file = file(array, is_deflated);
        let (held, seen) = table(file.path(), Hold::Always);
        let Table::Held(matrix) = &held else { panic!("not held") };
        let all: Vec<Vec<f64>> = (0..ROWS).map(|row| row_of(matrix, row)).collect();
        assert!(seen == all);
        let (left, seen) = table(file.path(), Hold::Never);
        assert!(seen == all);
        assert_eq!((left.rows(), left.source_type()), (held.rows(), source));
        assert_eq!(held.source_type(), source);
        let Table::InFile(rows) = &left else { panic!("held") };
        assert_eq!(rows.come_in_order(), is_deflated);
        let read_some = |first: usize, count: usize| {
            let mut piece = rows.piece();
            for _ in 0..2 {
                let wanted = some_rows(first, count);
                let expected: Vec<_> = wanted.iter().map(|row| all[*row].clone()).collect();
                assert!(read(rows, &wanted, &mut piece) == expected, "{first} {count}");
            }
        };
        std::thread::scope(|scope| {
            for thread in 0..3 {
                scope.spawn(move || {
                    for (first, count) in
                        [(0, 9), (9, 200), (700 + thread, 1), (1500, ROWS), (3, 0)]
                    {
                        read_some(first, count);
                    }
                });
            }
        });
    }
}

#[test]
fn a_table_is_the_same_in_memory_and_in_its_file() {
    assert_same(&noise(), SourceType::Integer);
    assert_same(&noise().mapv(i64::from), SourceType::Integer);
    assert_same(&noise().mapv(|value| f64::from(value) / 7.0), SourceType::Float);
    assert_same(&noise().mapv(|value| value > 0), SourceType::Integer);
}

#[test]
fn what_cannot_stay_is_held() {
    let fortran = Array2::from_shape_fn((ROWS, COLUMNS).f(), |(row, column)| number(row, column));
    let columns_first = file(&fortran, false);
    let gzipped = NamedTempFile::new().unwrap();
    let plain = std::fs::read(file(&noise(), false).path()).unwrap();
    let mut encoder = flate2::read::GzEncoder::new(&plain[..], flate2::Compression::fast());
    std::io::copy(&mut encoder, &mut gzipped.as_file()).unwrap();
    for file in [&columns_first, &gzipped] {
        let (table, seen) = table(file.path(), Hold::Never);
        assert!(matches!(table, Table::Held(_)));
        let expected = noise().mapv(f64::from);
        assert!(seen.iter().flatten().eq(expected.iter()));
    }
    assert!(NpzFile::open_unless_gzipped(gzipped.path()).unwrap().is_none());
    let mut npz = NpzFile::open_unless_gzipped(columns_first.path()).unwrap().unwrap();
    let size = npz.table_size("a", COLUMNS).unwrap();
    assert_eq!(size, TableSize { of_row: 80, stays_in_file: false });
}

#[test]
fn the_rule_is_that_of_sizes() {
    let size = |megabytes: usize, is_deflated: bool| {
        let file = file(&Array2::<i16>::zeros((megabytes << 14, 32)), is_deflated);
        let size = NpzFile::open(file.path()).unwrap().table_size("a", 32).unwrap();
        assert_eq!(size.of_row, 64);
        size.stays_in_file
    };
    assert!(!size(32, false));
    assert!(size(33, false));
    assert!(!size(33, true));
    let wide = file(&noise().mapv(f32::from), false);
    let size = NpzFile::open(wide.path()).unwrap().table_size("a", COLUMNS).unwrap();
    assert_eq!(size.of_row, 8 * COLUMNS as u64);
}

#[test]
fn errors_are_those_of_a_matrix() {
    let message = |bytes: &[u8], columns: usize| {
        let file = NamedTempFile::new().unwrap();
        file.as_file().write_all(bytes).unwrap();
        let mut npz = NpzFile::open(file.path()).unwrap();
        let messages = [Hold::Always, Hold::Never]
            .map(|hold| npz.table("a", columns, hold, |_, _| ()).unwrap_err().to_string());
        assert_eq!(messages[0], messages[1]);
        assert_eq!(messages[0], npz.matrix("a", columns).unwrap_err().to_string());
        messages[0].clone()
    };
    let mut bytes = std::fs::read(file(&noise(), false).path()).unwrap();
    let error = message(&bytes, 512);
    assert!(error.contains("has the shape (2000, 40): expected (N, 512);"), "{error}");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    let error = message(&bytes, COLUMNS);
    assert!(error.contains("is damaged (Invalid checksum)"), "{error}");
}

/// Where a file that has one table has its row.
fn place_of(path: &Path, row: usize) -> u64 {
    let bytes: Vec<u8> = (0..COLUMNS).flat_map(|c| number(row, c).to_le_bytes()).collect();
    let all = std::fs::read(path).unwrap();
    all.windows(bytes.len()).position(|window| window == bytes).unwrap() as u64
}

fn why(rows: &RowsInFile, wanted: &[usize]) -> String {
    rows.read(wanted, &mut rows.piece()).unwrap_err().to_string()
}

#[test]
fn a_stored_row_that_changed_is_named() {
    let file = file(&noise(), false);
    let rows = in_file(file.path());
    let writer = OpenOptions::new().write(true).open(file.path()).unwrap();
    writer.write_at(&[77], place_of(file.path(), 1234) + 13).unwrap();
    let all: Vec<usize> = (0..ROWS).collect();
    let (path, error) = (file.path().display(), why(&rows, &all));
    let expected = format!("key 'a' of '{path}' changed while it was read (row 1234): expected");
    assert!(error.starts_with(&expected), "{error}");
    assert!(error.contains("put the file back as it was"), "{error}");
    // What was not touched is read on.
    read(&rows, &all[..1234], &mut rows.piece());
    read(&rows, &all[1235..], &mut rows.piece());
    writer.set_len(place_of(file.path(), 1500) + 1).unwrap();
    assert!(why(&rows, &all[1490..]).contains("(row 1490)"));
    read(&rows, &all[1300..1400], &mut rows.piece());
}

#[test]
fn a_deflated_file_that_changed_is_seen() {
    let file = file(&noise(), true);
    let (rows, all) = (in_file(file.path()), (0..ROWS).collect::<Vec<_>>());
    let mut writer = OpenOptions::new().read(true).write(true).open(file.path()).unwrap();
    let mut bytes = Vec::new();
    writer.read_to_end(&mut bytes).unwrap();
    let middle = bytes.len() as u64 / 2;
    writer.write_at(&[bytes[middle as usize] ^ 16], middle).unwrap();
    let error = why(&rows, &all);
    assert!(error.contains("changed while it was read (row "), "{error}");
    // Another try begins anew.
    writer.write_at(&bytes[middle as usize..=middle as usize], middle).unwrap();
    read(&rows, &all, &mut rows.piece());
    writer.rewind().unwrap();
    writer.set_len(middle).unwrap();
    assert!(why(&rows, &all).contains("changed while it was read (row "));
}

/// A file that another is renamed over is still the one that was opened.
#[test]
fn a_file_that_is_replaced_is_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    std::fs::copy(file(&noise(), false).path(), &path).unwrap();
    let rows = in_file(&path);
    std::fs::write(folder.path().join("b.npz"), b"another").unwrap();
    std::fs::rename(folder.path().join("b.npz"), &path).unwrap();
    read(&rows, &(0..ROWS).collect::<Vec<_>>(), &mut rows.piece());
}
