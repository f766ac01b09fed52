//! JSON as programs write it, looked into without a change of a byte of what stays.
//!
//! A value is never turned into numbers and texts of this program and back: `1e-8` stays `1e-8`. As
//! Python writes and reads them, `NaN`, `Infinity` and `-Infinity` are numbers.

use std::ops::Range;

use super::pointer::{Pointer, as_step};

/// Deepest nesting: each level takes room on the stack.
const DEEPEST: usize = 500;

/// What was found at a place that a pointer is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Which pointer, by its number in the list.
    pub(super) pointer: usize,
    /// The place, without `*`.
    pub(super) place: String,
    /// Where the value stands.
    pub(super) value: Range<usize>,
}

/// A text looked into.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Looked {
    /// What the pointers found, in the order of the text.
    pub(super) found: Vec<Found>,
    /// What to leave out so that nothing is there that a pointer to cut is for; ascending, apart.
    pub(super) cuts: Vec<Range<usize>>,
}

/// Reads one JSON value to its end. `pointers` are looked for; those from `first_cut` on are cut out.
///
/// # Errors
/// Says what is wrong with the text, where, and whether it just ends too early.
pub(super) fn look(
    bytes: &[u8],
    pointers: &[&Pointer],
    first_cut: usize,
) -> Result<Looked, String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let place = place_of(bytes, error.valid_up_to());
            // Half a character at the end is half a file.
            return Err(match error.error_len() {
                None => format!("ends in the middle, at {place}"),
                Some(_) => format!("is not UTF-8, at {place}"),
            });
        }
    };
    let mut reader = Reader {
        text,
        at: 0,
        pointers,
        first_cut,
        path: String::new(),
        is_cut: false,
        looked: Looked::default(),
    };
    reader.space();
    let active: Vec<usize> = (0..pointers.len()).collect();
    reader.value(0, &active)?;
    reader.space();
    if reader.at == text.len() {
        // What is inside of a member is seen before the commas around it.
        reader.looked.cuts.sort_unstable_by_key(|cut| cut.start);
        Ok(reader.looked)
    } else {
        Err(reader.odd("the end of the file"))
    }
}

/// A text without some ranges, which are ascending and apart.
pub(super) fn without(bytes: &[u8], cuts: &[Range<usize>]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for cut in cuts {
        kept.extend_from_slice(&bytes[from..cut.start]);
        from = cut.end;
    }
    kept.extend_from_slice(&bytes[from..]);
    kept
}

/// The words of a text that [`look`] accepts: brackets, commas, colons, texts, numbers, names.
pub(super) fn words(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        rest = rest.trim_ascii_start();
        let length = match rest.first()? {
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            b'"' => text_length(rest),
            _ => rest.iter().position(|b| ends_word(*b)).unwrap_or(rest.len()),
        };
        let (word, after) = rest.split_at(length);
        rest = after;
        Some(word)
    })
}

fn ends_word(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"{}[],:\"".contains(&byte)
}

fn text_length(text: &[u8]) -> usize {
    let mut is_escaped = false;
    let ends = |byte: &u8| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    };
    text[1..].iter().position(ends).map_or(text.len(), |end| end + 2)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    pointers: &'a [&'a Pointer],
    first_cut: usize,
    /// The place of the value that is read, as far as a pointer may be for it.
    path: String,
    /// Whether what is read is inside of something that is cut out already.
    is_cut: bool,
    looked: Looked,
}

/// What of an object or array to cut out: each with a comma, so that those that stay are apart by one.
#[derive(Debug, Default)]
struct Cutter {
    /// Where the member before ended that stays, or the last that is cut after one.
    end_before: Option<usize>,
    /// Where the first began of those that are cut before any that stays.
    begun: Option<usize>,
}

impl Cutter {
    /// Notes a member; `stays` if it is not cut out. Returns what to cut.
    fn member(&mut self, place: Range<usize>, stays: bool) -> Option<Range<usize>> {
        match (stays, self.end_before) {
            (true, _) => {
                self.end_before = Some(place.end);
                self.begun.take().map(|begun| begun..place.start)
            }
            (false, Some(end)) => {
                self.end_before = Some(place.end);
                Some(end..place.end)
            }
            (false, None) => {
                self.begun.get_or_insert(place.start);
                None
            }
        }
    }

