//! What might be taken for a result and is none says so: numbers that are none, settings that
//! nothing uses, simulated data, noise that is not what it is said to be, values that the data do
//! not determine.

#![allow(clippy::unwrap_used)] // helpers of tests fail as the tests themselves do

use std::fs::File;
use std::path::PathBuf;

use crate::support::program::{SMALL, otfhpc, text};
use crate::support::solution::{CONVERGED, Checked, Run, band_of};
use ndarray::{Array0, Array1, Array3, ArrayD, IxDyn, OwnedRepr};
use ndarray_npy::{NpzReader, NpzWriter};
use tempfile::TempDir;

/// A simulated calibration set of channel ll, and the noise of its samples.
struct Calibration {
    folder: TempDir,
    sigma: f64,
}

impl Calibration {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cal.npz");
        let size = ["--set=simulate.records=240", "--set=simulate.plateau_records=5"];
        otfhpc(["simulate", "--out", text(&file)].iter().chain(&size)).ended(0);
        let mut npz = NpzReader::new(File::open(&file).unwrap()).unwrap();
        let sigma: Array0<f64> = npz.by_name("sigma_llss").unwrap();
        Self { folder, sigma: sigma.into_scalar() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("cal.npz")
    }

    fn setting(&self) -> String {
        format!("data.path={}", text(&self.path()))
    }

