//! Emitters are data: added, left out, read from several thermometers or from another channel. And
//! records are left out by what is wrong with them.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::support::program::{otfhpc, text};
use crate::support::solution::{Checked, Run, Solution};
use ndarray::{ArrayD, Axis, IxDyn};
use ndarray_npy::{NpzReader, NpzWriter};
use num_complex::Complex64;
use otfhpc::foundations::numerics::math::modulus;
use tempfile::TempDir;

const MIRROR: &str = "emitter=[{name=\"mirror\",key=\"mirror_mount\",\
                      simulated={temperature_k=[2.0,3.4],emissivity=-0.015}}]";
const COMBINED: &str = "emitter=[{name=\"ical\",key={a_ical=0.1,b_ical=0.9}}]";
const BAND: std::ops::Range<usize> = 8..30;
const RECORDS: usize = 240;

/// Times of the file, to the accuracy of a float.
fn whole(ticks: ArrayD<i64>) -> ArrayD<f64> {
    ticks.mapv(|ticks| ticks as f64)
}

/// A simulated calibration set of LLSS, and the folder that it lies in.
struct Set {
    folder: TempDir,
    arrays: BTreeMap<String, ArrayD<f64>>,
    truth: ArrayD<Complex64>,
    sigma: f64,
}

impl Set {
    fn simulate(settings: &[&str]) -> Checked<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("simulated.npz");
        let mut arguments = vec!["simulate", "-q", "--out", text(&path)];
        let records = format!("simulate.records={RECORDS}");
        let common = [records.as_str(), "simulate.plateau_records=8", "study.noise_levels=[0.001]"];
        let all = common.iter().chain(settings);
        arguments.extend(all.flat_map(|setting| ["--set", *setting]));
        otfhpc(&arguments).ended(0);
        let mut archive = NpzReader::new(File::open(path)?)?;
        let names: Vec<String> =
            archive.names()?.iter().map(|name| name.trim_end_matches(".npy").to_owned()).collect();
        let mut arrays = BTreeMap::new();
        for name in names.iter().filter(|name| name.ends_with("_ll")) {
            let array = match name.as_str() {
                "midpoint_time_ll" => archive.by_name::<_, IxDyn>(name).map(whole)?,
                _ => archive.by_name(name)?,
            };
            arrays.insert(name.clone(), array);
        }
        let sigma: ArrayD<f64> = archive.by_name("sigma_llss")?;
        Ok(Self { truth: archive.by_name("truth_llss")?, sigma: sigma.sum(), folder, arrays })
    }

    fn column(&mut self, name: &str) -> &mut ArrayD<f64> {
        self.arrays.get_mut(name).expect("the array is in the set")
    }

    fn put(&mut self, name: &str, values: Vec<f64>) {
        let values = ArrayD::from_shape_vec(IxDyn(&[values.len()]), values).expect("one dimension");
        self.arrays.insert(name.into(), values);
    }

    fn write(&self) -> Checked<PathBuf> {
        let path = self.folder.path().join("cal.npz");
        let mut npz = NpzWriter::new(File::create(&path)?);
        for (name, values) in &self.arrays {
            npz.add_array(name, values)?;
        }
        npz.finish()?;
        Ok(path)
    }

    fn fit(&self, settings: &[&str]) -> Checked<Run> {
        fit(&self.write()?, self.sigma, settings)
    }

    /// Fails unless the fitted values are within their error bars of the truth, all in all: the mean
    /// square of the pulls is one for complex normal errors.
    fn check_recovered(&self, solution: &Solution) -> Checked {
        let (found, sigma) = (solution.emissivity_of(0), solution.sigma_of(0));
        let emitters = found.ncols();
        assert_eq!(self.truth.shape(), [257, emitters]);
        for emitter in 0..emitters {
            let pull = |bin: usize| {
                modulus(found[[bin, emitter]] - self.truth[[bin, emitter]]) / sigma[[bin, emitter]]
            };
            let pulls: Vec<f64> = BAND.map(pull).collect();
            let square = pulls.iter().map(|p| p * p).sum::<f64>() / pulls.len() as f64;
            // Of 22 bins the mean square has a standard deviation of 0.21.
            assert!((0.3..1.9).contains(&square), "emitter {emitter}: mean square {square:.2}");
        }
        Ok(())
    }
}

fn fit(path: &Path, sigma: f64, settings: &[&str]) -> Checked<Run> {
    let path = format!("data.path={}", path.display());
    let sigma = format!("data.sigma={sigma:e}");
    let common = ["data.source=npz", &path, &sigma, "fit.methods=[\"wls\"]", "fit.bins=5-40"];
    Run::local_done(&[&common[..], settings].concat())
}

fn screening(run: &Run) -> Checked<serde_json::Value> {
    Ok(run.json("summary.json")?["data_sets"][0]["screening"].clone())
}

