//! The same bytes on processors with other vector registers, emulated by QEMU: the program asks the
//! processor itself which registers it has, so that no variable can hide them.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::path::Path;
use std::process::Command;

use crate::support::program::{SMALL, assert_same, otfhpc, otfhpc_of, products};
use crate::support::{Trial, trial_unless};
use libtest_mimic::Failed;
use tempfile::tempdir;

const EMULATOR: &str = "qemu-x86_64";
/// Every method, at bins with much light and with little.
const STUDY: [&str; 6] = [
    "--quiet",
    "local",
    "--threads=1",
    "--set=fit.methods=[\"all\"]",
    "--set=fit.bins=6-20,100",
    "--set=simulate.rounding=true",
];

pub(crate) fn trials() -> Vec<Trial> {
    let emulates = Command::new(EMULATOR).arg("--version").output().is_ok();
    let reason = match (cfg!(target_arch = "x86_64"), emulates) {
        (false, _) => Some("needs an x86-64 to begin with".to_owned()),
        (true, false) => Some(format!("needs {EMULATOR} (Debian: qemu-user)")),
        (true, true) => None,
    };
    let test = |name: &str, processor: &'static str| {
        trial_unless(reason.clone(), name, move || same_bytes_on(processor))
    };
    vec![
        test("a_processor_with_the_registers_that_all_have", "Nehalem"),
        test("a_processor_with_wider_ones", "Haswell"),
    ]
}

fn same_bytes_on(processor: &str) -> Result<(), Failed> {
    let folder = tempdir()?;
    let [here, there] = ["here", "there"].map(|name| folder.path().join(name));
    let study = |out: &Path| {
        let out = format!("--out={}", out.display());
        STUDY.into_iter().chain(SMALL).map(str::to_owned).chain([out]).collect::<Vec<_>>()
    };
    otfhpc(study(&here)).ended(0);
    let emulated = ["-cpu", processor, env!("CARGO_BIN_EXE_otfhpc")].map(str::to_owned);
    otfhpc_of(Path::new(EMULATOR), &[], [&emulated[..], &study(&there)].concat()).ended(0);
    assert_same(&products(&here), &products(&there), processor);
    Ok(())
}