    /// A run of the file whose noise is said to be so many times what it is.
    fn run(&self, times: f64, more: &[&str]) -> Checked<Run> {
        let (path, sigma) = (self.setting(), format!("data.sigma={:e}", times * self.sigma));
        let settings = [&path, &sigma, "fit.bins=5-40", r#"fit.methods=["ols","wls","huber"]"#];
        Run::local_done(&[&settings[..], more].concat())
    }

    /// Writes the file again with all samples so many times as large.
    fn scale(&self, factor: f64) {
        let mut npz = NpzReader::new(File::open(self.path()).unwrap()).unwrap();
        let bigger = self.folder.path().join("bigger.npz");
        let mut out = NpzWriter::new(File::create(&bigger).unwrap());
        let of_channel = |name: &String| name.ends_with("_ll");
        for name in npz.names().unwrap().into_iter().filter(of_channel) {
            let mut array: ArrayD<f64> = match npz.by_name::<OwnedRepr<f64>, IxDyn>(&name) {
                Ok(array) => array,
                Err(_) => npz.by_name::<OwnedRepr<i64>, IxDyn>(&name).unwrap().mapv(|n| n as f64),
            };
            if name == "ifg_ll" {
                array *= factor;
            }
            out.add_array(name, &array).unwrap();
        }
        out.finish().unwrap();
        std::fs::rename(bigger, self.path()).unwrap();
    }
}

/// The squares of such data are no numbers, whatever the method makes of them.
#[test]
fn no_unit_is_converged_whose_numbers_are_none() -> Checked {
    let calibration = Calibration::new();
    calibration.scale(1e200);
    let settings = [
        &calibration.setting(),
        "data.sigma=0.02",
        "data.saturation_counts=1e300",
        "fit.bins=10-12",
        r#"fit.methods=["all"]"#,
    ];
    let run = Run::local(&settings)?;
    assert_eq!(run.code(), Some(1), "{}", run.stderr());
    let solution = run.solution()?;
    for ((configuration, bin), status) in solution.status.indexed_iter() {
        let emissivity = solution.emissivity_of(configuration);
        let finite = emissivity.row(bin).iter().all(|value| value.is_finite());
        let finite = finite && solution.rss[[configuration, bin]].is_finite();
        assert!(*status > 1 || finite, "configuration {configuration}, bin {bin}");
    }
    let failures = run.table("failures.csv")?;
    let of_wls = failures.iter().find(|row| row["method"] == "wls").ok_or("wls did not fail")?;
    assert_eq!(of_wls["status"], "failed");
    assert!(of_wls["reason"].contains("finite number"), "{of_wls:?}");
    Ok(())
}

#[test]
fn the_first_line_says_that_data_are_simulated() {
    let folder = tempfile::tempdir().unwrap();
    let (out, cal) = (folder.path().join("out"), folder.path().join("cal.npz"));
    let bins = "--set=fit.bins=5-6";
    let [records, plateau] = SMALL;
    for command in [
        &["plan", "--shards=2", "--out", text(&out), records, plateau, bins][..],
        &["run", text(&out), "--shard=0"],
        &["resume", "--local", text(&out)],
        &["merge", text(&out)],
        &["local", "--shards=2", "--out", text(&out), records, plateau, bins],
        &["simulate", "--out", text(&cal), records, plateau],
    ] {
        let stdout = otfhpc(command).ended(0).stdout;
        let first = stdout.lines().next().unwrap();
        assert!(first.starts_with("SIMULATED  llss: 60 records"), "{command:?}: {stdout}");
    }
    let merged = otfhpc(["merge", text(&out)]).ended(0).stdout;
    assert!(merged.contains("chi2/dof"), "{merged}");
}

#[test]
fn a_path_is_enough_and_the_first_line_names_the_file() -> Checked {
    let calibration = Calibration::new();
    let run = calibration.run(1.0, &[])?;
    let stdout = run.stdout();
    let file = format!("MEASURED   {}; llss: 240 records", calibration.path().display());
    assert_eq!(stdout.lines().next(), Some(&file[..]), "{stdout}");
    assert_eq!(run.json("summary.json")?["source"], "npz");
    Ok(())
}

#[test]
fn a_setting_that_nothing_uses_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (out, config) = (folder.path().join("out"), folder.path().join("mine.toml"));
    let refused = |arguments: &[&str], says: &[&str]| {
        let ran = otfhpc(["plan", "--out", text(&out)].iter().chain(arguments)).ended(2);
        assert!(says.iter().all(|part| ran.stderr.contains(part)), "{}", ran.stderr);
        assert!(!out.exists());
    };
    let path = "--set=data.path=cal.npz";
    refused(&[path, "--set=data.source=simulate"], &["data.path is set", "\"simulate\"", "remove"]);
    refused(&[path, SMALL[0]], &["simulate.records is set", "\"npz\"", "remove"]);
    refused(&["--set=data.saturation_counts=5"], &["data.saturation_counts is set", "remove"]);
    refused(&["--set=data.dark_above_ghz=700"], &["data.dark_above_ghz is set", "remove"]);
    refused(&[path, "--set=study.noise_levels=[1]"], &["study.noise_levels is set", "remove"]);
    std::fs::write(&config, "[data]\npath = \"cal.npz\"\n[simulate]\nrounding = true\n").unwrap();
    refused(&["--config", text(&config)], &["simulate.rounding is set", "remove"]);
}

/// `chi2_per_degree` of the rows of a table for a method, each once.
fn chi2(run: &Run, table: &str, method: &str) -> Checked<Vec<Option<f64>>> {
    let rows = run.table(table)?;
    let of_method = rows.iter().filter(|row| row["method"] == method && row["emitter"] == "xcal");
    Ok(of_method.map(|row| row["chi2_per_degree"].parse().ok()).collect())
}

#[test]
fn chi2_tells_noise_that_is_not_what_it_is_said_to_be() -> Checked {
    let calibration = Calibration::new();
    for (times, warning) in [(1.0, None), (0.5, Some("above 1.1")), (2.0, Some("below 0.9"))] {
        let run = calibration.run(times, &[])?;
        for method in ["wls", "huber"] {
            let found = chi2(&run, "summary.csv", method)?[0].ok_or("no chi2")?;
            let expected = 1.0 / (times * times);
            assert!((found / expected - 1.0).abs() < 0.06, "{method} {times}: {found}");
            assert_eq!(chi2(&run, "errors.csv", method)?, [Some(found)]);
            let named = format!("{found:.3}");
            assert!(run.stdout().contains(&named), "{}", run.stdout());
            assert_eq!(run.stderr().contains(&named), warning.is_some(), "{}", run.stderr());
        }
        assert_eq!(chi2(&run, "summary.csv", "ols")?, [None]);
        let summary = run.json("summary.json")?;
        assert_eq!(summary["chi2_per_degree"].as_array().map(Vec::len), Some(3));
        assert!(summary["chi2_per_degree"][0]["chi2_per_degree"].is_null());
        assert_eq!(summary["chi2_per_degree"][1]["method"], "wls");
        let warned = run.stderr().contains("chi2 per degree of freedom is");
        assert_eq!(warned, warning.is_some(), "{}", run.stderr());
        assert!(warning.is_none_or(|text| run.stderr().contains(text)), "{}", run.stderr());
    }
    Ok(())
}

