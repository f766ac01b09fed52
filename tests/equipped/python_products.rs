//! The products as Python sees them, and a calibration set that NumPy simulated.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::program::otfhpc_in;
use crate::support::{Trial, no_python, python, run_python, trial_unless};
use libtest_mimic::Failed;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial_unless(no_python(), "products_of_a_simulation_read_in_python", simulation),
        trial_unless(no_python(), "products_of_two_data_sets_read_in_python", two_data_sets),
        trial_unless(no_python(), "the_manual_of_the_joint_fit_reads_its_results", manual),
        trial_unless(no_python(), "a_campaign_simulated_by_numpy_gives_its_truth", closed_loop),
    ]
}

fn simulation() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let results = folder.path().join("results");
    let study = [
        "simulate.records=120",
        "simulate.plateau_records=5",
        "study.noise_levels=[0.01,0.1]",
        "study.trials=3",
        "fit.bins=0,3-60",
    ];
    local(&results, &study)?;
    // 2 levels x 3 trials x 2 methods; the errors of every row of the summary.
    read_products(&[&results], "configurations 12, rows 28, errors 28")
}

fn two_data_sets() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let results = folder.path().join("results");
    let study = [
        "data.sets=[\"llss\",\"rhss\"]",
        "simulate.records=60",
        "simulate.plateau_records=5",
        "fit.methods=[\"wls\"]",
        "fit.constraint=kirchhoff",
    ];
    local(&results, &study)?;
    read_products(&[&results], "configurations 2, rows 14, errors 14")
}

/// The Python of docs/CALIBRATION.md, as it stands there.
fn manual() -> Result<(), Failed> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/CALIBRATION.md"))?;
    let code = text.split("```python\n").nth(1).and_then(|rest| rest.split("```").next());
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("read.py");
    fs::write(&script, code.ok_or("no Python in docs/CALIBRATION.md")?)?;
    let config = root.join("configs/joint.toml").display().to_string();
    let small = ["simulate.records=400", "study.trials=1", "fit.bins=5-20"];
    let settings = small.iter().flat_map(|setting| ["--set", setting]);
    let ran = otfhpc_in(folder.path(), ["local", "--config", &config].into_iter().chain(settings));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let output = Command::new(python().ok_or("no Python")?)
        .arg(&script)
        .current_dir(folder.path())
        .output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    for part in ["xcal_offset", "+-", "GHz: OTF", "correlation of h2 and h3: -0."] {
        assert!(printed.contains(part), "no `{part}` in: {printed}");
    }
    Ok(())
}

/// NumPy writes the file, knows the truth, and solves the least squares itself.
fn closed_loop() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (cal, expected) = (folder.path().join("cal.npz"), folder.path().join("expected.npz"));
    run_python("write_cal.py", &[&cal, &expected])?;
    for constraint in ["none", "kirchhoff"] {
        let results = folder.path().join(constraint);
        let path = format!("data.path={}", cal.display());
        let fit_constraint = format!("fit.constraint={constraint}");
        let settings = ["data.source=npz", &path, "data.sigma=0.02", &fit_constraint];
        let printed = local(&results, &settings)?;
        let screened = "192 of 195 records used, 1 left out: another scan mode, \
                        1 left out: missing temperature, 1 left out: missing or impossible sweeps";
        assert!(printed.contains(screened), "{printed}");
        // Measured data have no truth that could be known to the program: no errors are given.
        let read = "configurations 2, rows 14, errors 0, compared 2";
        read_products(&[&results, &expected], read)?;
    }
    Ok(())
}

/// Plans, fits and merges; returns what the program printed.
fn local(results: &Path, settings: &[&str]) -> Result<String, Failed> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_otfhpc"));
    command.arg("local").arg("--out").arg(results);
    for setting in settings {
        command.args(["--set", setting]);
    }
    let output = command.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Has Python check the products; `report` is how much it must have found to check.
fn read_products(arguments: &[&Path], report: &str) -> Result<(), Failed> {
    let printed = run_python("read_products.py", arguments)?;
    assert_eq!(printed.trim(), report);
    Ok(())
}
