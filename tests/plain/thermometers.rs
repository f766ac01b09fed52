//! Errors in the temperatures that a simulated fit is given: what they do, and what `tls` is for.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use crate::support::program::otfhpc_in;
use crate::support::solution::{Checked, Run};
use ndarray::{Array1, Array2, ArrayD};
use ndarray_npy::NpzReader;
use num_complex::Complex64;
use otfhpc::foundations::numerics::math::modulus;
use std::path::Path;

/// Of each thermometer, K: that of `simulate.temperature_error_k` and of `tls`.
const ERROR_K: f64 = 0.005;

/// `nrmse_mean` of `summary.csv` by emitter, and the error of the mean over trials over the
/// truth, both of one method.
fn errors(run: &Run, method: &str) -> Checked<Vec<(f64, f64)>> {
    let rows = run.table("configurations.csv")?;
    let configurations: Vec<usize> = rows
        .iter()
        .filter(|row| row["method"] == method)
        .map(|row| row["configuration"].parse())
        .collect::<Result<_, _>>()?;
    let solution = run.solution()?;
    let truth = solution.truth_of(0)?.to_owned();
    let (mut squares, mut biases, mut power) = ([0.0; 7], [0.0; 7], [0.0; 7]);
    let count = configurations.len() as f64;
    for (bin, i) in (5..=30).flat_map(|bin| (0..7).map(move |i| (bin, i))) {
        let error = |c: &usize| solution.emissivity[[*c, bin, i]] - truth[[bin, i]];
        squares[i] += configurations.iter().map(|c| error(c).norm_sqr()).sum::<f64>() / count;
        biases[i] += (configurations.iter().map(error).sum::<Complex64>() / count).norm_sqr();
        power[i] += truth[[bin, i]].norm_sqr();
    }
    let ratio = |of: f64, i: usize| (of / power[i]).sqrt();
    Ok((0..7).map(|i| (ratio(squares[i], i), ratio(biases[i], i))).collect())
}

/// The bodies that are not driven vary little, so that errors of the thermometers are a part of
/// what a fit sees of them; and the light of those that are driven to 20 K is off by more than the
/// noise. `tls` weighs both, and says how far it is off; `wls` does neither.
#[test]
fn tls_is_closer_to_the_truth_than_wls() -> Checked {
    let emitters = ["xcal", "ical", "dihedral", "refhorn", "skyhorn", "collimator", "bolometer"];
    let each: Vec<String> = emitters.iter().map(|name| format!("{name}_k={ERROR_K}")).collect();
    let run = Run::local_done(&[
        "fit.methods=[\"wls\",\"tls\"]",
        &format!("fit.options.tls={{{}}}", each.join(",")),
        &format!("simulate.temperature_error_k={ERROR_K}"),
        "study.noise_levels=[1e-3]",
        "study.trials=40",
        "simulate.records=600",
        "fit.bins=5-30",
    ])?;
    let (wls, tls) = (errors(&run, "wls")?, errors(&run, "tls")?);
    println!("wls {wls:?}\ntls {tls:?}");
    // Measured: a third of the error of the dihedral, a seventh of the collimator's, a fifteenth of
    // the bolometer's; the driven bodies, which are well determined anyhow, a little better.
    for (emitter, factor) in
        [(0, 1.05), (1, 1.05), (2, 0.5), (3, 1.05), (4, 1.05), (5, 0.3), (6, 0.15)]
    {
        let (wls, tls) = (wls[emitter], tls[emitter]);
        assert!(tls.0 < factor * wls.0, "{}: {tls:?} {wls:?}", emitters[emitter]);
    }
    for emitter in [2, 6] {
        let (wls, tls) = (wls[emitter].1, tls[emitter].1);
        assert!(tls < 0.5 * wls, "{}: bias {tls} {wls}", emitters[emitter]);
    }
    let mut honest = 0.0;
    for row in run.table("errors.csv")? {
        let of_95: f64 = row["coverage_95"].parse()?;
        match &*row["method"] {
            "wls" => assert!(of_95 < 0.2, "{of_95}"),
            _ => honest += of_95 / 280.0,
        }
    }
    assert!((0.9..0.98).contains(&honest), "{honest}");
    Ok(())
}

const SMALL: [&str; 6] = [
    "--set",
    "simulate.records=90",
    "--set",
    "simulate.plateau_records=6",
    "--set",
    "study.noise_levels=[0.1]",
];