    /// After the last member, which ended there. Returns what to cut.
    fn end(&mut self, end: usize) -> Option<Range<usize>> {
        self.begun.take().map(|begun| begun..end)
    }
}

impl Reader<'_> {
    fn value(&mut self, depth: usize, active: &[usize]) -> Result<(), String> {
        if depth > DEEPEST {
            return Err(format!("is nested more than {DEEPEST} deep, at {}", self.place()));
        }
        match self.peek() {
            Some(b'{') => self.members(b'}', depth, active),
            Some(b'[') => self.members(b']', depth, active),
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.name(&["true", "false", "null", "NaN", "Infinity"]),
        }
    }

    /// An object or an array.
    fn members(&mut self, close: u8, depth: usize, active: &[usize]) -> Result<(), String> {
        self.at += 1;
        self.space();
        if self.take(close) {
            return Ok(());
        }
        let mut cutter = Cutter::default();
        for index in 0_usize.. {
            let start = self.at;
            let name = match close {
                b'}' => Some(self.key()?),
                _ => None,
            };
            // Most of a text is where no pointer leads.
            let stays = match active {
                [] => self.value(depth + 1, &[]).map(|()| true)?,
                _ => {
                    let name = name.map_or_else(|| index.to_string(), |key| self.decoded(key));
                    self.watched(&name, depth, active)?
                }
            };
            let end = self.at;
            self.cut(cutter.member(start..end, stays));
            self.space();
            if self.take(close) {
                self.cut(cutter.end(end));
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.odd(if close == b'}' { "`,` or `}`" } else { "`,` or `]`" }));
            }
            self.space();
        }
        Ok(())
    }

    /// A value that some pointer may be for. Returns whether it stays.
    fn watched(&mut self, name: &str, depth: usize, active: &[usize]) -> Result<bool, String> {
        let leads = |i: &usize| self.pointers[*i].steps_into(depth, name);
        let next: Vec<usize> = active.iter().copied().filter(leads).collect();
        let length = self.path.len();
        self.path.push('/');
        self.path.push_str(&as_step(name));
        let (deeper, here): (Vec<usize>, Vec<usize>) =
            next.into_iter().partition(|i| self.pointers[*i].depth() > depth + 1);
        let is_cut_here = here.iter().any(|i| *i >= self.first_cut);
        let (was_cut, first) = (self.is_cut, self.looked.found.len());
        let start = self.at;
        self.is_cut |= is_cut_here;
        self.value(depth + 1, &deeper)?;
        self.is_cut = was_cut;
        // What is inside of something that is cut out goes with it, once.
        let has_cut = here.iter().find(|i| **i >= self.first_cut);
        let wanted = here.iter().filter(|i| **i < self.first_cut);
        let at_most_one = has_cut.filter(|_| !was_cut);
        let found: Vec<Found> = wanted
            .chain(at_most_one)
            .map(|i| Found { pointer: *i, place: self.path.clone(), value: start..self.at })
            .collect();
        self.looked.found.splice(first..first, found);
        self.path.truncate(length);
        Ok(!is_cut_here)
    }

    fn cut(&mut self, range: Option<Range<usize>>) {
        if let Some(range) = range.filter(|_| !self.is_cut) {
            self.looked.cuts.push(range);
        }
    }

    fn key(&mut self) -> Result<Range<usize>, String> {
        if self.peek() != Some(b'"') {
            return Err(self.odd("a name in quotation marks"));
        }
        let key = self.string()?;
        self.space();
        if !self.take(b':') {
            return Err(self.odd("`:`"));
        }
        self.space();
        Ok(key)
    }

    /// A text without its quotation marks and escapes. Half of a pair of surrogates is no text: it
    /// stays as it was written.
    fn decoded(&self, text: Range<usize>) -> String {
        let raw = &self.text[text.start + 1..text.end - 1];
        if raw.contains('\\') {
            serde_json::from_str(&self.text[text]).unwrap_or_else(|_| raw.to_owned())
        } else {
            raw.to_owned()
        }
    }

    fn string(&mut self) -> Result<Range<usize>, String> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(start..self.at);
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                Some(0..=0x1f) | None => return Err(self.odd("the end of a text")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), String> {
        let digits = match self.peek() {
            Some(b'u') => 4,
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 0,
            _ => return Err(self.odd("an escape")),
        };
        self.at += 1;
        for _ in 0..digits {
            if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                return Err(self.odd("a hexadecimal digit"));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), String> {
        self.take(b'-');
        if self.peek() == Some(b'I') {
            return self.name(&["Infinity"]);
        }
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), String> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.odd("a digit")) } else { Ok(()) }
    }

    fn name(&mut self, names: &[&str]) -> Result<(), String> {
        let rest = &self.text[self.at..];
        if let Some(name) = names.iter().find(|name| rest.starts_with(**name)) {
            self.at += name.len();
            return Ok(());
        }
        // `tru` at the end of a file is half of it.
        if !rest.is_empty() && names.iter().any(|name| name.starts_with(rest)) {
            self.at = self.text.len();
        }
        Err(self.odd("a value"))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn place(&self) -> String {
        place_of(self.text.as_bytes(), self.at)
    }

    fn odd(&self, expected: &str) -> String {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            None => format!("ends in the middle, at {}", self.place()),
            Some(found) => {
                let found = found.escape_default();
                format!("is not JSON: expected {expected}, found `{found}` at {}", self.place())
            }
        }
    }
}

