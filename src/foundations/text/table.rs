//! Tables in text for people. Whoever makes a text does not know where it will be read, so its tables
//! stay cells until it is written: to a file as wide as they are, to a terminal as that allows.

use std::borrow::Cow;

use super::aligned::{aligned, width, widths};
use super::shown::harmless;

/// Between two cells, as ASCII has it (US).
const CELL: char = '\u{1f}';
/// Between the cells that name a row and the others (RS).
const KEYS: char = '\u{1e}';
/// Begins a line of prose (GS).
const PROSE: char = '\u{1d}';
/// Where the values begin of a text of lines with names.
const NAMES: usize = 11;
/// A last column may be broken into lines if it is wider than this, and so much is left for it.
const LEAST_TEXT: usize = 24;

/// A table as part of a text for [`laid_out`]. The first row is the heading; the first cells of each row,
/// `keys` of them, name it: they stand again wherever the table is continued.
#[must_use]
pub fn tabular(keys: usize, rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for row in rows {
        for (place, cell) in row.iter().enumerate() {
            text.extend((place > 0).then_some(if place == keys { KEYS } else { CELL }));
            text.push_str(&harmless(&cell.replace('\n', " ")));
        }
        // Of one cell too it can be told that it is a row.
        text.extend((row.len() < 2).then_some(CELL));
        text.push('\n');
    }
    text
}

/// A line of words, none of them to be copied, as part of a text for [`laid_out`]: it may be broken
/// between any two.
#[must_use]
pub fn prose(line: &str) -> String {
    format!("{PROSE}{}\n", harmless(&line.replace('\n', " ")))
}

/// A text as it is written: for a terminal of so many columns, or as wide as its tables are.
#[must_use]
pub fn laid_out(text: &str, columns: Option<usize>) -> Cow<'_, str> {
    if columns.is_none() && !text.contains([CELL, KEYS, PROSE]) {
        return text.into();
    }
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_row = |line: &str| line.contains([CELL, KEYS]);
    let parts = lines.chunk_by(|a, b| is_row(a) == is_row(b));
    parts.fold(String::new(), |laid, part| laid + &part_laid_out(part, columns)).into()
}

fn part_laid_out(lines: &[&str], columns: Option<usize>) -> String {
    let is_table = lines.iter().any(|line| line.contains([CELL, KEYS]));
    match (is_table, columns) {
        (false, None) => lines.iter().map(|line| line.trim_start_matches(PROSE)).collect(),
        (false, Some(columns)) => lines.iter().map(|line| named(line, columns)).collect(),
        (true, _) => {
            let before_keys =
                |line: &&str| Some(line.split_once(KEYS)?.0.matches(CELL).count() + 1);
            let keys = lines.iter().find_map(before_keys).unwrap_or(0);
            let rows: Vec<Vec<String>> = lines.iter().map(|line| cells(line)).collect();
            columns.map_or_else(|| aligned(&rows), |columns| fitted(keys, &rows, columns))
        }
    }
}

fn cells(line: &str) -> Vec<String> {
    line.trim_end_matches('\n').split([CELL, KEYS]).map(str::to_owned).collect()
}

/// A line with a name before its value, broken between words where it is too long. Other lines are
/// the terminal's to break: they may be commands to copy.
fn named(line: &str, columns: usize) -> String {
    if let Some(words) = line.strip_prefix(PROSE) {
        return broken(words.trim_end(), columns).join("\n") + "\n";
    }
    let is_named = line.get(..NAMES).is_some_and(|name| {
        name.ends_with("  ") && name.chars().all(|c| c.is_alphabetic() || c == ' ')
    }) && !line[NAMES..].starts_with(' ');
    if !is_named || width(line.trim_end()) <= columns || columns < NAMES + LEAST_TEXT {
        return line.to_owned();
    }
    let (name, value) = line.split_at(NAMES);
    let broken = broken(value.trim_end(), columns - NAMES);
    format!("{name}{}\n", broken.join(&format!("\n{:NAMES$}", "")))
}

