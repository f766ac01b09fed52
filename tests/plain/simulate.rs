//! A simulated campaign that goes through a file is fitted as if it had not: every bit that the
//! fit depends on is in the calibration set.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::path::Path;

use crate::support::program::{otfhpc_in, shell};
use ndarray::{Array0, Array2, Array3};
use ndarray_npy::NpzReader;
use num_complex::Complex64;

const SMALL: [&str; 4] = ["--set", "simulate.records=90", "--set", "simulate.plateau_records=6"];

fn done(folder: &Path, arguments: &[&str]) -> String {
    otfhpc_in(folder, arguments).ended(0).stdout
}

fn open(path: &Path) -> NpzReader<std::fs::File> {
    NpzReader::new(std::fs::File::open(path).unwrap()).unwrap()
}

fn emissivity(folder: &Path, out: &str) -> Array3<Complex64> {
    open(&folder.join(out).join("solution.npz")).by_name("emissivity").unwrap()
}

fn bits(values: &Array3<Complex64>) -> Vec<[u64; 2]> {
    values.iter().map(|z| [z.re.to_bits(), z.im.to_bits()]).collect()
}

#[test]
fn through_a_file_or_not_the_fit_is_the_same_to_the_last_bit() {
    for rounding in ["simulate.rounding=false", "simulate.rounding=true"] {
        let folder = tempfile::tempdir().unwrap();
        let noise = ["--set", rounding, "--set", "study.noise_levels=[0.1]"];
        let simulated = [&SMALL[..], &noise].concat();
        done(folder.path(), &[&["simulate"], &simulated[..]].concat());
        done(folder.path(), &[&["local", "--out", "direct"], &simulated[..]].concat());
        let mut file = open(&folder.path().join("cal.npz"));
        let sigma: Array0<f64> = file.by_name("sigma_llss").unwrap();
        let sigma = format!("data.sigma={:e}", sigma.into_scalar());
        let measured = ["--set", "data.source=npz", "--set", "data.path=cal.npz", "--set", &sigma];
        done(folder.path(), &[&["local", "--out", "file"], &measured[..]].concat());
        let (direct, file) =
            (emissivity(folder.path(), "direct"), emissivity(folder.path(), "file"));
        assert!(bits(&direct) == bits(&file), "{rounding}");
    }
}

#[test]
fn what_all_bins_share_goes_through_a_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let corrections = "{xcal_offset_k=-1.5e-3,ical_drift={amplitude_k=4e-3,time_yr=0.3,offset_k=-3e-3},\
                       h2=1.1e-3,primary_vibration=[1e-5,7e-5,-5e-4,9e-4,-5e-4]}";
    let put_in = format!("simulate.corrections={corrections}");
    let made = format!("instrument.corrections={corrections}");
    let noise = ["--set", "study.noise_levels=[0.1]", "--set", &made, "--set", "fit.bins=5-40"];
    let more = ["--set", &put_in, "--set", "simulate.biases=25,35,45", "--set"];
    let simulated = [&SMALL[..], &noise, &more, &["simulate.plateau_error_k=1e-3"]].concat();
    done(folder.path(), &[&["simulate"], &simulated[..]].concat());
    done(folder.path(), &[&["local", "--out", "direct"], &simulated[..]].concat());
    let mut file = open(&folder.path().join("cal.npz"));
    let sigma: Array0<f64> = file.by_name("sigma_llss").unwrap();
    let times: ndarray::Array1<i64> = file.by_name("midpoint_time_ll").unwrap();
    assert!(times.len() == 90 && times[0] > 41_350_000_000_000_000 && times[89] > times[0]);
    let sigma = format!("data.sigma={:e}", sigma.into_scalar());
    let measured = [&["--set", "data.path=cal.npz", "--set", &sigma], &noise[2..]].concat();
    let out = done(folder.path(), &[&["local", "--out", "file"], &measured[..]].concat());
    assert!(out.contains("the values of instrument.corrections"), "{out}");
    let (direct, file) = (emissivity(folder.path(), "direct"), emissivity(folder.path(), "file"));
    assert!(bits(&direct) == bits(&file));
}

#[test]
fn the_command_that_it_prints_fits_the_file_and_finds_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let sets = ["--set", "data.sets=[\"rhss\",\"rhsf\"]", "--set", "study.noise_levels=[1e-6]"];
    // Measured data of a channel other than ll need its bolometer: here, the one simulated with.
    let out = done(folder.path(), &[&["simulate", "--out", "a b.npz"], &SMALL[..], &sets].concat());
    let commands: Vec<&str> = out.lines().filter(|line| line.contains(" local ")).collect();
    assert_eq!(commands.len(), 2, "{out}");
    let bolometer = "instrument.bolometer={r0_ohm=11.938669204711914,t0_k=371.6449890136719,\
                     g1=2.1257850440292714e-8,beta=1.1720000505447388,\
                     rho_k_per_v=2.3263578414916992,c1=5.866505587e-10,c3=2.428e-10,\
                     j0_v=1.662232,jg=0.92,rl_ohm=4e7}";
    for (command, set) in commands.iter().zip(["rhss", "rhsf"]) {
        let here = folder.path().display();
        shell(&format!("cd '{here}' && {command} --out {set} --set '{bolometer}'")).ended(0);
        let truth: Array2<Complex64> =
            open(&folder.path().join("a b.npz")).by_name(&format!("truth_{set}")).unwrap();
        let found = emissivity(folder.path(), set);
        let (mut error, mut size) = (0.0, 0.0);
        for bin in 0..257 {
            if truth[[bin, 0]] != Complex64::ZERO {
                error += (found[[0, bin, 0]] - truth[[bin, 0]]).norm_sqr();
                size += truth[[bin, 0]].norm_sqr();
            }
        }
        let nrmse: f64 = f64::sqrt(error / size);
        assert!(nrmse > 0.0 && nrmse < 1e-6, "{set}: the transfer function is off by {nrmse}");
    }
}

#[test]
fn a_file_that_is_there_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cal.npz"), "mine").unwrap();
    let error = otfhpc_in(folder.path(), [&["simulate"], &SMALL[..]].concat()).ended(2).stderr;
    assert!(error.contains("cal.npz is there already") && error.contains("--replace"), "{error}");
    assert_eq!(std::fs::read(folder.path().join("cal.npz")).unwrap(), b"mine");
    done(folder.path(), &[&["simulate", "--replace"], &SMALL[..]].concat());
    otfhpc_in(folder.path(), ["simulate", "--set", "data.source=npz"]).ended(2);
}
