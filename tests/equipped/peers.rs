//! The programs that otfhpc is timed against solve the same problem: what they find is compared.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use crate::support::program::otfhpc;
use crate::support::solution::{Checked, Run, Worst};
use crate::support::{Trial, no_python, no_scipy, run_script, trial_unless};
use libtest_mimic::Failed;
use ndarray::{Array0, Array2};
use ndarray_npy::NpzReader;
use num_complex::Complex64;
use otfhpc::foundations::numerics::math::modulus;
use serde_json::Value;

/// Where the channel sees light, and most of the conditions are good.
const BAND: Range<usize> = 4..38;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial_unless(no_python(), "numpy_finds_what_wls_finds", numpy),
        trial_unless(no_python(), "an_exact_solution_is_what_wls_and_numpy_find", exact),
        trial_unless(no_scipy(), "a_search_comes_down_towards_the_least_squares", search),
    ]
}

fn numpy() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (cal, output) = (folder.path().join("cal.npz"), folder.path().join("output.npz"));
    simulate(&cal, &[]);
    for (peer, longest) in [("numpy_lstsq", "solve"), ("numpy_batched", "design and solve")] {
        let printed = run_script(&format!("scripts/peers/{peer}.py"), &[&cal, &output])?;
        let times: Value = serde_json::from_str(&printed)?;
        assert_eq!(times["records"], 60);
        assert!(times["seconds"].as_f64() >= times[longest].as_f64(), "{times}");
        same_as_wls(&cal, &output).map_err(|error| format!("{peer}: {error}"))?;
    }
    Ok(())
}

/// The solution with more digits, to which all are held where they are timed, is what all find.
fn exact() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = |name: &str| folder.path().join(name);
    let (cal, output, reference) = (file("cal.npz"), file("output.npz"), file("exact.npz"));
    simulate(&cal, &[]);
    run_script("scripts/peers/exact.py", &[&cal, &reference])?;
    let run = wls(&cal).map_err(|error| error.to_string())?;
    let compare = [Path::new("--compare"), &reference, &run.product("solution.npz")];
    is_exact(&serde_json::from_str(&run_script("scripts/peers/exact.py", &compare)?)?);
    let batched = |reference: &Path| {
        run_script("scripts/peers/numpy_batched.py", &[cal.as_path(), &output, reference])
    };
    let told: Value = serde_json::from_str(&batched(&reference)?)?;
    is_exact(&told["accuracy"]);
    // Who finds something else is refused: here, the solution of another campaign is expected.
    let (other, other_reference) = (file("other.npz"), file("other_exact.npz"));
    simulate(&other, &["--set=simulate.records=90"]);
    run_script("scripts/peers/exact.py", &[&other, &other_reference])?;
    let refused = batched(&other_reference).expect_err("it is not this solution");
    let message = refused.message().unwrap_or_default();
    assert!(message.contains("at most 1e-08 was expected"), "{message}");
    Ok(())
}

/// Emissivities to a small part of their error bars, and error bars to the last digits.
fn is_exact(accuracy: &Value) {
    for place in ["in_band", "determined"] {
        let off = |what: &str| accuracy[place][what].as_f64().unwrap_or(f64::INFINITY);
        assert!(off("error_bars") < 1e-8 && off("of_error_bars") < 1e-10, "{accuracy}");
    }
}

/// Every emissivity in the band agrees, the weak ones too.
fn same_as_wls(cal: &Path, output: &Path) -> Checked {
    let solution = wls(cal)?.solution()?;
    let found: Array2<Complex64> = NpzReader::new(File::open(output)?)?.by_name("emissivity")?;
    let expected = solution.emissivity_of(0);
    assert_eq!(found.dim(), expected.dim());
    assert!(found.row(0).iter().all(|value| value.is_nan()), "bin 0 has no signal");
    let error = |bin: usize| {
        let pairs = found.row(bin).into_iter().zip(expected.row(bin));
        let errors = pairs.map(|(f, e)| modulus(f - e) / modulus(*e));
        errors.fold(0.0, |worst, error| if error <= worst { worst } else { error })
    };
    Worst::of(&BAND.collect::<Vec<_>>(), error).check("NumPy against wls", 1e-6)
}

/// Whether the spectrum is made once or at every evaluation, the search takes the same way.
fn search() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let cal = folder.path().join("cal.npz");
    simulate(&cal, &["--set", "data.other_bolometers=[\"rh\",\"rl\",\"lh\"]"]);
    let cal = cal.display().to_string();
    let run = |more: &[&str]| -> Result<Value, Failed> {
        let arguments = [&[cal.as_str(), "--most", "100"], more].concat();
        let printed = run_script("scripts/peers/scipy_lbfgsb.py", &arguments)?;
        Ok(serde_json::from_str(&printed)?)
    };
    let (once, again) = (run(&[])?, run(&["--recompute"])?);
    for key in ["objective", "evaluations", "least"] {
        assert_eq!(once[key], again[key], "{once} {again}");
    }
    // No search is below the least value.
    let values = [&once["least"], &once["objective"]].map(|value| value.as_f64());
    assert!(values[0] > Some(0.0) && values[0] <= values[1], "{once}");
    Ok(())
}

/// What the program makes of a calibration set by weighted least squares.
fn wls(cal: &Path) -> Checked<Run> {
    let sigma: Array0<f64> = NpzReader::new(File::open(cal)?)?.by_name("sigma_llss")?;
    let sigma = format!("data.sigma={:e}", sigma[()]);
    let path = format!("data.path={}", cal.display());
    Run::local_done(&["data.source=npz", &path, &sigma, "fit.methods=[\"wls\"]"])
}

/// A campaign of a few records.
fn simulate(cal: &Path, more: &[&str]) {
    let cal = cal.display().to_string();
    let small = ["simulate", "--out", &cal, "--set=simulate.records=60"];
    let arguments = [&small[..], &["--set=simulate.plateau_records=5"], more].concat();
    otfhpc(arguments).ended(0);
}
