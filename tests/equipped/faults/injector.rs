//! The library that makes calls of the system fail, and the program with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::support::program::{Ran, otfhpc_of, text};
use tempfile::TempDir;

/// What befalls a command: the call with the number `at`, of those of `kinds` on what is below `under`.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) under: PathBuf,
    /// Where files for this library are kept.
    pub(super) beside: PathBuf,
    pub(super) kinds: &'static str,
    pub(super) at: usize,
    pub(super) what: &'static str,
    /// Whether the file system says that it has no locks.
    pub(super) no_locks: bool,
}

/// What is made once for all tests, in a folder of its own.
struct Made {
    _folder: TempDir,
    library: PathBuf,
    program: PathBuf,
}

/// The compiled library and the program, or why there are none.
fn made() -> &'static Result<Made, String> {
    static MADE: OnceLock<Result<Made, String>> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let [library, program] = ["inject.so", "otfhpc"].map(|name| folder.path().join(name));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/equipped/faults/inject.c");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl");
        let compiled = cc.output().map_err(|e| format!("needs a C compiler, `cc`: {e}"))?;
        if !compiled.status.success() {
            return Err(format!("cc: {}", String::from_utf8_lossy(&compiled.stderr)));
        }
        fs::copy(env!("CARGO_BIN_EXE_otfhpc"), &program).map_err(|e| e.to_string())?;
        // Every command hashes its executable: without what debuggers need, that takes half as long.
        let _ = Command::new("strip").arg(&program).output();
        Ok(Made { _folder: folder, library, program })
    })
}

/// The program under test.
pub(super) fn program() -> &'static Path {
    let made = made().as_ref().expect("the trial is ignored where there is none");
    &made.program
}

/// Why no call can be made to fail here, if that is so.
pub(super) fn reason() -> Option<String> {
    made().as_ref().err().cloned()
}

impl Fault {
    pub(super) fn variables(&self) -> Vec<(&'static str, String)> {
        let library = &made().as_ref().expect("the trial is ignored where there is none").library;
        let mut variables = vec![
            ("LD_PRELOAD", text(library).to_owned()),
            ("FAULT_UNDER", text(&self.under).to_owned()),
            ("FAULT_KINDS", self.kinds.to_owned()),
            ("FAULT_AT", self.at.to_string()),
            ("FAULT_DO", self.what.to_owned()),
            ("FAULT_TOLD", text(&self.told()).to_owned()),
            ("FAULT_HELD", text(&self.held()).to_owned()),
        ];
        variables.extend(self.no_locks.then(|| ("FAULT_NO_LOCKS", "1".to_owned())));
        variables
    }

    /// A line for each call that counted.
    pub(super) fn told(&self) -> PathBuf {
        self.beside.join("told")
    }

    /// The file that is there while the program is held.
    pub(super) fn held(&self) -> PathBuf {
        self.beside.join("held")
    }

    /// Runs the program; with it come the calls that counted.
    pub(super) fn run(&self, words: &[&str]) -> (Ran, Vec<String>) {
        let _ = fs::remove_file(self.told());
        let variables = self.variables();
        let variables: Vec<_> = variables.iter().map(|(name, v)| (*name, v.as_str())).collect();
        let ran = otfhpc_of(program(), &variables, words);
        let told = fs::read_to_string(self.told()).unwrap_or_default();
        (ran, told.lines().map(str::to_owned).collect())
    }

    /// Starts the program.
    pub(super) fn start(&self, words: &[&str]) -> Child {
        let _ = fs::remove_file(self.told());
        let mut command = Command::new(program());
        command.envs(self.variables()).args(words).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().expect("the program starts")
    }
}
