//! Every file of the two binaries is compiled into its own: one that `main.rs` does not name would
//! never run, and nobody would be told.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The modules that `main.rs` of a folder names, and those that lie beside it.
fn named_and_there(folder: &str) -> [BTreeSet<String>; 2] {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let main = fs::read_to_string(folder.join("main.rs")).unwrap();
    let module = |line: &str| Some(line.strip_prefix("mod ")?.strip_suffix(';')?.to_owned());
    let named = main.lines().filter_map(module).filter(|name| name != "support").collect();
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let stem = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let there = files.map(|path| stem(&path)).filter(|name| name != "main").collect();
    [named, there]
}

#[test]
fn every_file_is_a_module() {
    for folder in ["plain", "equipped"] {
        let [named, there] = named_and_there(folder);
        assert!(named.len() > 10, "{folder}: {named:?}");
        assert_eq!(named, there, "tests/{folder}");
    }
}

/// Cargo makes a binary of each file that lies in `tests` itself.
#[test]
fn nothing_is_a_binary_of_its_own() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let files = fs::read_dir(tests).unwrap().map(|entry| entry.unwrap().path());
    let stray: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "rs")).collect();
    assert!(stray.is_empty(), "move them to tests/plain or tests/equipped: {stray:?}");
}
