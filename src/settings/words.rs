//! What is wrong with a setting, in the words of whoever wrote it: serde's messages speak of types.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::foundations::text::most_similar;

/// What serde calls what it expected, and what people call it.
const TYPES: [(&str, &str); 11] = [
    ("f64", "a number"),
    ("u32", "a whole number, 0 or more"),
    ("u64", "a whole number, 0 or more"),
    ("usize", "a whole number, 0 or more"),
    ("a boolean", "true or false"),
    ("a string", "a text, in quotation marks"),
    ("path string", "a path, in quotation marks"),
    ("string or table", "a word, in quotation marks"),
    ("a sequence", "a list, in brackets"),
    ("a map", "a table of settings"),
    ("struct BolometerParameters", "a table, as in { r0_ohm = 11.9, ... }"),
];

/// The settings of a workload, as people know them.
#[derive(Debug, Clone, Copy)]
pub struct Vocabulary {
    /// Every setting, by its table.
    pub tables: &'static [(&'static str, &'static [&'static str])],
    /// Tables of which there is a list: what is in them has no name of its own.
    pub lists: &'static [&'static str],
    /// A setting that takes values of several types, and what it expects.
    pub of_several_types: (&'static str, &'static str),
}

/// A message of serde's about a setting (its dotted name, as far as it is known), in plain words.
pub(super) fn in_plain_words(message: &str, setting: &str, words: &Vocabulary) -> String {
    let found = parts(message, "invalid type: ").or_else(|| parts(message, "invalid value: "));
    if let Some((found, expected)) = found {
        let (found, name) = (value(found), name_or(setting, "this"));
        return format!("{name} is {found}: expected {}", type_in_words(expected));
    }
    if let Some((word, choices)) = parts(message, "unknown field ") {
        return unknown_setting(word.trim_matches('`'), &quoted(choices), setting, words);
    }
    if let Some((word, expected)) = parts(message, "unknown variant ") {
        let word = word.trim_matches('`');
        let meant = most_similar(word, quoted(expected));
        let meant = meant.map_or(String::new(), |meant| format!("; did you mean \"{meant}\"?"));
        return format!("{} is \"{word}\": expected {expected}{meant}", name_or(setting, "this"));
    }
    if message.starts_with("data did not match any variant") {
        let (name, expected) = words.of_several_types;
        return format!("{}: expected {expected}", name_or(setting, name));
    }
    if setting.is_empty() || message.contains(setting) {
        message.to_owned()
    } else {
        format!("{setting}: {message}")
    }
}

fn name_or<'a>(setting: &'a str, other: &'a str) -> &'a str {
    if setting.is_empty() { other } else { setting }
}

/// What stands after a beginning, before and after "expected".
fn parts<'a>(message: &'a str, beginning: &str) -> Option<(&'a str, &'a str)> {
    message.strip_prefix(beginning)?.split_once(", expected ")
}

/// The words between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// A value as serde describes it, without its type.
fn value(found: &str) -> String {
    match found {
        "sequence" => "a list".into(),
        "map" => "a table".into(),
        _ => match found.find(['`', '"']) {
            Some(start) => found[start..].trim_matches('`').to_owned(),
            None => found.to_owned(),
        },
    }
}

fn type_in_words(expected: &str) -> &str {
    match TYPES.iter().find(|(name, _)| *name == expected) {
        Some((_, words)) => words,
        None if expected.starts_with("struct ") => "a table of settings",
        None => expected,
    }
}

/// `word` is no setting where it stands, where `choices` are; `setting` is the dotted name that it
/// is a part of.
fn unknown_setting(word: &str, choices: &[&str], setting: &str, words: &Vocabulary) -> String {
    let place = setting.split('.').position(|part| part == word);
    let name = if place.is_some() { setting.to_owned() } else { joined(setting, word) };
    let (before, after) = match name.split('.').position(|part| part == word) {
        Some(place) => {
            let parts: Vec<&str> = name.split('.').collect();
            (parts[..place].join("."), parts[place + 1..].join("."))
        }
        None => (String::new(), String::new()),
    };
    let here = most_similar(word, choices.iter().copied());
    let here = here.map(|choice| joined(&joined(&before, choice), &after));
    let last = name.rsplit('.').next().unwrap_or(word);
    let meant = here.or_else(|| elsewhere(last, words));
    let meant = meant.map_or(String::new(), |meant| format!("; did you mean {meant}?"));
    let table =
        if before.is_empty() { "the settings have".into() } else { format!("{before} has") };
    format!("there is no setting {name}{meant}; {table} {}", choices.join(", "))
}

fn joined(table: &str, name: &str) -> String {
    match (table, name) {
        ("", name) => name.to_owned(),
        (table, "") => table.to_owned(),
        _ => format!("{table}.{name}"),
    }
}

/// The full name of the setting that is most like a word, in whichever table it is.
fn elsewhere(word: &str, words: &Vocabulary) -> Option<String> {
    let tables = || words.tables.iter().filter(|(table, _)| !words.lists.contains(table));
    let all = || tables().flat_map(|(table, names)| names.iter().map(move |n| (*table, *n)));
    let meant = most_similar(word, all().map(|(_, name)| name))?;
    let (table, name) = all().find(|(_, name)| *name == meant)?;
    Some(joined(table, name))
}

