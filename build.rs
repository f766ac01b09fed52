//! Writes down which commit the program is built from, for `otfhpc --version`.
//!
//! In a release build alone: a development build would be made anew with every commit. It changes nothing
//! and asks no network; the same commit gives the same bytes. In order: `OTFHPC_COMMIT`, for those who
//! build without the history; what cargo writes into a crate; what git says, with a mark if files of the
//! program differ from the commit.

use std::path::Path;
use std::process::Command;

/// What the program is made of.
const SOURCES: [&str; 7] =
    ["src", "configs", "scripts/studies", "slurm", "Cargo.toml", "Cargo.lock", "build.rs"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=OTFHPC_COMMIT");
    let commit = given().or_else(of_crate).or_else(of_git).unwrap_or_default();
    println!("cargo::rustc-env=OTFHPC_COMMIT={commit}");
}

fn given() -> Option<String> {
    std::env::var("OTFHPC_COMMIT").ok().filter(|commit| is_plain(commit))
}

/// One word: it stands in one line of `--version`.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= 80 && text.chars().all(|c| c.is_ascii_graphic())
}

/// `cargo package` writes the commit into a file of the crate.
fn of_crate() -> Option<String> {
    let path = ".cargo_vcs_info.json";
    let text = std::fs::read_to_string(path).ok()?;
    println!("cargo::rerun-if-changed={path}");
    let (_, rest) = text.split_once("\"sha1\"")?;
    let commit = rest.split('"').nth(1)?;
    is_plain(commit).then(|| commit.to_owned())
}

fn of_git() -> Option<String> {
    if std::env::var("PROFILE").as_deref() != Ok("release") || !Path::new(".git").exists() {
        return None;
    }
    let commit = git(&["rev-parse", "HEAD"])?;
    // Where a commit, or going to another branch, leaves its trace.
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        let path = git(&["rev-parse", "--git-path", name])?;
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    let changed = git(&[&["status", "--porcelain", "--"], &SOURCES[..]].concat())?;
    Some(if changed.is_empty() { commit } else { format!("{commit}+changes") })
}

/// What git prints, if there is one and it is content.
fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").env("GIT_OPTIONAL_LOCKS", "0").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}
