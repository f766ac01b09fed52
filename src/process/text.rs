//! Text from outside, made fit for a reason: one line, of a length that can be read.

/// How many characters of a text are shown.
const SHOWN: usize = 300;

/// The words of each line with one space between them, and the lines with a bar between them.
///
/// Control characters separate words, and so do not get through.
pub(crate) fn one_line(text: &str) -> String {
    let words = |line: &str| {
        let words = line.split(|c: char| c.is_whitespace() || c.is_control());
        words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    };
    let lines: Vec<String> = text.lines().map(words).filter(|line| !line.is_empty()).collect();
    lines.join(" | ")
}

/// The start of a text, with dots for what is cut off.
pub(crate) fn start(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// The end of a text, with dots for what is cut off.
pub(crate) fn end(text: &str) -> String {
    match text.char_indices().rev().nth(SHOWN) {
        Some((cut, c)) => format!("...{}", &text[cut + c.len_utf8()..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_one_without_control_characters() {
        let text = "Traceback:\n  File \"x\"\r\n\n\u{1b}[31mred\u{7}\t!\u{0}\u{2028}end\n";
        assert_eq!(one_line(text), "Traceback: | File \"x\" | [31mred ! end");
        assert_eq!(one_line(" \n\t\n"), "");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let text = "é".repeat(SHOWN);
        assert_eq!((start(&text), end(&text)), (text.clone(), text.clone()));
        assert_eq!(start(&format!("{text}x")), format!("{text}..."));
        assert_eq!(end(&format!("x{text}")), format!("...{text}"));
    }
}