fn open(path: &Path) -> NpzReader<std::fs::File> {
    NpzReader::new(std::fs::File::open(path).unwrap()).unwrap()
}

/// A calibration set that `otfhpc simulate` writes.
fn simulated(folder: &Path, name: &str, settings: &[&str]) -> NpzReader<std::fs::File> {
    let arguments = [&["simulate", "--out", name], &SMALL[..], settings].concat();
    otfhpc_in(folder, &arguments).ended(0);
    open(&folder.join(name))
}

fn emissivity(folder: &Path, out: &str, settings: &[&str]) -> ArrayD<Complex64> {
    let arguments = [&["local", "--out", out], settings].concat();
    otfhpc_in(folder, &arguments).ended(0);
    open(&folder.join(out).join("solution.npz")).by_name("emissivity").unwrap()
}

#[test]
fn what_is_written_is_what_the_thermometers_give_and_nothing_else_changes() {
    let folder = tempfile::tempdir().unwrap();
    let read = ["--set", "simulate.temperature_error_k=0.005"];
    let mut exact = simulated(folder.path(), "exact.npz", &[]);
    let mut off = simulated(folder.path(), "cal.npz", &read);
    let mut squares = 0.0;
    for emitter in
        ["xcal_cone", "ical", "dihedral", "refhorn", "skyhorn", "collimator", "bolometer"]
    {
        let key = format!("{emitter}_ll");
        let (a, b): (Array1<f64>, Array1<f64>) =
            (exact.by_name(&key).unwrap(), off.by_name(&key).unwrap());
        assert!(a.iter().zip(&b).all(|(a, b)| a != b), "{key}");
        squares += a.iter().zip(&b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
    }
    // 630 errors: one sigma of their rms is 2.8 %.
    let rms = (squares / 630.0).sqrt();
    assert!((rms / 0.005 - 1.0).abs() < 0.12, "{rms}");
    for key in ["gain_ll", "bol_volt_ll", "bol_cmd_bias_ll"] {
        let (a, b): (Array1<f64>, Array1<f64>) =
            (exact.by_name(key).unwrap(), off.by_name(key).unwrap());
        assert_eq!(a, b, "{key}");
    }
    let (a, b): (Array2<f64>, Array2<f64>) =
        (exact.by_name("ifg_ll").unwrap(), off.by_name("ifg_ll").unwrap());
    assert!(a == b, "the light is that of the true temperatures");
    // The state of the bolometer is the same to rounding, wherever the search for it begins.
    let direct = emissivity(folder.path(), "direct", &[&SMALL[..], &read].concat());
    let sigma: ndarray::Array0<f64> = off.by_name("sigma_llss").unwrap();
    let sigma = format!("data.sigma={:e}", sigma.into_scalar());
    let measured = ["--set", "data.source=npz", "--set", "data.path=cal.npz", "--set", &sigma];
    let file = emissivity(folder.path(), "file", &measured);
    let mut compared = 0;
    for (a, b) in direct.iter().zip(&file).filter(|(a, _)| a.is_finite()) {
        assert!(modulus(a - b) <= 1e-6 * modulus(*a), "{a} {b}");
        compared += 1;
    }
    assert_eq!(compared, 2 * 256 * 7);
}

/// Readings belong to data set, level and trial: whoever fits a trial, in however many shards, is
/// given the same ones, and another trial has others. Without errors no bit changes.
#[test]
fn readings_are_drawn_for_each_trial_and_zero_draws_none() {
    let folder = tempfile::tempdir().unwrap();
    let study = [&SMALL[..], &["--set", "study.trials=3", "--set", "fit.bins=10-12"]].concat();
    let with = |out: &str, settings: &[&str]| -> Vec<[u64; 2]> {
        let values = emissivity(folder.path(), out, &[&study[..], settings].concat());
        values.iter().map(|z| [z.re.to_bits(), z.im.to_bits()]).collect()
    };
    let plain = with("plain", &[]);
    assert!(with("zero", &["--set", "simulate.temperature_error_k=0"]) == plain);
    let error = ["--set", "simulate.temperature_error_k=0.005"];
    let one = with("one", &error);
    assert!(one != plain);
    assert!(with("many", &[&error[..], &["--shards", "4"]].concat()) == one);
    // The last trial alone, as `simulate` has it, would be another study; but the first trials are
    // the same in a study of fewer.
    let fewer = with("fewer", &[&error[..], &["--set", "study.trials=1"]].concat());
    assert!(one.starts_with(&fewer) && fewer.len() * 3 == one.len());
}
