//! Text from outside, as a message shows it: a path or a word that a terminal would obey is quoted.

use std::fmt::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A path in a message. A plain one stands as it is; one with control characters, with characters
/// that change the direction of the text, or with bytes that are no text, is written in the quotes
/// that bash understands, as in `$'a\nb'`: one line, and nothing that a terminal obeys.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(pub &'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.as_os_str().as_bytes();
        match std::str::from_utf8(bytes) {
            Ok(text) if is_plain(text) => f.write_str(text),
            _ => f.write_str(&bash_quoted(bytes)),
        }
    }
}

/// Whether a terminal shows a text as it is, on one line.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    !text.chars().any(is_obeyed)
}

/// Control characters, ends of lines, and what changes the direction of the text.
fn is_obeyed(c: char) -> bool {
    let turns = ['\u{200e}'..='\u{200f}', '\u{2028}'..='\u{202e}', '\u{2066}'..='\u{2069}'];
    c.is_control() || turns.iter().any(|range| range.contains(&c))
}

/// Bytes as one word of bash in which everything that cannot be shown is escaped: `$'a\x1bb'`.
#[must_use]
pub fn bash_quoted(bytes: &[u8]) -> String {
    let mut quoted = String::from("$'");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => quoted.push_str("\\n"),
                '\t' => quoted.push_str("\\t"),
                '\r' => quoted.push_str("\\r"),
                '\'' | '\\' => quoted.extend(['\\', c]),
                c if is_obeyed(c) => escape(&mut quoted, c.encode_utf8(&mut [0; 4]).as_bytes()),
                c => quoted.push(c),
            }
        }
        escape(&mut quoted, chunk.invalid());
    }
    quoted.push('\'');
    quoted
}

/// Three octal digits, unlike any number of hexadecimal ones, end where they should.
fn escape(quoted: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(quoted, "\\{byte:03o}");
    }
}

/// A text that goes to a terminal, in which only line ends and tabs are obeyed: other control
/// characters are escaped, as in `\u{1b}`.
#[must_use]
pub fn harmless(text: &str) -> std::borrow::Cow<'_, str> {
    let is_bad = |c: char| is_obeyed(c) && c != '\n' && c != '\t';
    if !text.contains(is_bad) {
        return text.into();
    }
    let escaped = text
        .chars()
        .map(|c| if is_bad(c) { c.escape_unicode().to_string() } else { c.to_string() });
    escaped.collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    fn shown(bytes: &[u8]) -> String {
        Shown(Path::new(OsStr::from_bytes(bytes))).to_string()
    }

    #[test]
    fn a_plain_path_is_as_it_is() {
        for plain in ["results/cal.npz", "/a b/it's", "Ä/日本", "", "a\\b", "$'x'"] {
            assert_eq!(shown(plain.as_bytes()), plain);
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_quoted() {
        assert_eq!(shown(b"a\x1b[31m\nb\t\r"), r"$'a\033[31m\nb\t\r'");
        assert_eq!(shown(b"it's\x07"), r"$'it\'s\007'");
        assert_eq!(shown(b"a\xffb\\"), r"$'a\377b\\'");
        assert_eq!(shown("a\u{202e}\u{9b}é".as_bytes()), r"$'a\342\200\256\302\233é'");
    }

    #[test]
    fn bash_reads_the_same_bytes() {
        let bytes = b"x\x01\x1b[0m1\n'\"\\\xff\xc3\xa9 $HOME `id`\xe2\x80\xae9";
        let script = format!("printf %s {}", shown(bytes));
        let output = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
        assert_eq!(output.stdout, bytes);
    }

    #[test]
    fn only_lines_and_tabs_reach_a_terminal() {
        assert_eq!(harmless("a\tb\nc é"), "a\tb\nc é");
        assert_eq!(harmless("a\x1b[2J\u{7}\r"), "a\\u{1b}[2J\\u{7}\\u{d}");
    }
}