/// Line and column, from 1, of a byte.
fn place_of(text: &[u8], at: usize) -> String {
    let before = &text[..at];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    format!("line {line} column {}", at - start + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(text: &str, wanted: &[&str], cut: &[&str]) -> Result<Looked, String> {
        let pointers: Vec<Pointer> =
            wanted.iter().chain(cut).map(|text| Pointer::parse(text).unwrap()).collect();
        look(text.as_bytes(), &pointers.iter().collect::<Vec<_>>(), wanted.len())
    }

    fn cut(text: &str, cut: &[&str]) -> String {
        let looked = looked(text, &[], cut).unwrap();
        String::from_utf8(without(text.as_bytes(), &looked.cuts)).unwrap()
    }

    #[test]
    fn json_is_accepted_and_so_is_what_python_writes() {
        for text in [
            "{}",
            " [ ] \n",
            "0",
            "-0.5e+10",
            "1E5",
            "\"\\u00e9\\n\\\"é\"",
            "[true, false, null, NaN, Infinity, -Infinity, \"NaN\"]",
            "{\"a\": {\"b\": [1, {\"c\": 2}]}, \"a\": 3}",
            "\"\\ud800\"",
        ] {
            assert!(looked(text, &["/a"], &["/*/b"]).is_ok(), "{text}");
        }
        let deep = |levels| "[".repeat(levels) + &"]".repeat(levels);
        assert!(looked(&deep(500), &["/0"], &["/*/0"]).is_ok());
        let error = looked(&deep(100_000), &[], &[]).unwrap_err();
        assert_eq!(error, "is nested more than 500 deep, at line 1 column 502");
    }

    #[test]
    fn what_ends_too_early_is_told_from_what_is_odd() {
        let whole = "{\"a\": [1.5e-3, \"t\\u00e9\", true, NaN, {}], \"é\": null}";
        for end in 0..whole.len() {
            // A number that is cut is a number, but what it is in is not whole.
            let half = &whole.as_bytes()[..end];
            let error = look(half, &[], 0).unwrap_err();
            assert!(error.starts_with("ends in the middle, at line 1 column "), "{end}: {error}");
        }
        for (text, expected) in [
            (
                "{\"a\": 1,\n }",
                "is not JSON: expected a name in quotation marks, found `}` at line 2 column 2",
            ),
            ("{'a': 1}", "expected a name in quotation marks, found `\\'` at line 1 column 2"),
            ("[1 2]", "expected `,` or `]`, found `2` at line 1 column 4"),
            ("{\"a\" 1}", "expected `:`, found `1`"),
            ("[nan]", "expected a value, found `n` at line 1 column 2"),
            ("[1,]", "expected a value, found `]`"),
            ("01", "expected the end of the file, found `1`"),
            ("1 {}", "expected the end of the file, found `{`"),
            ("\"a\nb\"", "expected the end of a text, found `\\n`"),
            ("\"\\x\"", "expected an escape, found `x`"),
            ("1.x", "expected a digit, found `x`"),
            ("-", "ends in the middle"),
        ] {
            let error = looked(text, &[], &[]).unwrap_err();
            assert!(error.contains(expected), "{error}\n{expected}");
        }
        assert_eq!(look(b"\"\xff\"", &[], 0).unwrap_err(), "is not UTF-8, at line 1 column 2");
    }

    #[test]
    fn places_are_found_in_order() {
        let text =
            "{\"m\": {\"gp\": {\"t\": 1e-8}, \"a/b\": {\"t\": [2]}}, \"l\": [5, {\"x\": 6}]}";
        let looked = looked(text, &["/m", "/m/*/t", "/l/1/x", "/none", "/m/a~1b"], &[]).unwrap();
        let found: Vec<(usize, &str, &str)> = looked
            .found
            .iter()
            .map(|found| (found.pointer, found.place.as_str(), &text[found.value.clone()]))
            .collect();
        let expected = [
            (0, "/m", "{\"gp\": {\"t\": 1e-8}, \"a/b\": {\"t\": [2]}}"),
            (1, "/m/gp/t", "1e-8"),
            (4, "/m/a~1b", "{\"t\": [2]}"),
            (1, "/m/a~1b/t", "[2]"),
            (2, "/l/1/x", "6"),
        ];
        assert_eq!(found, expected);
        assert!(looked.cuts.is_empty());
    }

    #[test]
    fn what_is_cut_takes_one_comma_with_it() {
        for (text, pointers, expected) in [
            ("{\"a\": 1, \"t\": 2, \"b\": 3}", &["/t"][..], "{\"a\": 1, \"b\": 3}"),
            ("{\"t\": 2, \"b\": 3.00}", &["/t"], "{\"b\": 3.00}"),
            ("{\"a\": 1e-8, \"t\": 2 }", &["/t"], "{\"a\": 1e-8 }"),
            ("{ \"t\": 2 }", &["/t"], "{  }"),
            ("{\"t\": 1, \"u\": 2, \"b\": 3}", &["/t", "/u"], "{\"b\": 3}"),
            ("{\"t\": 1, \"b\": 3, \"u\": 2, \"v\": 4}", &["/t", "/u", "/v"], "{\"b\": 3}"),
            ("{\"t\": 1, \"u\": 2}", &["/*"], "{}"),
            ("[1, 2, 3]", &["/1"], "[1, 3]"),
            ("[1, 2, 3]", &["/*"], "[]"),
            ("[{\"t\": 1}, {\"t\": 2, \"x\": 0}]", &["/*/t"], "[{}, {\"x\": 0}]"),
            ("{\"t\": 1, \"a\": {\"t\": 2, \"b\": 3}}", &["/t", "/a/t"], "{\"a\": {\"b\": 3}}"),
            ("{\"t\": {\"t\": 1}, \"a\": 1}", &["/t", "/t/t", "/*/t"], "{\"a\": 1}"),
            ("{\"t\": 1, \"a\": 2, \"t\": 3}", &["/t"], "{\"a\": 2}"),
            ("{\"\\u0074\": 1, \"a\": 2}", &["/t"], "{\"a\": 2}"),
            ("{\n  \"a\": 1,\n  \"t\": 2\n}\n", &["/t"], "{\n  \"a\": 1\n}\n"),
        ] {
            assert_eq!(cut(text, pointers), expected, "{text}");
        }
        let nested = looked("{\"t\": {\"t\": 1}}", &[], &["/t", "/t/t"]).unwrap();
        assert_eq!(nested.found.len(), 1);
    }

    #[test]
    fn words_do_not_depend_on_spaces() {
        let words = |text: &'static str| words(text.as_bytes()).collect::<Vec<_>>();
        let spaced = words(" { \"a\\\" b\" : [ 1e-8 ,NaN\n] } ");
        assert_eq!(spaced, words("{\"a\\\" b\":[1e-8,NaN]}"));
        assert_eq!(spaced[1], b"\"a\\\" b\"");
        assert_eq!(spaced.len(), 9);
    }
}