/// The dotted name of the setting that stands at a place in a file, as far as it can be told.
pub(super) fn setting_at(text: &str, place: usize) -> String {
    let Ok(table) = DeTable::parse(text) else { return String::new() };
    let mut names = Vec::new();
    in_table(table.get_ref(), place, &mut names);
    names.join(".")
}

/// Adds the names on the way to a place; whether it is in this table.
fn in_table(table: &DeTable, place: usize, names: &mut Vec<String>) -> bool {
    table.iter().any(|(key, value)| {
        names.push(key.get_ref().to_string());
        let found = key.span().contains(&place) || in_value(value, place, names);
        if !found {
            names.pop();
        }
        found
    })
}

fn in_value(value: &Spanned<DeValue>, place: usize, names: &mut Vec<String>) -> bool {
    match value.get_ref() {
        // What a header begins is spread over the file.
        DeValue::Table(table) if in_table(table, place, names) => true,
        DeValue::Array(array) if array.iter().any(|item| in_value(item, place, names)) => true,
        _ => value.span().contains(&place),
    }
}

/// The line, counted from one, of a setting with a dotted name.
pub(super) fn line_of(text: &str, setting: &str) -> Option<usize> {
    let table = DeTable::parse(text).ok()?;
    let start = start_of(table.get_ref(), setting)?;
    Some(text[..start].matches('\n').count() + 1)
}

fn start_of(table: &DeTable, setting: &str) -> Option<usize> {
    let (head, rest) = setting.split_once('.').unwrap_or((setting, ""));
    let (key, value) = table.iter().find(|(key, _)| key.get_ref() == head)?;
    match value.get_ref() {
        _ if rest.is_empty() => Some(key.span().start),
        DeValue::Table(inner) => start_of(inner, rest),
        DeValue::Array(list) => list.iter().find_map(|item| match item.get_ref() {
            DeValue::Table(inner) => start_of(inner, rest),
            _ => None,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: Vocabulary = Vocabulary {
        tables: &[
            ("simulate", &["records"]),
            ("fit", &["methods"]),
            ("study", &["seed", "trials"]),
            ("method", &["name"]),
        ],
        lists: &["method"],
        of_several_types: ("data.sigma", "a number or \"estimate\""),
    };

    fn in_plain_words(message: &str, setting: &str) -> String {
        super::in_plain_words(message, setting, &WORDS)
    }

    #[test]
    fn a_misspelt_name_is_answered_with_the_nearest_and_with_all() {
        let message = "unknown field `trails`, expected one of `seed`, `trials`";
        assert_eq!(
            in_plain_words(message, "study.trails"),
            "there is no setting study.trails; did you mean study.trials?; study has seed, trials"
        );
        // In the wrong table, in none, and a table misspelt.
        let message = "unknown field `records`, expected `seed` or `trials`";
        let words = in_plain_words(message, "study.records");
        assert!(words.contains("did you mean simulate.records?"), "{words}");
        let message = "unknown field `trials`, expected one of `data`, `study`";
        let words = in_plain_words(message, "trials");
        assert!(words.contains("did you mean study.trials?"), "{words}");
        let message = "unknown field `studdy`, expected one of `data`, `study`";
        let words = in_plain_words(message, "studdy.trials");
        assert!(words.contains("no setting studdy.trials; did you mean study.trials?"), "{words}");
        let words = in_plain_words("unknown field `x`, expected `seed` or `trials`", "study.x");
        assert_eq!(words, "there is no setting study.x; study has seed, trials");
    }

    #[test]
    fn types_are_not_spoken_of() {
        for (message, words) in [
            ("invalid type: string \"five\", expected f64", "a.b is \"five\": expected a number"),
            ("invalid type: integer `5`, expected a boolean", "a.b is 5: expected true or false"),
            ("invalid type: sequence, expected f64", "a.b is a list: expected a number"),
            (
                "unknown variant `nzp`, expected `simulate` or `npz`",
                "a.b is \"nzp\": expected `simulate` or `npz`; did you mean \"npz\"?",
            ),
            ("a.b is 3: expected 2", "a.b is 3: expected 2"),
            ("no", "a.b: no"),
        ] {
            assert_eq!(in_plain_words(message, "a.b"), words);
        }
    }

    #[test]
    fn the_setting_at_a_place_in_a_file_is_found() {
        let text = "[study]\nseed = 3\ntrials = 'x'\n[fit.options.lbfgs]\nmost = 1\n\
                    [[method]]\nname = 'a'\ncommand = ['b', 5]\n";
        let at = |what: &str| setting_at(text, text.find(what).unwrap());
        assert_eq!(at("'x'"), "study.trials");
        assert_eq!(at("trials"), "study.trials");
        assert_eq!(at("most"), "fit.options.lbfgs.most");
        assert_eq!(at("5]"), "method.command");
        assert_eq!(setting_at("[", 0), "");
        for (setting, line) in
            [("study.trials", 3), ("fit.options.lbfgs.most", 5), ("method.command", 8)]
        {
            assert_eq!(line_of(text, setting), Some(line), "{setting}");
        }
        assert_eq!((line_of(text, "study.x"), line_of("[", "x")), (None, None));
    }
}
