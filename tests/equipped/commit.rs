//! What the build script writes down of the commit: in a checkout, in a crate, where there is no history, and
//! for those who know it better.

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Failed;
use tempfile::{TempDir, tempdir};

use super::shells::without;
use crate::support::{Trial, trial_unless};

pub(crate) fn trials() -> Vec<Trial> {
    let reason = without("git", "git").or_else(|| without("rustc", "rustc"));
    vec![trial_unless(reason, "the_commit_is_that_of_the_build", the_commit)]
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String, Failed> {
    let who = ["-c", "user.name=a", "-c", "user.email=a@b"];
    let output = Command::new("git").current_dir(folder).args(who).args(arguments).output()?;
    assert!(output.status.success(), "{output:?}");
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A repository with the sources that the script looks at.
fn repository() -> Result<TempDir, Failed> {
    let folder = tempdir()?;
    for name in ["src", "configs", "scripts/studies", "slurm"] {
        fs::create_dir_all(folder.path().join(name))?;
        fs::write(folder.path().join(name).join("file"), "x")?;
    }
    for name in ["Cargo.toml", "Cargo.lock", "build.rs"] {
        fs::write(folder.path().join(name), "x")?;
    }
    git(folder.path(), &["init", "--quiet", "--initial-branch=main"])?;
    git(folder.path(), &["add", "."])?;
    git(folder.path(), &["commit", "--quiet", "--message=one"])?;
    Ok(folder)
}

fn the_commit() -> Result<(), Failed> {
    let programs = tempdir()?;
    let script = programs.path().join("script");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/build.rs");
    let built =
        Command::new("rustc").args(["--edition=2024", source, "-o"]).arg(&script).output()?;
    assert!(built.status.success(), "{built:?}");
    let commit = |folder: &Path, profile: &str, given: &str| -> Result<String, Failed> {
        let mut command = Command::new(&script);
        command.current_dir(folder).env("PROFILE", profile).env("OTFHPC_COMMIT", given);
        let said = String::from_utf8(command.output()?.stdout)?;
        let line = said.lines().find_map(|l| l.strip_prefix("cargo::rustc-env=OTFHPC_COMMIT="));
        Ok(line.ok_or("the script says nothing")?.to_owned())
    };
    let checkout = repository()?;
    let head = git(checkout.path(), &["rev-parse", "HEAD"])?;
    assert_eq!(commit(checkout.path(), "release", "")?, head);
    assert_eq!(commit(checkout.path(), "debug", "")?, "");
    assert_eq!(commit(checkout.path(), "release", "1234abcd")?, "1234abcd");
    // A work tree of its own, whose .git is a file.
    let trees = tempdir()?;
    let tree = trees.path().join("tree");
    git(
        checkout.path(),
        &["worktree", "add", "--quiet", "--detach", tree.to_str().ok_or("text")?],
    )?;
    assert_eq!(commit(&tree, "release", "")?, head);
    // What is no source does not count; what is one does.
    fs::write(checkout.path().join("notes"), "x")?;
    assert_eq!(commit(checkout.path(), "release", "")?, head);
    fs::write(checkout.path().join("src/file"), "y")?;
    assert_eq!(commit(checkout.path(), "release", "")?, format!("{head}+changes"));
    let elsewhere = tempdir()?;
    assert_eq!(commit(elsewhere.path(), "release", "")?, "");
    let info = "{\n  \"git\": {\n    \"sha1\": \"feed\"\n  },\n  \"path_in_vcs\": \"\"\n}";
    fs::write(elsewhere.path().join(".cargo_vcs_info.json"), info)?;
    assert_eq!(commit(elsewhere.path(), "debug", "")?, "feed");
    Ok(())
}
