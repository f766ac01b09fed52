//! A CSV file as programs write it: a line of names, then as many values on each line.

use csv::{Reader, ReaderBuilder, StringRecord, Writer};

use super::body::Taken;

/// What was seen of a file that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// The names of the columns.
    pub(super) columns: Vec<String>,
    /// How many rows are below them.
    pub(super) rows: u64,
}

/// A reader that leaves all values as they are.
pub(super) fn reader(bytes: &[u8]) -> Reader<&[u8]> {
    ReaderBuilder::new().flexible(false).from_reader(bytes)
}

/// Reads a file to its end.
///
/// # Errors
/// Says what is wrong with it: a last line without an end, rows of different lengths, a name twice.
pub(super) fn look(bytes: &[u8]) -> Result<Seen, String> {
    if !bytes.ends_with(b"\n") {
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
        return Err(format!(
            "ends in the middle of line {lines}: expected an end of line after the last row"
        ));
    }
    let mut reader = reader(bytes);
    let columns: Vec<String> =
        reader.headers().map_err(|e| odd(&e))?.iter().map(str::to_owned).collect();
    if let Some((_, twice)) = columns.iter().enumerate().find(|(i, c)| columns[..*i].contains(c)) {
        return Err(format!("has two columns {twice:?}: expected each name once"));
    }
    let mut record = StringRecord::new();
    let (mut rows, mut last) = (0, 0);
    while reader.read_record(&mut record).map_err(|e| odd(&e))? {
        rows += 1;
        last = record.position().map_or(0, csv::Position::byte);
    }
    // A text that has no end takes all that is left of the file.
    let last = usize::try_from(last).ok().and_then(|last| bytes.get(last..)).unwrap_or_default();
    if last.iter().filter(|byte| **byte == b'"').count() % 2 == 1 {
        return Err("ends in the middle of a text: a quotation mark has no other half".into());
    }
    Ok(Seen { columns, rows })
}

fn odd(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!(
                "has {len} values on line {line}: expected {expected_len}, as on its first line"
            )
        }
        csv::ErrorKind::Utf8 { pos, .. } => {
            let line = pos.as_ref().map_or(1, csv::Position::line);
            format!("is not UTF-8, on line {line}")
        }
        _ => format!("cannot be read as CSV: {error}"),
    }
}

/// A file without some columns, and these; the file as it is if it has none of them.
///
/// # Errors
/// None for a file that [`look`] accepts.
pub(super) fn take_columns(
    name: &str,
    bytes: Vec<u8>,
    volatile: &[String],
) -> Result<(Vec<u8>, Vec<Taken>), String> {
    let mut reader = reader(&bytes);
    let header = reader.headers().map_err(|e| odd(&e))?.clone();
    let is_taken: Vec<bool> =
        header.iter().map(|column| volatile.iter().any(|name| name == column)).collect();
    if !is_taken.contains(&true) {
        return Ok((bytes, Vec::new()));
    }
    let taken_places: Vec<usize> = (0..header.len()).filter(|i| is_taken[*i]).collect();
    let mut kept = Writer::from_writer(Vec::with_capacity(bytes.len()));
    let mut taken: Vec<Writer<Vec<u8>>> =
        taken_places.iter().map(|_| Writer::from_writer(Vec::new())).collect();
    let rows = std::iter::once(Ok(header.clone())).chain(reader.records());
    for row in rows {
        let row = row.map_err(|e| odd(&e))?;
        let stays = row.iter().zip(&is_taken).filter(|(_, taken)| !**taken);
        // A table of which all columns are taken has none left, and no rows to speak of.
        if taken_places.len() < header.len() {
            kept.write_record(stays.map(|(value, _)| value)).map_err(|e| odd(&e))?;
        }
        for (writer, place) in taken.iter_mut().zip(&taken_places) {
            writer.write_record(row.get(*place)).map_err(|e| odd(&e))?;
        }
    }
    let text = |writer: Writer<Vec<u8>>| {
        let bytes = writer.into_inner().map_err(|e| e.to_string())?;
        Ok::<String, String>(String::from_utf8_lossy(&bytes).into_owned())
    };
    let asides = taken_places.iter().zip(taken).map(|(place, writer)| {
        let column = format!("column:{}", &header[*place]);
        Ok(Taken { file: name.into(), place: column, text: text(writer)? })
    });
    let asides = asides.collect::<Result<_, String>>()?;
    Ok((kept.into_inner().map_err(|e| e.to_string())?, asides))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_file_is_seen_and_half_a_file_is_refused() {
        let seen = look(b"a,b\n1,2\n\"x\ny\",\"q\"\"q\"\n").unwrap();
        assert_eq!((seen.columns, seen.rows), (vec!["a".into(), "b".into()], 2));
        assert_eq!(look(b"a,b\n").unwrap().rows, 0);
        assert_eq!(look(b"a,b\r\n1,2\r\n").unwrap().rows, 1);
        for (bytes, expected) in [
            (&b"a,b\n1,2\n3"[..], "ends in the middle of line 3: expected an end of line"),
            (b"a,b\n1,2\n3\n", "has 1 values on line 3: expected 2, as on its first line"),
            (b"a,b\n1,2,3\n", "has 3 values on line 2: expected 2"),
            (b"a,b\n1,\"x\n", "ends in the middle of a text"),
            (b"a,a\n1,2\n", "has two columns \"a\""),
            (b"a\n\xff\n", "is not UTF-8, on line 2"),
        ] {
            let error = look(bytes).unwrap_err();
            assert!(error.starts_with(expected), "{error}\n{expected}");
        }
    }

    #[test]
    fn columns_are_taken_and_the_rest_stays() {
        let taken = |bytes: &[u8], columns: &[&str]| {
            let columns: Vec<String> = columns.iter().map(|c| (*c).into()).collect();
            let (kept, taken) = take_columns("t.csv", bytes.to_vec(), &columns).unwrap();
            (String::from_utf8(kept).unwrap(), taken)
        };
        let text = b"a,timing,b\r\n1e-8,0.5,\"x,y\"\r\n2.0,0.25,\r\n";
        // Byte for byte, where there is nothing to take.
        assert_eq!(taken(text, &["other"]), (String::from_utf8(text.to_vec()).unwrap(), vec![]));
        let (kept, aside) = taken(text, &["timing"]);
        assert_eq!(kept, "a,b\n1e-8,\"x,y\"\n2.0,\n");
        assert_eq!(aside.len(), 1);
        assert_eq!(
            (aside[0].place.as_str(), aside[0].text.as_str()),
            ("column:timing", "timing\n0.5\n0.25\n")
        );
        assert_eq!(taken(b"t\n1\n", &["t"]).0, "");
    }
}
