//! What shells and readers of manual pages make of what the program writes for them.

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Failed;
use tempfile::tempdir;

use crate::support::program::{otfhpc, text};
use crate::support::terminal::Terminal;
use crate::support::{Trial, trial_unless};

/// Why a program's tests cannot run here, if they cannot.
pub(crate) fn without(program: &str, package: &str) -> Option<String> {
    let is_there = Command::new(program).arg("--version").output().is_ok();
    (!is_there).then(|| format!("needs {program} (Debian: {package})"))
}

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial_unless(without("bash", "bash"), "bash_completes", bash_completes),
        trial_unless(without("zsh", "zsh"), "zsh_completes", zsh_completes),
        trial_unless(without("mandoc", "mandoc"), "pages_are_pages", pages_are_pages),
    ]
}

fn script_for(shell: &str, path: &Path) -> Result<(), Failed> {
    Ok(fs::write(path, otfhpc(["completions", shell]).ended(0).stdout)?)
}

fn bash_completes() -> Result<(), Failed> {
    let folder = tempdir()?;
    let path = folder.path().join("otfhpc.bash");
    script_for("bash", &path)?;
    for (words, expected) in [
        ("otfhpc comp", &["compare", "completions"][..]),
        ("otfhpc local --prof", &["--profile"]),
        ("otfhpc config quick", &["quickstart"]),
        ("otfhpc completions z", &["zsh"]),
    ] {
        let last = words.split(' ').count() - 1;
        let word = words.rsplit(' ').next().unwrap_or_default();
        let line = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD={last}; _otfhpc otfhpc '{word}' ''; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            text(&path)
        );
        let output = Command::new("bash").args(["--norc", "-euc", &line]).output()?;
        let found = String::from_utf8_lossy(&output.stdout).into_owned();
        if found.lines().collect::<Vec<_>>() != expected || !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{words}: {found}: {error}").into());
        }
    }
    Ok(())
}

/// As at a keyboard: with the tabulator, on a terminal.
fn zsh_completes() -> Result<(), Failed> {
    let folder = tempdir()?;
    script_for("zsh", &folder.path().join("_otfhpc"))?;
    let mut zsh = Command::new("zsh");
    zsh.args(["-f", "-i"])
        .current_dir(folder.path())
        .env("TERM", "dumb")
        .env("HOME", folder.path());
    let begin = "fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D; print re''ady\n";
    let typed = [
        (begin, "\nready"),
        ("otfhpc confi\t", "config "),
        ("quickst\t", "quickstart"),
        ("\x15otfhpc local --prof\t", "--profile"),
    ];
    let shown = Terminal::new(100).type_into(zsh, &typed);
    assert!(!shown.contains("not found") && !shown.contains("bad"), "{shown}");
    Ok(())
}

fn pages_are_pages() -> Result<(), Failed> {
    let folder = tempdir()?;
    otfhpc(["man", "--dir", text(folder.path())]).ended(0);
    let help = otfhpc(["--help"]).ended(0).stdout;
    let commands = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    let commands =
        commands.ok_or("no commands")?.lines().filter_map(|l| l.split_whitespace().next());
    let commands: Vec<&str> = commands.filter(|command| *command != "help").collect();
    let mut pages: Vec<String> = vec!["otfhpc".into()];
    pages.extend(commands.iter().map(|command| format!("otfhpc-{command}")));
    assert_eq!(fs::read_dir(folder.path())?.count(), pages.len(), "{pages:?}");
    assert!(pages.len() > 15, "{pages:?}");
    for page in pages {
        let path = folder.path().join(format!("{page}.1"));
        // Of errors alone: a page has no date, which would make two builds differ.
        let lint = Command::new("mandoc").args(["-Tlint", "-Werror"]).arg(&path).output()?;
        let said = String::from_utf8_lossy(&lint.stdout).into_owned();
        if !said.is_empty() {
            return Err(said.into());
        }
        let shown = Command::new("mandoc").args(["-Tutf8", "-Owidth=60"]).arg(&path).output()?;
        let shown = String::from_utf8_lossy(&shown.stdout).replace('\u{8}', "");
        for section in ["EEXXIITT SSTTAATTUUSS", "SSYYNNOOPPSSIISS"] {
            if !shown.contains(section) {
                return Err(format!("{page} has no {section}: {shown}").into());
            }
        }
        let has_variables = shown.contains("EENNVVIIRROONNMMEENNTT");
        match page.as_str() {
            "otfhpc" | "otfhpc-run" | "otfhpc-local" => assert!(has_variables, "{page}"),
            "otfhpc-merge" | "otfhpc-methods" => assert!(!has_variables, "{page}"),
            _ => {}
        }
    }
    Ok(())
}
