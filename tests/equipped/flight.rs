//! The conventions of the flight data, on files of the kind that analyses have.

use std::fs::File;

use crate::support::solution::{Checked, Row, Run, Solution, Worst, band_of, difference, largest};
use crate::support::{Trial, required, trial, trial_unless};
use ndarray::{Array2, ArrayView2};
use ndarray_npy::NpzReader;
use num_complex::Complex64;
use otfhpc::foundations::numerics::math::modulus;

const MODEL: &str = "FIRAS_CALIBRATION_MODEL_LLSS.FITS";
const FLIGHT: [&str; 3] = [MODEL, "cal_flight.npz", "cal_flight_expected.npz"];
const SET_FLIGHT: [&str; 2] = ["data.path=../shared/data/cal_flight.npz", "data.source=npz"];
const SET_MODEL: &str = "data.model=../shared/data/FIRAS_CALIBRATION_MODEL_LLSS.FITS";
const SET_SIGMA: &str = "data.sigma=0.02";
const SET_METHODS: &str = "fit.methods=[\"ols\",\"wls\",\"wls+kirchhoff\"]";
/// The published bolometer parameters of LLSS, for a set whose own are not at hand.
const SET_BOLOMETER: &str = "instrument.bolometer={r0_ohm=11.938669204711914,\
    t0_k=371.6449890136719,g1=2.1257850590927774e-8,beta=1.1720000505447388,\
    rho_k_per_v=2.326357841491699,c1=5.86650561462676e-10,c3=2.428000023257937e-10,\
    j0_v=1.6622320413589478,jg=0.9200000166893005,rl_ohm=4e7}";

pub(crate) fn trials() -> Vec<Trial> {
    let flight = |name: &str, test: fn() -> Checked| trial(name, &FLIGHT, move || Ok(test()?));
    let free = |name: &str, test: fn() -> Checked| trial_unless(None, name, move || Ok(test()?));
    vec![
        flight("short_slow", || check_set("llss", &[SET_MODEL], 998)),
        flight("short_fast", || check_set("llsf", &[SET_BOLOMETER], 295)),
        flight("the_right_side", || check_set("rlss", &[SET_BOLOMETER], 293)),
        flight("bad_records_are_left_out_by_reason", bad_records),
        flight("the_electronics_leave_no_signal_near_nyquist", no_signal),
        flight("every_record_is_accounted_for", records),
        flight("each_convention_has_a_setting", each_setting),
        trial("an_apodised_transform_keeps_the_scale", &[MODEL], || Ok(apodised()?)),
        free("half_a_sample_is_a_phase", half_a_sample),
        free("legacy_is_all_of_its_parts", legacy_is_its_parts),
    ]
}

/// `cal_flight.npz` with these settings and all three methods.
fn fitted(set: &str, more: &[&str]) -> Checked<Run> {
    let sets = format!("data.sets=[\"{set}\"]");
    Run::local_done(&[&SET_FLIGHT[..], &[&sets, SET_SIGMA, SET_METHODS], more].concat())
}

struct Expected {
    file: NpzReader<File>,
    set: String,
}

impl Expected {
    fn of(set: &str) -> Checked<Self> {
        let file = NpzReader::new(File::open(required("cal_flight_expected.npz").map_err(text)?)?)?;
        Ok(Self { file, set: set.into() })
    }

    fn emissivity(&mut self, method: &str) -> Checked<Array2<Complex64>> {
        Ok(self.file.by_name(&format!("{}_{method}_emissivity", self.set))?)
    }

    fn sigma(&mut self, method: &str) -> Checked<Array2<f64>> {
        Ok(self.file.by_name(&format!("{}_{method}_sigma", self.set))?)
    }
}

fn text(failed: libtest_mimic::Failed) -> String {
    failed.message().unwrap_or("failed").to_owned()
}

/// Bins with signal whose emissivities are determined to what is asked.
fn bins_with_signal(solution: &Solution, configuration: usize) -> Vec<usize> {
    (0..257).filter(|&bin| solution.status[[configuration, bin]] == 0).collect()
}

