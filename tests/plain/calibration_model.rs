//! A configuration as a calibration model: the same values, by whatever way it is read, and the loop from a
//! fit to a model to a fit closes.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::fs;
use std::path::Path;

use ndarray::{Array2, Array3};
use ndarray_npy::{NpzReader, read_npy};
use num_complex::Complex64;
use serde_json::Value;

use crate::support::program::{otfhpc_in, text};

const SMALL: [&str; 6] = [
    "--set",
    "simulate.records=120",
    "--set",
    "simulate.plateau_records=6",
    "--set",
    "simulate.biases=25,35,45",
];
const CORRECTED: &str = "simulate.corrections={xcal_offset_k=-1.5e-3,h2=1.1e-3,offsets_k={skyhorn=2e-3},\
                         ical_drift={amplitude_k=4e-3,time_yr=0.3,offset_k=-3e-3}}";

fn done(folder: &Path, arguments: &[&str]) -> String {
    otfhpc_in(folder, arguments).ended(0).stdout
}

fn refused(folder: &Path, arguments: &[&str]) -> String {
    otfhpc_in(folder, arguments).ended(2).stderr
}

fn array<T: ndarray_npy::ReadableElement>(folder: &Path, file: &str, name: &str) -> Array3<T> {
    NpzReader::new(fs::File::open(folder.join(file)).unwrap()).unwrap().by_name(name).unwrap()
}

/// A campaign of some noise in a file: the settings that fit it.
fn campaign(folder: &Path, noise: &str, more: &[&str]) -> Vec<String> {
    let level = format!("study.noise_levels={noise}");
    let said = done(folder, &[&["simulate", "--set", &level], &SMALL[..], more].concat());
    let sigma = said.split("data.sigma=").nth(1).unwrap().split_whitespace().next().unwrap();
    let settings = ["data.path=cal.npz".to_owned(), format!("data.sigma={sigma}")];
    settings.into_iter().flat_map(|setting| ["--set".to_owned(), setting]).collect()
}

fn fit(folder: &Path, out: &str, data: &[String], more: &[&str]) {
    let data: Vec<&str> = data.iter().map(String::as_str).collect();
    done(folder, &[&["local", "--out", out], &data[..], more].concat());
}

fn comparison(folder: &Path, a: &str, b: &str) -> Value {
    let json = done(folder, &["compare", a, b, "--json"]);
    serde_json::from_str::<Value>(&json).unwrap()[0].clone()
}

/// The largest difference of two fits over the bins of a model, relative to the transfer function.
fn difference(folder: &Path, a: &str, b: &str) -> f64 {
    let read = |out: &str| array::<Complex64>(folder, &format!("{out}/solution.npz"), "emissivity");
    let (a, b) = (read(a), read(b));
    let of_bin = |bin: usize| {
        let otf = a[[0, bin, 0]].norm_sqr().sqrt();
        let differences = (0..7).map(|e| (a[[0, bin, e]] - b[[0, bin, e]]).norm_sqr().sqrt());
        differences.fold(0.0, f64::max) / otf
    };
    (4..=37).map(of_bin).fold(0.0, f64::max)
}