fn names(run: &Run) -> Checked<Vec<String>> {
    let summary = run.json("summary.json")?;
    let names = summary["emitters"].as_array().ok_or("no emitters")?;
    Ok(names.iter().filter_map(|name| name.as_str()).map(str::to_owned).collect())
}

#[test]
fn a_mirror_is_recovered_within_its_error_bars() -> Checked {
    let set = Set::simulate(&[MIRROR])?;
    assert!(set.arrays.contains_key("mirror_mount_ll"));
    assert!(modulus(set.truth[[20, 7]]) > 1e-4, "the mirror does not shine");
    let sum: Complex64 = set.truth.index_axis(Axis(0), 20).sum();
    assert!(modulus(sum) < 1e-15, "the emissivities sum to {sum}");
    for constraint in ["fit.constraint=none", "fit.constraint=kirchhoff"] {
        let run = set.fit(&[MIRROR, constraint])?;
        assert_eq!(names(&run)?.last().map(String::as_str), Some("mirror"));
        set.check_recovered(&run.solution()?)?;
    }
    Ok(())
}

#[test]
fn left_out_of_the_fit_the_mirror_is_missed() -> Checked {
    let set = Set::simulate(&[MIRROR])?;
    let chi2 = |run: &Run| -> Checked<f64> {
        let solution = run.solution()?;
        Ok(BAND.map(|bin| solution.rss[[0, bin]]).sum::<f64>() / (BAND.len() * RECORDS) as f64)
    };
    let (with, without) = (chi2(&set.fit(&[MIRROR])?)?, chi2(&set.fit(&[])?)?);
    assert!((0.9..1.05).contains(&with) && without > 1.5, "{with:.2} {without:.2}");
    Ok(())
}

#[test]
fn readings_of_several_thermometers_are_combined() -> Checked {
    let mut set = Set::simulate(&[COMBINED])?;
    let (a, b) = (set.column("a_ical_ll")[0], set.column("b_ical_ll")[0]);
    assert!((b / a - 1.0).abs() > 5e-3, "the thermometers agree: {a} {b}");
    set.check_recovered(&set.fit(&[COMBINED])?.solution()?)?;
    // Without the lesser one, records are used all the same, and counted.
    for record in [3, 4, 5] {
        set.column("a_ical_ll")[record] = f64::NAN;
    }
    set.column("a_ical_ll")[7] = 1e20;
    let run = set.fit(&[COMBINED])?;
    let account = screening(&run)?;
    assert_eq!(account["used"], RECORDS);
    assert_eq!(account["incomplete"], serde_json::json!([["ical", 4]]));
    assert!(run.stdout().contains("4 without one of the readings of ical"), "{}", run.stdout());
    Ok(())
}

#[test]
fn one_may_be_left_out() -> Checked {
    let six =
        "data.emitters=[\"xcal\",\"ical\",\"refhorn\",\"skyhorn\",\"collimator\",\"bolometer\"]";
    let set = Set::simulate(&[six])?;
    assert!(!set.arrays.contains_key("dihedral_ll"));
    let run = set.fit(&[six, "fit.constraint=kirchhoff"])?;
    assert_eq!(names(&run)?.len(), 6);
    set.check_recovered(&run.solution()?)?;
    // The bath of the bolometer is read also where the bolometer is no emitter.
    let five = "data.emitters=[\"xcal\",\"ical\",\"refhorn\",\"skyhorn\",\"collimator\"]";
    let set = Set::simulate(&[five])?;
    set.check_recovered(&set.fit(&[five])?.solution()?)
}

#[test]
fn a_file_of_one_channel_needs_no_suffix() -> Checked {
    let mut set = Set::simulate(&[])?;
    let with = std::fs::read(set.fit(&[])?.product("solution.npz"))?;
    let strip =
        |(name, values): (String, ArrayD<f64>)| (name.trim_end_matches("_ll").to_owned(), values);
    set.arrays = std::mem::take(&mut set.arrays).into_iter().map(strip).collect();
    let without = std::fs::read(set.fit(&[])?.product("solution.npz"))?;
    assert!(with == without, "the same records give another solution");
    // Of which channel they are is not known where several are asked for.
    let path = format!("data.path={}", set.write()?.display());
    let run = Run::local(&["data.source=npz", &path, "data.sets=[\"llss\",\"lhss\"]"])?;
    assert_eq!(run.code(), Some(2));
    assert!(run.stderr().contains("has no key 'ifg_ll'"), "{}", run.stderr());
    Ok(())
}