/// Lines of at most so many columns; a longer word has a line of its own.
#[must_use]
pub fn broken(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let last = lines.last_mut().expect("there is a line from the beginning on");
        match last.is_empty() {
            true => last.push_str(word),
            false if width(last) + 1 + width(word) <= columns => {
                last.push(' ');
                last.push_str(word);
            }
            false => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The rows within so many columns: a last column of text is broken into lines, else the columns that
/// have no place are put below the others, as a table with the same rows.
fn fitted(keys: usize, rows: &[Vec<String>], columns: usize) -> String {
    let widths = widths(rows);
    let whole =
        |widths: &[usize]| widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
    if whole(&widths) <= columns {
        return aligned(rows);
    }
    if let Some((last, others)) = widths.split_last()
        && let left = columns.saturating_sub(whole(others) + 2)
        && *last > LEAST_TEXT
        && left >= LEAST_TEXT
    {
        return aligned(&hanging(rows, widths.len() - 1, left));
    }
    let (of_keys, of_values) = widths.split_at(keys.min(widths.len()));
    let room = columns.saturating_sub(whole(of_keys));
    let parts = parted(of_values, room);
    let part = |(from, to): (usize, usize)| {
        let of_part = |row: &Vec<String>| {
            let (named, values) = row.split_at(keys.min(row.len()));
            let end = to.min(values.len());
            named.iter().chain(&values[from.min(end)..end]).cloned().collect::<Vec<_>>()
        };
        let rows: Vec<Vec<String>> = rows.iter().map(of_part).collect();
        aligned(&rows)
    };
    parts.into_iter().map(part).collect::<Vec<_>>().join("\n")
}

/// The same rows, with what is too wide in the last column on lines below.
fn hanging(rows: &[Vec<String>], last: usize, columns: usize) -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    for row in rows {
        let Some(text) = row.get(last) else {
            lines.push(row.clone());
            continue;
        };
        for (place, line) in broken(text, columns).into_iter().enumerate() {
            let mut cells =
                if place == 0 { row[..last].to_vec() } else { vec![String::new(); last] };
            cells.push(line);
            lines.push(cells);
        }
    }
    lines
}

/// Runs of columns, each as many as have room, at least one.
fn parted(widths: &[usize], room: usize) -> Vec<(usize, usize)> {
    let (mut parts, mut from, mut used) = (Vec::new(), 0, 0);
    for (column, width) in widths.iter().enumerate() {
        if column > from && used + 2 + width > room {
            parts.push((from, column));
            (from, used) = (column, 0);
        }
        used += 2 + width;
    }
    parts.push((from, widths.len()));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| (*cell).into()).collect()).collect()
    }

    fn table() -> String {
        let header: &[&str] = &["set", "method", "xcal", "ical", "dihedral", "chi2/dof"];
        tabular(2, &rows(&[header, &["llss", "wls", "1.00e-3", "2.00e-3", "3.00e-3 ?", "1.001"]]))
    }

    #[test]
    fn a_file_has_tables_as_wide_as_they_are() {
        let text = format!("title\n{}end\n", table());
        let expected = "title\n\
                        set   method  xcal     ical     dihedral   chi2/dof\n\
                        llss  wls     1.00e-3  2.00e-3  3.00e-3 ?  1.001\n\
                        end\n";
        assert_eq!(laid_out(&text, None), expected);
        assert_eq!(laid_out(&text, Some(51)), expected);
        assert_eq!(laid_out("no table\n", None), "no table\n");
    }

    #[test]
    fn columns_without_a_place_are_put_below_with_the_names_of_their_rows() {
        let expected = "set   method  xcal     ical\n\
                        llss  wls     1.00e-3  2.00e-3\n\
                        \n\
                        set   method  dihedral   chi2/dof\n\
                        llss  wls     3.00e-3 ?  1.001\n";
        assert_eq!(laid_out(&table(), Some(40)), expected);
        // Where there is room for nothing, each has a table of its own, and none is lost.
        assert_eq!(laid_out(&table(), Some(3)).matches("llss  wls").count(), 4);
    }

    #[test]
    fn a_last_column_of_text_is_broken_between_words() {
        let words = "the first of these words and the last of them";
        let text = tabular(1, &rows(&[&["wls", words], &["lad", "short"]]));
        let expected = "wls  the first of these words\n     and the last of them\nlad  short\n";
        assert_eq!(laid_out(&text, Some(32)), expected);
    }

    #[test]
    fn lines_with_names_are_broken_and_others_are_not() {
        let line = format!("{:<11}one two three four five six seven eight\n", "data set");
        let expected = "data set   one two three four five\n           six seven eight\n";
        assert_eq!(laid_out(&line, Some(36)), expected);
        let command = "  otfhpc run results --shard 1 --threads 5 && otfhpc merge results\n";
        assert_eq!(laid_out(command, Some(36)), command);
        assert_eq!(laid_out(&line, None), line);
    }

    #[test]
    fn prose_is_broken_anywhere() {
        assert_eq!(laid_out(&prose("one two three"), Some(8)), "one two\nthree\n");
        assert_eq!(laid_out(&prose("one two three"), None), "one two three\n");
    }

    #[test]
    fn what_a_cell_holds_cannot_make_cells() {
        let text = tabular(1, &rows(&[&["a\u{1f}b", "c\nd"]]));
        assert_eq!(laid_out(&text, None).lines().count(), 1, "{text:?}");
        assert!(!laid_out(&text, None).contains('\u{1f}'));
    }
}