#[test]
fn a_fit_by_its_own_model_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let data = campaign(at, "0.1", &["--set", CORRECTED]);
    let corrections = CORRECTED.replace("simulate.", "instrument.");
    let bolometer = "instrument.bolometer={r0_ohm=12.01,t0_k=371.1,g1=2.12e-8,beta=1.171,\
                     rho_k_per_v=2.327,c1=5.87e-10,c3=2.43e-10,j0_v=1.6623,jg=0.921,rl_ohm=4e7}";
    let wls = ["--set", "fit.methods=wls"];
    fit(at, "first", &data, &[&wls[..], &["--set", &corrections, "--set", bolometer]].concat());
    done(at, &["model", "first", "--out", "{set}.FITS"]);
    let model = ["--set", "data.model={set}.FITS", "--set", "instrument.corrections=model"];
    fit(at, "again", &data, &[&wls[..], &model].concat());
    // Double precision behind the published layout: not the sixth digit, but the last but few.
    assert!(difference(at, "first", "again") < 1e-10, "{}", difference(at, "first", "again"));
    for (a, b) in [("first", "again"), ("LLSS.FITS", "again"), ("first", "LLSS.FITS")] {
        let found = comparison(at, a, b);
        assert_eq!(
            (found["bins"].as_u64(), found["error_bars"].as_str()),
            (Some(34), Some("both"))
        );
        for emitter in found["emitters"].as_array().unwrap() {
            assert!(emitter["rms_sigma"].as_f64().unwrap() < 1e-6, "{a} {b} {emitter}");
        }
        let parameters = found["parameters"].as_array().unwrap();
        assert!(parameters.iter().all(|p| p["a"] == p["b"]), "{parameters:?}");
        assert!(parameters.iter().any(|p| p["parameter"] == "skyhorn_offset"));
    }
    // Once more with the same arguments: nothing is overwritten unasked, and the bytes are the same.
    let bytes = fs::read(at.join("LLSS.FITS")).unwrap();
    let said = refused(at, &["model", "first", "--out", "{set}.FITS"]);
    assert!(said.contains("LLSS.FITS is there already") && said.contains("--replace"), "{said}");
    done(at, &["model", "first", "--out", "{set}.FITS", "--replace"]);
    assert_eq!(fs::read(at.join("LLSS.FITS")).unwrap(), bytes);
}

#[test]
fn a_joint_fit_as_a_model_gives_others_its_shared_parameters() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let data = campaign(at, "3", &["--set", CORRECTED, "--set", "simulate.bolometer_error=5e-3"]);
    fit(at, "joint", &data, &["--set", "fit.methods=joint"]);
    done(at, &["model", "joint", "--out", "joint.FITS"]);
    let model = ["--set", "data.model=joint.FITS", "--set", "instrument.corrections=model"];
    fit(at, "wls", &data, &[&["--set", "fit.methods=wls"][..], &model].concat());
    let found = comparison(at, "joint", "wls");
    assert!(found["emitters"][0]["relative"].as_f64().unwrap() < 1e-4, "{found}");
    for emitter in found["emitters"].as_array().unwrap() {
        assert!(emitter["rms_sigma"].as_f64().unwrap() < 0.1, "{emitter}");
    }
    let of = |name: &str| {
        let parameters = found["parameters"].as_array().unwrap();
        parameters.iter().find(|p| p["parameter"] == name).unwrap().clone()
    };
    for name in ["bolometer_r0", "xcal_offset", "h2", "skyhorn_offset", "ical_drift_offset"] {
        assert_eq!(of(name)["a"], of(name)["b"], "{name}");
        assert!(of(name)["sigma"].is_number(), "{name} was fitted");
    }
    // What is left of the spectra is as large as the fit says.
    done(at, &["spectra", "joint", "--out", "spectra.npz"]);
    let ratio = residuals(at, "spectra.npz", "joint");
    assert!((4..=37).all(|bin| (ratio[bin] - 1.0).abs() < 0.01), "{ratio:?}");
}

/// Of each bin, the weighted sum of squared residuals of written spectra over that of the fit.
fn residuals(folder: &Path, file: &str, out: &str) -> Vec<f64> {
    let mut spectra = NpzReader::new(fs::File::open(folder.join(file)).unwrap()).unwrap();
    let residual: Array2<Complex64> = spectra.by_name("residual").unwrap();
    let spectrum: Array2<Complex64> = spectra.by_name("spectrum").unwrap();
    let variance: Array2<f64> = spectra.by_name("variance").unwrap();
    let planck: Array3<f64> = spectra.by_name("planck").unwrap();
    let emissivity: Array2<Complex64> = spectra.by_name("emissivity").unwrap();
    for ((record, bin), left) in residual.indexed_iter() {
        let light: Complex64 =
            (0..7).map(|e| emissivity[[bin, e]] * planck[[record, bin, e]]).sum();
        let expected = spectrum[[record, bin]] - light;
        assert!(left.is_nan() || (left - expected).norm_sqr() <= 1e-20 * expected.norm_sqr());
    }
    let mut solution =
        NpzReader::new(fs::File::open(folder.join(out).join("solution.npz")).unwrap()).unwrap();
    let rss: Array2<f64> = solution.by_name("rss").unwrap();
    let of_bin = |bin: usize| {
        let column = residual.column(bin);
        let squares = column.iter().zip(variance.column(bin)).map(|(r, v)| r.norm_sqr() / v);
        squares.sum::<f64>() / rss[[0, bin]]
    };
    (0..residual.ncols()).map(of_bin).collect()
}

