//! Helps tests that need something that may not be there: they are then ignored, with the reason.
#![allow(dead_code)] // each of the two binaries uses a part

pub(crate) mod cluster;
pub(crate) mod command;
pub(crate) mod planned;
pub(crate) mod program;
pub(crate) mod solution;
pub(crate) mod terminal;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use libtest_mimic::Failed;

/// Waits for its turn: of the tests that hold this only one runs at a time.
///
/// For those that fill the machine, and those that measure times or memory. All others may run
/// beside them.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    // A test that failed in its turn has ended all the same.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file `name` of `../shared/data`, if it is there.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    path.is_file().then_some(path)
}

/// The path of a shared file, or the failure of a test that was run without it.
pub(crate) fn required(name: &str) -> Result<PathBuf, Failed> {
    shared(name).ok_or_else(|| format!("../shared/data/{name} is missing").into())
}

/// A test of the binary with a harness of its own.
pub(crate) struct Trial {
    name: String,
    /// Why it cannot run here, if it cannot.
    reason: Option<String>,
    test: Box<dyn FnOnce() -> Result<(), Failed> + Send>,
}

impl Trial {
    /// As the harness takes it, named as cargo names tests of a module.
    pub(crate) fn in_module(self, module: &str) -> libtest_mimic::Trial {
        let Self { name, reason, test } = self;
        let trial = libtest_mimic::Trial::test(format!("{module}::{name}"), test);
        match reason {
            Some(reason) => trial.with_kind(reason).with_ignored_flag(true),
            None => trial,
        }
    }
}

/// A test that is ignored if a file of `needs` is missing from `../shared/data`.
pub(crate) fn trial(
    name: &str,
    needs: &[&str],
    test: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let missing = needs.iter().find(|needed| shared(needed).is_none());
    trial_unless(missing.map(|file| format!("needs ../shared/data/{file}")), name, test)
}

/// A test that is ignored for the `reason`, if there is one.
pub(crate) fn trial_unless(
    reason: Option<String>,
    name: &str,
    test: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    Trial { name: name.to_owned(), reason, test: Box::new(test) }
}

/// The Python to run, which has NumPy: the one of the environment, or the one below `target`.
pub(crate) fn python() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("OTFHPC_TEST_PYTHON") {
        return Some(path.into());
    }
    let local = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python/bin/python");
    local.is_file().then_some(local)
}

/// Why tests that need NumPy cannot run here, if they cannot.
pub(crate) fn no_python() -> Option<String> {
    let how = "needs NumPy: set OTFHPC_TEST_PYTHON, or run scripts/test.sh, which makes \
               target/python";
    python().is_none().then(|| how.to_owned())
}

/// Why tests that need SciPy cannot run here, if they cannot.
pub(crate) fn no_scipy() -> Option<String> {
    let has_scipy = |python: PathBuf| {
        let import = Command::new(python).args(["-c", "import numpy, scipy"]).output();
        import.is_ok_and(|output| output.status.success())
    };
    let how = "needs SciPy: set OTFHPC_TEST_PYTHON to a Python that has it, or run \
               scripts/test.sh, which makes target/python";
    // Importing it takes a while, and many tests ask.
    static HAS: OnceLock<bool> = OnceLock::new();
    (!HAS.get_or_init(|| python().is_some_and(has_scipy))).then(|| how.to_owned())
}

/// Why tests that need astropy cannot run here, if they cannot.
pub(crate) fn no_astropy() -> Option<String> {
    let has_astropy = |python: PathBuf| {
        let import = Command::new(python).args(["-c", "import numpy, astropy"]).output();
        import.is_ok_and(|output| output.status.success())
    };
    let how = "needs astropy: set OTFHPC_TEST_PYTHON to a Python that has it, or run \
               scripts/test.sh, which makes target/python";
    (!python().is_some_and(has_astropy)).then(|| how.to_owned())
}

/// Runs a script of `tests/python` and returns what it printed.
pub(crate) fn run_python(script: &str, arguments: &[&Path]) -> Result<String, Failed> {
    run_script(&format!("tests/python/{script}"), arguments)
}

/// Runs a script of this repository with Python and returns what it printed.
pub(crate) fn run_script<S: AsRef<OsStr>>(script: &str, arguments: &[S]) -> Result<String, Failed> {
    let python = python().ok_or("there is no Python: set OTFHPC_TEST_PYTHON")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    let output = Command::new(python).arg(&script).args(arguments).output()?;
    if !output.status.success() {
        let (status, error) = (output.status, String::from_utf8_lossy(&output.stderr));
        return Err(format!("{}: {status}: {error}", script.display()).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