/// The largest emissivity of a bin is what differences are relative to.
fn check_set(set: &str, more: &[&str], used: u64) -> Checked {
    let run = fitted(set, more)?;
    let screening = &run.json("summary.json")?["data_sets"][0]["screening"];
    assert_eq!(screening["used"], used, "{screening}");
    let (solution, mut expected) = (run.solution()?, Expected::of(set)?);
    for (configuration, method) in ["ols", "wls", "wls_kirchhoff"].into_iter().enumerate() {
        let bins = bins_with_signal(&solution, configuration);
        assert!(bins.len() >= 254, "{set}: {} bins with signal", bins.len());
        let found = solution.emissivity_of(configuration);
        let values = expected.emissivity(method)?;
        Worst::of(&bins, |bin| difference(found.row(bin), values.row(bin)))
            .check(&format!("{set} {method}: emissivity"), 1e-7)?;
        let (found, sigma) = (solution.sigma_of(configuration), expected.sigma(method)?);
        let off = |bin: usize| {
            let one = |emitter: usize| (found[[bin, emitter]] / sigma[[bin, emitter]] - 1.0).abs();
            (0..7).map(one).fold(0.0, f64::max)
        };
        Worst::of(&bins, off).check(&format!("{set} {method}: sigma"), 1e-6)?;
    }
    Ok(())
}

fn bad_records() -> Checked {
    for (set, setting, expected) in [
        ("llss", SET_MODEL, &["temperature_above_limit", "bad_gain"][..]),
        ("llsf", SET_BOLOMETER, &["missing_temperature"]),
        ("rlss", SET_BOLOMETER, &["missing_temperature", "temperature_above_limit", "bad_gain"]),
    ] {
        let run = fitted(set, &[setting, "fit.bins=20"])?;
        let left_out = &run.json("summary.json")?["data_sets"][0]["screening"]["left_out"];
        let reasons: Vec<&str> = left_out
            .as_array()
            .ok_or("no list")?
            .iter()
            .filter_map(|entry| entry[0].as_str())
            .filter(|reason| *reason != "other_scan_mode")
            .collect();
        assert_eq!(reasons, expected, "{set}: {left_out}");
    }
    Ok(())
}

/// The digital filter of the low channels has zeros near Nyquist.
fn no_signal() -> Checked {
    let run = fitted("llsf", &[SET_BOLOMETER])?;
    let dark = |solution: &Solution| -> Vec<usize> {
        (0..257).filter(|&bin| solution.status[[1, bin]] == 3).collect()
    };
    assert_eq!(dark(&run.solution()?), [0, 255, 256]);
    let run = fitted("llsf", &[SET_BOLOMETER, "instrument.least_transfer=0"])?;
    assert_eq!(dark(&run.solution()?), [0]);
    Ok(())
}

/// `records.csv` has every record of the set, with the noise that the reference has.
fn records() -> Checked {
    let run = fitted("llss", &[SET_MODEL, "fit.bins=5-40"])?;
    let rows = run.table("records.csv")?;
    assert_eq!(rows.len(), 1000);
    let number = |row: &Row, column: &str| row[column].parse::<f64>();
    let mut file = Expected::of("llss")?.file;
    let expected: ndarray::Array1<f64> = file.by_name("llss_record_sigma")?;
    let (mut used, mut chi2) = (0, 0.0);
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(row["record"], index.to_string());
        if row["used"] == "false" {
            assert!(!row["reason"].is_empty() && row["plateau"].is_empty(), "{row:?}");
            continue;
        }
        let sigma = number(row, "sigma")?;
        assert!((sigma / expected[used] - 1.0).abs() < 1e-12, "record {index}: {sigma}");
        assert!(row["reason"].is_empty() && row["plateau"].parse::<usize>()? < 200, "{row:?}");
        chi2 += number(row, "chi2_wls")?;
        used += 1;
    }
    assert_eq!(used, 998);
    // 33 bins of 998 records: the mean of chi2 has a standard deviation of 0.006, and seven of 998
    // degrees of freedom are fitted.
    let mean = chi2 / used as f64;
    assert!((0.97..1.02).contains(&mean), "{mean}");
    assert_eq!(rows[3]["reason"], "temperature above data.max_temperature_k");
    assert_eq!(rows[7]["reason"], "missing or impossible gain");
    Ok(())
}