#[test]
fn arrays_and_spectra_are_those_of_the_fit_however_it_was_cut() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let data = campaign(at, "0.1", &[]);
    let methods = ["--set", "fit.methods=ols,wls,smooth"];
    fit(at, "one", &data, &methods);
    fit(at, "three", &data, &[&methods[..], &["--shards", "3"]].concat());
    for out in ["one", "three"] {
        let (model, array) = (format!("{out}.FITS"), format!("{out}_{{set}}.npy"));
        let choice = ["model", out, "--method", "wls", "--out", &model, "--npy", &array];
        done(at, &choice);
        done(at, &["spectra", out, "--configuration", "1", "--out", &format!("{out}.npz")]);
    }
    for end in [".FITS", "_ll_ss.npy", ".npz"] {
        let read = |out: &str| fs::read(at.join(format!("{out}{end}"))).unwrap();
        assert!(read("one") == read("three"), "{end}");
    }
    let array2: Array2<Complex64> = read_npy(at.join("one_ll_ss.npy")).unwrap();
    assert_eq!(array2.shape(), [257, 7]);
    let solution = array::<Complex64>(at, "one/solution.npz", "emissivity");
    for ((bin, emitter), value) in array2.indexed_iter() {
        let expected = solution[[1, bin, emitter]];
        assert!(*value == expected || value.is_nan() && expected.is_nan());
    }
    let done_in = |out: &str| fs::read(at.join(out).join("solution.npz")).unwrap();
    assert!(done_in("one") == done_in("three"));
    fit(at, "wls", &data, &["--set", "fit.methods=wls"]);
    done(at, &["spectra", "wls", "--out", "wls.npz"]);
    let ratio = residuals(at, "wls.npz", "wls");
    assert!(ratio[1..].iter().all(|ratio| (ratio - 1.0).abs() < 1e-9), "{ratio:?}");
}

#[test]
fn what_cannot_be_is_told_with_what_would_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let small = [&["local"], &SMALL[..], &["--set", "data.sets=llss,rhss"]].concat();
    done(at, &[&small[..], &["--set", "simulate.biases=[]", "--set", "fit.bins=0-60"]].concat());
    for (arguments, expected) in [
        (&["model"][..], "nothing is asked for: name the calibration model with --out FILE.FITS"),
        (&["model", "--out", "x.FITS"], "several methods: name one with --method (ols, wls)"),
        (&["model", "--out", "x", "--method", "wsl"], "no method `wsl`; did you mean wls?"),
        (&["model", "--out", "x", "--method", "wls"], "x, one name for the files of 2 data sets"),
        (&["model", "--out", "x", "--configuration", "9"], "no configuration 9: expected 0 to 3"),
        (&["spectra", "elsewhere"], "there is no plan here"),
        (&["compare", "results", "cal.npz"], "there is no plan here"),
    ] {
        let said = refused(at, arguments);
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    done(at, &["model", "--method", "wls", "--out", "m_{set}.FITS", "--npy", "e_{set}.npy"]);
    for file in ["m_LLSS.FITS", "m_RHSS.FITS", "e_ll_ss.npy", "e_rh_ss.npy"] {
        assert!(at.join(file).is_file(), "{file}");
    }
    // A folder with all methods of two data sets, and a file of one.
    let said = done(at, &["compare", "results", "m_RHSS.FITS"]);
    assert_eq!(said.matches("configuration").count(), 2, "{said}");
    let said = refused(at, &["compare", "m_LLSS.FITS", "m_RHSS.FITS"]);
    assert!(said.contains("nothing to compare: m_LLSS.FITS has llss wls, m_RHSS.FITS"), "{said}");
    let mut partials = fs::read_dir(at.join("results/partials")).unwrap();
    let partial = partials.next().unwrap().unwrap().path();
    fs::rename(&partial, at.join("kept")).unwrap();
    let said = refused(at, &["model", "--method", "wls", "--npy", "other_{set}.npy"]);
    assert!(said.contains("missing; configuration 1 has units in it"), "{said}");
    let name = text(&partial).rsplit('/').next().unwrap();
    assert!(said.contains(" resume results --local` or `") && said.contains(name), "{said}");
}
