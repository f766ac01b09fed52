//! Tables fit the terminal that they are shown on, and nothing of them is lost; files have them as wide as
//! they are.
#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::tempdir;

use crate::support::program::otfhpc_in;
use crate::support::terminal::Terminal;

const STUDY: [&str; 6] = [
    "local",
    "--set=simulate.records=60",
    "--set=simulate.plateau_records=5",
    "--set=fit.methods=wls,ols,huber+kirchhoff",
    "--set=study.noise_levels=1e-4,1e-2,1",
    "--set=study.trials=2",
];

/// What a command shows on a terminal of so many columns.
fn shown(folder: &Path, arguments: &[&str], columns: u16, variables: &[(&str, &str)]) -> String {
    let terminal = Terminal::new(columns);
    let mut command = Command::new(env!("CARGO_BIN_EXE_otfhpc"));
    command.current_dir(folder).args(arguments).env_remove("COLUMNS").env("TERM", "xterm");
    command.envs(variables.iter().copied()).env("OTFHPC_SITE_CONFIG", "");
    command.stdin(Stdio::null()).stdout(terminal.end()).stderr(Stdio::null());
    let (shown, code) = terminal.show(command);
    assert_eq!(code, Some(0), "{shown}");
    shown.replace("\r\n", "\n")
}

fn assert_fits(text: &str, columns: usize) {
    let commands = |line: &&str| !line.starts_with("  ");
    for line in text.lines().filter(commands) {
        assert!(line.chars().count() <= columns, "{columns}: {line}");
    }
}

/// The words of a text, each once, in order.
fn words(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// What does not differ from run to run.
fn steady(text: &str) -> String {
    let is_steady = |line: &&str| !["time ", "speed "].iter().any(|word| line.starts_with(word));
    let mut lines: Vec<&str> = text.lines().filter(is_steady).collect();
    // The continuation of such a line.
    lines.retain(|line| !line.contains("times one thread"));
    lines.join("\n")
}

#[test]
fn results_fit_80_and_60_columns_and_nothing_is_lost() {
    let folder = tempdir().unwrap();
    let whole = otfhpc_in(folder.path(), STUDY).ended(0).stdout;
    assert!(whole.lines().any(|line| line.chars().count() > 100), "nothing is too wide: {whole}");
    let whole = steady(&whole);
    for columns in [80, 60] {
        let text = shown(folder.path(), &STUDY, columns, &[]);
        assert_fits(&text, usize::from(columns));
        let text = steady(&text);
        let lost = |word: &&&str| !words(&text).contains(*word);
        // The second run finds all shards done, and says so.
        let all = words(&whole);
        let lost: Vec<&&str> = all.iter().filter(lost).filter(|w| **w != "fitted").collect();
        assert!(lost.len() < 12, "{columns}: {lost:?}\n{text}");
        for emitter in ["xcal", "dihedral", "collimator", "bolometer", "chi2/dof"] {
            assert_eq!(text.matches(emitter).count(), 1, "{emitter}: {text}");
        }
        // Each part of the table has the names of its rows.
        let name = "1e-2   huber+kirchhoff";
        let parts = text.matches("set   noise").count();
        assert!(parts >= 2 && text.matches(name).count() == parts, "{text}");
    }
    // COLUMNS counts more than what the terminal says.
    let text = shown(folder.path(), &STUDY, 200, &[("COLUMNS", "60")]);
    assert_fits(&text, 60);
    assert!(!text.contains('\x1b'), "{text:?}");
}

#[test]
fn a_file_has_tables_as_wide_as_they_are_whatever_columns_says() {
    let folder = tempdir().unwrap();
    let list = otfhpc_in(folder.path(), ["methods"]).ended(0).stdout;
    let mut command = Command::new(env!("CARGO_BIN_EXE_otfhpc"));
    let output = command.arg("methods").env("COLUMNS", "40").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), list);
    let text = shown(folder.path(), &["methods"], 60, &[]);
    assert_fits(&text, 60);
    assert_eq!(words(&text), words(&list));
}

#[test]
fn help_fits_too() {
    let folder = tempdir().unwrap();
    for arguments in [&["--help"][..], &["local", "--help"], &["config"]] {
        assert_fits(&shown(folder.path(), arguments, 60, &[]), 60);
    }
}

#[test]
fn watching_on_a_dumb_terminal_moves_no_cursor() {
    let folder = tempdir().unwrap();
    otfhpc_in(folder.path(), STUDY).ended(0);
    for (kind, moves) in [("dumb", false), ("xterm", true)] {
        let text = shown(folder.path(), &["status", "--watch"], 80, &[("TERM", kind)]);
        assert_eq!(text.contains('\x1b'), moves, "{text:?}");
    }
}
