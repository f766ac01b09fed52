//! The programs that otfhpc is timed against solve the same problem: what they find is compared.

use std::error::Error;
use std::fs::File;
use std::ops::Range;
use std::path::Path;

use crate::support::program::otfhpc;
use crate::support::solution::{Run, Worst};
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
        trial_unless(no_scipy(), "a_search_comes_down_towards_the_least_squares", search),
    ]
}

fn numpy() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (cal, output) = (folder.path().join("cal.npz"), folder.path().join("output.npz"));
    simulate(&cal, &[]);
    let printed = run_script("scripts/peers/numpy_lstsq.py", &[&cal, &output])?;
    let times: Value = serde_json::from_str(&printed)?;
    assert_eq!(times["records"], 60);
    assert!(times["seconds"].as_f64() >= times["solve"].as_f64(), "{times}");
    same_as_wls(&cal, &output).map_err(|error| error.to_string().into())
}

/// Every emissivity in the band agrees, the weak ones too.
fn same_as_wls(cal: &Path, output: &Path) -> Result<(), Box<dyn Error>> {
    let sigma: Array0<f64> = NpzReader::new(File::open(cal)?)?.by_name("sigma_llss")?;
    let sigma = format!("data.sigma={:e}", sigma[()]);
    let path = format!("data.path={}", cal.display());
    let settings = ["data.source=npz", &path, &sigma, "fit.methods=[\"wls\"]"];
    let solution = Run::local_done(&settings)?.solution()?;
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

/// A campaign of a few records.
fn simulate(cal: &Path, more: &[&str]) {
    let cal = cal.display().to_string();
    let small = ["simulate", "--out", &cal, "--set=simulate.records=60"];
    let arguments = [&small[..], &["--set=simulate.plateau_records=5"], more].concat();
    otfhpc(arguments).ended(0);
}
