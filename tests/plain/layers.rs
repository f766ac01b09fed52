//! Imports point one way, as docs/ARCHITECTURE.md says: its table and the sources agree in every arrow.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each part uses.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// What uses whatever it likes.
const ALL: &str = "everything";

/// The table in the document.
fn documented() -> Vec<(String, BTreeSet<String>)> {
    let text = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let table = text.split("```layers\n").nth(1).unwrap().split("```").next().unwrap();
    let row = |line: &str| {
        let mut words = line.split_whitespace().map(str::to_owned);
        (words.next().unwrap(), words.filter(|word| word != "-").collect())
    };
    table.lines().map(row).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sources below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The part that a path of names begins with: of the folders that are divided, two names.
fn part(names: &[&str]) -> Option<String> {
    match names {
        [first @ ("science" | "runner"), second, ..] => Some(format!("{first}::{second}")),
        ["science" | "runner"] | [] => None,
        [first, ..] => Some((*first).to_owned()),
    }
}

/// The part that a file is of; none for the roots, which only say what there is.
fn part_of(file: &Path) -> Option<String> {
    let below = file.strip_prefix(root().join("src")).unwrap();
    let names: Vec<&str> = below.iter().map(|name| name.to_str().unwrap()).collect();
    let names: Vec<&str> = names.iter().map(|name| name.trim_end_matches(".rs")).collect();
    match names[..] {
        ["lib" | "main"] | ["science" | "runner", "mod"] => None,
        _ => part(&names),
    }
}

/// The text without tests, which may use what they like.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text)
}

/// What the sources use, wherever they name it.
fn found() -> Graph {
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let is_test =
        |file: &PathBuf| file.ends_with("tests.rs") || file.iter().any(|name| name == "tests");
    let mut graph = Graph::new();
    for file in files.iter().filter(|file| !is_test(file)) {
        let Some(of) = part_of(file) else { continue };
        let text = fs::read_to_string(file).unwrap();
        let uses = graph.entry(of.clone()).or_default();
        for after in without_tests(&text).split("crate::").skip(1) {
            let path = after.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
            let names: Vec<&str> = path.take(1).flat_map(|path| path.split("::")).collect();
            assert!(!after.starts_with('{'), "{}: one path for each import", file.display());
            uses.extend(part(&names).filter(|used| *used != of));
        }
    }
    graph
}

#[test]
fn the_document_and_the_imports_agree_in_every_arrow() {
    let (documented, mut found) = (documented(), found());
    for (part, uses) in &documented {
        let really = found.remove(part).unwrap_or_else(|| panic!("there is no {part}"));
        if !uses.contains(ALL) {
            assert_eq!(&really, uses, "what {part} uses");
        }
    }
    assert!(found.is_empty(), "not in the document: {:?}", found.keys());
}

#[test]
fn each_part_uses_only_those_above_it() {
    let mut above = BTreeSet::new();
    for (part, uses) in documented() {
        let below: Vec<&String> =
            uses.iter().filter(|used| *used != ALL && !above.contains(*used)).collect();
        assert!(below.is_empty(), "{part} uses {below:?}, which stand below it");
        above.insert(part);
    }
}

#[test]
fn the_science_and_the_runner_do_not_know_each_other_nor_who_types() {
    for (part, uses) in found() {
        let of = |folder: &str| uses.iter().any(|used| used.starts_with(folder));
        if part.starts_with("science") {
            assert!(!of("runner") && !of("otf") && !of("cli") && !of("settings"), "{part}");
        }
        if part.starts_with("runner") {
            assert!(!of("science") && !of("otf") && !of("command") && !of("cli"), "{part}");
        }
    }
}