#[test]
fn bolometers_of_other_channels_are_matched_in_time() -> Checked {
    let rh = "data.other_bolometers=[\"rh\"]";
    let mut set = Set::simulate(&[rh])?;
    // The simulation writes them record by record; another file has others, in another order.
    otherwise_ordered(&mut set)?;
    let run = set.fit(&[rh])?;
    let account = screening(&run)?;
    assert_eq!(account["used"], RECORDS - 1, "{account}");
    assert_eq!(account["left_out"], serde_json::json!([["no_match", 1]]));
    // The shorter array without times is refused, with what it needs.
    set.arrays.remove("midpoint_time_rh");
    let path = format!("data.path={}", set.write()?.display());
    let run = Run::local(&["data.source=npz", &path, rh])?;
    assert_eq!(run.code(), Some(2));
    let error = run.stderr();
    assert!(error.contains("`bolometer_rh` holds 239 values for 240 records"), "{error}");
    assert!(error.contains("`midpoint_time_ll` and `midpoint_time_rh`"), "{error}");
    Ok(())
}

/// The readings of rh backwards, with their times, and without that of record 5.
fn otherwise_ordered(set: &mut Set) -> Checked {
    let path = set.folder.path().join("simulated.npz");
    let values: ArrayD<f64> = NpzReader::new(File::open(path)?)?.by_name("bolometer_rh")?;
    let time = |record: usize| 4.135e16 + 64e7 * record as f64;
    let others = || (0..RECORDS).rev().filter(|record| *record != 5);
    let readings: Vec<f64> = others().map(|record| values[record]).collect();
    // Half a second apart.
    let times: Vec<f64> = others().map(|record| time(record) + 5e6).collect();
    set.put("bolometer_rh", readings);
    set.put("midpoint_time_rh", times);
    set.put("midpoint_time_ll", (0..RECORDS).map(time).collect());
    Ok(())
}

#[test]
fn an_impossible_record_changes_no_value_beyond_that_of_leaving_it_out() -> Checked {
    let mut set = Set::simulate(&[])?;
    set.put("fake_ll", (0..RECORDS).map(|record| f64::from(record == 17)).collect());
    let rule = "data.exclude=[\"fake != 0\"]";
    let without = set.fit(&[rule])?;
    let account = screening(&without)?;
    assert_eq!(account["left_out"], serde_json::json!([[{"excluded": "fake != 0"}, 1]]));
    let without = std::fs::read(without.product("solution.npz"))?;
    for (name, value, reason) in [
        ("ical_ll", 1e20, "temperature_above_limit"),
        ("xcal_cone_ll", 1e36, "temperature_above_limit"),
        ("bolometer_ll", f64::INFINITY, "temperature_above_limit"),
        ("dihedral_ll", f64::NAN, "missing_temperature"),
        ("gain_ll", f64::INFINITY, "implausible_gain"),
        ("sweeps_ll", 1e9, "implausible_sweeps"),
        ("bol_cmd_bias_ll", 4e4, "implausible_bias"),
        ("bol_volt_ll", f64::NAN, "missing_voltage"),
        ("bol_volt_ll", -1e9, "implausible_voltage"),
    ] {
        let before = set.column(name)[17];
        set.column(name)[17] = value;
        let run = set.fit(&[])?;
        set.column(name)[17] = before;
        let account = screening(&run)?;
        assert_eq!(account["left_out"], serde_json::json!([[reason, 1]]), "{name} = {value}");
        let found = std::fs::read(run.product("solution.npz"))?;
        assert!(found == without, "{name} = {value} changes what is fitted");
    }
    Ok(())
}

#[test]
fn rules_look_at_flags() -> Checked {
    let mut set = Set::simulate(&[])?;
    let quality = |(record, column): (usize, usize)| f64::from(record < 3 && column == 5);
    let flags = ndarray::Array2::from_shape_fn((RECORDS, 110), quality).into_dyn();
    set.arrays.insert("data_quality_ll".into(), flags);
    set.put("fake_ll", (0..RECORDS).map(|record| f64::from(record == 2)).collect());
    let run = set.fit(&["data.exclude=[\"data_quality[5] != 0\",\"fake != 0\"]"])?;
    let expected = serde_json::json!([[{"excluded": "data_quality[5] != 0"}, 3]]);
    assert_eq!(screening(&run)?["left_out"], expected);
    let path = format!("data.path={}", set.write()?.display());
    for (rule, expected) in [
        ("data.exclude=[\"data_quality[110] != 0\"]", "has shape (240, 110); expected (240, 111"),
        ("data.exclude=[\"data_quality != 0\"]", "has shape (240, 110); expected (240,)"),
        ("data.exclude=[\"flag != 0\"]", "has no key 'flag_ll'"),
        ("data.exclude=[\"fake\"]", "is no rule: expected an array"),
    ] {
        let run = Run::local(&["data.source=npz", &path, rule])?;
        assert_eq!(run.code(), Some(2));
        assert!(run.stderr().contains(expected), "{}", run.stderr());
    }
    Ok(())
}
