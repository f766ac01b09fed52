//! A new user's path where nothing is but the program: one command to a report that opens.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Failed;
use tempfile::tempdir;

use super::browser::{look, no_browser};
use super::shells::without;
use crate::support::{Trial, trial_unless, turn};

pub(crate) fn trials() -> Vec<Trial> {
    let sandbox = without("bwrap", "bubblewrap").or_else(|| {
        let made = Command::new("bwrap").args(["--ro-bind", "/", "/", "true"]).output();
        let made = made.is_ok_and(|output| output.status.success());
        (!made).then(|| "bwrap may not make a root of its own here".into())
    });
    let reason = sandbox.or_else(no_browser);
    vec![trial_unless(reason, "one_command_to_a_report_that_opens", one_command)]
}

fn one_command() -> Result<(), Failed> {
    let _turn = turn();
    let root = tempdir()?;
    for folder in ["bin", "proc", "tmp", "study"] {
        fs::create_dir(root.path().join(folder))?;
    }
    // The static build needs nothing beside it; this one its C library.
    let program = Path::new(env!("CARGO_BIN_EXE_otfhpc"));
    fs::copy(program, root.path().join("bin/otfhpc"))?;
    for library in libraries_of(program)? {
        let there = root.path().join(library.strip_prefix("/")?);
        fs::create_dir_all(there.parent().ok_or("a library is in a folder")?)?;
        fs::copy(&library, there)?;
    }
    let run = |arguments: &[&str]| {
        Command::new("bwrap")
            .args(["--unshare-all", "--clearenv", "--bind"])
            .arg(root.path())
            .args(["/", "--proc", "/proc", "--chdir", "/study", "/bin/otfhpc"])
            .args(arguments)
            .output()
    };
    let output = run(&["local", "--config", "quickstart"])?;
    if !output.status.success() {
        return Err(format!("{output:?}").into());
    }
    for arguments in [&["--version"][..], &["status"], &["config", "--schema"], &["man"]] {
        let output = run(arguments)?;
        if !output.status.success() {
            return Err(format!("{arguments:?}: {output:?}").into());
        }
    }
    look(&root.path().join("study/results"), "report.html", 1200, false).map(drop)
}

/// The files that the dynamic linker loads for a program.
fn libraries_of(program: &Path) -> Result<Vec<PathBuf>, Failed> {
    let output = Command::new("ldd").arg(program).output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let paths = said.split_whitespace().filter(|word| word.starts_with('/'));
    let paths: Vec<PathBuf> = paths.map(PathBuf::from).collect();
    assert!((2..10).contains(&paths.len()), "{said}");
    Ok(paths)
}