/// Each setting brings one of the older conventions back, and changes what it is for.
fn each_setting() -> Checked {
    let bins = "fit.bins=6-30";
    let flight = fitted("llss", &[SET_MODEL, bins])?.solution()?;
    let off = |setting: &str| -> Checked<(f64, f64)> {
        let other = fitted("llss", &[SET_MODEL, bins, setting])?.solution()?;
        let (a, b) = (flight.emissivity_of(2), other.emissivity_of(2));
        let band: Vec<usize> = (6..=30).collect();
        let modulus_of = |v: ArrayView2<'_, Complex64>, bin: usize| modulus(v[[bin, 0]]);
        let moduli = band.iter().map(|&bin| (modulus_of(a, bin) / modulus_of(b, bin) - 1.0).abs());
        let values = band.iter().map(|&bin| difference(a.row(bin), b.row(bin)));
        Ok((values.fold(0.0, f64::max), moduli.fold(0.0, f64::max)))
    };
    // A peak that is off by one turns phases, and changes no modulus.
    let (values, moduli) = off("instrument.peaks=legacy")?;
    assert!(values > 0.05 && moduli < 1e-9, "peaks: {values:.1e} {moduli:.1e}");
    let (values, _) = off("instrument.gains=nominal")?;
    assert!(values > 1e-3, "gains: {values:.1e}");
    let (values, _) = off("fit.bolometer_temperature=bath")?;
    assert!(values > 1e-3, "bath: {values:.1e}");
    // At a bias of 200 counts, written as -56, no record is left.
    let signed = ["instrument.bias=signed", SET_BOLOMETER, "data.sets=[\"rlss\"]", SET_SIGMA];
    let run = Run::local(&[&SET_FLIGHT[..], &signed].concat())?;
    assert_eq!(run.code(), Some(2));
    assert!(run.stderr().contains("missing or impossible bolometer bias"), "{}", run.stderr());
    Ok(())
}

/// The window keeps the scale of the transfer function. It does not keep every bin: it weighs the two
/// sides of the peak differently, so a spectrum whose phase changes from bin to bin, as the electronics
/// make it, leaks between neighbours. Measured with the published model as the truth: 2e-4 in the mean of
/// the inner band, 1e-3 in the median bin, 1.4e-2 in the worst. With the function's peak at the first
/// sample, the transfer function came out 1.83 times too large.
fn apodised() -> Checked {
    let settings = [
        SET_MODEL,
        "study.noise_levels=[0]",
        "simulate.records=300",
        "simulate.plateau_records=5",
        "instrument.apodise=true",
        "fit.methods=[\"wls\"]",
    ];
    let mean = |more: &[&str]| -> Checked<Complex64> {
        let solution = Run::local_done(&[&settings[..], more].concat())?.solution()?;
        let (found, truth) = (solution.emissivity_of(0), solution.truth_of(0)?);
        let band = band_of(truth);
        let inner = &band[INNER_EDGE..band.len() - INNER_EDGE];
        let ratios = inner.iter().map(|&bin| found[[bin, 0]] / truth[[bin, 0]]);
        Ok(ratios.sum::<Complex64>() / inner.len() as f64)
    };
    let rotated = mean(&[])?;
    assert!(modulus(rotated - 1.0) < 1e-3, "rotated: {rotated}");
    let unrotated = modulus(mean(&["instrument.apodisation=unrotated"])?);
    assert!((1.8..1.9).contains(&unrotated), "unrotated: {unrotated}");
    Ok(())
}

/// Bins at either edge of the band into which the window smears what lies outside.
const INNER_EDGE: usize = 5;

/// In the short fast scans of the high channels the peak lies between two samples.
fn half_a_sample() -> Checked {
    let settings = |more: &[&'static str]| {
        let common = [
            "data.sets=[\"lhsf\",\"rhsf\"]",
            "study.noise_levels=[0]",
            "simulate.records=300",
            "simulate.plateau_records=5",
            "fit.methods=[\"wls\"]",
        ];
        [&common[..], more].concat()
    };
    let solution = Run::local_done(&settings(&[]))?.solution()?;
    for set in 0..2 {
        let (found, truth) = (solution.emissivity_of(set), solution.truth_of(set)?);
        let band = band_of(truth);
        for emitter in [0, 1, 3, 4] {
            let off = |bin: usize| {
                modulus(found[[bin, emitter]] - truth[[bin, emitter]]) / largest(truth.row(bin))
            };
            Worst::of(&band, off).check(&format!("set {set}, emitter {emitter}"), 1e-9)?;
        }
    }
    Ok(())
}

/// The preset is the sum of the settings, to the last bit.
fn legacy_is_its_parts() -> Checked {
    let common = ["simulate.records=120", "simulate.plateau_records=10", "fit.bins=5-60"];
    let preset = Run::local_done(&[&common[..], &["instrument.conventions=legacy"]].concat())?;
    let parts = [
        "instrument.peaks=legacy",
        "instrument.gains=nominal",
        "instrument.apodisation=unrotated",
        "instrument.least_transfer=0",
        "fit.bolometer_temperature=bath",
    ];
    let parts = Run::local_done(&[&common[..], &parts].concat())?;
    let read = |run: &Run| std::fs::read(run.product("solution.npz"));
    assert!(read(&preset)? == read(&parts)?, "the preset differs from its parts");
    let flight = Run::local_done(&common)?;
    assert!(read(&preset)? != read(&flight)?, "the preset changes nothing");
    Ok(())
}
