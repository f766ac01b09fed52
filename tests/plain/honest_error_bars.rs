//! Error bars hold the truth as often as they say: 68 % and 95 %, over many draws of noise, for
//! every emitter, as `errors.csv` tells it. Every method is judged where what it assumes is true.

use std::collections::BTreeMap;

use crate::support::solution::{Checked, Row, Run};
use otfhpc::science::fit::methods;

/// What a fraction may be off by.
const POINTS: f64 = 0.03;
/// What error bars say: these parts of errors that are round in the plane.
const SAID: [f64; 2] = [0.68, 0.95];
/// What the same circles hold of normal errors on a line, `erf(sqrt(-ln(1 - p) / 2))`.
const ON_A_LINE: [f64; 2] = [0.714, 0.917];

/// They assume noise of the given variance, and nothing else.
const OF_THE_NOISE: [&str; 11] = [
    "ols",
    "wls",
    "plateau",
    "lbfgs",
    "warm_start",
    "nelder_mead",
    "levenberg_marquardt",
    "huber",
    "tukey",
    "student_t",
    "lad",
];
/// The same, but some records may be anything.
const ROBUST: [&str; 4] = ["huber", "tukey", "student_t", "lad"];
/// Assumes that the truth is drawn from around the model.
const PRIOR: &str = "map";
/// Assumes that second differences of the truth are drawn at random. That of a simulation is one
/// fixed curve, so it is judged on truths drawn for it: `fit::smooth::tests`.
const SMOOTH: &str = "smooth";
/// Assumes errors in the temperatures.
const OF_TEMPERATURES: &str = "tls";
/// Assumes that the shared parameters are drawn from their priors: it is judged on such truths, in
/// `joint_draws`.
const JOINT: &str = "joint";
/// Biased by intent, by an amount that depends on a truth that they do not know. Their error bars
/// are of the noise alone, and `otfhpc methods` says so.
const BIASED: [&str; 3] = ["ridge", "tsvd", "legacy_regression"];

/// The parts of the bins whose error bars hold the truth, at 68 % and 95 %.
#[derive(Default)]
struct Coverage {
    bins: f64,
    of_68: f64,
    of_95: f64,
}

/// `[a,b]` for the setting `fit.methods`.
fn list(methods: &[&str]) -> String {
    format!("fit.methods={methods:?}")
}

/// Fits draws of noise, and checks every method and emitter.
fn check(
    (draws, bins, records): (usize, &str, usize),
    settings: &[&str],
    expected: [f64; 2],
) -> Checked {
    let study = [
        format!("study.trials={draws}"),
        format!("fit.bins={bins}"),
        format!("simulate.records={records}"),
    ];
    let study: Vec<&str> = study.iter().map(String::as_str).collect();
    let run = Run::local_done(&[&study, settings].concat())?;
    let mut sums: BTreeMap<(String, String), Coverage> = BTreeMap::new();
    for row in run.table("errors.csv")? {
        let number = |row: &Row, column: &str| -> Checked<f64> { Ok(row[column].parse()?) };
        let bins = number(&row, "bins")?;
        let method = format!("{}+{}", row["method"], row["constraint"]);
        let sum = sums.entry((method, row["emitter"].clone())).or_default();
        sum.bins += bins;
        sum.of_68 += bins * number(&row, "coverage_68")?;
        sum.of_95 += bins * number(&row, "coverage_95")?;
    }
    assert!(!sums.is_empty() && sums.len().is_multiple_of(7), "every emitter of every method");
    let mut dishonest = Vec::new();
    for ((method, emitter), sum) in sums {
        assert_eq!(sum.bins % draws as f64, 0.0, "{method}, {emitter}: a bin did not converge");
        let (of_68, of_95) = (sum.of_68 / sum.bins, sum.of_95 / sum.bins);
        println!("{method}, {emitter}: {of_68:.4} {of_95:.4} of {}", sum.bins);
        if (of_68 - expected[0]).abs() > POINTS || (of_95 - expected[1]).abs() > POINTS {
            dishonest.push(format!("{method}, {emitter}: {of_68:.3} and {of_95:.3}"));
        }
    }
    assert!(dishonest.is_empty(), "{dishonest:#?}");
    Ok(())
}

/// 120 draws of 33 bins, each with noise of its own: the standard error of the 68 % is 0.7 points,
/// that of the 95 % is 0.3.
fn check_in_the_band(methods: &[&str], settings: &[&str]) -> Checked {
    let methods = list(methods);
    let common = ["study.noise_levels=[0.02]", &methods];
    check((120, "5-37", 600), &[&common, settings].concat(), SAID)
}

#[test]
fn of_whatever_assumes_nothing_but_the_noise() -> Checked {
    check_in_the_band(&OF_THE_NOISE, &[])
}

#[test]
fn under_the_constraint() -> Checked {
    check_in_the_band(&["wls", "huber", "lad"], &["fit.constraint=kirchhoff"])
}

#[test]
fn of_the_robust_with_gross_outliers() -> Checked {
    check_in_the_band(&ROBUST, &["simulate.glitch_fraction=0.05"])
}

/// The prior is what the simulation draws the errors of its model from.
#[test]
fn of_the_prior() -> Checked {
    check_in_the_band(&[PRIOR, "map+kirchhoff"], &["simulate.model_error=0.1"])
}

/// The errors of the thermometers are the same in all bins of a draw: 1500 draws of three bins count
/// for no less than 1500, so that the standard error of the 68 % is at most 1.2 points.
fn check_temperatures(error_k: &str, noise: &str, expected: [f64; 2]) -> Checked {
    let emitters = ["xcal", "ical", "dihedral", "refhorn", "skyhorn", "collimator", "bolometer"];
    let each: Vec<String> = emitters.iter().map(|name| format!("{name}_k={error_k}")).collect();
    let settings = [
        list(&[OF_TEMPERATURES]),
        format!("fit.options.tls={{{}}}", each.join(",")),
        format!("simulate.temperature_error_k={error_k}"),
        format!("study.noise_levels=[{noise}]"),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    check((1500, "8,16,24", 300), &settings, expected)
}

/// The temperatures and the noise each have a part in the error: up to a third of the variance is
/// that of the temperatures.
#[test]
fn of_total_least_squares_with_errors_in_the_temperatures() -> Checked {
    check_temperatures("1e-4", "0.2", SAID)
}

/// An error of a temperature is a real number times the emissivity, and those of xcal and ical are
/// opposite to each other. Where there is nothing but such errors, they all lie close to one line
/// in the plane: `sqrt(E|dE|^2)` is right, but a circle holds a little more or less of them.
#[test]
fn of_total_least_squares_with_nothing_but_errors_in_the_temperatures() -> Checked {
    check_temperatures("2e-3", "1e-3", ON_A_LINE)
}

/// A new method must be judged too, or it must be said why it is not.
#[test]
fn every_method_is_judged_or_says_why_not() {
    let judged = [&OF_THE_NOISE[..], &[PRIOR, SMOOTH, OF_TEMPERATURES, JOINT]].concat();
    for method in methods() {
        let (name, says) = (method.info.name, method.info.error_bars);
        assert!(judged.contains(&name) != BIASED.contains(&name), "{name}");
        assert_eq!(says.contains("bias"), BIASED.contains(&name), "{name}: {says}");
    }
}
