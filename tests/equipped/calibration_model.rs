//! Calibration models as astropy reads them, beside the published one.

use std::path::Path;
use std::process::Command;

use crate::support::{Trial, no_astropy, no_python, required, run_python, trial, trial_unless};
use libtest_mimic::Failed;
use otfhpc::science::data::model::PublishedModel;
use otfhpc::science::data::published_columns;

const MODEL: &str = "FIRAS_CALIBRATION_MODEL_LLSS.FITS";
const FLIGHT: &str = "cal_flight.npz";

pub(crate) fn trials() -> Vec<Trial> {
    let is_there = |name: &str| required(name).is_ok();
    let absent = match [MODEL, FLIGHT].into_iter().find(|name| !is_there(name)) {
        Some(name) => Some(format!("needs shared/data/{name}")),
        None => no_python().or_else(no_astropy),
    };
    vec![
        trial_unless(absent, "astropy_reads_what_this_program_reads", astropy),
        trial("the_published_values_are_within_the_error_bars", &[MODEL, FLIGHT], published),
        trial("an_edited_layout_counts_and_damage_does_not", &[MODEL, FLIGHT], edited),
    ]
}

fn otfhpc(folder: &Path, arguments: &[&str]) -> Result<String, Failed> {
    let output = Command::new(env!("CARGO_BIN_EXE_otfhpc"))
        .args(arguments)
        .current_dir(folder)
        .env("OTFHPC_THREADS", "2")
        .output()?;
    match output.status.code() {
        Some(0 | 1) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        _ => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
    }
}

/// Fits the flight set by the published model, but for its corrections, which the data do not need.
fn fit(folder: &Path, length: &str) -> Result<(), Failed> {
    let (model, data) = (required(MODEL)?, required(FLIGHT)?);
    let (model, data) = (format!("data.model={}", model.display()), data.display().to_string());
    let data = format!("data.path={data}");
    let length = format!("instrument.transform_length={length}");
    let mut arguments = vec!["local", "-q"];
    for setting in [
        data.as_str(),
        &model,
        "data.sigma=0.02",
        "fit.methods=wls",
        "fit.covariance=true",
        &length,
    ] {
        arguments.extend(["--set", setting]);
    }
    otfhpc(folder, &arguments).map(drop)
}

fn astropy() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    fit(at, "640")?;
    otfhpc(at, &["model", "--out", "plain.FITS"])?;
    otfhpc(at, &["model", "--npy", "e.npy"])?;
    otfhpc(at, &["spectra"])?;
    let (model, results) = (at.join("plain.FITS"), at.join("results"));
    let (array, spectra) = (at.join("e.npy"), at.join("spectra.npz"));
    let printed =
        run_python("read_model.py", &[&model, &required(MODEL)?, &results, &array, &spectra])?;
    let ours = PublishedModel::read(&model, &published_columns())?;
    assert_eq!(printed.lines().count(), ours.bins);
    for (line, value) in printed.lines().zip(&ours.emissivity[0]) {
        // What astropy reads is single precision, ours is the double behind it.
        let mut numbers = line.split(' ').map(str::parse::<f64>);
        let mut next = || numbers.next().ok_or("a line without two numbers")?.map_err(Failed::from);
        let (re, im) = (next()?, next()?);
        assert_eq!((re as f32, im as f32), (value.re as f32, value.im as f32));
        assert!((re - value.re).abs() <= 6e-8 * re.abs());
    }
    Ok(())
}

/// The data were made from the published model on the grid of 512 points; its first point is below the
/// header's axis by the rounding of that, and was dark.
fn published() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    fit(folder.path(), "512")?;
    let model = required(MODEL)?.display().to_string();
    let json = otfhpc(folder.path(), &["compare", "results", &model, "--json"])?;
    let found: serde_json::Value = serde_json::from_str(&json)?;
    let found = &found[0];
    assert_eq!((&found["bins"], &found["interpolated"]), (&34.into(), &25.into()));
    assert_eq!(found["error_bars"], "a");
    for emitter in found["emitters"].as_array().ok_or("no emitters")? {
        let second = &emitter["worst"].as_array().ok_or("no worst bins")?[1];
        let sigma = second["sigma"].as_f64().ok_or("no error bar")?;
        assert!((1.0..4.0).contains(&sigma), "{emitter}");
    }
    Ok(())
}

fn edited() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    fit(at, "640")?;
    otfhpc(at, &["model", "--out", "m.FITS"])?;
    let bytes = std::fs::read(at.join("m.FITS"))?;
    let read = |bytes: &[u8]| -> Result<PublishedModel, Failed> {
        let path = at.join("edited.FITS");
        std::fs::write(&path, bytes)?;
        Ok(PublishedModel::read(&path, &published_columns())?)
    };
    let whole = read(&bytes)?;
    let mut changed = bytes.clone();
    let table =
        changed.windows(4).position(|word| word == (whole.bolometer.rl_ohm as f32).to_be_bytes());
    let at_rl = table.ok_or("no load resistance")?;
    changed[at_rl..at_rl + 4].copy_from_slice(&5e7f32.to_be_bytes());
    let found = read(&changed)?;
    assert_eq!((found.bolometer.rl_ohm, whole.bolometer.rl_ohm), (5e7, 4e7));
    assert_eq!(found.bolometer.r0_ohm, whole.bolometer.r0_ohm);
    for length in (0..bytes.len() - 2880).step_by(1237) {
        let _ = read(&bytes[..length]);
    }
    let mut state = 1_u64;
    for _ in 0..500 {
        let mut damaged = bytes.clone();
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let place = (state >> 20) as usize % damaged.len();
        damaged[place] = (state >> 40) as u8;
        let _ = read(&damaged);
    }
    Ok(())
}
