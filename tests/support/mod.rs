//! Helps tests that need something that may not be there: they are then ignored, with the reason.
#![allow(dead_code)] // each test file uses a part

pub(crate) mod program;

use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};

/// The file `name` of `../shared/data`, if it is there.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    path.is_file().then_some(path)
}

/// The path of a shared file, or the failure of a test that was run without it.
pub(crate) fn required(name: &str) -> Result<PathBuf, Failed> {
    shared(name).ok_or_else(|| format!("../shared/data/{name} is missing").into())
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
    match reason {
        Some(reason) => Trial::test(name, test).with_kind(reason).with_ignored_flag(true),
        None => Trial::test(name, test),
    }
}

/// Runs the `trials` with the arguments of the command line, and ends the process.
pub(crate) fn run(trials: Vec<Trial>) -> ! {
    let arguments = libtest_mimic::Arguments::from_args();
    libtest_mimic::run(&arguments, trials).exit()
}