#[test]
fn chi2_is_told_of_resampled_data_too_and_not_without_noise() -> Checked {
    let calibration = Calibration::new();
    for resampling in ["bootstrap", "cross-validation"] {
        let word = format!("study.resampling={resampling}");
        let run = calibration.run(1.0, &[&word, "study.trials=4"])?;
        let trials = chi2(&run, "errors.csv", "wls")?;
        assert_eq!(trials.len(), 4);
        for found in trials {
            let found = found.ok_or("no chi2")?;
            assert!((found - 1.0).abs() < 0.1, "{resampling}: {found}");
        }
    }
    let run = Run::local_done(&["simulate.records=60", "study.noise_levels=[0]"])?;
    assert_eq!(chi2(&run, "summary.csv", "wls")?, [None]);
    assert!(!run.stderr().contains("chi2"), "{}", run.stderr());
    Ok(())
}

#[test]
fn what_the_data_do_not_determine_is_marked() -> Checked {
    let run = Run::local_done(&["simulate.records=240", "simulate.plateau_records=5"])?;
    let solution = run.solution()?;
    let mut npz = NpzReader::new(File::open(run.product("solution.npz"))?)?;
    let determined: Array3<u8> = npz.by_name("determined")?;
    for ((configuration, bin, emitter), mark) in determined.indexed_iter() {
        let sigma = solution.sigma[[configuration, bin, emitter]];
        let converged = solution.status[[configuration, bin]] == CONVERGED;
        assert_eq!(*mark, u8::from(converged && sigma <= 0.1), "{configuration} {bin} {emitter}");
    }
    // In the middle of the band all are known but at its ends; far above it the cold ones are not.
    assert!((0..7).all(|emitter| determined[[1, 15, emitter]] == 1));
    assert_eq!([0, 5, 6].map(|emitter| determined[[1, 200, emitter]]), [1, 0, 0]);
    let in_band: Array1<u8> = npz.by_name("in_band")?;
    for (bin, mark) in in_band.iter().enumerate() {
        let inside = (60.0..=640.0).contains(&solution.frequency_ghz[bin]);
        assert_eq!(*mark, u8::from(inside), "{bin}");
    }
    Ok(())
}

/// What the tables say of determined values is what the array says; figures that rest on others
/// are marked.
#[test]
fn the_tables_count_determined_bins() -> Checked {
    let noisy = [
        "simulate.records=240",
        "simulate.plateau_records=5",
        "study.noise_levels=[1e3]",
        r#"fit.methods=["wls"]"#,
    ];
    let run = Run::local_done(&noisy)?;
    let mut npz = NpzReader::new(File::open(run.product("solution.npz"))?)?;
    let determined: Array3<u8> = npz.by_name("determined")?;
    let solution = run.solution()?;
    let band = band_of(solution.truth_of(0)?);
    let (mut some, mut lacking) = (false, false);
    for (emitter, row) in run.table("summary.csv")?.iter().enumerate() {
        let count = band.iter().filter(|bin| determined[[0, **bin, emitter]] == 1).count();
        assert_eq!(row["determined"].parse::<usize>()?, count, "{row:?}");
        some |= count == band.len();
        lacking |= count < band.len();
    }
    assert!(some && lacking);
    let stdout = run.stdout();
    assert!(stdout.contains("? the data do not determine"), "{stdout}");
    Ok(())
}
