//! A table as a unit's program wrote it.

use csv::{ByteRecord, ErrorKind, ReaderBuilder};

use super::table_problem::TableProblem;

/// The mark that some programs put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Column names and rows, in the order of the file. All rows are as long as the header.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// The names, each once.
    pub(super) columns: Vec<String>,
    /// The fields as they stand in the file.
    pub(super) rows: Vec<ByteRecord>,
}

/// Reads a table.
///
/// # Errors
/// If it has no header, or a row is shorter or longer.
pub(super) fn parse(bytes: &[u8]) -> Result<Table, TableProblem> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().from_reader(bytes);
    let columns = columns_of(reader.byte_headers().map_err(problem)?)?;
    let rows = reader.into_byte_records().collect::<Result<_, _>>().map_err(problem)?;
    Ok(Table { columns, rows })
}

fn columns_of(header: &ByteRecord) -> Result<Vec<String>, TableProblem> {
    if header.is_empty() {
        return Err(TableProblem::Empty);
    }
    let name = |field: &[u8]| String::from_utf8(field.to_vec()).map_err(|_| TableProblem::NotText);
    let columns: Vec<String> = header.iter().map(name).collect::<Result<_, _>>()?;
    let mut sorted: Vec<&String> = columns.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(TableProblem::ColumnTwice(pair[0].clone())),
        None => Ok(columns),
    }
}

fn problem(error: csv::Error) -> TableProblem {
    let line = error.position().map_or(0, csv::Position::line);
    match *error.kind() {
        ErrorKind::UnequalLengths { expected_len: expected, len: fields, .. } => {
            TableProblem::Ragged { line, fields, expected }
        }
        _ => TableProblem::NotCsv(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_as_it_stands() {
        let table = parse(b"\xef\xbb\xbfa,\"b \"\"x\"\"\"\r\n01,\"1,5\nz\"\r\n,nan\r\n").unwrap();
        assert_eq!(table.columns, ["a", "b \"x\""]);
        let rows: Vec<Vec<&[u8]>> = table.rows.iter().map(|row| row.iter().collect()).collect();
        assert_eq!(rows, [[&b"01"[..], b"1,5\nz"], [b"", b"nan"]]);
        assert_eq!(parse(b"a,b\n").unwrap().rows.len(), 0);
        assert_eq!(parse(b"a\n\xff\n").unwrap().rows[0], ByteRecord::from(vec![b"\xff"]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let problem = |text: &[u8]| parse(text).unwrap_err();
        assert_eq!(problem(b""), TableProblem::Empty);
        assert_eq!(problem(b"\n\n"), TableProblem::Empty);
        assert_eq!(problem(b"a\xff,b\n"), TableProblem::NotText);
        assert_eq!(problem(b"a,b,a\n"), TableProblem::ColumnTwice("a".into()));
        let cut = problem(b"a,b,c\n1,2,3\n4,5");
        assert_eq!(cut, TableProblem::Ragged { line: 3, fields: 2, expected: 3 });
    }
}
